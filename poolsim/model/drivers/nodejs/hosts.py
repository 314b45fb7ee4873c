"""Hosts: their pools' sizes, down and up, what the server says of them."""

from __future__ import annotations

from poolsim.model.drivers.nodejs.abandoned import abandoned_due
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


@rule
def start_session(w: World, s: int, now: int) -> None:
    """Client.connect: a first connection, which is the control connection, and the warm-up."""
    run = w.run
    session = w.sessions[s]
    client = w.clients[session.client]
    rotation = w.rotations[s * run.datacenters + client.rotation]
    nodes = s * run.nodes
    first = w.rotation_nodes[rotation.first + session.control_turn % rotation.count]
    session.control_pool = nodes + first
    for p in range(nodes, nodes + run.nodes):
        pool = w.pools[p]
        distance = w.hosts[p].distance
        if distance != IGNORED:
            pool.phase = POOL_USABLE
            count = 0
            if client.warmup == 1 and distance == LOCAL:
                count = w.options[pool.options].core
            if count == 0 and p == session.control_pool:
                count = 1
            for _ in range(count):
                open_for(w, p, ROLE_INITIAL, now)
            if count < w.options[pool.options].core:
                attempt_after(w, p, SHORTEST_TIMER, now)


@rule
def check_pool(w: World, p: int, now: int) -> None:
    """_checkPoolState: a connection that is missing is scheduled, an empty pool's host is down."""
    pool = w.pools[p]
    host = w.hosts[p]
    core = w.options[pool.options].core
    if pool.active < core and pool.timer_at < 0 and pool.opening < 0:
        delay = schedule_delay(w, p, OF_HOST, host.schedule, host.reconnect_attempt)
        host.reconnect_attempt += 1
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
    """A timer of the host's pool is over, or of its abandoned ones."""
    if w.pools[p].left_at == now:
        abandoned_due(w, p, now)
    if w.pools[p].timer_at == now:
        attempt(w, p, now)


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
