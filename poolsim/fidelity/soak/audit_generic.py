"""What must be consistent in the fields that the generic driver's rules keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poolsim.fidelity.soak.view import View, active_connections
from poolsim.model.drivers.generic.admission import can_send
from poolsim.model.drivers.generic.fields import MILLIONTHS
from poolsim.model.drivers.generic.making import TASK_OPEN, TASK_RECONNECT
from poolsim.model.drivers.generic.reconnection import DUE, NOT_RECONNECTING, UNDER_WAY
from poolsim.model.kinds import CLEANUP, FLUSH, QUEUE_TIMEOUT, RECONNECTION
from poolsim.model.primitives import Record
from poolsim.model.records import (
    CONNECTING,
    IGNORED,
    IN_FLIGHT,
    OPEN,
    ORPHANED,
    READ,
    ROLE_INITIAL,
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
    client = w.clients[session.client]
    pools = range(s * w.run.nodes, (s + 1) * w.run.nodes)
    ahead = view.entries(s, CLEANUP)
    if ahead != 1 + (client.gc_every > 0):
        yield f"session {s}: {ahead} cleanups and pauses ahead"
    executor = w.executors[session.executor]
    under_way = sum(
        connection.state == CONNECTING and connection.role != ROLE_INITIAL
        for p in pools
        for connection in view.connections.get(p, ())
    )
    if executor.busy != under_way or executor.busy > executor.threads:
        yield f"session {s}: {executor.busy} threads busy, {under_way} connections under way"
    yield from _threads(view, s)
    offered = _offered(w, s)
    for p in pools:
        if w.hosts[p].distance == IGNORED:
            continue
        yield from _pool(view, p)
        yield from _queue(view, p)
        yield from _host(view, p)
        for connection in active_connections(w, p):
            yield from _connection(view, connection)
        if offered[w.pools[p].node] != w.hosts[p].up:
            yield f"host {p} is offered {offered[w.pools[p].node]} times"


def _threads(view: View, s: int) -> Iterator[str]:
    """Each I/O thread counts the connections that it serves."""
    w = view.world
    served = Counter(
        connection.thread
        for p in range(s * w.run.nodes, (s + 1) * w.run.nodes)
        for connection in view.connections.get(p, ())
    )
    for t, count in served.items():
        if w.threads[t].connections != count:
            yield f"thread {t}: {w.threads[t].connections} connections by its count, {count} there"


def _pool(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool = w.pools[p]
    executor = w.sessions[pool.session].executor
    asked = sum(view.tasks(executor, task, p) for task in (TASK_OPEN, TASK_RECONNECT))
    making = asked + sum(one.state == CONNECTING for one in view.connections.get(p, ()))
    if pool.making != making:
        yield f"pool {p}: {pool.making} connections being made by its count, {making} there"
    orphans = sum(connection.orphans for connection in active_connections(w, p))
    if pool.orphans != orphans:
        yield f"pool {p}: {pool.orphans} orphans by its count, {orphans} there"
    read = sum(attempt.state == READ and attempt.pool == p for attempt in w.attempts)
    if pool.buffered != read:
        yield f"pool {p}: {pool.buffered} responses read by its count, {read} there"


def _queue(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool = w.pools[p]
    waiting: Counter[int] = Counter()
    a = pool.queue_first
    while a >= 0:
        attempt = w.attempts[a]
        waiting[attempt.connection] += 1
        if attempt.state != WAITING or attempt.pool != p:
            yield f"pool {p}: attempt {a} in its queue in state {attempt.state}"
        a = attempt.next
    timed = pool.queue_first >= 0 and w.options[pool.options].pool_timeout > 0
    if timed and not view.entries(p, QUEUE_TIMEOUT):
        yield f"pool {p}: waiters without a timer"
    if waiting[-1] and not pool.making and w.hosts[p].reconnecting == NOT_RECONNECTING:
        yield f"pool {p}: {waiting[-1]} wait for a connection that nobody makes"
    for c in {place for place in waiting if place >= 0}:
        connection = w.connections[c]
        if connection.pool != p or connection.state != OPEN:
            yield f"pool {p}: attempts wait for connection {c} in state {connection.state}"
        elif connection.queued != waiting[c]:
            yield f"connection {c}: {connection.queued} queued by its count, {waiting[c]} there"
        elif connection.pressed == 0 and can_send(w, c):
            yield f"connection {c} could send what waits for it"


def _connection(view: View, connection: Record) -> Iterator[str]:
    w = view.world
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    most = w.options[pool.options].max_requests
    name = f"connection {connection.serial}"
    states = Counter(
        w.attempts[w.streams[connection.stream_first + stream]].state
        for stream in range(connection.stream_high)
        if w.streams[connection.stream_first + stream] >= 0
    )
    sent = states[IN_FLIGHT] + states[ORPHANED]
    if connection.in_flight != sent or connection.orphans != states[ORPHANED]:
        yield f"{name}: {connection.in_flight} sent by its count, {sent} there"
    low = connection.in_flight * MILLIONTHS <= most * client.low_watermark
    if connection.pressed == 1 and low and connection.in_flight == 0:
        yield f"{name} waits for the low watermark with nothing in flight"
    if connection.write_count > 0 and connection.flush_at < 0:
        yield f"{name}: {connection.write_count} requests in its buffer that nothing will flush"
    c = w.connections.index(connection)
    if connection.flush_at >= 0 and not view.entries(c, FLUSH):
        yield f"{name}: its flush is not on the agenda"
    for first, count in (
        (connection.write_first, connection.write_count),
        (connection.unread_first, None),
    ):
        kept, a = 0, first
        while a >= 0:
            kept += 1
            if w.attempts[a].kept != 1:
                yield f"{name}: attempt {a} in a list, and does not know"
            a = w.attempts[a].link
        if count is not None and kept != count:
            yield f"{name}: {count} requests in its buffer by its count, {kept} there"
    reads = connection.unread_next >= 0 or connection.paused == 1
    if connection.unread_first >= 0 and not reads:
        yield f"{name}: responses lie in its socket and nobody reads them"
    if connection.paused == 1 and connection.read_bytes == 0:
        yield f"{name}: reading is paused with an empty buffer"


def _host(view: View, p: int) -> Iterator[str]:
    w = view.world
    host, pool = w.hosts[p], w.pools[p]
    empty = pool.active == 0 and pool.making == 0 and w.options[pool.options].core > 0
    if host.up == 1 and empty and host.times_down > 0:
        yield f"host {p} is up without a connection"
    if host.known == 1 and host.up == 0 and pool.active > 0:
        yield f"host {p} is down with {pool.active} connections"
    ahead = host.reconnecting != NOT_RECONNECTING or pool.making > 0
    if host.known == 1 and host.up == 0 and not ahead:
        yield f"host {p} is down for good"
    if host.known == 0 and (host.up == 1 or host.reconnecting == DUE):
        yield f"host {p} has left, and is up or about to be reconnected to"
    if host.reconnecting == DUE and not view.entries(p, RECONNECTION):
        yield f"host {p}: no reconnection attempt ahead"
    executor = w.sessions[pool.session].executor
    attempts = view.tasks(executor, TASK_RECONNECT, p) + len(view.connecting(p, ROLE_RECONNECTION))
    if attempts != (host.reconnecting == UNDER_WAY):
        yield f"host {p}: {attempts} reconnection attempts in state {host.reconnecting}"


def _offered(w: World, s: int) -> Counter[int]:
    """How often each node stands in the session's rotations."""
    datacenters = w.run.datacenters
    return Counter(
        w.rotation_nodes[rotation.first + k]
        for rotation in w.rotations[s * datacenters : (s + 1) * datacenters]
        for k in range(rotation.count)
    )
