"""What a run's pools and hosts did, one transition after the other.

Hosts are read from the events. Pools are read from the events too where the recorder tells each
connection's fate, and from the samples where it does not; real and simulated run in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.fidelity.observed import Observed

GROWTH = "growth"
CONNECTED = "connected"
RESURRECTED = "resurrected"
TRASHED = "trashed"
CLOSED = "closed"
LOST = "lost"
HOST_DOWN = "host_down"
HOST_UP = "host_up"
ATTEMPT = "reconnection_attempt"
ATTEMPT_FAILED = "reconnection_failed"

HOST_EVENTS = (HOST_DOWN, HOST_UP, ATTEMPT, ATTEMPT_FAILED)

_NATURAL_ORDER = (
    LOST,
    HOST_DOWN,
    ATTEMPT,
    ATTEMPT_FAILED,
    CONNECTED,
    HOST_UP,
    RESURRECTED,
    GROWTH,
    TRASHED,
    CLOSED,
)
"""Of transitions too close to each other for their order to be seen: cause before effect."""

SAMPLES_OF_AN_INSTANT = 3
"""Transitions that follow each other within so many samples have no order."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The driver's periodic cleanup: first run and interval, in nanoseconds."""

    first_ns: int
    interval_ns: int = 10_000_000_000

    def number(self, at_ns: int) -> int:
        """Number of the run nearest to a time; the first is 0."""
        return round((at_ns - self.first_ns) / self.interval_ns)

    def is_near(self, at_ns: int, tolerance_ns: int) -> bool:
        """Whether a time is no further than the tolerance from a run."""
        offset = (at_ns - self.first_ns + self.interval_ns // 2) % self.interval_ns
        return abs(offset - self.interval_ns // 2) <= tolerance_ns


@dataclass(frozen=True, slots=True)
class Transition:
    """One connection or host that changed.

    before: connections of the pool before it (pools only, otherwise -1).
    since_ns: when the pool had changed before, 0 where it had not.
    detail: what the event said, of a host's transitions.
    """

    at_ns: int
    host: int
    kind: str
    before: int = -1
    since_ns: int = 0
    detail: str = ""


def host_transitions(observed: Observed, host: int) -> list[Transition]:
    """What the driver made of one host."""
    return [
        Transition(event.at_ns, host, event.kind, detail=event.detail)
        for event in observed.events_of(*HOST_EVENTS, host=host)
        if 0 <= event.at_ns < observed.duration_ns
    ]


def in_natural_order(own: list[Transition], sample_every_ns: int) -> list[Transition]:
    """One host's transitions by time; those of one instant with the cause before the effect."""
    ordered: list[Transition] = []
    group: list[Transition] = []
    for transition in sorted(own, key=lambda one: one.at_ns):
        is_later = (
            group and transition.at_ns - group[-1].at_ns > SAMPLES_OF_AN_INSTANT * sample_every_ns
        )
        if is_later:
            ordered += sorted(group, key=_rank)
            group = []
        group.append(transition)
    return ordered + sorted(group, key=_rank)


def _rank(transition: Transition) -> int:
    return _NATURAL_ORDER.index(transition.kind)
