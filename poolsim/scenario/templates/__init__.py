"""Scenarios to start from, each for a question that users asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

ORDER = (
    "quickstart",
    "my-fleet",
    "my-python-service",
    "fan-out",
    "semaphore",
    "queue-size",
    "square-wave",
    "reconnection-max-delay",
    "fleet-bound",
    "io-thread",
    "reconnect-storm",
    "busy-connection",
    "heartbeats",
    "middlebox",
    "async-cassandra",
    "watermarks",
    "background-load",
    "shards",
    "nested-fan-out",
    "slow-node",
    "safe-range",
    "many-connections",
    "io-threads",
    "idle-eviction",
    "cold-start",
    "distance",
    "cassandraorm-production",
    "cassandraorm-high-throughput",
    "cassandraorm-low-latency",
    "cassandraorm-multi-region",
    "cassandraorm-over-configured",
)


@dataclass(frozen=True, slots=True)
class Template:
    """A commented scenario file."""

    name: str
    question: str
    text: str


def templates() -> tuple[Template, ...]:
    """All templates, the first one to look at first."""
    return tuple(_template(name) for name in ORDER)


def _template(name: str) -> Template:
    text = resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    question = re.search(r"^question: (.*)$", text, re.MULTILINE)
    assert question is not None, f"the template {name} asks no question"
    return Template(name, question[1].strip(), text)
