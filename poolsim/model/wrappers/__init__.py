"""What sits between an application and its driver."""
