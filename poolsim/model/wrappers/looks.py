"""A wrapper's own query to one host: a request like any other to pool, node and timeouts, but no
part of the load. It is noted, not recorded, and its number is beyond all of the load's."""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.timers import time_request
from poolsim.model.policies.balancing import STAGE_FIXED
from poolsim.model.primitives import World
from poolsim.model.records import STEP_RETRY
from poolsim.model.rule import rule
from poolsim.model.slots import new_attempt

FIRST_CHECK = 1 << 40
"""Number of the first look of a client; its load's requests have smaller ones."""

NO_ROUND = 0  # values of Session.round
WARM_UP_ROUND = 1
MONITOR_ROUND = 2


@rule
def look_at(w: World, s: int, n: int, now: int) -> int:
    """Send a query to one host and no other; its number. Its end leads to `end_look`."""
    run = w.run
    r = run.free_request
    if r < 0:
        r = w.add_request()
    a = new_attempt(w)
    request = w.requests[r]
    attempt = w.attempts[a]
    run.free_request = request.next
    k = w.sessions[s].client
    client = w.clients[k]
    number: int = FIRST_CHECK + client.checks
    request.number = number
    client.checks += 1
    request.serial = run.requests_made
    run.requests_made += 1
    request.session = s
    request.client = k
    request.intended = now
    request.issued = now
    request.wait = 0
    request.attempts = 0
    request.sends = 0
    request.node = -1
    request.plan_stage = STAGE_FIXED
    request.plan_step = n
    request.idempotent = 1
    request.attempt = a
    attempt.request = r
    attempt.session = s
    run.system_area -= now
    if client.timeout > 0 and client.timeout_covers == 1:
        time_request(w, r, now + client.timeout)
    # As a request that goes on along its plan: the issuing thread does not wait for it.
    make_ready(w, a, STEP_RETRY)
    return number


@rule
def end_look(w: World, r: int, now: int) -> None:
    """A look has ended; its slot is given back."""
    request = w.requests[r]
    run = w.run
    run.requests_ended += 1
    run.system_sum += now - request.intended
    request.error_count = 0
    request.error_kinds = 0
    request.error_hosts = 0
    request.next = run.free_request
    run.free_request = r
