"""What must be consistent in the fields that the Java driver's rules keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poolsim.fidelity.soak.view import View
from poolsim.model.drivers.java3 import TASK_ADD, TASK_RECONNECT
from poolsim.model.kinds import CLEANUP, CONTROL, QUEUE_TIMEOUT, RECONNECTION
from poolsim.model.records import (
    IGNORED,
    POOL_CLOSED,
    POOL_INITIALIZING,
    POOL_USABLE,
    ROLE_CONTROL,
    ROLE_POOL,
    ROLE_RECONNECTION,
    WAITING,
    World,
)


def held(_view: View, _s: int) -> Iterator[int]:
    """Nothing but the agenda keeps a connection's slot."""
    return iter(())


def slips(view: View, s: int) -> Iterator[str]:
    """Sentences about what is not as it must be in session `s`."""
    w = view.world
    session = w.sessions[s]
    pools = range(s * w.run.nodes, (s + 1) * w.run.nodes)
    yield from _executor(view, session.executor, pools, ROLE_POOL)
    yield from _executor(view, session.reconnector, pools, ROLE_RECONNECTION)
    attempts = sum(len(view.connecting(p, ROLE_CONTROL)) for p in pools)
    chains = (session.control >= 0) + attempts + view.entries(s, CONTROL)
    if chains != 1:
        yield f"session {s}: {chains} control connections or attempts at one"
    if view.entries(s, CLEANUP) != 1:
        yield f"session {s}: {view.entries(s, CLEANUP)} cleanups ahead"
    offered = _offered(w, s)
    for p in pools:
        host, pool = w.hosts[p], w.pools[p]
        if host.distance == IGNORED:
            continue
        yield from _host(view, p)
        orphans = sum(connection.orphans for connection in view.connections.get(p, ()))
        if pool.orphans != orphans:
            yield f"pool {p}: {pool.orphans} orphans by its count, {orphans} there"
        if pool.phase == POOL_USABLE:
            yield from _sizes(view, p)
        if _waits(w, p) and not view.entries(p, QUEUE_TIMEOUT):
            yield f"pool {p}: waiters without a timer"
        if offered[pool.node] != (host.up == 1 or pool.phase == POOL_INITIALIZING):
            yield f"pool {p}: its host is offered {offered[pool.node]} times"


def _under_way(view: View, p: int, role: int) -> int:
    """Handshakes of a role for the present pool `p`."""
    generation = view.world.pools[p].generation
    return sum(c.generation == generation for c in view.connecting(p, role))


def _executor(view: View, e: int, pools: range, role: int) -> Iterator[str]:
    executor = view.world.executors[e]
    under_way = sum(len(view.connecting(p, role)) for p in pools)
    if executor.busy != under_way:
        yield f"executor {e}: {executor.busy} threads busy, {under_way} connections under way"
    if executor.busy > executor.threads:
        yield f"executor {e}: {executor.busy} of {executor.threads} threads busy"


def _host(view: View, p: int) -> Iterator[str]:
    """A host that is down has somebody who will look again; one that is up has a pool."""
    w = view.world
    host, pool = w.hosts[p], w.pools[p]
    counted = sum(connection.defunct == 0 for connection in view.connections.get(p, ()))
    if host.conviction_open != counted:
        yield f"host {p}: {host.conviction_open} connections by conviction, {counted} there"
    if host.reconnecting == 1 and not view.entries(p, RECONNECTION):
        yield f"host {p}: no reconnection attempt ahead"
    reconnector = w.sessions[pool.session].reconnector
    attempts = _under_way(view, p, ROLE_RECONNECTION) + view.tasks(reconnector, TASK_RECONNECT, p)
    if attempts != (host.reconnecting == 2):
        yield f"host {p}: {attempts} reconnection attempts in state {host.reconnecting}"
    if host.known == 0:
        return
    if host.up == 0 and host.reconnecting == 0 and pool.phase != POOL_INITIALIZING:
        yield f"host {p} is down for good"
    if host.up == 1 and pool.phase == POOL_CLOSED:
        yield f"host {p} is up without a pool"


def _sizes(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool = w.pools[p]
    under_way = _under_way(view, p, ROLE_POOL)
    if pool.open != pool.active + under_way:
        yield f"pool {p}: open {pool.open}, {pool.active} active and {under_way} under way"
    waiting = view.tasks(w.sessions[pool.session].executor, TASK_ADD, p)
    if pool.scheduled != under_way + waiting:
        yield f"pool {p}: {pool.scheduled} scheduled, {under_way} under way and {waiting} wait"


def _waits(w: World, p: int) -> bool:
    a = w.pools[p].queue_first
    while a >= 0:
        if w.attempts[a].state == WAITING:
            return True
        a = w.attempts[a].next
    return False


def _offered(w: World, s: int) -> Counter[int]:
    """How often each node stands in the session's rotations."""
    datacenters = w.run.datacenters
    return Counter(
        w.rotation_nodes[rotation.first + k]
        for rotation in w.rotations[s * datacenters : (s + 1) * datacenters]
        for k in range(rotation.count)
    )
