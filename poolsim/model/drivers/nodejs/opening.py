"""Connections being made, and when: what the pools and the control connection share."""

from __future__ import annotations

from poolsim.model.connection.messages import open_connection
from poolsim.model.drivers.nodejs.fields import SHORTEST_TIMER
from poolsim.model.kinds import RECONNECTION, RECONNECTION_ATTEMPT
from poolsim.model.policies.reconnection import drawn_delay
from poolsim.model.primitives import World
from poolsim.model.records import ROLE_POOL, ROLE_RECONNECTION
from poolsim.model.rule import rule

SCHEDULES = 3
"""Of a host, of its abandoned pools, of a session: their jitter is drawn at addresses apart."""
OF_HOST = 0
OF_ABANDONED = 1
OF_CONTROL = 2
_PLACES = 64
"""Attempts of a schedule whose jitter is drawn apart; later ones have that of earlier ones."""


@rule
def schedule_delay(w: World, p: int, whose: int, schedule: int, i: int) -> int:
    """The i-th delay of a schedule, 1 ms at least: a timer's shortest."""
    k = w.sessions[w.pools[p].session].client
    delay = drawn_delay(w, k, i, SCHEDULES * p + whose, schedule * _PLACES + i % _PLACES)
    if delay < SHORTEST_TIMER:
        delay = SHORTEST_TIMER
    return delay


@rule
def open_for(w: World, p: int, role: int, now: int) -> int:
    """Start a connection to the host of pool `p`."""
    c = open_connection(w, p, role, now)
    connection = w.connections[c]
    connection.listed = 0
    connection.left = 0
    connection.draining = 0
    connection.last_written = now
    connection.timed_out = 0
    return c


@rule
def attempt_after(w: World, p: int, delay: int, now: int) -> None:
    """scheduleNewConnectionAttempt; a timer that was set before is void."""
    pool = w.pools[p]
    pool.unfilled = 0
    pool.timer_at = now + delay
    w.schedule(pool.timer_at, RECONNECTION, p, p)


@rule
def fill(w: World, p: int, now: int) -> None:
    """increaseSize: the next connection that is missing, unless one is ahead."""
    pool = w.pools[p]
    missing = pool.active < pool.size
    if missing and pool.timer_at < 0 and pool.opening < 0:
        attempt_after(w, p, SHORTEST_TIMER, now)


@rule
def attempt(w: World, p: int, now: int) -> None:
    """The timer of an attempt is over. While a handshake is under way it leads to nothing."""
    pool = w.pools[p]
    host = w.hosts[p]
    told = pool.told
    pool.timer_at = -1
    pool.told = 0
    if pool.active >= pool.size or pool.opening >= 0:
        return
    role = ROLE_POOL
    if host.up == 0:
        role = ROLE_RECONNECTION
        if told == 0:
            host.tries += 1
            w.note(now, RECONNECTION_ATTEMPT, pool.session, pool.node, -1, host.tries)
    pool.opening = open_for(w, p, role, now)
