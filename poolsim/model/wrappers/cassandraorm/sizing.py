"""How many connections a pool is to have: at the start, when it is full, idle, or by its use."""

from __future__ import annotations

from poolsim.model.drivers.nodejs.closing import retire
from poolsim.model.drivers.nodejs.opening import fill
from poolsim.model.kinds import CONNECTION_DUE, POOL_GREW, POOL_SHRANK
from poolsim.model.primitives import World
from poolsim.model.records import ASK_HEARTBEAT, IGNORED
from poolsim.model.rule import rule
from poolsim.model.wrappers.cassandraorm.fields import WHOLE


@rule
def initial_size(w: World, p: int) -> None:
    """The size that a pool begins with, also when its host joins later."""
    pool = w.pools[p]
    pool.core = pool.orm_initial
    pool.size = 0
    if w.hosts[p].known == 1:
        pool.size = pool.core


@rule
def grow_when_full(w: World, p: int, now: int) -> None:
    """A request found every connection full: one more, unless that is on its way already."""
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    if client.orm_adaptive_interval > 0:
        return
    if pool.size < pool.orm_most and pool.active >= pool.size:
        _resize(w, p, pool.size + 1, now)


@rule
def _resize(w: World, p: int, size: int, now: int) -> None:
    pool = w.pools[p]
    kind = POOL_GREW
    if size < pool.size:
        kind = POOL_SHRANK
    pool.size = size
    w.note(now, kind, pool.session, pool.node, -1, size)
    fill(w, p, now)


# Idle connections ---------------------------------------------------------------------------------


@rule
def watch_idleness(w: World, c: int, since: int) -> None:
    """When a connection is to be looked at, if it is not used after an instant."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    timeout = w.options[pool.options].idle_timeout
    if timeout == 0 or client.orm_advanced == 0 or client.orm_adaptive_interval > 0:
        return
    connection.orm_idle_at = since + timeout
    connection.holds += 1
    w.schedule(connection.orm_idle_at, CONNECTION_DUE, connection.serial, c)


@rule
def look_for_idleness(w: World, c: int, now: int) -> None:
    """A connection above the core size that nothing has used for the idle timeout is closed."""
    connection = w.connections[c]
    if connection.listed == 0 or connection.orm_idle_at != now:
        return
    p = connection.pool
    pool = w.pools[p]
    due = connection.orm_last_used + w.options[pool.options].idle_timeout
    carried = connection.in_flight
    if connection.asking == ASK_HEARTBEAT:
        carried -= 1
    if carried > 0:
        due = now + w.options[pool.options].idle_timeout
    if due > now:
        watch_idleness(w, c, due - w.options[pool.options].idle_timeout)
    elif pool.active <= pool.orm_floor or w.sessions[pool.session].control == c:
        watch_idleness(w, c, now)
    else:
        size = pool.active - 1
        retire(w, c, now)
        if size < pool.size:
            _resize(w, p, size, now)


# Adaptive pooling ---------------------------------------------------------------------------------


@rule
def adapt_all(w: World, s: int, now: int) -> None:
    """Look at the utilisation of all pools of a session."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            _adapt(w, p, now)


@rule
def _adapt(w: World, p: int, now: int) -> None:
    """Grow above one utilisation, shrink below another, towards a third between them."""
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    most = min(w.options[pool.options].max_requests, client.stream_limit)
    if pool.active != pool.size or pool.active == 0 or most == 0:
        return
    room = pool.active * most
    load = pool.in_flight * WHOLE
    size = pool.size
    for_each = client.orm_target * most
    aim = (load + for_each - 1) // for_each
    if load > client.orm_scale_up * room:
        size = max(aim, size + 1)
    elif load < client.orm_scale_down * room:
        size = min(aim, size - 1)
    size = min(max(size, client.orm_adaptive_min), pool.orm_most)
    if size != pool.size:
        _resize(w, p, size, now)
        _retire_surplus(w, p, now)


@rule
def _retire_surplus(w: World, p: int, now: int) -> None:
    """The youngest connections go, but not the one that is the control connection."""
    pool = w.pools[p]
    control = w.sessions[pool.session].control
    while pool.active > pool.size and pool.last >= 0:
        c = pool.last
        if c == control:
            c = w.connections[c].previous
        if c < 0:
            return
        retire(w, c, now)
