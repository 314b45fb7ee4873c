"""A request's life: due, admitted, issued, tried on hosts, ended.

due -> the application's own limit -> the issuing thread -> the query plan: borrow from the next
host's pool, write, wait for the response; a failed attempt goes to the next host or ends the
request, as the driver's retry policy says. Latency counts from the instant at which the request
was due. `settle` takes up, in order, what the rules of an event left on the ready list.
"""

from __future__ import annotations

from poolsim.model.client.issuing import (
    ISSUER_BLOCKED,
    block_issuer,
    create,
    issue_later,
    leave_limit,
    unblock_issuer,
)
from poolsim.model.client.loops import after_request
from poolsim.model.cluster.nodes import receive
from poolsim.model.connection.executors import release_thread, submit_retry
from poolsim.model.connection.nagle import acknowledge, send_small
from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import free_stream, take_stream
from poolsim.model.connection.timers import (
    arm,
    fires_at,
    time_request,
    untime_request,
)
from poolsim.model.connection.wires import is_there
from poolsim.model.drivers.ports import (
    begins_anew,
    borrow,
    ends_look,
    give_back,
    holds_back,
    late_response,
    lost,
    puts_off,
    request_ended,
    timed_out,
    writes_along,
)
from poolsim.model.kinds import (
    ARRIVAL,
    ATTEMPT_DUE,
    ATTEMPT_TIMEOUT,
    BUSY,
    BUSY_CONNECTION,
    BUSY_TIMED_OUT,
    CLIENT_TIMEOUT,
    CONNECTION_ERROR,
    LOST,
    NO_ERROR,
    NO_HOST_AVAILABLE,
    NO_STREAM,
    OK,
    OVERLOADED,
    REQUEST_TIMEOUT,
    RESPONSE,
    RESPONSE_READ,
    SERVER_ERROR,
    TIMED_OUT,
    UNDECODABLE,
)
from poolsim.model.policies.balancing import next_host
from poolsim.model.policies.retry import goes_to_next_host
from poolsim.model.primitives import NEVER, World
from poolsim.model.records import (
    CALLER_ISSUER,
    CALLER_NONE,
    DONE,
    EXPIRED,
    GRANTED,
    IDLE,
    IN_FLIGHT,
    ORPHANED,
    QUEUED,
    SENT,
    SKIPPED,
    STEP_DELIVER,
    STEP_RETRY,
    STEP_SEND,
    STEP_START,
    WAITING,
    WIRE_CUT,
    WIRE_FINE,
    WIRE_GARBLED,
    WIRE_OVERLOADED,
)
from poolsim.model.rule import handles, rule
from poolsim.model.slots import (
    ATTEMPT_BITS,
    drop_attempt,
    finish_attempt,
    new_attempt,
)
from poolsim.model.sorting import sort_by_rank
from poolsim.model.wrappers.async_cassandra import check_ended
from poolsim.model.wrappers.looks import FIRST_CHECK

KEPT_ERRORS = 6
ERROR_BITS = 4
HOST_BITS = 10
"""How a request's errors are packed (recording/columns.py)."""


@rule
def settle(w: World, now: int) -> None:
    """Take up, in order, every attempt that the rules of this event left for its next step."""
    run = w.run
    while run.ready_first >= 0:
        a = run.ready_first
        attempt = w.attempts[a]
        run.ready_first = attempt.next
        if run.ready_first < 0:
            run.ready_last = -1
        if attempt.step == STEP_START:
            _enter(w, attempt.request, a, now)
        elif attempt.step == STEP_SEND:
            waited = now - attempt.queued_at
            w.requests[attempt.request].wait += waited
            run.queue_sum += waited
            if not _write(w, a, now):
                _go_on(w, a, now)
            elif attempt.caller != CALLER_NONE:
                _free_caller(w, a, now)
        elif attempt.step == STEP_RETRY:
            _go_on(w, a, now)
        elif attempt.step == STEP_DELIVER:
            _deliver(w, a, now)
        else:
            _failed(w, a, now)


@handles(ARRIVAL)
def arrive(w: World, k: int, now: int) -> None:
    """A request of an open load is due."""
    client = w.clients[k]
    s = client.first_session
    if client.instances > 1:
        if client.instance_of >= 0:
            s += w.draw(client.instance_of, client.next_number, 0)
        else:
            s += client.next_number % client.instances
    r = create(w, k, s, now, now)
    due = w.draw(client.arrivals, client.next_number, 0)
    if due < w.run.end:
        w.schedule(due, ARRIVAL, k, k)
    if r >= 0:
        _enter(w, r, w.requests[r].attempt, now)


@rule
def _enter(w: World, r: int, a: int, now: int) -> None:
    """The request enters the driver."""
    request = w.requests[r]
    client = w.clients[request.client]
    s = request.session
    if client.blocking == 1 and w.sessions[s].issue_scheduled >= ISSUER_BLOCKED:
        issue_later(w, r)
        return
    if holds_back(w, r, a, now) == 1:
        return
    request.issued = now
    if client.monitor_interval > 0:
        w.sessions[s].counted_sent += 1
    if client.timeout_covers == 1 and client.timeout > 0:
        time_request(w, r, now + client.timeout)
    if _try_hosts(w, r, a, now) and client.blocking == 1:
        w.attempts[a].caller = CALLER_ISSUER
        block_issuer(w, s)


@rule
def _go_on(w: World, a: int, now: int) -> None:
    """Go on along the plan; the thread that a borrow blocked stays blocked or is free."""
    attempt = w.attempts[a]
    s = attempt.session
    caller = attempt.caller
    attempt.caller = CALLER_NONE
    if _try_hosts(w, attempt.request, a, now):
        attempt.caller = caller
    elif caller != CALLER_NONE:
        _free_thread(w, s, caller, now)


@rule
def _free_caller(w: World, a: int, now: int) -> None:
    """The thread whose borrow brought this attempt its connection is free."""
    attempt = w.attempts[a]
    caller = attempt.caller
    attempt.caller = CALLER_NONE
    _free_thread(w, attempt.session, caller, now)


@rule
def _free_thread(w: World, s: int, caller: int, now: int) -> None:
    if caller == CALLER_ISSUER:
        unblock_issuer(w, s, now)
    else:
        release_thread(w, w.sessions[s].executor, now)


@rule
def _try_hosts(w: World, r: int, a: int, now: int) -> bool:
    """Go on along the query plan until a host takes the attempt or lets it wait; True if it
    waits."""
    request = w.requests[r]
    attempt = w.attempts[a]
    request.attempt = a
    while True:
        p = next_host(w, r)
        if p < 0:
            if begins_anew(w, r, a, now) == 1:
                return False
            finish_attempt(w, a)
            _end(w, r, NO_HOST_AVAILABLE, 0, now)
            return False
        attempt.pool = p
        attempt.order = (request.serial << ATTEMPT_BITS) | request.attempts
        answer = borrow(w, p, a, now)
        if answer == SKIPPED:
            continue
        request.attempts += 1
        request.node = w.pools[p].node
        if answer == GRANTED:
            if _write(w, a, now):
                return False
        elif answer == QUEUED:
            return True
        elif answer == SENT:
            return False
        else:
            _keep_error(w, r, request.node, answer)
            if answer == BUSY_CONNECTION and _busy_ends(w, r, a, now):
                return False


@rule
def _busy_ends(w: World, r: int, a: int, now: int) -> bool:
    """Whether a rejection with BusyConnection has ended the request."""
    if w.clients[w.requests[r].client].busy_ends == 0:
        return False
    finish_attempt(w, a)
    _end(w, r, BUSY, 0, now)
    return True


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
        give_back(w, a, 1, now)
        _keep_error(w, r, pool.node, error)
        return False
    attempt.stream = stream
    attempt.state = IN_FLIGHT
    client = w.clients[request.client]
    attempt.remaining = w.draw(client.service, request.number, request.sends)
    request.sends += 1
    pool.sent += 1
    written = now
    if client.write_cost > 0:
        thread = w.threads[connection.thread]
        if thread.free_at > now:
            written = thread.free_at
        if writes_along(w, a, now) == 0:
            written += client.write_cost
        thread.free_at = written
    attempt.sent_at = written
    if client.timeout > 0 and client.timeout_covers == 0:
        attempt.deadline = now + client.timeout
        if client.timeout_waits == 1:
            attempt.deadline = attempt.queued_at + client.timeout
        if client.timer_at < 0:
            client.timer_at = fires_at(attempt.deadline, client.timer_tick)
            w.schedule(client.timer_at, ATTEMPT_TIMEOUT, request.client, request.client)
    if client.nagle == 1:
        send_small(w, c, a, now)
    else:
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
    connection = w.connections[attempt.connection]
    if connection.unacknowledged >= 0:
        acknowledge(w, connection, now)
    thread = w.threads[connection.thread]
    delivered = now
    if thread.free_at > now:
        delivered = thread.free_at
    client = w.clients[w.sessions[attempt.session].client]
    delivered += client.read_cost
    if client.crosstalk > 0:
        delivered += client.crosstalk * _others_in_flight(w, attempt.session)
    thread.free_at = delivered
    attempt.due = delivered
    attempt.holds += 1
    w.schedule(delivered, RESPONSE, attempt.order, a)


@rule
def _others_in_flight(w: World, s: int) -> int:
    """Requests of a session that are in flight besides one."""
    nodes = w.run.nodes
    in_flight = -1
    for p in range(s * nodes, (s + 1) * nodes):
        in_flight += w.pools[p].in_flight
    if in_flight < 0:
        in_flight = 0  # its own timed out
    return in_flight


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
        attempt.at_node = 0  # its node knows the finish beforehand, or it left on its own
        attempt.holds -= 1
    state = attempt.state
    if state != DONE and w.connections[attempt.connection].unacknowledged >= 0:
        _acknowledge_unless_read(w, a, now)
    if state == IN_FLIGHT:
        c = attempt.connection
        if w.connections[c].wire != WIRE_FINE and _is_spoiled(w, a, now):
            return
        free_stream(w, c, attempt.stream)
        w.connections[c].last_read = now
        w.run.stream_sum += now - attempt.granted_at
        give_back(w, a, 0, now)
        r = attempt.request
        service = now - attempt.sent_at
        if attempt.holds == 0:
            attempt.state = IDLE
            attempt.next = w.run.free_attempt
            w.run.free_attempt = a
        else:
            attempt.state = DONE
        _end(w, r, OK, service, now)
    elif state == ORPHANED:
        c = attempt.connection
        if w.connections[c].wire != WIRE_FINE and _is_spoiled(w, a, now):
            return
        free_stream(w, c, attempt.stream)
        w.connections[c].last_read = now
        late_response(w, a, now)
        finish_attempt(w, a)
    else:
        drop_attempt(w, a)


@rule
def _is_spoiled(w: World, a: int, now: int) -> bool:
    """Whether a response is not what it should be: an error, not decodable, or it does not arrive.

    A driver takes an answer that it cannot decode for a broken connection. Whether the request
    that it answers fails like all others on the connection, or ends with that error, is the
    driver's; and so is whether it decodes an answer that nobody waits for any more.
    """
    attempt = w.attempts[a]
    c = attempt.connection
    wire = w.connections[c].wire
    client = w.clients[w.sessions[attempt.session].client]
    orphan = attempt.state == ORPHANED
    if wire == WIRE_OVERLOADED and not orphan:
        _answered_with_error(w, a, now)
        return True
    if wire != WIRE_GARBLED or (orphan and client.undecodable_is_final == 1):
        return wire == WIRE_CUT
    if client.undecodable_is_final == 1:
        r = attempt.request
        free_stream(w, c, attempt.stream)
        w.run.stream_sum += now - attempt.granted_at
        service = now - attempt.sent_at
        give_back(w, a, 0, now)
        _keep_error(w, r, w.pools[attempt.pool].node, UNDECODABLE)
        finish_attempt(w, a)
        if is_there(w.connections[c]):
            lost(w, c, now)  # unless its pool closed it when it was given back
        _end(w, r, CONNECTION_ERROR, service, now)
    else:
        lost(w, c, now)
    return True


@rule
def _answered_with_error(w: World, a: int, now: int) -> None:
    """The node has answered with an error: the connection is as good as before, and whether the
    request goes to another host is the driver's."""
    attempt = w.attempts[a]
    r = attempt.request
    p = attempt.pool
    c = attempt.connection
    free_stream(w, c, attempt.stream)
    w.connections[c].last_read = now
    w.run.stream_sum += now - attempt.granted_at
    service = now - attempt.sent_at
    attempt.error = OVERLOADED
    give_back(w, a, 0, now)
    w.attempts[a].error = NO_ERROR
    _keep_error(w, r, w.pools[p].node, OVERLOADED)
    finish_attempt(w, a)
    _go_elsewhere_or_end(w, a, r, p, c, OVERLOADED, SERVER_ERROR, service, now)


@rule
def _acknowledge_unless_read(w: World, a: int, now: int) -> None:
    """A response that costs time to read has acknowledged what it can when it arrived."""
    attempt = w.attempts[a]
    client = w.clients[w.sessions[attempt.session].client]
    if client.read_cost + client.crosstalk == 0:
        acknowledge(w, w.connections[attempt.connection], now)


@rule
def _deliver(w: World, a: int, now: int) -> None:
    """The driver has read a response, and its callback begins: with a result, or with an error."""
    attempt = w.attempts[a]
    r = attempt.request
    service = now - attempt.sent_at
    outcome = OK
    if attempt.error == OVERLOADED:
        outcome = SERVER_ERROR
        attempt.error = NO_ERROR
        _keep_error(w, r, w.pools[attempt.pool].node, OVERLOADED)
    finish_attempt(w, a)
    _end(w, r, outcome, service, now)


@rule
def _failed(w: World, a: int, now: int) -> None:
    """A host failed an attempt: while it waited there, or in flight on a connection that broke."""
    attempt = w.attempts[a]
    r = attempt.request
    if r < 0:
        # Its request has timed out; until now its borrow has blocked a thread, if it had one.
        if attempt.caller != CALLER_NONE:
            _free_caller(w, a, now)
        finish_attempt(w, a)
        return
    request = w.requests[r]
    error = attempt.error
    _keep_error(w, r, w.pools[attempt.pool].node, error)
    if error != LOST or attempt.connection < 0:
        waited = now - attempt.queued_at
        request.wait += waited
        w.run.queue_sum += waited
        attempt.state = IDLE
        busy = error in (BUSY_CONNECTION, BUSY_TIMED_OUT)
        if not busy or not _busy_ends(w, r, a, now):
            _go_on(w, a, now)
        return
    w.run.stream_sum += now - attempt.granted_at
    service = now - attempt.sent_at
    if service < 0:
        service = 0  # its I/O thread had yet to come to it
    p = attempt.pool
    c = attempt.connection
    finish_attempt(w, a)
    _go_elsewhere_or_end(w, a, r, p, c, error, CONNECTION_ERROR, service, now)


@rule
def _go_elsewhere_or_end(
    w: World, a: int, r: int, p: int, c: int, error: int, outcome: int, service: int, now: int
) -> None:
    """Attempt `a` of a request failed on connection `c` of pool `p`: another one follows, now or
    later, or the request ends with `outcome`."""
    if puts_off(w, a, r, p, error, now) == 1:
        return
    if _is_tried_again(w, r, error):
        _try_another(w, r, p, c, now)
    else:
        _end(w, r, outcome, service, now)


@rule
def _is_tried_again(w: World, r: int, error: int) -> bool:
    """Whether a request goes on after a timeout, a broken connection or a node's error."""
    request = w.requests[r]
    client = w.clients[request.client]
    if client.most_retries >= 0 and request.sends > client.most_retries:
        return False
    return goes_to_next_host(client.retry, error, request.idempotent) == 1


@rule
def _try_another(w: World, r: int, p: int, c: int, now: int) -> None:
    """Go on along the plan with a new attempt, after one on connection `c` of pool `p`."""
    a = new_attempt(w)
    request = w.requests[r]
    attempt = w.attempts[a]
    attempt.request = r
    attempt.session = request.session
    if w.clients[request.client].retry_on_executor == 1:
        request.attempt = a
        attempt.pool = p
        submit_retry(w, w.sessions[request.session].executor, a, now)
    elif w.clients[request.client].other_connection == 1:
        _try_pool_again(w, r, a, p, c, now)
    else:
        _try_hosts(w, r, a, now)


@rule
def _try_pool_again(w: World, r: int, a: int, p: int, c: int, now: int) -> None:
    """Try another connection of the pool than `c`; where it has none that takes the attempt, go on
    along the plan."""
    request = w.requests[r]
    attempt = w.attempts[a]
    request.attempt = a
    attempt.pool = p
    attempt.order = (request.serial << ATTEMPT_BITS) | request.attempts
    attempt.avoid = c
    answer = borrow(w, p, a, now)
    w.attempts[a].avoid = -1
    if answer == SKIPPED:
        _try_hosts(w, r, a, now)
        return
    request.attempts += 1
    request.node = w.pools[p].node
    if answer in (SENT, QUEUED):
        return
    _keep_error(w, r, request.node, answer)
    if answer != BUSY_CONNECTION or not _busy_ends(w, r, a, now):
        _try_hosts(w, r, a, now)


@handles(ATTEMPT_DUE)
def go_on_later(w: World, a: int, _now: int) -> None:
    """An attempt that was put off tries the next host of its plan."""
    w.attempts[a].holds -= 1
    make_ready(w, a, STEP_RETRY)


@handles(ATTEMPT_TIMEOUT)
def time_out_attempts(w: World, k: int, now: int) -> None:
    """The timer of a client's attempts: those whose deadline its wheel has come to time out.

    They are found by looking through the table: with one timer for all of a client's instances and
    a wheel of ticks that is rare, and an attempt that is answered in time costs nothing.
    """
    client = w.clients[k]
    first = -1
    earliest = NEVER
    for a in range(len(w.attempts)):
        attempt = w.attempts[a]
        timed = attempt.state == IN_FLIGHT
        if client.timeout_waits == 1 and attempt.state == WAITING:
            timed = True
        if timed and w.sessions[attempt.session].client == k:
            at = fires_at(attempt.deadline, client.timer_tick)
            if at <= now:
                attempt.rank = attempt.order
                attempt.sort_next = first
                first = a
            elif at < earliest:
                earliest = at
    client.timer_at = -1
    if earliest < NEVER:
        client.timer_at = earliest
        w.schedule(earliest, ATTEMPT_TIMEOUT, k, k)
    a = sort_by_rank(w, first)
    while a >= 0:
        after = w.attempts[a].sort_next
        _attempt_timed_out(w, a, now)
        a = after


@handles(REQUEST_TIMEOUT)
def time_out_requests(w: World, s: int, now: int) -> None:
    """The timer of a session's requests: those whose deadline has passed time out."""
    session = w.sessions[s]
    client = w.clients[session.client]
    r = session.timer_first
    while r >= 0 and fires_at(w.requests[r].deadline, client.timer_tick) <= now:
        untime_request(w, r)
        _request_timed_out(w, r, now)
        settle(w, now)  # what this one gave back may serve one that times out next
        r = session.timer_first
    session.timer_at = -1
    if r >= 0:
        arm(w, s, w.requests[r].deadline)


@rule
def _attempt_timed_out(w: World, a: int, now: int) -> None:
    r = w.attempts[a].request
    p = w.attempts[a].pool
    c = w.attempts[a].connection
    service = _orphan(w, a, now)
    _go_elsewhere_or_end(w, a, r, p, c, TIMED_OUT, CLIENT_TIMEOUT, service, now)


@rule
def _orphan(w: World, a: int, now: int) -> int:
    """A written attempt is given up; its stream stays taken until its response comes."""
    attempt = w.attempts[a]
    _keep_error(w, attempt.request, w.pools[attempt.pool].node, TIMED_OUT)
    if attempt.state == WAITING:
        _leave_queue_unserved(w, a, now)
        timed_out(w, a, now)
        return 0
    attempt.request = -1
    w.run.stream_sum += now - attempt.granted_at
    timed_out(w, a, now)
    service: int = now - attempt.sent_at
    if service < 0:
        service = 0  # its I/O thread had yet to come to it
    return service


@rule
def _request_timed_out(w: World, r: int, now: int) -> None:
    """The driver's timeout of the whole request: final, wherever the request is."""
    a = w.requests[r].attempt
    attempt = w.attempts[a]
    service = 0
    if attempt.state == IN_FLIGHT:
        service = _orphan(w, a, now)
    else:
        if attempt.state == WAITING:
            # Its entry stays in the queue: the thread is blocked until the borrow comes back.
            _keep_error(w, r, w.pools[attempt.pool].node, TIMED_OUT)
            _leave_queue_unserved(w, a, now)
        attempt.request = -1  # otherwise it waits for a thread of the executor
    _end(w, r, CLIENT_TIMEOUT, service, now)


@rule
def _leave_queue_unserved(w: World, a: int, now: int) -> None:
    """An attempt that waits is given up; its entry in the queue stays."""
    attempt = w.attempts[a]
    waited = now - attempt.queued_at
    w.requests[attempt.request].wait += waited
    w.run.queue_sum += waited
    w.run.queue_area += now
    attempt.state = EXPIRED
    attempt.request = -1


@rule
def _count_end(w: World, s: int, outcome: int) -> None:
    """Count the end of a request, as an application that is monitored does."""
    if outcome == OK:
        w.sessions[s].counted_completed += 1
    else:
        w.sessions[s].counted_failed += 1


@rule
def _end(w: World, r: int, outcome: int, service: int, now: int) -> None:
    """The request ends, once and for all."""
    request = w.requests[r]
    run = w.run
    run.system_area += now
    if request.in_timer == 1:
        untime_request(w, r)
    if request.number >= FIRST_CHECK:
        if ends_look(w, r, outcome, now) == 0:
            check_ended(w, r, outcome, now)
        return
    request_ended(w, r, outcome, now)
    s = request.session
    w.record_request(
        (
            request.number,
            s,
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
        ),
    )
    k = request.client
    client = w.clients[k]
    number = request.number
    request.next = run.free_request
    run.free_request = r
    if request.error_count > 0:
        request.error_count = 0
        request.error_kinds = 0
        request.error_hosts = 0
    if client.monitor_interval > 0:
        _count_end(w, s, outcome)
    if client.limit > 0:
        leave_limit(w, s, now)
    if client.closed > 0:
        after_request(w, k, s, number, outcome, now)
