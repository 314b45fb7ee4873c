"""Keys that people write for something that has another name here, and what to write instead.

A word that is only misspelt finds its key by itself (`did_you_mean`); these are other words.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """What some keys mean. `beside`: a key of the blocks in which they mean it, "" for any block;
    `key`: the key of that block to write instead, "" where it is none of them."""

    words: tuple[str, ...]
    beside: str
    key: str
    sentence: str


_CONSISTENCY = (
    "a request is the work of one coordinator, and cluster.node.service is how long that takes, "
    "answers of other replicas included: measure service at the consistency level you use"
)

HINTS = (
    Hint(
        ("processes", "pods", "replicas", "containers", "servers", "workers"),
        "instances",
        "instances",
        "write instances: so many processes, each with its own session",
    ),
    Hint(
        ("replicas", "replication", "rf"),
        "replication_factor",
        "replication_factor",
        "write replication_factor",
    ),
    Hint(
        ("concurrent_reads", "concurrency", "threads"),
        "workers",
        "workers",
        "write workers: so many requests a node works on at once",
    ),
    Hint(("latency", "response_time"), "service", "service", "write service: a law of durations"),
    Hint(("concurrency", "in_flight", "requests"), "window", "window", "write window"),
    Hint(
        ("semaphore", "concurrency", "max_concurrency", "max_in_flight"),
        "",
        "",
        "the application's own limit is clients[].limit: {max_concurrent: 64}, per instance",
    ),
    Hint(("consistency", "consistency_level", "consistencyLevel", "quorum"), "", "", _CONSISTENCY),
)


def hint_for(word: str, siblings: Container[str]) -> Hint | None:
    """What an unknown key probably means in a block that may hold `siblings`; None where nothing
    is known of it."""
    for hint in HINTS:
        if word in hint.words and (not hint.beside or hint.beside in siblings):
            return hint
    return None
