"""Hosts: their pools' sizes, down and up, what the server says of them."""

from __future__ import annotations

from poolsim.model.drivers.nodejs.abandoned import abandoned_due
from poolsim.model.drivers.nodejs.closing import close_draining
from poolsim.model.drivers.nodejs.control import control_host_down
from poolsim.model.drivers.nodejs.fields import SHORTEST_TIMER, STATUS_DELAY
from poolsim.model.drivers.nodejs.opening import (
    OF_HOST,
    attempt,
    attempt_after,
    open_for,
    schedule_delay,
)
from poolsim.model.kinds import (
    HOST_DOWN,
    HOST_UP,
    RECONNECTION_FAILED,
    STATUS_DUE,
    STATUS_UP,
)
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, LOCAL, POOL_USABLE, ROLE_INITIAL
from poolsim.model.rule import rule

EVERYTHING = 1 << 30
"""More connections than a pool has."""


@rule
def start_session(w: World, s: int, now: int) -> None:
    """Client.connect: a first connection, which is the control connection, and the warm-up."""
    run = w.run
    for p in range(s * run.nodes, (s + 1) * run.nodes):
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            pool = w.pools[p]
            pool.core = w.options[pool.options].core
            pool.size = pool.core
    if w.clients[w.sessions[s].client].warmup == 1:
        connect(w, s, EVERYTHING, now)
    else:
        connect(w, s, 0, now)


@rule
def connect(w: World, s: int, most: int, now: int) -> None:
    """Open so many connections to each local host at once, and the rest of its size after that;
    the host of the control connection has one in any case."""
    run = w.run
    session = w.sessions[s]
    client = w.clients[session.client]
    rotation = w.rotations[s * run.datacenters + client.rotation]
    nodes = s * run.nodes
    first = w.rotation_nodes[rotation.first + session.control_turn % rotation.count]
    session.control_pool = nodes + first
    for p in range(nodes, nodes + run.nodes):
        pool = w.pools[p]
        host = w.hosts[p]
        if host.distance != IGNORED and host.known == 1:
            pool.phase = POOL_USABLE
            count = 0
            if host.distance == LOCAL:
                count = min(most, pool.size)
            if count == 0 and p == session.control_pool:
                count = 1
            for _ in range(count):
                open_for(w, p, ROLE_INITIAL, now)
            if count < pool.size:
                attempt_after(w, p, SHORTEST_TIMER, now)


@rule
def check_pool(w: World, p: int, now: int) -> None:
    """_checkPoolState: a connection that is missing is scheduled, an empty pool's host is down."""
    pool = w.pools[p]
    host = w.hosts[p]
    core = pool.size
    if pool.active < core and pool.timer_at < 0 and pool.opening < 0:
        delay = next_delay_of_host(w, p)
        attempt_after(w, p, delay, now)
        if host.up == 0:
            w.note(now, RECONNECTION_FAILED, pool.session, pool.node, -1, delay)
    if pool.active == 0 and core > 0 and host.up == 1:
        host.up = 0
        host.tries = 0
        host.times_down += 1
        w.note(now, HOST_DOWN, pool.session, pool.node, -1, 0)
        control_host_down(w, p, now)


@rule
def next_delay_of_host(w: World, p: int) -> int:
    """The next delay of a host's schedule, once a wrapper has used up its own attempts."""
    host = w.hosts[p]
    client = w.clients[w.sessions[w.pools[p].session].client]
    if host.recoveries < client.recovery_attempts:
        host.recoveries += 1
        if host.recoveries == 1:
            return SHORTEST_TIMER
        delay: int = client.recovery_delay
        return delay
    scheduled: int = schedule_delay(w, p, OF_HOST, host.schedule, host.reconnect_attempt)
    host.reconnect_attempt += 1
    return scheduled


@rule
def new_schedule(w: World, p: int) -> None:
    """The host's reconnection schedule begins anew."""
    host = w.hosts[p]
    host.schedule += 1
    host.reconnect_attempt = 0


@rule
def set_up(w: World, p: int, now: int) -> None:
    """The host is up again: plans offer it, its schedule begins anew."""
    pool = w.pools[p]
    host = w.hosts[p]
    host.up = 1
    host.up_since = now
    new_schedule(w, p)
    w.note(now, HOST_UP, pool.session, pool.node, -1, 0)


@rule
def reconnection_due(w: World, p: int, now: int) -> None:
    """A timer of the host's pool is over, of its abandoned ones or of its drain."""
    if w.pools[p].left_at == now:
        abandoned_due(w, p, now)
    if w.pools[p].timer_at == now:
        attempt(w, p, now)
    if w.pools[p].drain_until == now:
        close_draining(w, p, now)


@rule
def status_event(w: World, p: int, now: int) -> None:
    """The server says that the host is up: a timer begins, one for all hosts."""
    session = w.sessions[w.pools[p].session]
    if session.control < 0 or w.hosts[p].distance == IGNORED:
        return
    session.status_pool = p
    session.status_at = now + STATUS_DELAY
    w.schedule(session.status_at, STATUS_DUE, p, p)


@rule
def status_due(w: World, p: int, now: int) -> None:
    """checkIsUp: a host that is down gets a new schedule and an attempt at once."""
    pool = w.pools[p]
    session = w.sessions[pool.session]
    if session.status_pool != p or session.status_at != now:
        return
    session.status_at = -1
    if w.hosts[p].up == 1:
        return
    w.note(now, STATUS_UP, pool.session, pool.node, -1, 0)
    new_schedule(w, p)
    w.hosts[p].tries = 0
    attempt_after(w, p, SHORTEST_TIMER, now)
    pool.told = 1
