"""From the network to the application (002:73-79, 260-279, 330-344, 396-403).

A response comes through the instance's network interface in size / bandwidth, one after the other.
The connection's I/O thread reads what is there with one system call (002:486), copies and decodes
it, releases the stream id and completes the request (002:266-278). A response that comes while the
thread has yet to begin a read of the same connection is read with it.

A response that is an error (002:275) takes the same way and ends the request with that error: the
document tries nothing again for it. The connection is as good as before.

The request has ended when its callback begins. In the event loop that is at once, and the callback
keeps the thread from everything else. Otherwise the callback waits for a callback thread, and until
then its response lies in the connection's read buffer, which expands for a frame that is larger
than itself (002:402). When more lie in it than it holds, processing is too slow (002:344), and

* buffer: it grows (002:334);
* pause: nothing more is read from the socket until the buffer is half empty (002:335; half is an
  assumption); what is there then is read one after the other;
* drop: the connection is closed (002:336).

The kernel's own buffers have room for whatever comes; the answers to heartbeats are read in any
case.
"""

from __future__ import annotations

from poolsim.model.connection.nagle import acknowledge
from poolsim.model.connection.ready import make_ready
from poolsim.model.drivers.generic.admission import answered
from poolsim.model.drivers.generic.closing import lost
from poolsim.model.drivers.generic.fields import DROP_CONNECTION, PAUSE_READING
from poolsim.model.drivers.generic.streams import release
from poolsim.model.drivers.generic.threads import (
    allocate_bytes,
    callback_thread,
    done_at,
    work,
)
from poolsim.model.drivers.generic.writing import BITS, SECOND
from poolsim.model.kinds import OVERLOADED, READ_BUFFER_DRAINED, READ_BUFFER_FULL, RESPONSE_STEP
from poolsim.model.primitives import World
from poolsim.model.records import (
    IN_FLIGHT,
    OPEN,
    ORPHANED,
    READ,
    STEP_DELIVER,
    WIRE_CUT,
    WIRE_GARBLED,
    WIRE_OVERLOADED,
)
from poolsim.model.rule import rule
from poolsim.model.slots import drop_attempt, finish_attempt

ON_THE_WAY = 0  # values of Attempt.progress
RECEIVED = 1
BEING_READ = 2


@rule
def response_step(w: World, a: int, now: int) -> None:
    """A response has come to its next step within the client."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    if attempt.due != now:
        drop_attempt(w, a)
        return
    attempt.due = -1
    state = attempt.state
    if state == READ:
        _take(w, a, now)
    elif state != IN_FLIGHT and state != ORPHANED:
        drop_attempt(w, a)  # its connection has gone
    elif attempt.progress == BEING_READ:
        _was_read(w, a, now)
    else:
        if attempt.progress == ON_THE_WAY:
            if w.connections[attempt.connection].wire == WIRE_CUT:
                return  # it does not arrive
            attempt.progress = RECEIVED
            if w.clients[w.sessions[attempt.session].client].bandwidth > 0:
                _receive(w, a, now)
                return
        _reach_socket(w, a, now)


@rule
def _later(w: World, a: int, at: int) -> None:
    attempt = w.attempts[a]
    attempt.due = at
    attempt.holds += 1
    w.schedule(at, RESPONSE_STEP, attempt.order, a)


@rule
def _receive(w: World, a: int, now: int) -> None:
    """The response takes its time through the network interface, after those before it."""
    session = w.sessions[w.attempts[a].session]
    client = w.clients[session.client]
    received = now
    if session.in_free_at > now:
        received = session.in_free_at
    received += client.response_size * BITS * SECOND // client.bandwidth
    session.in_free_at = received
    _later(w, a, received)


@rule
def _reach_socket(w: World, a: int, now: int) -> None:
    c = w.attempts[a].connection
    connection = w.connections[c]
    if connection.unacknowledged >= 0:
        acknowledge(w, connection, now)
    if connection.paused == 0 and connection.unread_first < 0 and connection.unread_next < 0:
        _read(w, a, now)
        return
    attempt = w.attempts[a]
    attempt.kept = 1
    attempt.link = -1
    if connection.unread_last < 0:
        connection.unread_first = a
    else:
        w.attempts[connection.unread_last].link = a
    connection.unread_last = a


@rule
def _read(w: World, a: int, now: int) -> None:
    """The I/O thread reads and decodes a response, and runs its callback where nobody else does."""
    attempt = w.attempts[a]
    connection = w.connections[attempt.connection]
    client = w.clients[w.sessions[attempt.session].client]
    cost = client.decode_cost
    if now > connection.read_begins:
        connection.read_begins = now
        if w.threads[connection.thread].free_at > now:
            connection.read_begins = w.threads[connection.thread].free_at
        cost += client.syscall_cost
        w.pools[connection.pool].syscalls += 1
    read_at = work(w, connection.pool, connection.thread, cost, now)
    attempt.progress = BEING_READ
    if client.callback_threads == 0 and client.callback_cost > 0 and attempt.state == IN_FLIGHT:
        work(w, connection.pool, connection.thread, client.callback_cost, now)
    _later(w, a, read_at)


@rule
def _read_next(w: World, c: int, now: int) -> None:
    """Read the next response that is in the socket, unless reading is paused."""
    connection = w.connections[c]
    a = connection.unread_first
    if a < 0 or connection.paused == 1 or connection.unread_next >= 0:
        return
    attempt = w.attempts[a]
    connection.unread_first = attempt.link
    if connection.unread_first < 0:
        connection.unread_last = -1
    attempt.kept = 0
    connection.unread_next = a
    _read(w, a, now)


@rule
def _was_read(w: World, a: int, now: int) -> None:
    """A response is decoded: its stream id is free, its request is completed. If it cannot be, the
    connection is closed, and the request fails like all others on it."""
    attempt = w.attempts[a]
    c = attempt.connection
    connection = w.connections[c]
    if connection.unread_next == a:
        connection.unread_next = -1
    if connection.wire == WIRE_GARBLED:
        lost(w, c, now)
        return
    connection.last_read = now
    client = w.clients[w.sessions[attempt.session].client]
    if client.gc_after > 0:
        allocate_bytes(w, attempt.session, client.response_allocation, now)
    release(w, c, attempt.stream)
    attempt.stream = -1
    if attempt.state == ORPHANED:
        connection.orphans -= 1
        w.pools[connection.pool].orphans -= 1
        answered(w, c, now)
        finish_attempt(w, a)
        _read_next(w, c, now)
        return
    w.run.stream_area += now
    w.run.stream_sum += now - attempt.granted_at
    attempt.state = READ
    if connection.wire == WIRE_OVERLOADED:
        attempt.error = OVERLOADED
    answered(w, c, now)
    _call_back(w, a, now)
    _read_next(w, c, now)


@rule
def _call_back(w: World, a: int, now: int) -> None:
    """The result goes to its callback, or waits for a thread to run it."""
    attempt = w.attempts[a]
    client = w.clients[w.sessions[attempt.session].client]
    if client.callback_cost == 0 or client.callback_threads == 0:
        make_ready(w, a, STEP_DELIVER)
        return
    thread = w.threads[callback_thread(w, attempt.session)]
    begins = now
    if thread.free_at > now:
        begins = thread.free_at
    begins = done_at(w, attempt.session, begins, 0)
    thread.free_at = done_at(w, attempt.session, begins, client.callback_cost)
    w.pools[attempt.pool].busy += client.callback_cost
    if begins == now:
        make_ready(w, a, STEP_DELIVER)
        return
    _later(w, a, begins)
    c = attempt.connection
    connection = w.connections[c]
    attempt.serial = connection.serial
    w.pools[attempt.pool].buffered += 1
    connection.read_bytes += client.response_size
    holds = max(client.read_buffer, client.response_size)
    if connection.read_bytes > holds and connection.read_full == 0:
        _buffer_full(w, c, now)


@rule
def _buffer_full(w: World, c: int, now: int) -> None:
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.read_full = 1
    w.note(now, READ_BUFFER_FULL, pool.session, pool.node, connection.serial, connection.read_bytes)
    responses = w.clients[w.sessions[pool.session].client].responses
    if responses == PAUSE_READING:
        connection.paused = 1
    elif responses == DROP_CONNECTION:
        lost(w, c, now)


@rule
def _take(w: World, a: int, now: int) -> None:
    """A callback thread takes a result out of the read buffer."""
    attempt = w.attempts[a]
    client = w.clients[w.sessions[attempt.session].client]
    c = attempt.connection
    connection = w.connections[c]
    pool = w.pools[attempt.pool]
    pool.buffered -= 1
    make_ready(w, a, STEP_DELIVER)
    if connection.serial != attempt.serial or connection.state != OPEN:
        return  # the connection has gone
    connection.read_bytes -= client.response_size
    if connection.read_full == 1 and 2 * connection.read_bytes <= client.read_buffer:
        connection.read_full = 0
        connection.paused = 0
        w.note(
            now,
            READ_BUFFER_DRAINED,
            pool.session,
            pool.node,
            connection.serial,
            connection.read_bytes,
        )
        _read_next(w, c, now)
