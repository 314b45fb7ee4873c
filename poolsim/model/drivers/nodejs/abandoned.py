"""Pools of Hosts that the control connection put another Host in place of: nothing borrows from
them, and they go on reconnecting."""

from __future__ import annotations

from poolsim.model.connection.lists import append_trash, remove_active, remove_trash
from poolsim.model.drivers.nodejs.fields import SHORTEST_TIMER
from poolsim.model.drivers.nodejs.opening import OF_ABANDONED, open_for, schedule_delay
from poolsim.model.kinds import OPENED, RECONNECTION, TRASHED
from poolsim.model.primitives import World
from poolsim.model.records import OPEN, ROLE_POOL, TRASHED_STATE
from poolsim.model.rule import rule


@rule
def abandon(w: World, p: int, now: int) -> None:
    """What the host's pool has and what it is about to do belongs to no Host any more."""
    pool = w.pools[p]
    host = w.hosts[p]
    pool.left_core += pool.size
    if pool.left_at < 0 and pool.left_opening == 0:
        pool.left_attempt = host.reconnect_attempt
        pool.left_schedule += 1
        pool.left_down = 1 - host.up
        if pool.timer_at >= 0:
            _attempt_left_at(w, p, pool.timer_at)
    pool.timer_at = -1
    pool.told = 0
    if pool.opening >= 0:
        w.connections[pool.opening].left = 1
        pool.left_opening += 1
        pool.opening = -1
    while pool.first >= 0:
        c = pool.first
        remove_active(w, p, c)
        _keep(w, c, now)


@rule
def _keep(w: World, c: int, now: int) -> None:
    """A connection is an abandoned pool's."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.left = 1
    connection.listed = 1
    connection.state = TRASHED_STATE
    append_trash(w, connection.pool, c)
    w.note(now, TRASHED, pool.session, pool.node, connection.serial, pool.active)


@rule
def _attempt_left_at(w: World, p: int, at: int) -> None:
    w.pools[p].left_at = at
    w.schedule(at, RECONNECTION, p, p)


@rule
def check_abandoned(w: World, p: int, now: int) -> None:
    """_checkPoolState of the abandoned pools."""
    pool = w.pools[p]
    if pool.trashed < pool.left_core and pool.left_at < 0 and pool.left_opening == 0:
        delay = schedule_delay(w, p, OF_ABANDONED, pool.left_schedule, pool.left_attempt)
        pool.left_attempt += 1
        _attempt_left_at(w, p, now + delay)
    if pool.trashed == 0:
        pool.left_down = 1


@rule
def abandoned_due(w: World, p: int, now: int) -> None:
    """A timer of the abandoned pools is over."""
    pool = w.pools[p]
    pool.left_at = -1
    if pool.trashed < pool.left_core and pool.left_opening == 0:
        pool.left_opening = 1
        c = open_for(w, p, ROLE_POOL, now)
        w.connections[c].left = 1


@rule
def abandoned_connected(w: World, c: int, now: int) -> None:
    """An abandoned pool has made a connection, and makes the next one that it lacks."""
    p = w.connections[c].pool
    pool = w.pools[p]
    pool.left_opening -= 1
    w.note(now, OPENED, pool.session, pool.node, w.connections[c].serial, pool.active)
    _keep(w, c, now)
    if pool.left_down == 1:
        pool.left_down = 0
        pool.left_attempt = 0
        pool.left_schedule += 1
    if pool.trashed < pool.left_core and pool.left_at < 0 and pool.left_opening == 0:
        _attempt_left_at(w, p, now + SHORTEST_TIMER)


@rule
def abandoned_failed(w: World, p: int, now: int) -> None:
    """An abandoned pool could not make a connection."""
    w.pools[p].left_opening -= 1
    check_abandoned(w, p, now)


@rule
def abandoned_lost(w: World, c: int, now: int) -> None:
    """A connection of an abandoned pool leaves it."""
    p = w.connections[c].pool
    remove_trash(w, p, c)
    w.connections[c].state = OPEN
    check_abandoned(w, p, now)
