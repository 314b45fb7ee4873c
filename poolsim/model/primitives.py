"""What an engine supplies to the rules, and nothing more.

Interpreted, these are the bodies below; a compiled engine replaces each by its own. `world` is
whatever carries the tables of `records.World`.
"""

from __future__ import annotations

from typing import Any

World = Any
"""The tables; typed loosely because rules also run on structured arrays."""

NEVER = 1 << 62
"""A time that does not come, in nanoseconds."""


def schedule(w: World, time: int, kind: int, order: int, target: int) -> None:
    """Put an event on the agenda: at `time` ns, the handler of `kind` gets `target`.

    Events of one instant are handled in the order of (kind, order); `order` (below 2**56) comes
    from the model (request and attempt, connection serial, host), never from who came first.
    """
    w.agenda.schedule(time, (kind << 56) | order, kind, target)


def draw(w: World, lane: int, number: int, attempt: int) -> int:
    """The value of a named stream at an address: request number and attempt number."""
    value: int = w.draws.at(lane, number, attempt)
    return value


def note(
    w: World, time: int, kind: int, session: int, node: int, connection: int, value: int
) -> None:
    """Add a row to the event table (`recording.columns.NOTE_COLUMNS`)."""
    w.notes.extend((time, kind, session, node, connection, value))


def record_request(
    w: World,
    number: int,
    session: int,
    node: int,
    outcome: int,
    attempts: int,
    intended: int,
    issued: int,
    wait: int,
    service: int,
    ended: int,
    error_kinds: int,
    error_hosts: int,
) -> None:
    """Add a row for a request that ended (`recording.columns.REQUEST_COLUMNS`)."""
    w.ends.extend(
        (
            number,
            session,
            node,
            outcome,
            attempts,
            intended,
            issued,
            wait,
            service,
            ended,
            error_kinds,
            error_hosts,
        )
    )


def add_request(w: World) -> int:
    """A new slot at the end of the table of requests; returns its index."""
    w.requests.append(w.new_request())
    return len(w.requests) - 1


def add_attempt(w: World) -> int:
    """A new slot at the end of the table of attempts; returns its index."""
    w.attempts.append(w.new_attempt())
    return len(w.attempts) - 1


def add_connection(w: World) -> int:
    """A new slot at the end of the table of connections; returns its index."""
    w.connections.append(w.new_connection())
    return len(w.connections) - 1


def add_task(w: World) -> int:
    """A new slot at the end of the table of executor tasks; returns its index."""
    w.tasks.append(w.new_task())
    return len(w.tasks) - 1


def add_streams(w: World, count: int) -> int:
    """`count` more entries at the end of the table of streams; returns the first one's index."""
    first = len(w.streams)
    w.streams.extend([-1] * count)
    return first
