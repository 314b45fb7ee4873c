"""Timeouts that cover whole requests, per session.

Every timeout of a session is the same length, so deadlines come in the order in which they were
set, and one agenda entry per session, for the first of them, is enough. (Timeouts of single
attempts need no list: `client/timeouts.py`.) A driver's timer wheel fires late: `fires_at`.
"""

from __future__ import annotations

from poolsim.model.kinds import ATTEMPT_TIMEOUT, REQUEST_TIMEOUT
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def fires_at(deadline: int, tick: int) -> int:
    """When a wheel of `tick` ns fires a timeout: the end of the tick in which its deadline falls
    (Netty HashedWheelTimer); at the deadline where tick is 0."""
    if tick == 0:
        return deadline
    return (deadline // tick + 1) * tick


@rule
def time_attempt(w: World, a: int, since: int) -> None:
    """Start an attempt's own timeout, which runs from `since` on."""
    attempt = w.attempts[a]
    k = w.sessions[attempt.session].client
    client = w.clients[k]
    if client.timeout > 0 and client.timeout_covers == 0:
        attempt.deadline = since + client.timeout
        if client.timer_at < 0:
            client.timer_at = fires_at(attempt.deadline, client.timer_tick)
            w.schedule(client.timer_at, ATTEMPT_TIMEOUT, k, k)


@rule
def arm(w: World, s: int, deadline: int) -> None:
    """See to it that the session's timer runs no later than this deadline asks for."""
    session = w.sessions[s]
    if session.timer_at < 0:
        session.timer_at = fires_at(deadline, w.clients[session.client].timer_tick)
        w.schedule(session.timer_at, REQUEST_TIMEOUT, s, s)


@rule
def time_request(w: World, r: int, deadline: int) -> None:
    """Start a timeout that covers the whole request."""
    request = w.requests[r]
    session = w.sessions[request.session]
    request.deadline = deadline
    request.in_timer = 1
    last = session.timer_last
    request.timer_previous = last
    request.timer_next = -1
    if last < 0:
        session.timer_first = r
    else:
        w.requests[last].timer_next = r
    session.timer_last = r
    if session.timer_at < 0:
        arm(w, request.session, deadline)


@rule
def untime_request(w: World, r: int) -> None:
    """Cancel a request's timeout; nothing where it has none."""
    request = w.requests[r]
    if request.in_timer == 0:
        return
    request.in_timer = 0
    before = request.timer_previous
    after = request.timer_next
    if before < 0:
        w.sessions[request.session].timer_first = after
    else:
        w.requests[before].timer_next = after
    if after < 0:
        w.sessions[request.session].timer_last = before
    else:
        w.requests[after].timer_previous = before
