"""Where a request waits before the driver sees it: the application's limit, the issuing thread.

`max_concurrent` is the application's own semaphore around a request, first come first served. An
instance issues its requests one after another, `cpu.issue` apart at least, because a burst takes
time: in no time it would fill the acquisition queue before any connection could be added. A closed
loop whose window grows launches its new workers one by one on the same thread.
"""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.kinds import ISSUE, THINK
from poolsim.model.primitives import World, draw, schedule
from poolsim.model.records import STEP_START
from poolsim.model.rule import handles, rule
from poolsim.model.slots import ATTEMPT_BITS, new_attempt, new_request

USERS = 2
"""`Client.closed` of a load by users with think time; 1 is a closed loop by window."""


@rule
def create(w: World, k: int, s: int, intended: int, now: int) -> None:
    """A request of client `k` at its session `s`, due since `intended`."""
    run = w.run
    client = w.clients[k]
    r = new_request(w)
    request = w.requests[r]
    number = client.next_number
    client.next_number = number + 1
    request.number = number
    request.serial = run.requests_made
    run.requests_made += 1
    request.session = s
    request.client = k
    request.intended = intended
    request.service_draw = draw(w, client.service, number, 0)
    if client.key >= 0:
        request.plan_key = draw(w, client.key, number, 0)
    request.idempotent = client.idempotent
    if client.idempotence >= 0:
        request.idempotent = draw(w, client.idempotence, number, 0)
    a = new_attempt(w)
    attempt = w.attempts[a]
    attempt.request = r
    attempt.session = s
    attempt.order = request.serial << ATTEMPT_BITS
    request.attempt = a
    run.system_count += 1
    run.system_area -= intended
    if client.limit > 0:
        session = w.sessions[s]
        if session.admitted >= client.limit:
            if session.limit_last < 0:
                session.limit_first = r
            else:
                w.requests[session.limit_last].next = r
            session.limit_last = r
            return
        session.admitted += 1
    _issue(w, r, now)


@rule
def leave_limit(w: World, s: int, now: int) -> None:
    """A request has ended: the first one that waits for the application's limit enters."""
    session = w.sessions[s]
    if w.clients[session.client].limit == 0:
        return
    r = session.limit_first
    if r < 0:
        session.admitted -= 1
        return
    request = w.requests[r]
    session.limit_first = request.next
    if session.limit_first < 0:
        session.limit_last = -1
    request.next = -1
    _issue(w, r, now)


@rule
def _issue(w: World, r: int, now: int) -> None:
    request = w.requests[r]
    session = w.sessions[request.session]
    thread = w.threads[session.first_thread]
    if session.issue_first < 0 and thread.free_at <= now and session.issue_scheduled == 0:
        thread.free_at = now + w.clients[request.client].issue_cost
        make_ready(w, request.attempt, STEP_START)
        return
    if session.issue_last < 0:
        session.issue_first = r
    else:
        w.requests[session.issue_last].next = r
    session.issue_last = r
    call_issuer(w, request.session, now)


@rule
def call_issuer(w: World, s: int, now: int) -> None:
    """See to it that the issuing thread looks for work as soon as it is free."""
    session = w.sessions[s]
    if session.issue_scheduled == 0:
        session.issue_scheduled = 1
        at = w.threads[session.first_thread].free_at
        if at < now:
            at = now
        schedule(w, at, ISSUE, s, s)


@handles(ISSUE)
def issue_next(w: World, s: int, now: int) -> None:
    """The issuing thread is free: it launches a worker or issues the first request that waits."""
    session = w.sessions[s]
    session.issue_scheduled = 0
    thread = w.threads[session.first_thread]
    if thread.free_at > now:
        call_issuer(w, s, now)
        return
    client = w.clients[session.client]
    if session.workers < session.window:
        session.workers += 1
        client.launched += 1
        if client.closed == USERS:
            think = draw(w, client.start, client.launched, 0)
            schedule(w, now + think, THINK, s, s)
        else:
            # Its request comes to the thread at once: the thread is free and nothing is ahead.
            waiting = session.issue_first
            session.issue_first = -1
            create(w, session.client, s, session.launched_at, now)
            session.issue_first = waiting
    elif session.issue_first >= 0:
        r = session.issue_first
        request = w.requests[r]
        session.issue_first = request.next
        if session.issue_first < 0:
            session.issue_last = -1
        request.next = -1
        thread.free_at = now + client.issue_cost
        make_ready(w, request.attempt, STEP_START)
    if session.workers < session.window or session.issue_first >= 0:
        call_issuer(w, s, now)
