"""Whether a connection sends a request, lets it wait or rejects it (002:151-162, 302-328).

In flight on a connection is what it has sent and is not answered yet (requests that timed out
included: their streams are taken) together with what waits for it. A request

* is rejected with BusyConnection where max_requests are in flight;
* is queued, or rejected if the policy says so, from the instant at which a request reaches the high
  watermark until what was sent has fallen to the low one, however few are in flight in between;
* is queued where others wait already, or where the connection cannot send at the moment: no stream
  id is to be had, or it does not pipeline and is not answered yet (002:281-298);
* is sent otherwise.

A share of max_requests is not rounded: with 1,024 and 80 %, the 820th that is sent reaches it, the
next one waits, even if one was answered meanwhile, and is sent, with all others that wait, when 512
are left. What waits is sent in order of its coming, up to the high watermark; reaching it so begins
the next wait for the low one. A high watermark of 100 % is none: at the maximum all is rejected,
and the next request may follow as soon as one was answered.

The diagram compares with the high watermark only (002:314); the note (002:162) says until when. It
lets requests go on below the low watermark, this driver does at it, where 50 % of 1,024 are whole.

A connection without room, or above the watermark with policy reject, may be one of several. The
request has been given this one, and is not given another (selection.py).

A request waits for queue_timeout at most (the document has no such time), and gives its place up.
"""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.waiting import append_waiting, take_waiting
from poolsim.model.drivers.generic.fields import MILLIONTHS
from poolsim.model.drivers.generic.streams import has_stream
from poolsim.model.drivers.generic.writing import send
from poolsim.model.kinds import (
    BUSY_CONNECTION,
    BUSY_TIMED_OUT,
    HIGH_WATERMARK,
    LOW_WATERMARK,
    QUEUE_FULL,
    QUEUE_TIMEOUT,
)
from poolsim.model.primitives import World
from poolsim.model.records import FAILED, STEP_FAILED, WAITING
from poolsim.model.rule import rule

SEND = 0
WAIT = 1
REJECT = 2


@rule
def admit(w: World, c: int, now: int) -> int:
    """What a connection does with one more request: SEND, WAIT or REJECT."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    most = w.options[pool.options].max_requests
    load = connection.in_flight + connection.queued
    if load >= most:
        if connection.full == 0:
            connection.full = 1
            w.note(now, QUEUE_FULL, pool.session, pool.node, connection.serial, load)
        return REJECT
    press_at_high(w, c, load, now)
    if connection.pressed == 1:
        return REJECT if client.rejects == 1 else WAIT
    if connection.queued > 0 or not can_send(w, c):
        return WAIT
    return SEND


@rule
def can_send(w: World, c: int) -> bool:
    """Whether the connection can send anything at all at the moment."""
    connection = w.connections[c]
    client = w.clients[w.sessions[w.pools[connection.pool].session].client]
    if client.pipelining == 0 and connection.in_flight > 0:
        return False
    return has_stream(w, c)


@rule
def takes_no_more(w: World, c: int) -> bool:
    """Whether a connection is at its maximum: it rejects whatever comes."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    full: bool = connection.in_flight + connection.queued >= w.options[pool.options].max_requests
    rejects: bool = w.clients[w.sessions[pool.session].client].rejects == 1
    return full or (rejects and connection.pressed == 1)


@rule
def admitted(w: World, c: int, now: int) -> None:
    """A request has been sent on the connection, or waits for it."""
    connection = w.connections[c]
    press_at_high(w, c, connection.in_flight + connection.queued, now)


@rule
def press_at_high(w: World, c: int, reached: int, now: int) -> None:
    """Backpressure begins where so many requests have reached the high watermark."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    high = w.clients[w.sessions[pool.session].client].high_watermark
    if connection.pressed == 1 or high >= MILLIONTHS:
        return
    if reached * MILLIONTHS >= w.options[pool.options].max_requests * high:
        connection.pressed = 1
        load = connection.in_flight + connection.queued
        w.note(now, HIGH_WATERMARK, pool.session, pool.node, connection.serial, load)


@rule
def answered(w: World, c: int, now: int) -> None:
    """What was sent on the connection has become one less; its stream id is free."""
    connection = w.connections[c]
    connection.in_flight -= 1
    w.pools[connection.pool].in_flight -= 1
    room_again(w, c, now)
    stream_freed(w, c, now)


@rule
def stream_freed(w: World, c: int, now: int) -> None:
    """A stream id of the connection is free again: of a request, or of a heartbeat."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    most = w.options[pool.options].max_requests
    sent = connection.in_flight
    if connection.pressed == 1 and sent * MILLIONTHS <= most * client.low_watermark:
        connection.pressed = 0
        w.note(now, LOW_WATERMARK, pool.session, pool.node, connection.serial, sent)
    if connection.queued > 0:
        send_waiting(w, c, now)


@rule
def room_again(w: World, c: int, now: int) -> None:
    """One less is in flight on the connection, sent or queued."""
    connection = w.connections[c]
    load = connection.in_flight + connection.queued
    if load < w.options[w.pools[connection.pool].options].max_requests:
        connection.full = 0
    if load == 0:
        connection.quiet_since = now


# The queue ----------------------------------------------------------------------------------------


@rule
def wait(w: World, p: int, a: int, c: int, now: int) -> None:
    """Let an attempt wait for a connection; -1: for the first one that the pool will have."""
    pool = w.pools[p]
    attempt = w.attempts[a]
    attempt.state = WAITING
    attempt.holds += 1
    attempt.connection = c
    attempt.queued_at = now
    append_waiting(w, p, a)
    pool.pending += 1
    if c >= 0:
        w.connections[c].queued += 1
    w.run.queue_area -= now
    timeout = w.options[pool.options].pool_timeout
    attempt.queue_deadline = now + timeout
    if timeout > 0 and pool.queue_timer < 0:
        pool.queue_timer = attempt.queue_deadline
        w.schedule(pool.queue_timer, QUEUE_TIMEOUT, p, p)


@rule
def leave_queue(w: World, p: int, before: int, a: int, now: int) -> None:
    """Take an attempt out of the queue; `before` is the one before it, -1 for the first."""
    pool = w.pools[p]
    attempt = w.attempts[a]
    take_waiting(w, p, before, a)
    attempt.holds -= 1
    pool.pending -= 1
    if attempt.connection >= 0:
        w.connections[attempt.connection].queued -= 1
    w.run.queue_area += now


@rule
def send_from_queue(w: World, c: int, before: int, a: int, now: int) -> None:
    """Send an attempt that has waited, on a connection that can."""
    attempt = w.attempts[a]
    leave_queue(w, w.connections[c].pool, before, a, now)
    waited = now - attempt.queued_at
    w.requests[attempt.request].wait += waited
    w.run.queue_sum += waited
    send(w, c, a, now)


@rule
def fail_from_queue(w: World, p: int, before: int, a: int, error: int, now: int) -> None:
    """An attempt has waited in vain."""
    leave_queue(w, p, before, a, now)
    attempt = w.attempts[a]
    attempt.connection = -1
    attempt.state = FAILED
    attempt.error = error
    if error in (BUSY_CONNECTION, BUSY_TIMED_OUT):
        w.pools[p].rejected += 1
    make_ready(w, a, STEP_FAILED)


@rule
def send_waiting(w: World, c: int, now: int) -> None:
    """Send what waits for a connection, in order, as far as it may."""
    connection = w.connections[c]
    p = connection.pool
    before = -1
    a = w.pools[p].queue_first
    press_at_high(w, c, connection.in_flight, now)
    while connection.pressed == 0 and connection.queued > 0 and a >= 0 and can_send(w, c):
        after = w.attempts[a].next
        if w.attempts[a].connection == c:
            send_from_queue(w, c, before, a, now)
            press_at_high(w, c, connection.in_flight, now)
        else:
            before = a
        a = after


@rule
def queue_timeout(w: World, p: int, now: int) -> None:
    """Those that have waited for the queue's timeout give up their places. All wait equally long,
    so they are the first of the queue."""
    pool = w.pools[p]
    if pool.queue_timer != now:
        return
    pool.queue_timer = -1
    while pool.queue_first >= 0:
        a = pool.queue_first
        deadline = w.attempts[a].queue_deadline
        if deadline > now:
            pool.queue_timer = deadline
            w.schedule(deadline, QUEUE_TIMEOUT, p, p)
            return
        c = w.attempts[a].connection
        fail_from_queue(w, p, -1, a, BUSY_TIMED_OUT, now)
        if c >= 0:
            room_again(w, c, now)
