"""Messages that a connection exchanges for itself: the handshake and the heartbeat.

They do not pass through the node's workers: Cassandra answers them on its network threads. A
handshake is a row of round trips: TCP, STARTUP, authentication, cluster name, keyspace. The node
accepts connections at its own pace; the kernel of a paused or silent one still completes TCP,
everything else waits until it resumes, or in vain, or the message times out; a node that is down,
or accepts no more connections, refuses TCP.
"""

from __future__ import annotations

from poolsim.model.connection.timers import fires_at
from poolsim.model.connection.wires import write_in_vain
from poolsim.model.kinds import (
    ANSWER,
    ASK_AT_NODE,
    ASK_TIMEOUT,
    CONNECT_STARTED,
)
from poolsim.model.primitives import NEVER, World
from poolsim.model.records import (
    ASK_HANDSHAKE,
    ASK_HEARTBEAT,
    ASK_NOTHING,
    CONNECTING,
    NODE_DOWN,
    NODE_PAUSED,
    NODE_RUNNING,
    ROLE_CONTROL,
    WIRE_CLOSING,
    WIRE_CUT,
)
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_connection, new_connection

TCP = 0
"""The first step of a handshake."""


@rule
def open_connection(w: World, p: int, role: int, now: int) -> int:
    """Start making a connection to the host of pool `p`; its outcome comes as an event."""
    pool = w.pools[p]
    session = w.sessions[pool.session]
    client = w.clients[session.client]
    c = new_connection(w)
    connection = w.connections[c]
    connection.pool = p
    connection.generation = pool.generation
    connection.role = role
    connection.state = CONNECTING
    connection.wire = w.nodes[pool.node].wire
    connection.stream_limit = client.stream_limit
    connection.heartbeat_interval = w.options[pool.options].heartbeat_interval
    if client.one_core == 1:
        connection.thread = session.first_thread
    else:
        connection.thread = session.first_thread + 1 + session.next_io
        session.next_io = (session.next_io + 1) % client.io_threads
    w.run.connects_started += 1
    if role != ROLE_CONTROL:
        pool.connecting += 1
    w.note(now, CONNECT_STARTED, pool.session, pool.node, connection.serial, role)
    connection.asking = ASK_HANDSHAKE
    connection.ask_step = TCP
    if w.run.starting == 1:
        connection.ask_step = client.round_trips - 1
        connection.answer_at = now
        connection.holds += 1
        w.schedule(now, ANSWER, connection.serial, c)
    else:
        _ask(w, c, now + client.connect_timeout, now)
    return c


@rule
def next_step(w: World, c: int, now: int) -> int:
    """Take the handshake's next step; 1 where it is complete."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    connection.ask_step += 1
    if connection.ask_step >= client.round_trips:
        connection.asking = ASK_NOTHING
        return 1
    deadline = connection.ask_deadline
    if client.connect_covers == 0:
        deadline = NEVER
        if client.handshake_timeout > 0:
            deadline = fires_at(now + client.handshake_timeout, client.timer_tick)
    _ask(w, c, deadline, now)
    return 0


@rule
def send_heartbeat(w: World, c: int, now: int) -> None:
    """Send OPTIONS on a connection that asks nothing at the moment, or has asked but had to wait
    for a stream id: then its deadline stays."""
    connection = w.connections[c]
    client = w.clients[w.sessions[w.pools[connection.pool].session].client]
    deadline = NEVER
    if connection.asking == ASK_HEARTBEAT:
        deadline = connection.ask_deadline
    elif client.heartbeat_timeout > 0:
        deadline = fires_at(now + client.heartbeat_timeout, client.timer_tick)
    connection.asking = ASK_HEARTBEAT
    _ask(w, c, deadline, now)


@rule
def _ask(w: World, c: int, deadline: int, now: int) -> None:
    connection = w.connections[c]
    connection.ask_deadline = deadline
    connection.ask_waiting = 0
    connection.ask_refused = 0
    connection.asked_at = now
    is_data = connection.asking != ASK_HANDSHAKE or connection.ask_step > TCP
    if is_data and connection.wire >= WIRE_CLOSING:
        write_in_vain(w, c, now)
    connection.holds += 1
    at = now + w.pools[connection.pool].delay
    w.schedule(at, ASK_AT_NODE, connection.serial, c)


@handles(ASK_AT_NODE)
def reach_node(w: World, c: int, now: int) -> None:
    """A message reaches the node, which answers, waits, refuses or is silent."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.asking == ASK_NOTHING:
        drop_connection(w, c)
        return
    pool = w.pools[connection.pool]
    node = w.nodes[pool.node]
    tcp = connection.asking == ASK_HANDSHAKE and connection.ask_step == TCP
    if not tcp and connection.wire == WIRE_CLOSING:
        return  # the close of the connection is under way to the client
    if tcp and (node.state == NODE_DOWN or node.refuses == 1):
        connection.ask_refused = 1
        connection.answer_at = now + pool.delay
    elif not tcp and (node.state != NODE_RUNNING or connection.wire == WIRE_CUT):
        if node.state == NODE_PAUSED and connection.wire != WIRE_CUT:
            connection.ask_waiting = 1
        connection.answer_at = NEVER
    else:
        answered = now
        if tcp and node.accept_interval > 0:
            if node.accept_at > now:
                answered = node.accept_at
            node.accept_at = answered + node.accept_interval
        connection.answer_at = answered + pool.delay
    if connection.answer_at > connection.ask_deadline:
        _wait_in_vain(w, c, now)
    elif connection.answer_at < NEVER:
        connection.holds += 1
        w.schedule(connection.answer_at, ANSWER, connection.serial, c)


@rule
def _wait_in_vain(w: World, c: int, now: int) -> None:
    """There is no answer in time: the message times out."""
    connection = w.connections[c]
    connection.answer_at = NEVER
    if connection.ask_deadline < NEVER:
        if connection.ask_deadline < now:
            connection.ask_deadline = now
        connection.holds += 1
        w.schedule(connection.ask_deadline, ASK_TIMEOUT, connection.serial, c)


@rule
def answered_now(w: World, c: int, now: int) -> int:
    """Whether the answer that the agenda brings is one that the connection waits for."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.asking == ASK_NOTHING or connection.answer_at != now:
        drop_connection(w, c)
        return 0
    connection.answer_at = -1
    if connection.wire == WIRE_CUT:
        # A middlebox forgot the connection while the answer was on its way.
        _wait_in_vain(w, c, now)
        return 0
    return 1


@rule
def timed_out_now(w: World, c: int, now: int) -> int:
    """Whether the message that the agenda declares late is still unanswered."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.asking == ASK_NOTHING or connection.ask_deadline != now:
        drop_connection(w, c)
        return 0
    return 1
