"""Connections that their own side closes: at once, or when what they have is done."""

from __future__ import annotations

from poolsim.model.connection.lists import remove_active
from poolsim.model.kinds import CONNECTION_LOST
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def close_soon(w: World, c: int, now: int) -> None:
    """Close a connection that is out of its pool when this instant's other timers and responses
    are through."""
    connection = w.connections[c]
    connection.lost_at = now
    connection.holds += 1
    w.schedule(now, CONNECTION_LOST, connection.serial, c)


@rule
def leave_list(w: World, c: int) -> None:
    """A connection is in its pool's list no more, and counts there no more."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.listed = 0
    pool.in_flight -= connection.in_flight
    pool.orphans -= connection.orphans
    remove_active(w, connection.pool, c)


@rule
def retire(w: World, c: int, now: int) -> None:
    """A connection takes no new requests and is closed as soon as nothing is in flight on it."""
    leave_list(w, c)
    connection = w.connections[c]
    if connection.in_flight == 0:
        close_soon(w, c, now)
    else:
        connection.draining = 1
        w.pools[connection.pool].draining += 1


@rule
def stop_draining(w: World, c: int) -> None:
    """A connection that drains is about to be closed."""
    connection = w.connections[c]
    connection.draining = 0
    w.pools[connection.pool].draining -= 1


@rule
def close_draining(w: World, p: int, now: int) -> None:
    """The time is over in which a removed host's connections may finish what they have."""
    w.pools[p].drain_until = -1
    for c in range(len(w.connections)):
        if w.connections[c].draining == 1 and w.connections[c].pool == p:
            stop_draining(w, c)
            close_soon(w, c, now)
