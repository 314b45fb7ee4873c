"""What must be consistent in the fields that the Python driver's rules keep."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.fidelity.soak.view import View, active_connections
from poolsim.model.drivers.python import (
    ATTEMPT_SCHEDULED,
    ATTEMPT_SUBMITTED,
    ATTEMPT_UNDER_WAY,
    CONTROL_CONNECTING,
    CONTROL_OK,
    CONTROL_SCHEDULED,
    NOT_RECONNECTING,
    PROBE_WAITING,
    TASK_CONTROL,
    TASK_CREATE,
    TASK_DOWN,
    TASK_EXPECTED_DOWN,
    TASK_NONE,
    TASK_POOL,
    TASK_RECONNECT,
    TASK_RENEW,
    TASK_REPLACE,
)
from poolsim.model.kinds import CONTROL, HEARTBEAT_CYCLE, QUEUE_TIMEOUT, RECONNECTION
from poolsim.model.records import (
    CALLER_EXECUTOR,
    CONNECTING,
    EXPIRED,
    GONE,
    IGNORED,
    POOL_INITIALIZING,
    POOL_USABLE,
    ROLE_CONTROL,
    ROLE_INITIAL,
    ROLE_RECONNECTION,
)


def held(view: View, s: int) -> Iterator[int]:
    """Dead connections in a pool's list that nobody has noticed; those in a heartbeat cycle."""
    w = view.world
    for c, connection in enumerate(w.connections):
        in_session = connection.pool >= 0 and w.pools[connection.pool].session == s
        if in_session and connection.listed == 1 and connection.state == GONE:
            yield c
    session = w.sessions[s]
    for first in (session.probe_first, session.failed_first):
        c = first
        while c >= 0:
            yield c
            c = w.connections[c].probe_next


def slips(view: View, s: int) -> Iterator[str]:
    """Sentences about what is not as it must be in session `s`."""
    w = view.world
    pools = range(s * w.run.nodes, (s + 1) * w.run.nodes)
    yield from _executor(view, s, pools)
    yield from _control(view, s, pools)
    yield from _heartbeats(view, s)
    for p in pools:
        if w.hosts[p].distance != IGNORED:
            yield from _pool(view, p)
            yield from _host(view, p)


def _tasks_of(view: View, p: int, *kinds: int) -> int:
    """Tasks of some kinds for a pool, of any generation, that wait for a thread."""
    w = view.world
    found = 0
    t = w.executors[w.sessions[w.pools[p].session].executor].first
    while t >= 0:
        found += w.tasks[t].pool == p and w.tasks[t].kind in kinds
        t = w.tasks[t].next
    return found


def _executor(view: View, s: int, pools: range) -> Iterator[str]:
    w = view.world
    executor = w.executors[w.sessions[s].executor]
    handshakes = sum(
        connection.state == CONNECTING and connection.task != TASK_NONE
        for p in pools
        for connection in view.connections.get(p, ())
    )
    borrows = sum(w.attempts[a].caller == CALLER_EXECUTOR for a in view.blocked.get(s, ()))
    if executor.busy != handshakes + borrows:
        yield (
            f"session {s}: {executor.busy} threads busy, "
            f"{handshakes} handshakes and {borrows} borrows hold one"
        )
    if executor.busy > executor.threads:
        yield f"session {s}: {executor.busy} of {executor.threads} threads busy"


def _control(view: View, s: int, pools: range) -> Iterator[str]:
    w = view.world
    session = w.sessions[s]
    state = session.control_state
    connecting = sum(len(view.connecting(p, ROLE_CONTROL)) for p in pools)
    waiting = view.tasks(session.executor, TASK_CONTROL, s * w.run.nodes) or sum(
        _tasks_of(view, p, TASK_CONTROL) for p in pools
    )
    if state == CONTROL_OK and session.control < 0:
        yield f"session {s}: no control connection, and all is well"
    if connecting + waiting > 1 or (state == CONTROL_CONNECTING) != (connecting + waiting == 1):
        yield f"session {s}: {connecting + waiting} attempts at a control connection in {state}"
    if state == CONTROL_SCHEDULED and not view.entries(s, CONTROL):
        yield f"session {s}: no attempt at a control connection ahead"


def _heartbeats(view: View, s: int) -> Iterator[str]:
    w = view.world
    session = w.sessions[s]
    if w.options[2 * session.client].heartbeat_interval == 0:
        return
    first = session.probe_first
    waits = first >= 0 and w.connections[first].probe_state == PROBE_WAITING
    if not waits and not view.entries(s, HEARTBEAT_CYCLE):
        yield f"session {s}: no heartbeat cycle ahead"


def _pool(view: View, p: int) -> Iterator[str]:
    w = view.world
    pool = w.pools[p]
    dead = sum(connection.state == GONE for connection in active_connections(w, p))
    if pool.dead != dead:
        yield f"pool {p}: {pool.dead} dead by its count, {dead} in its list"
    executor = w.sessions[pool.session].executor
    present = [
        connection.task
        for connection in view.connections.get(p, ())
        if connection.state == CONNECTING and connection.generation == pool.generation
    ]
    if pool.phase == POOL_USABLE:
        creating = view.tasks(executor, TASK_CREATE, p) + present.count(TASK_CREATE)
        if pool.scheduled != creating:
            yield f"pool {p}: {pool.scheduled} creations scheduled, {creating} ahead"
        replacing = view.tasks(executor, TASK_REPLACE, p) + present.count(TASK_REPLACE)
        if pool.replacing != replacing + (pool.replace_at >= 0):
            yield f"pool {p}: {replacing} replacements in state {pool.replacing}"
    if pool.replace_at >= 0 and not view.entries(p, RECONNECTION):
        yield f"pool {p}: no replacement ahead"
    if pool.phase == POOL_INITIALIZING:
        making = _tasks_of(view, p, TASK_POOL, TASK_RENEW) + len(view.connecting(p, ROLE_INITIAL))
        if not making:
            yield f"pool {p}: nobody makes its connections"
    a = pool.queue_first
    while a >= 0:
        if w.attempts[a].state != EXPIRED and not view.entries(p, QUEUE_TIMEOUT):
            yield f"pool {p}: attempt {a} waits without a timer"
        a = w.attempts[a].next


def _host(view: View, p: int) -> Iterator[str]:
    w = view.world
    host = w.hosts[p]
    state = host.reconnecting
    if state == ATTEMPT_SCHEDULED and not view.entries(p, RECONNECTION):
        yield f"host {p}: no reconnection attempt ahead"
    if state == ATTEMPT_SUBMITTED and not _tasks_of(view, p, TASK_RECONNECT):
        yield f"host {p}: no reconnection attempt waits"
    current = sum(c.generation == host.times_down for c in view.connecting(p, ROLE_RECONNECTION))
    if state == ATTEMPT_UNDER_WAY and not current:
        yield f"host {p}: no reconnection attempt under way"
    rising = _tasks_of(view, p, TASK_POOL) + len(view.connecting(p, ROLE_INITIAL))
    if host.rising == 1 and not rising:
        yield f"host {p} is rising without a pool to be made"
    going_down = _tasks_of(view, p, TASK_DOWN, TASK_EXPECTED_DOWN)
    if host.known == 0:
        return
    if host.up == 0 and state == NOT_RECONNECTING and not host.rising and not going_down:
        yield f"host {p} is down for good"
