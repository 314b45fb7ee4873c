"""Where a request waits before the driver sees it: the application's limit, the issuing thread.

`max_concurrent` is the application's own semaphore around a request, first come first served. An
instance issues its requests one after another, `cpu.issue` apart at least, because a burst takes
time: in no time it would fill the acquisition queue before any connection could be added. A closed
loop whose window grows launches its new workers one by one on the same thread.
"""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.kinds import ISSUE, THINK
from poolsim.model.primitives import World
from poolsim.model.records import STEP_START
from poolsim.model.rule import handles, rule

USERS = 2
"""`Client.closed` of a load by users with think time; 1 is a closed loop by window."""

ISSUER_BLOCKED = 2
"""What `Session.issue_scheduled` holds more while a borrow blocks the issuing thread."""


@rule
def create(w: World, k: int, s: int, intended: int, now: int) -> int:
    """Make a request of client `k` at its session `s`, due since `intended`.

    Returns its index where it can enter the driver at once, -1 where it waits.
    """
    run = w.run
    client = w.clients[k]
    r = run.free_request
    if r < 0:
        r = w.add_request()
    request = w.requests[r]
    run.free_request = request.next
    a = run.free_attempt
    if a < 0:
        a = w.add_attempt()
    attempt = w.attempts[a]
    run.free_attempt = attempt.next
    number = client.next_number
    client.next_number = number + 1
    request.number = number
    request.serial = run.requests_made
    run.requests_made += 1
    request.session = s
    request.client = k
    request.intended = intended
    request.wait = 0
    request.attempts = 0
    request.sends = 0
    request.node = -1
    request.plan_stage = 0
    request.plan_key = 0
    if client.key >= 0:
        request.plan_key = w.draw(client.key, number, 0)
    request.idempotent = client.idempotent
    if client.idempotence >= 0:
        request.idempotent = w.draw(client.idempotence, number, 0)
    request.attempt = a
    attempt.request = r
    attempt.session = s
    run.system_area -= intended
    session = w.sessions[s]
    if client.limit > 0:
        if session.admitted >= client.limit:
            request.next = -1
            if session.limit_last < 0:
                session.limit_first = r
            else:
                w.requests[session.limit_last].next = r
            session.limit_last = r
            return -1
        session.admitted += 1
    if session.issue_scheduled == 0:
        thread = w.threads[session.first_thread]
        if thread.free_at <= now:
            thread.free_at = now + client.issue_cost
            return r
    _wait_for_issuer(w, r, now)
    return -1


@rule
def create_ready(w: World, k: int, s: int, intended: int, now: int) -> None:
    """Make a request; if it can enter the driver at once, put it on the ready list."""
    r = create(w, k, s, intended, now)
    if r >= 0:
        make_ready(w, w.requests[r].attempt, STEP_START)


@rule
def leave_limit(w: World, s: int, now: int) -> None:
    """A request inside the application's limit has ended: the first one that waits enters."""
    session = w.sessions[s]
    r = session.limit_first
    if r < 0:
        session.admitted -= 1
        return
    request = w.requests[r]
    session.limit_first = request.next
    if session.limit_first < 0:
        session.limit_last = -1
    thread = w.threads[session.first_thread]
    if session.issue_scheduled == 0 and thread.free_at <= now:
        thread.free_at = now + w.clients[request.client].issue_cost
        make_ready(w, request.attempt, STEP_START)
    else:
        _wait_for_issuer(w, r, now)


@rule
def _wait_for_issuer(w: World, r: int, now: int) -> None:
    """The issuing thread is busy, or others wait for it."""
    request = w.requests[r]
    session = w.sessions[request.session]
    request.next = -1
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
        w.schedule(at, ISSUE, s, s)


@rule
def block_issuer(w: World, s: int) -> None:
    """A borrow blocks the issuing thread: nothing is issued before it comes back."""
    w.sessions[s].issue_scheduled += ISSUER_BLOCKED


@rule
def unblock_issuer(w: World, s: int, now: int) -> None:
    """The borrow that blocked the issuing thread has come back."""
    session = w.sessions[s]
    session.issue_scheduled -= ISSUER_BLOCKED
    if session.workers < session.window or session.issue_first >= 0:
        call_issuer(w, s, now)


@rule
def issue_later(w: World, r: int) -> None:
    """The issuing thread was blocked in the instant in which it was to issue this request."""
    request = w.requests[r]
    session = w.sessions[request.session]
    request.next = session.issue_first
    if session.issue_first < 0:
        session.issue_last = r
    session.issue_first = r


@handles(ISSUE)
def issue_next(w: World, s: int, now: int) -> None:
    """The issuing thread is free: it launches a worker or issues the first request that waits."""
    session = w.sessions[s]
    if session.issue_scheduled > ISSUER_BLOCKED:
        session.issue_scheduled = ISSUER_BLOCKED
        return
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
            think = w.draw(client.start, client.launched, 0)
            w.schedule(now + think, THINK, s, s)
        else:
            # The thread is free, so its request goes before those that wait.
            create_ready(w, session.client, s, session.launched_at, now)
    elif session.issue_first >= 0:
        r = session.issue_first
        request = w.requests[r]
        session.issue_first = request.next
        if session.issue_first < 0:
            session.issue_last = -1
        thread.free_at = now + client.issue_cost
        make_ready(w, request.attempt, STEP_START)
    if session.workers < session.window or session.issue_first >= 0:
        call_issuer(w, s, now)
