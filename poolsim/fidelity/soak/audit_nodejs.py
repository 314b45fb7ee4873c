"""What must be consistent in the fields that the Node.js driver's rules keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poolsim.fidelity.soak.view import View
from poolsim.model.drivers.nodejs.fields import (
    CONTROL_CONNECTING,
    CONTROL_OK,
    CONTROL_SCHEDULED,
)
from poolsim.model.kinds import CONTROL, RECONNECTION, STATUS_DUE
from poolsim.model.primitives import Record
from poolsim.model.records import (
    CONNECTING,
    EXPIRED,
    IGNORED,
    OPEN,
    ROLE_CONTROL,
    ROLE_INITIAL,
    ROLE_POOL,
    ROLE_RECONNECTION,
    TRASHED_STATE,
    World,
)


def held(_view: View, _s: int) -> Iterator[int]:
    """Nothing but the agenda keeps a connection's slot."""
    return iter(())


def slips(view: View, s: int) -> Iterator[str]:
    """Sentences about what is not as it must be in session `s`."""
    w = view.world
    pools = range(s * w.run.nodes, (s + 1) * w.run.nodes)
    yield from _control(view, s, pools)
    if w.sessions[s].status_at >= 0 and not view.entries(w.sessions[s].status_pool, STATUS_DUE):
        yield f"session {s}: nothing acts on its status event"
    for p in pools:
        if w.hosts[p].distance != IGNORED:
            yield from _pool(view, p)
            yield from _abandoned(view, p)
            yield from _connections(view, p)


def _control(view: View, s: int, pools: range) -> Iterator[str]:
    w = view.world
    session = w.sessions[s]
    state = session.control_state
    asking = sum(len(view.connecting(p, ROLE_CONTROL)) for p in pools)
    if asking != (state == CONTROL_CONNECTING):
        yield f"session {s}: {asking} contact points are asked in state {state}"
    if state == CONTROL_SCHEDULED and not view.entries(s, CONTROL):
        yield f"session {s}: no attempt at a control connection ahead"
    if session.control >= 0:
        connection = w.connections[session.control]
        if state != CONTROL_OK or connection.state != OPEN or connection.listed == 0:
            yield f"session {s}: its control connection is in state {connection.state}"
        if connection.pool != session.control_pool:
            yield f"session {s}: its control connection is not at host {session.control_pool}"


def _making(view: View, p: int, left: int) -> list[Record]:
    """Handshakes of a pool, or of the abandoned ones of its host."""
    roles = (ROLE_POOL, ROLE_RECONNECTION)
    return [c for c in view.connecting(p, *roles) if c.left == left]


def _pool(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool, host = w.pools[p], w.hosts[p]
    making = _making(view, p, 0)
    if len(making) != (pool.opening >= 0):
        yield f"pool {p}: {len(making)} connections are made, {pool.opening} by its own account"
    elif making and w.connections[pool.opening] is not making[0]:
        yield f"pool {p}: connection {pool.opening} is not the one that is made"
    if pool.timer_at >= 0 and not view.entries(p, RECONNECTION):
        yield f"pool {p}: its timer is not on the agenda"
    core = pool.size
    ahead = pool.timer_at >= 0 or making or view.connecting(p, ROLE_INITIAL)
    if pool.active < core and not ahead and not pool.unfilled:
        yield f"pool {p}: {pool.active} of {core} connections, and none ahead"
    if host.up == 0 and pool.active:
        yield f"host {p} is down with {pool.active} connections"
    draining = sum(c.draining for c in view.connections.get(p, ()))
    if draining != pool.draining:
        yield f"pool {p}: {draining} connections drain, {pool.draining} by its count"
    if host.up == 0 and host.known == 1 and pool.timer_at < 0 and not making and pool.size:
        yield f"host {p} is down for good"


def _abandoned(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool = w.pools[p]
    making = _making(view, p, 1)
    if len(making) != pool.left_opening:
        yield f"pool {p}: {len(making)} abandoned ones are made, {pool.left_opening} by its account"
    if pool.left_at >= 0 and not view.entries(p, RECONNECTION):
        yield f"pool {p}: the timer of abandoned ones is not on the agenda"
    if pool.left_core and not pool.trashed and pool.left_at < 0 and not making:
        yield f"pool {p}: abandoned ones wait for nothing"


def _connections(view: View, p: int) -> Iterator[str]:
    """What connections carry, and what waits at them."""
    w = view.world
    pool = w.pools[p]
    waiting = _waiting(w, p)
    orphans = 0
    for connection in view.connections.get(p, ()):
        if connection.state == CONNECTING:
            continue
        orphans += connection.orphans * connection.listed
        if (connection.state == TRASHED_STATE) != (connection.left == 1 and connection.listed == 1):
            yield f"connection {connection.serial} in state {connection.state} is in the wrong list"
        taken = sum(
            w.streams[connection.stream_first + k] >= 0 for k in range(connection.stream_high)
        )
        if connection.in_flight != taken:
            yield f"connection {connection.serial}: {connection.in_flight} in flight, {taken} ids"
        c = next(c for c, other in enumerate(w.connections) if other is connection)
        if waiting[c] and connection.in_flight < connection.stream_limit:
            yield f"connection {connection.serial}: {waiting[c]} wait for ids that are free"
    if pool.orphans != orphans:
        yield f"pool {p}: {pool.orphans} orphans by its count, {orphans} there"


def _waiting(w: World, p: int) -> Counter[int]:
    """Operations that wait for a stream id, by connection."""
    found: Counter[int] = Counter()
    a = w.pools[p].queue_first
    while a >= 0:
        if w.attempts[a].state != EXPIRED:
            found[w.attempts[a].connection] += 1
        a = w.attempts[a].next
    return found
