"""From a recording to a `cluster:` block: service law, workers and network delay of its nodes."""
