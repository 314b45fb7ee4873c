"""What becomes of a connection that is closed or breaks, and of its requests (002:351-378).

A connection that breaks, whose heartbeat fails, on which a write fails or the protocol is broken is
closed and leaves the pool. Requests in flight on it fail: they may be sent again on another
connection (retries: policies/retry.py). Requests that wait for it were never sent: the others of
the pool admit them, the least loaded one first, with their places in the queue; where there is no
other, they go on to the next host. Responses that were read already reach their callbacks.
"""

from __future__ import annotations

from poolsim.model.connection.breaking import fail_attempts
from poolsim.model.connection.lists import remove_active
from poolsim.model.drivers.generic.admission import (
    REJECT,
    SEND,
    admit,
    admitted,
    fail_from_queue,
    send_from_queue,
)
from poolsim.model.drivers.generic.hosts import mark_down
from poolsim.model.drivers.generic.making import move
from poolsim.model.drivers.generic.reconnection import reconnect_missing
from poolsim.model.drivers.generic.selection import ANY_SHARD, least_loaded
from poolsim.model.drivers.generic.threads import leave_io_thread
from poolsim.model.drivers.generic.writing import empty_buffer
from poolsim.model.kinds import BUSY_CONNECTION, CLOSED, CONNECTION_BROKE, LOST, NO_CONNECTION
from poolsim.model.primitives import World
from poolsim.model.records import ASK_NOTHING, GONE
from poolsim.model.rule import rule
from poolsim.model.slots import drop_connection


@rule
def close(w: World, c: int, now: int) -> None:
    """An orderly close of a connection on which nothing is in flight."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    remove_active(w, p, c)
    w.note(now, CLOSED, pool.session, pool.node, connection.serial, pool.active)
    _part(w, c, now)
    drop_connection(w, c)


@rule
def lost(w: World, c: int, now: int) -> None:
    """An open connection has broken, or is given up."""
    connection = w.connections[c]
    if connection.state == GONE:
        return
    p = connection.pool
    pool = w.pools[p]
    connection.defunct = 1
    remove_active(w, p, c)
    failed = _part(w, c, now)
    w.note(now, CONNECTION_BROKE, pool.session, pool.node, connection.serial, failed)
    _admit_elsewhere(w, c, now)
    if pool.active == 0:
        mark_down(w, p, now)
    reconnect_missing(w, p, 0, now)
    drop_connection(w, c)


@rule
def _part(w: World, c: int, now: int) -> int:
    """The connection is gone, with its buffers; how many requests were in flight on it."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    empty_buffer(w, c)
    _forget_unread(w, c)
    pool.orphans -= connection.orphans
    pool.in_flight -= connection.in_flight
    failed = fail_attempts(w, c, LOST)
    connection.in_flight = 0
    w.run.stream_area += failed * now
    w.run.connections_gone += 1
    connection.state = GONE
    connection.asking = ASK_NOTHING
    leave_io_thread(w, c)
    return failed


@rule
def _forget_unread(w: World, c: int) -> None:
    connection = w.connections[c]
    a = connection.unread_first
    while a >= 0:
        w.attempts[a].kept = 0
        a = w.attempts[a].link
    connection.unread_first = -1
    connection.unread_last = -1


@rule
def _admit_elsewhere(w: World, c: int, now: int) -> None:
    """Requests that wait for a connection that is gone."""
    p = w.connections[c].pool
    before = -1
    a = w.pools[p].queue_first
    while a >= 0:
        after = w.attempts[a].next
        if w.attempts[a].connection == c:
            other = least_loaded(w, p, ANY_SHARD, -1)
            if other < 0:
                fail_from_queue(w, p, before, a, NO_CONNECTION, now)
            else:
                answer = admit(w, other, now)
                if answer == SEND:
                    send_from_queue(w, other, before, a, now)
                    admitted(w, other, now)
                elif answer == REJECT:
                    fail_from_queue(w, p, before, a, BUSY_CONNECTION, now)
                else:
                    move(w, a, other)
                    admitted(w, other, now)
                    before = a
        else:
            before = a
        a = after
