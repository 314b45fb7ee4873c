"""From an admitted request to the network (002:66-72, 94-103, 405-410, 479-487, 506-513).

The connection's I/O thread allocates the stream id, encodes the frame (less work for a prepared
statement) and copies it into the write buffer (no work with zero copy), then flushes the buffer
with one system call. Without coalescing each request is flushed by itself. With it the buffer is
flushed when a batch is complete, when the batch's delay since its first request is over, or when
the buffer is full, whichever comes first.

The instance's network interface sends a frame in size / bandwidth, one after the other. Without
TCP_NODELAY (002:100) the kernel may hold a request back before it leaves (connection/nagle.py).
"""

from __future__ import annotations

from poolsim.model.cluster.nodes import receive
from poolsim.model.connection.nagle import send_small
from poolsim.model.connection.timers import fires_at
from poolsim.model.drivers.generic.streams import allocate
from poolsim.model.drivers.generic.threads import allocate_bytes, work
from poolsim.model.kinds import ATTEMPT_TIMEOUT, FLUSH
from poolsim.model.primitives import World
from poolsim.model.records import IN_FLIGHT
from poolsim.model.rule import rule

BITS = 8
SECOND = 1_000_000_000


@rule
def send(w: World, c: int, a: int, now: int) -> None:
    """Send an attempt on a connection that can allocate a stream id."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    attempt = w.attempts[a]
    request = w.requests[attempt.request]
    client = w.clients[request.client]
    attempt.connection = c
    attempt.stream = allocate(w, c, a)
    attempt.state = IN_FLIGHT
    attempt.granted_at = now
    attempt.progress = 0
    connection.in_flight += 1
    pool.in_flight += 1
    w.run.stream_area -= now
    attempt.remaining = w.draw(client.service, request.number, request.sends)
    request.sends += 1
    pool.sent += 1
    if client.gc_after > 0:
        allocate_bytes(w, pool.session, client.request_allocation, now)
    if client.timeout > 0:
        attempt.deadline = now + client.timeout
        if client.timer_at < 0:
            client.timer_at = fires_at(attempt.deadline, client.timer_tick)
            w.schedule(client.timer_at, ATTEMPT_TIMEOUT, request.client, request.client)
    if client.batch_delay == 0:
        pool.syscalls += 1
        written = work(w, p, connection.thread, client.prepare_cost + client.syscall_cost, now)
        _depart(w, c, a, written, now)
        return
    attempt.sent_at = work(w, p, connection.thread, client.prepare_cost, now)
    _put_into_buffer(w, c, a)
    if _is_complete(w, c):
        flush(w, c, now)
    elif connection.flush_at < 0:
        connection.flush_at = now + client.batch_delay
        connection.holds += 1
        w.schedule(connection.flush_at, FLUSH, connection.serial, c)


@rule
def _put_into_buffer(w: World, c: int, a: int) -> None:
    connection = w.connections[c]
    attempt = w.attempts[a]
    attempt.kept = 1
    attempt.link = -1
    if connection.write_last < 0:
        connection.write_first = a
    else:
        w.attempts[connection.write_last].link = a
    connection.write_last = a
    connection.write_count += 1
    connection.write_bytes += w.clients[w.sessions[attempt.session].client].request_size


@rule
def _is_complete(w: World, c: int) -> bool:
    """Whether a batch has all its requests, or the buffer has no room for one more."""
    connection = w.connections[c]
    client = w.clients[w.sessions[w.pools[connection.pool].session].client]
    complete: bool = connection.write_count == client.batch_requests
    return complete or connection.write_bytes + client.request_size > client.write_buffer


@rule
def flush(w: World, c: int, now: int) -> None:
    """Write the whole buffer with one system call."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    connection.flush_at = -1
    pool.syscalls += 1
    written = work(w, p, connection.thread, client.syscall_cost, now)
    a = connection.write_first
    connection.write_first = -1
    connection.write_last = -1
    connection.write_count = 0
    connection.write_bytes = 0
    while a >= 0:
        after = w.attempts[a].link
        w.attempts[a].kept = 0
        _depart(w, c, a, written, now)
        a = after


@rule
def _depart(w: World, c: int, a: int, written: int, now: int) -> None:
    """A frame that will be written goes through the instance's network interface to the node."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    session = w.sessions[pool.session]
    client = w.clients[session.client]
    departs = written
    if client.bandwidth > 0:
        if session.out_free_at > written:
            departs = session.out_free_at
        departs += client.request_size * BITS * SECOND // client.bandwidth
        session.out_free_at = departs
    w.attempts[a].sent_at = departs
    if client.nagle == 1:
        send_small(w, c, a, now)
    else:
        receive(w, pool.node, a, departs)


@rule
def flush_due(w: World, c: int, now: int) -> None:
    """A batch's delay is over, unless the batch was complete before."""
    if w.connections[c].flush_at == now and w.connections[c].write_count > 0:
        flush(w, c, now)


@rule
def empty_buffer(w: World, c: int) -> None:
    """The connection is gone, and what was in its write buffer with it."""
    connection = w.connections[c]
    a = connection.write_first
    while a >= 0:
        w.attempts[a].kept = 0
        a = w.attempts[a].link
    connection.write_first = -1
    connection.write_last = -1
    connection.write_count = 0
    connection.write_bytes = 0
    connection.flush_at = -1
