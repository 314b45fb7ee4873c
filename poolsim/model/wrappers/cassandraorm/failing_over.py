"""What becomes of a request whose host did not answer, or failed, or that found no host."""

from __future__ import annotations

from poolsim.model.kinds import ATTEMPT_DUE, ERROR_LOGGED, FAILED_OVER, LOST, OK, REQUEST_LOGGED
from poolsim.model.policies.balancing import STAGE_NEW
from poolsim.model.primitives import World
from poolsim.model.rule import rule
from poolsim.model.slots import ATTEMPT_BITS, new_attempt
from poolsim.model.wrappers.cassandraorm.fields import WHOLE


@rule
def try_later(w: World, r: int, p: int, error: int, now: int) -> int:
    """A request's attempt at the host of pool `p` failed: 1 where it goes on after a delay."""
    request = w.requests[r]
    client = w.clients[request.client]
    if request.idempotent == 0:
        return 0
    if error == LOST and client.orm_fails_over == 1:
        if request.orm_failovers >= client.orm_failovers:
            return 0
        delay = _failover_delay(w, r)
        request.orm_failovers += 1
        request.orm_left = 1 + w.pools[p].node
    else:
        if request.orm_retries >= client.orm_retries:
            return 0
        request.orm_retries += 1
        delay = client.orm_retry_delay
    a = new_attempt(w)
    attempt = w.attempts[a]
    request = w.requests[r]
    attempt.request = r
    attempt.session = request.session
    attempt.pool = p
    request.attempt = a
    _put_off(w, a, now + delay)
    return 1


@rule
def walk_plan_again(w: World, r: int, a: int, now: int) -> int:
    """No host of the plan took the request: 1 where it walks a new plan after a delay."""
    request = w.requests[r]
    client = w.clients[request.client]
    if client.orm_fails_over == 0 or request.orm_failovers >= client.orm_failovers:
        return 0
    delay = _failover_delay(w, r)
    request.orm_failovers += 1
    request.orm_left = 1 + request.node
    request.plan_stage = STAGE_NEW
    _put_off(w, a, now + delay)
    return 1


@rule
def _failover_delay(w: World, r: int) -> int:
    """The first delay times the multiplier for each failover before."""
    client = w.clients[w.requests[r].client]
    delay: int = client.orm_failover_delay
    for _ in range(w.requests[r].orm_failovers):
        if delay < w.run.end:
            delay = delay * client.orm_failover_multiplier // WHOLE
    return delay


@rule
def _put_off(w: World, a: int, at: int) -> None:
    """An attempt tries the next host at an instant."""
    attempt = w.attempts[a]
    request = w.requests[attempt.request]
    attempt.holds += 1
    order = (request.serial << ATTEMPT_BITS) | request.attempts
    w.schedule(at, ATTEMPT_DUE, order, a)


@rule
def host_found(w: World, r: int, p: int, now: int) -> None:
    """A host has taken the request: if that is a failover, it is told of."""
    request = w.requests[r]
    pool = w.pools[p]
    if request.orm_left > 0:
        left = request.orm_left - 1
        request.orm_left = 0
        if left != pool.node:
            w.note(now, FAILED_OVER, pool.session, left, -1, pool.node)


@rule
def forget(w: World, r: int, outcome: int, now: int) -> None:
    """A request has ended; the log of the first instance tells of it."""
    request = w.requests[r]
    client = w.clients[request.client]
    request.orm_retries = 0
    request.orm_failovers = 0
    request.orm_left = 0
    if request.session == client.first_session:
        if client.orm_log_requests == 1:
            took = now - request.intended
            w.note(now, REQUEST_LOGGED, request.session, request.node, -1, took)
        if client.orm_log_errors == 1 and outcome != OK:
            w.note(now, ERROR_LOGGED, request.session, request.node, -1, outcome)
