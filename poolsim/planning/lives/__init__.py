"""One request's life: what it waited for, where it was tried, what it took."""
