"""What happened to the connections of a pool: from events that name them, or from samples."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.fidelity.mechanism.transitions import (
    CLOSED,
    CONNECTED,
    GROWTH,
    LOST,
    RESURRECTED,
    TRASHED,
    Tick,
    Transition,
    host_transitions,
    in_natural_order,
)
from poolsim.fidelity.observed import Event, HostSamples, Observed

CONNECTION_KINDS = ("opened", "trashed", "replaced", "resurrected", "closed", "connection_broke")
_STEPS = {GROWTH: 1, CONNECTED: 1, RESURRECTED: 1, TRASHED: -1, LOST: -1, CLOSED: 0}


def tells_connections(observed: Observed) -> bool:
    """Whether the events tell each connection's fate: one that is opened has a number."""
    return any(_connection(event) for event in observed.events_of("opened"))


def transitions(
    observed: Observed, tick: Tick | None, sample_every_ns: int, core: int, *, from_events: bool
) -> list[Transition]:
    """All transitions of a run, by host and time.

    `core`: connections up to which a pool is filled, not grown.
    """
    found: list[Transition] = []
    core = max(core, 1)
    for host, samples in enumerate(observed.hosts):
        if from_events:
            own = list(_from_events(observed, host, core))
        else:
            own = list(_from_samples(host, samples, tick, sample_every_ns, core))
        found += in_natural_order(own + host_transitions(observed, host), sample_every_ns)
    return found


def value(detail: str, name: str) -> str:
    """A value of a detail such as `connection=3;port=40000`; empty where it is not there."""
    for part in detail.split(";"):
        key, _, text = part.partition("=")
        if key == name:
            return text
    return ""


def _connection(event: Event) -> str:
    return value(event.detail, "connection")


# From events --------------------------------------------------------------------------------------


def _from_events(observed: Observed, host: int, core: int) -> Iterator[Transition]:
    trash: set[str] = set()
    gone: set[str] = set()
    events = [
        event for event in observed.events_of(*CONNECTION_KINDS, host=host) if _connection(event)
    ]
    connections = 0
    since = 0
    for event in events:
        kind = _kind(event, connections >= core, trash, gone)
        if kind is None:
            continue
        if 0 < event.at_ns < observed.duration_ns:
            yield Transition(event.at_ns, host, kind, connections, since)
            since = event.at_ns
        connections += _STEPS[kind]


def _kind(event: Event, is_filled: bool, trash: set[str], gone: set[str]) -> str | None:
    """What an event is for the pool; keeps the sets of trashed and vanished connections."""
    connection = _connection(event)
    if connection in gone:
        return None
    if event.kind == "opened":
        return GROWTH if is_filled else CONNECTED
    if event.kind in ("trashed", "replaced"):
        trash.add(connection)
        return TRASHED
    if event.kind == "resurrected":
        trash.discard(connection)
        return RESURRECTED
    gone.add(connection)
    return CLOSED if connection in trash else LOST


# From samples -------------------------------------------------------------------------------------


def _from_samples(
    host: int, samples: HostSamples, tick: Tick | None, sample_every_ns: int, core: int
) -> Iterator[Transition]:
    """Between two looks at a pool a cleanup may trash connections and close others: where both
    counts change, the smallest story that explains them is taken."""
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
        more, more_trashed = now_connections - connections, now_trashed - trashed
        for kind in _story(connections, trashed, more, more_trashed, is_cleanup, core):
            yield Transition(at, host, kind, before, since)
            before += _STEPS[kind]
        connections, trashed, since = now_connections, now_trashed, at


def _story(
    connections: int, trashed: int, more: int, more_trashed: int, is_cleanup: bool, core: int
) -> list[str]:
    """What made the counts change so, one word a connection."""
    if more >= 0:
        left_trash = max(0, -more_trashed)
        resurrected = min(more, left_trash)
        filled = min(more - resurrected, max(0, core - connections - resurrected))
        return (
            [RESURRECTED] * resurrected
            + [CONNECTED] * filled
            + [GROWTH] * (more - resurrected - filled)
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
