"""A request's life: due, admitted, issued, tried on hosts, ended.

due -> the application's own limit -> the issuing thread -> the query plan: borrow from the next
host's pool, write, wait for the response; a failed attempt goes to the next host or ends the
request, as the driver's retry policy says. Latency counts from the instant at which the request
was due. `settle` takes up, in order, what the rules of an event left on the ready list.
"""

from __future__ import annotations

from poolsim.model.client.issuing import leave_limit
from poolsim.model.client.loops import after_request
from poolsim.model.cluster.nodes import leave, receive
from poolsim.model.connection.ready import take_ready
from poolsim.model.connection.streams import free_stream, take_stream
from poolsim.model.connection.timers import (
    arm,
    fires_at,
    time_attempt,
    time_request,
    untime_attempt,
    untime_request,
)
from poolsim.model.drivers.ports import (
    borrow,
    give_back,
    give_back_unused,
    late_response,
    timed_out,
)
from poolsim.model.kinds import (
    CLIENT_TIMEOUT,
    CONNECTION_ERROR,
    LOST,
    NO_HOST_AVAILABLE,
    NO_STREAM,
    OK,
    REQUEST_TIMEOUT,
    RESPONSE,
    RESPONSE_READ,
    TIMED_OUT,
)
from poolsim.model.policies.balancing import next_host
from poolsim.model.policies.retry import goes_to_next_host
from poolsim.model.primitives import World, draw, record_request, schedule
from poolsim.model.records import (
    DONE,
    GRANTED,
    IDLE,
    IN_FLIGHT,
    ORPHANED,
    QUEUED,
    SKIPPED,
    STEP_SEND,
    STEP_START,
)
from poolsim.model.rule import handles, rule
from poolsim.model.slots import (
    ATTEMPT_BITS,
    drop_attempt,
    finish_attempt,
    free_request,
    new_attempt,
)

KEPT_ERRORS = 6
ERROR_BITS = 4
HOST_BITS = 10
"""How a request's errors are packed (recording/columns.py)."""


@rule
def settle(w: World, now: int) -> None:
    """Take up, in order, every attempt that the rules of this event left for its next step."""
    a = take_ready(w)
    while a >= 0:
        attempt = w.attempts[a]
        if attempt.step == STEP_SEND:
            r = attempt.request
            waited = now - attempt.queued_at
            w.requests[r].wait += waited
            w.run.queue_sum += waited
            if not _write(w, a, now):
                _try_hosts(w, r, a, now)
        elif attempt.step == STEP_START:
            _enter(w, attempt.request, a, now)
        else:
            _failed(w, a, now)
        a = take_ready(w)


@rule
def _enter(w: World, r: int, a: int, now: int) -> None:
    """The request enters the driver."""
    request = w.requests[r]
    request.issued = now
    client = w.clients[request.client]
    if client.timeout_covers == 1 and client.timeout > 0:
        time_request(w, r, now + client.timeout)
    _try_hosts(w, r, a, now)


@rule
def _try_hosts(w: World, r: int, a: int, now: int) -> None:
    """Go on along the query plan until a host takes the attempt or lets it wait."""
    request = w.requests[r]
    attempt = w.attempts[a]
    request.attempt = a
    while True:
        p = next_host(w, r)
        if p < 0:
            finish_attempt(w, a)
            _end(w, r, NO_HOST_AVAILABLE, 0, now)
            return
        attempt.pool = p
        attempt.order = (request.serial << ATTEMPT_BITS) | request.attempts
        answer = borrow(w, p, a, now)
        if answer == SKIPPED:
            continue
        request.attempts += 1
        request.node = w.pools[p].node
        if answer == GRANTED:
            if _write(w, a, now):
                return
        elif answer == QUEUED:
            return
        else:
            _keep_error(w, r, request.node, answer)


@rule
def _keep_error(w: World, r: int, n: int, error: int) -> None:
    """Remember what a host answered, for NoHostAvailable; the first six are kept."""
    request = w.requests[r]
    if request.error_count < KEPT_ERRORS:
        request.error_kinds |= error << (ERROR_BITS * request.error_count)
        request.error_hosts |= (n + 1) << (HOST_BITS * request.error_count)
    request.error_count += 1


@rule
def _write(w: World, a: int, now: int) -> bool:
    """Write an attempt on the connection it was granted; False where that cannot be."""
    attempt = w.attempts[a]
    r = attempt.request
    request = w.requests[r]
    pool = w.pools[attempt.pool]
    c = attempt.connection
    connection = w.connections[c]
    error = LOST
    stream = -1
    if connection.defunct == 0:
        stream = take_stream(w, c, a)
        error = NO_STREAM
    if stream < 0:
        attempt.state = IDLE
        give_back_unused(w, a, now)
        _keep_error(w, r, pool.node, error)
        return False
    attempt.stream = stream
    attempt.state = IN_FLIGHT
    attempt.service = request.service_draw
    client = w.clients[request.client]
    if request.sends > 0:
        attempt.service = draw(w, client.service, request.number, request.sends)
    request.sends += 1
    pool.sent += 1
    written = now
    if client.write_cost > 0:
        thread = w.threads[connection.thread]
        if thread.free_at > now:
            written = thread.free_at
        written += client.write_cost
        thread.free_at = written
    attempt.sent_at = written
    if client.timeout > 0 and client.timeout_covers == 0:
        time_attempt(w, a, now + client.timeout)
    receive(w, pool.node, a, written)
    return True


@handles(RESPONSE_READ)
def read(w: World, a: int, now: int) -> None:
    """A response reaches the I/O thread of its connection, which reads it in its turn."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    if attempt.due != now or attempt.state == DONE:
        drop_attempt(w, a)
        return
    thread = w.threads[w.connections[attempt.connection].thread]
    delivered = now
    if thread.free_at > now:
        delivered = thread.free_at
    delivered += w.clients[w.sessions[attempt.session].client].read_cost
    thread.free_at = delivered
    attempt.due = delivered
    attempt.holds += 1
    schedule(w, delivered, RESPONSE, attempt.order, a)


@handles(RESPONSE)
def response(w: World, a: int, now: int) -> None:
    """A response is delivered: of a request in flight, of an orphan, or of nobody."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    if attempt.due != now:
        drop_attempt(w, a)
        return
    attempt.due = -1
    if attempt.at_node == 1:
        leave(w, a)
    state = attempt.state
    if state == IN_FLIGHT:
        c = attempt.connection
        free_stream(w, c, attempt.stream)
        w.connections[c].last_read = now
        if attempt.in_timer == 1:
            untime_attempt(w, a)
        w.run.stream_sum += now - attempt.granted_at
        give_back(w, a, now)
        r = attempt.request
        service = now - attempt.sent_at
        finish_attempt(w, a)
        _end(w, r, OK, service, now)
    elif state == ORPHANED:
        c = attempt.connection
        free_stream(w, c, attempt.stream)
        w.connections[c].last_read = now
        late_response(w, a, now)
        finish_attempt(w, a)
    else:
        drop_attempt(w, a)


@rule
def _failed(w: World, a: int, now: int) -> None:
    """A host failed an attempt: while it waited there, or in flight on a connection that broke."""
    attempt = w.attempts[a]
    r = attempt.request
    request = w.requests[r]
    error = attempt.error
    _keep_error(w, r, w.pools[attempt.pool].node, error)
    if error != LOST:
        waited = now - attempt.queued_at
        request.wait += waited
        w.run.queue_sum += waited
        attempt.state = IDLE
        _try_hosts(w, r, a, now)
        return
    untime_attempt(w, a)
    w.run.stream_sum += now - attempt.granted_at
    service = now - attempt.sent_at
    finish_attempt(w, a)
    if goes_to_next_host(w.clients[request.client].retry, error, request.idempotent) == 1:
        _try_another(w, r, now)
    else:
        _end(w, r, CONNECTION_ERROR, service, now)


@rule
def _try_another(w: World, r: int, now: int) -> None:
    """Go on along the plan with a new attempt."""
    a = new_attempt(w)
    attempt = w.attempts[a]
    attempt.request = r
    attempt.session = w.requests[r].session
    _try_hosts(w, r, a, now)


@handles(REQUEST_TIMEOUT)
def time_out(w: World, s: int, now: int) -> None:
    """The session's timer: every attempt or request whose deadline has passed times out."""
    session = w.sessions[s]
    client = w.clients[session.client]
    session.timer_at = -1
    x = session.timer_first
    while x >= 0:
        if client.timeout_covers == 0:
            deadline = w.attempts[x].deadline
        else:
            deadline = w.requests[x].deadline
        if fires_at(deadline, client.timer_tick) > now:
            if session.timer_at < 0:
                arm(w, s, deadline)
            return
        if client.timeout_covers == 0:
            untime_attempt(w, x)
            _attempt_timed_out(w, x, now)
        else:
            untime_request(w, x)
            _request_timed_out(w, x, now)
        x = session.timer_first


@rule
def _attempt_timed_out(w: World, a: int, now: int) -> None:
    r = w.attempts[a].request
    request = w.requests[r]
    service = _orphan(w, a, now)
    if goes_to_next_host(w.clients[request.client].retry, TIMED_OUT, request.idempotent) == 1:
        _try_another(w, r, now)
    else:
        _end(w, r, CLIENT_TIMEOUT, service, now)


@rule
def _orphan(w: World, a: int, now: int) -> int:
    """A written attempt is given up; its stream stays taken until its response comes."""
    attempt = w.attempts[a]
    _keep_error(w, attempt.request, w.pools[attempt.pool].node, TIMED_OUT)
    attempt.request = -1
    w.run.stream_sum += now - attempt.granted_at
    timed_out(w, a, now)
    service: int = now - attempt.sent_at
    return service


@rule
def _request_timed_out(w: World, r: int, now: int) -> None:
    """The driver's timeout of the whole request: final, wherever the request is."""
    a = w.requests[r].attempt
    service = 0
    if w.attempts[a].state == IN_FLIGHT:
        service = _orphan(w, a, now)
        _end(w, r, CLIENT_TIMEOUT, service, now)


@rule
def _end(w: World, r: int, outcome: int, service: int, now: int) -> None:
    """The request ends, once and for all."""
    request = w.requests[r]
    run = w.run
    run.requests_ended += 1
    run.system_count -= 1
    run.system_area += now
    run.system_sum += now - request.intended
    if request.in_timer == 1:
        untime_request(w, r)
    record_request(
        w,
        request.number,
        request.session,
        request.node,
        outcome,
        request.attempts,
        request.intended,
        request.issued,
        request.wait,
        service,
        now,
        request.error_kinds,
        request.error_hosts,
    )
    s = request.session
    k = request.client
    number = request.number
    free_request(w, r)
    leave_limit(w, s, now)
    after_request(w, k, s, number, outcome, now)
