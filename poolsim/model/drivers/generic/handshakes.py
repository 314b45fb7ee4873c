"""What comes of the connections that a pool asked for.

The first connections of a pool, or those asked for as the load grew, that cannot be made leave the
pool as it is; where it has none at all, its host is down, and what waits for one goes on to the
next host. What core lacks is made by reconnection from then on, the failure counting as its first
attempt.
"""

from __future__ import annotations

from poolsim.model.connection.executors import release_thread
from poolsim.model.drivers.generic.admission import fail_from_queue
from poolsim.model.drivers.generic.hosts import mark_down
from poolsim.model.drivers.generic.making import TASK_RECONNECT, join, open_one
from poolsim.model.drivers.generic.reconnection import (
    NOT_RECONNECTING,
    reconnect_missing,
    schedule,
)
from poolsim.model.drivers.generic.threads import leave_io_thread
from poolsim.model.kinds import HEARTBEAT, NO_CONNECTION, RECONNECTION_ATTEMPT
from poolsim.model.policies.reconnection import next_delay
from poolsim.model.primitives import World
from poolsim.model.records import ROLE_INITIAL, ROLE_POOL, ROLE_RECONNECTION
from poolsim.model.rule import rule


@rule
def run_task(w: World, kind: int, p: int, generation: int, now: int) -> bool:
    """A thread that opens connections takes the next one; it is busy until the outcome."""
    if kind == TASK_RECONNECT:
        pool = w.pools[p]
        number = w.hosts[p].reconnect_attempt + 1
        w.note(now, RECONNECTION_ATTEMPT, pool.session, pool.node, -1, number)
        open_one(w, p, ROLE_RECONNECTION, now)
    else:
        open_one(w, p, ROLE_POOL, now)
    return False


@rule
def connected(w: World, c: int, now: int) -> None:
    """A handshake is complete."""
    connection = w.connections[c]
    p = connection.pool
    connection.last_read = now
    if connection.heartbeat_interval > 0:
        connection.heartbeat_at = now + connection.heartbeat_interval
        connection.holds += 1
        w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)
    _outcome(w, c, now)
    if connection.role == ROLE_RECONNECTION:
        w.hosts[p].reconnecting = NOT_RECONNECTING
    join(w, c, now)
    reconnect_missing(w, p, 0, now)


@rule
def connect_failed(w: World, c: int, now: int) -> None:
    """A handshake was refused, timed out or broken off; the connection is gone already."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    host = w.hosts[p]
    _outcome(w, c, now)
    leave_io_thread(w, c)
    if pool.active == 0 and pool.making == 0:
        mark_down(w, p, now)
        while pool.queue_first >= 0:
            fail_from_queue(w, p, -1, pool.queue_first, NO_CONNECTION, now)
    if connection.role == ROLE_RECONNECTION:
        host.reconnect_attempt += 1
        host.reconnecting = NOT_RECONNECTING
        if host.known == 1:
            schedule(w, p, now)
    else:
        host.backoff_until = now + next_delay(w, p, 0)
        reconnect_missing(w, p, 1, now)


@rule
def _outcome(w: World, c: int, now: int) -> None:
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    pool.making -= 1
    if connection.role != ROLE_INITIAL:
        release_thread(w, w.sessions[pool.session].executor, now)
