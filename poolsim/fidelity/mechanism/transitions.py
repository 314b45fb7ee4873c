"""What a run's pools and hosts did, one transition after the other.

Pools are read from the samples, hosts from the events, real and simulated alike. Between two looks
at a pool a cleanup may trash connections and close others: where both counts change, the smallest
story that explains them is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poolsim.fidelity.observed import HostSamples, Observed

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

_HOST_EVENTS = (HOST_DOWN, HOST_UP, ATTEMPT, ATTEMPT_FAILED)

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
        """Whether a time follows a run by no more than the tolerance, or all but precedes it."""
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


def transitions(observed: Observed, tick: Tick | None, sample_every_ns: int) -> list[Transition]:
    """All transitions, by host and time; those of one instant in their natural order."""
    found: list[Transition] = []
    for host, samples in enumerate(observed.hosts):
        own = list(_of_pool(host, samples, tick, sample_every_ns))
        own += [
            Transition(event.at_ns, host, event.kind, detail=event.detail)
            for event in observed.events_of(*_HOST_EVENTS, host=host)
            if 0 <= event.at_ns < observed.duration_ns
        ]
        own.sort(key=lambda one: one.at_ns)
        found += _in_natural_order(own, SAMPLES_OF_AN_INSTANT * sample_every_ns)
    return found


def _of_pool(
    host: int, samples: HostSamples, tick: Tick | None, sample_every_ns: int
) -> Iterator[Transition]:
    since = 0
    rows = zip(
        samples.at_ns.tolist(), samples.connections.tolist(), samples.trashed.tolist(), strict=True
    )
    _, connections, trashed = next(rows, (0, 0, 0))
    for at, now_connections, now_trashed in rows:
        if (now_connections, now_trashed) == (connections, trashed):
            continue
        is_cleanup = tick is None or tick.is_near(at, 3 * sample_every_ns)
        before = connections
        for kind in _story(
            connections, trashed, now_connections - connections, now_trashed - trashed, is_cleanup
        ):
            yield Transition(at, host, kind, before, since)
            before += {GROWTH: 1, CONNECTED: 1, RESURRECTED: 1, TRASHED: -1, LOST: -1}.get(kind, 0)
        connections, trashed, since = now_connections, now_trashed, at


def _story(
    connections: int, trashed: int, more: int, more_trashed: int, is_cleanup: bool
) -> list[str]:
    """What made the counts change so, one word a connection."""
    if more >= 0:
        left_trash = max(0, -more_trashed)
        resurrected = min(more, left_trash)
        new = GROWTH if connections > 0 else CONNECTED
        return (
            [RESURRECTED] * resurrected
            + [new] * (more - resurrected)
            + [CLOSED] * (left_trash - resurrected)
            # A trashed connection without one that left the pool: it came and went in between.
            + [TRASHED] * max(0, more_trashed)
        )
    fewer = -more
    seen = min(fewer, max(0, more_trashed))
    rest = fewer - seen
    closed = fewer - more_trashed
    if rest and is_cleanup and trashed >= closed and connections > fewer:
        # The cleanup trashed so many, and closed others that had been in the trash.
        return [TRASHED] * fewer + [CLOSED] * closed
    return [TRASHED] * seen + [LOST] * (rest + max(0, -more_trashed))


def _in_natural_order(own: list[Transition], instant_ns: int) -> list[Transition]:
    ordered: list[Transition] = []
    group: list[Transition] = []
    for transition in own:
        if group and transition.at_ns - group[-1].at_ns > instant_ns:
            ordered += sorted(group, key=_rank)
            group = []
        group.append(transition)
    return ordered + sorted(group, key=_rank)


def _rank(transition: Transition) -> int:
    return _NATURAL_ORDER.index(transition.kind)
