"""What happens to a session's connections, hosts and executors, handed on to its driver."""

from __future__ import annotations

from poolsim.model.cluster.middlebox import watch
from poolsim.model.connection.executors import RETRY, release_thread, take_task
from poolsim.model.connection.messages import TCP, answered_now, next_step, timed_out_now
from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import free_stream
from poolsim.model.drivers.ports import (
    cleanup_session,
    connect_failed,
    connected,
    connection_due,
    control,
    heartbeat,
    heartbeat_answered,
    heartbeat_cycle,
    lost,
    option_changed,
    pool_due,
    queue_timeout,
    reconnection_due,
    run_task,
    session_due,
    start_session,
    status_due,
    status_event,
    topology_due,
    topology_event,
)
from poolsim.model.kinds import (
    ANSWER,
    ASK_TIMEOUT,
    CHANGE,
    CLEANUP,
    CONNECT_FAILED,
    CONNECT_REFUSED,
    CONNECT_TIMED_OUT,
    CONNECTION_DUE,
    CONNECTION_LOST,
    CONTROL,
    EXECUTOR,
    HEARTBEAT,
    HEARTBEAT_CYCLE,
    HEARTBEAT_FAILED,
    OPTION_CHANGED,
    POOL_DUE,
    QUEUE_TIMEOUT,
    RECONNECTION,
    SESSION_DUE,
    STATUS_DUE,
    STATUS_EVENT,
)
from poolsim.model.primitives import World
from poolsim.model.records import (
    ASK_HANDSHAKE,
    ASK_NOTHING,
    CALLER_EXECUTOR,
    CONNECTING,
    GONE,
    IGNORED,
    NODE_SILENT,
    OPEN,
    ROLE_CONTROL,
    STEP_RETRY,
    TRASHED_STATE,
    WIRE_CUT,
    WIRE_GARBLED,
)
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_connection, finish_attempt, free_task


@rule
def start_sessions(w: World) -> None:
    """Every session connects before the run begins: its handshakes take no time."""
    w.run.starting = 1
    for s in range(len(w.sessions)):
        start_session(w, s, 0)
    w.run.starting = 0


@rule
def _handshake_over(w: World, c: int) -> None:
    connection = w.connections[c]
    if connection.role != ROLE_CONTROL:
        w.pools[connection.pool].connecting -= 1


@rule
def _fail(w: World, c: int, reason: int, now: int) -> None:
    """A handshake has failed; the connection is gone before its driver hears of it."""
    connection = w.connections[c]
    _handshake_over(w, c)
    connection.state = GONE
    connection.asking = ASK_NOTHING
    w.run.connects_failed += 1
    pool = w.pools[connection.pool]
    w.note(now, CONNECT_FAILED, pool.session, pool.node, connection.serial, reason)
    connect_failed(w, c, now)
    drop_connection(w, c)


@handles(ANSWER)
def answer(w: World, c: int, now: int) -> None:
    """The node's answer to a handshake or heartbeat message, or its refusal."""
    if answered_now(w, c, now) == 0:
        return
    connection = w.connections[c]
    garbled = connection.wire == WIRE_GARBLED
    if connection.asking == ASK_HANDSHAKE:
        if connection.ask_refused == 1 or (garbled and connection.ask_step > TCP):
            _fail(w, c, CONNECT_REFUSED, now)
        elif next_step(w, c, now) == 1:
            connection.state = OPEN
            _handshake_over(w, c)
            watch(w, c, now)
            connected(w, c, now)
        return
    if garbled:
        lost(w, c, now)
        return
    connection.asking = ASK_NOTHING
    connection.last_read = now
    a = connection.probe
    if w.attempts[a].stream >= 0:
        free_stream(w, c, w.attempts[a].stream)
    finish_attempt(w, a)
    heartbeat_answered(w, c, now)


@handles(ASK_TIMEOUT)
def ask_timeout(w: World, c: int, now: int) -> None:
    """A handshake or heartbeat message was not answered in time."""
    if timed_out_now(w, c, now) == 0:
        return
    connection = w.connections[c]
    if connection.asking == ASK_HANDSHAKE:
        _fail(w, c, CONNECT_TIMED_OUT, now)
        return
    pool = w.pools[connection.pool]
    w.note(now, HEARTBEAT_FAILED, pool.session, pool.node, connection.serial, 0)
    lost(w, c, now)


@handles(CONNECTION_LOST)
def connection_lost(w: World, c: int, now: int) -> None:
    """The peer's close reaches the driver, unless the connection has gone before."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.lost_at == now:
        if connection.state == CONNECTING:
            _fail(w, c, CONNECT_REFUSED, now)
        elif connection.state == OPEN or connection.state == TRASHED_STATE:
            lost(w, c, now)
    drop_connection(w, c)


@handles(HEARTBEAT)
def check_silence(w: World, c: int, now: int) -> None:
    """A connection checks how long it was silent."""
    connection = w.connections[c]
    connection.holds -= 1
    live = connection.state == OPEN or connection.state == TRASHED_STATE
    if live and connection.defunct == 0 and connection.heartbeat_at == now:
        heartbeat(w, c, now)
    else:
        drop_connection(w, c)


@handles(HEARTBEAT_CYCLE)
def cycle(w: World, s: int, now: int) -> None:
    """A session checks its connections for silence."""
    heartbeat_cycle(w, s, now)


@handles(EXECUTOR)
def execute(w: World, e: int, now: int) -> None:
    """A free thread of an executor takes the next task."""
    t = take_task(w, e)
    if t < 0:
        return
    task = w.tasks[t]
    kind = task.kind
    p = task.pool
    generation = task.generation
    a = task.attempt
    free_task(w, t)
    if kind == RETRY:
        _go_on(w, e, a, now)
    elif run_task(w, kind, p, generation, now):
        release_thread(w, e, now)


@rule
def _go_on(w: World, e: int, a: int, now: int) -> None:
    """A request goes on to its next host; it keeps the thread while a borrow blocks."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    if attempt.request < 0:
        finish_attempt(w, a)  # it has timed out meanwhile
        release_thread(w, e, now)
    else:
        attempt.caller = CALLER_EXECUTOR
        make_ready(w, a, STEP_RETRY)


@handles(QUEUE_TIMEOUT)
def queue_timer(w: World, p: int, now: int) -> None:
    """The first waiter of a pool's queue may have waited long enough."""
    queue_timeout(w, p, now)


@handles(CLEANUP)
def clean_up(w: World, s: int, now: int) -> None:
    """The periodic cleanup of a session's pools."""
    cleanup_session(w, s, now)


@handles(RECONNECTION)
def reconnect(w: World, p: int, now: int) -> None:
    """A reconnection attempt may be due."""
    reconnection_due(w, p, now)


@handles(STATUS_EVENT)
def hear(w: World, p: int, now: int) -> None:
    """The other nodes' event about a host reaches the session, unless its control connection is
    one to that host, or one on which nothing comes through."""
    pool = w.pools[p]
    c = w.sessions[pool.session].control
    if c >= 0:
        teller = w.pools[w.connections[c].pool].node
        if w.connections[c].wire == WIRE_CUT or w.nodes[teller].state == NODE_SILENT:
            return
        if teller == pool.node and w.nodes[teller].member == 0:
            return
    host = w.hosts[p]
    if host.known != w.nodes[pool.node].member:
        topology_event(w, p, now)
    elif host.known == 1:
        status_event(w, p, now)


@handles(STATUS_DUE)
def heed(w: World, p: int, now: int) -> None:
    """The driver acts on the events that it collected."""
    host = w.hosts[p]
    if host.topology_due == now:
        host.topology_due = -1
        topology_due(w, p, now)
    else:
        status_due(w, p, now)


@handles(SESSION_DUE)
def time_session(w: World, s: int, now: int) -> None:
    """A timer of a session that is its driver's own."""
    session_due(w, s, now)


@handles(POOL_DUE)
def time_pool(w: World, p: int, now: int) -> None:
    """A timer of a pool that is its driver's own."""
    pool_due(w, p, now)


@handles(CONNECTION_DUE)
def time_connection(w: World, c: int, now: int) -> None:
    """A timer of a connection that is its driver's own, unless the connection has gone."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.state == OPEN and connection.defunct == 0:
        connection_due(w, c, now)
    else:
        drop_connection(w, c)


@handles(CONTROL)
def connect_control(w: World, s: int, now: int) -> None:
    """The control connection looks for a host."""
    control(w, s, now)


FIELD_CORE = 0
FIELD_MAX = 1
FIELD_MAX_REQUESTS = 2
FIELD_THRESHOLD = 3
FIELD_IDLE_TIMEOUT = 4
FIELD_POOL_TIMEOUT = 5
FIELD_MAX_QUEUE_SIZE = 6
FIELD_HEARTBEAT_INTERVAL = 7
FIELD_MIN_REQUESTS = 8


@handles(CHANGE)
def change_option(w: World, i: int, now: int) -> None:
    """Set an option of a client at runtime, for one distance or both."""
    change = w.changes[i]
    k = change.client
    w.note(now, OPTION_CHANGED, -1, -1, -1, change.value)
    raised_core = 0
    for distance in range(2):
        if change.distance < 0 or change.distance == distance:
            options = w.options[2 * k + distance]
            if change.field == FIELD_CORE:
                if change.value > options.core:
                    raised_core = 1
                options.core = change.value
            elif change.field == FIELD_MAX:
                options.max = change.value
            elif change.field == FIELD_MAX_REQUESTS:
                options.max_requests = change.value
            elif change.field == FIELD_THRESHOLD:
                options.threshold = change.value
            elif change.field == FIELD_IDLE_TIMEOUT:
                options.idle_timeout = change.value
            elif change.field == FIELD_POOL_TIMEOUT:
                options.pool_timeout = change.value
            elif change.field == FIELD_MAX_QUEUE_SIZE:
                options.max_queue_size = change.value
            elif change.field == FIELD_MIN_REQUESTS:
                options.min_requests = change.value
            else:
                options.heartbeat_interval = change.value
    client = w.clients[k]
    nodes = w.run.nodes
    first = client.first_session * nodes
    for p in range(first, first + client.instances * nodes):
        if w.hosts[p].distance != IGNORED:
            option_changed(w, p, raised_core, now)
