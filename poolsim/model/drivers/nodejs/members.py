"""Hosts that join and leave: what the driver hears of them, and what it does."""

from __future__ import annotations

from poolsim.model.drivers.nodejs.closing import close_draining, retire
from poolsim.model.drivers.nodejs.control import control_host_down
from poolsim.model.drivers.nodejs.fields import STATUS_DELAY
from poolsim.model.drivers.nodejs.hosts import new_schedule, next_delay_of_host
from poolsim.model.drivers.nodejs.opening import attempt_after
from poolsim.model.kinds import RECONNECTION, STATUS_DUE
from poolsim.model.policies.balancing import host_added, host_removed
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, POOL_USABLE
from poolsim.model.rule import rule


@rule
def topology_event(w: World, p: int, now: int) -> None:
    """Another node says that the host has joined the ring or left it: a timer begins, one for all
    hosts, anew with each event."""
    session = w.sessions[w.pools[p].session]
    if session.control < 0:
        return
    if session.topology_pool >= 0:
        w.hosts[session.topology_pool].topology_due = -1
    session.topology_pool = p
    w.hosts[p].topology_due = now + STATUS_DELAY
    w.schedule(now + STATUS_DELAY, STATUS_DUE, p, p)


@rule
def topology_due(w: World, p: int, now: int) -> None:
    """The list of nodes is read over the control connection; without one nothing is."""
    s = w.pools[p].session
    w.sessions[s].topology_pool = -1
    if w.sessions[s].control >= 0:
        refresh_hosts(w, s, now)


@rule
def refresh_hosts(w: World, s: int, now: int) -> int:
    """Act on who is in the ring now; how many hosts came or went."""
    changed = 0
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        member = w.nodes[w.pools[p].node].member
        if w.hosts[p].known != member:
            changed += 1
            if member == 1:
                _add(w, p, now)
            else:
                _remove(w, p, now)
    return changed


@rule
def _add(w: World, p: int, now: int) -> None:
    """A new Host is down until its first connection, for which its schedule is waited for."""
    pool = w.pools[p]
    host = w.hosts[p]
    host_added(w, p, now)
    if host.distance == IGNORED:
        host.up = 1
        return
    host.tries = 0
    host.recoveries = 0
    new_schedule(w, p)
    pool.phase = POOL_USABLE
    pool.size = pool.core
    if pool.size > 0:
        attempt_after(w, p, next_delay_of_host(w, p), now)


@rule
def _remove(w: World, p: int, now: int) -> None:
    """A Host that has left: no plan offers it, its pool drains."""
    pool = w.pools[p]
    host_removed(w, p, now)
    pool.size = 0
    pool.timer_at = -1
    pool.told = 0
    while pool.first >= 0:
        retire(w, pool.first, now)
    control_host_down(w, p, now)
    pool = w.pools[p]
    timeout = w.clients[w.sessions[pool.session].client].drain_timeout
    if timeout == 0:
        close_draining(w, p, now)
    elif pool.draining > 0:
        pool.drain_until = now + timeout
        w.schedule(pool.drain_until, RECONNECTION, p, p)
