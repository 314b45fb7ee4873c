"""The load waits for the pools: for all in a warm-up, else for those that are preallocated."""

from __future__ import annotations

from poolsim.model.client.issuing import ISSUER_BLOCKED, unblock_issuer
from poolsim.model.kinds import SESSION_DUE, WARMED_UP
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED
from poolsim.model.rule import rule
from poolsim.model.wrappers.looks import NO_ROUND, WARM_UP_ROUND


@rule
def begin_warm_up(w: World, s: int, now: int) -> None:
    """Let the load wait."""
    session = w.sessions[s]
    session.round = WARM_UP_ROUND
    session.round_at = now
    session.issue_scheduled += ISSUER_BLOCKED
    session.orm_warm_up_until = now + w.clients[session.client].orm_warm_up_timeout
    w.schedule(session.orm_warm_up_until, SESSION_DUE, s, s)


@rule
def look_at_warm_up(w: World, s: int, now: int) -> None:
    """End the wait when every pool that is waited for is complete, or could not make a
    connection."""
    if w.sessions[s].round != WARM_UP_ROUND:
        return
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        pool = w.pools[p]
        waits = w.hosts[p].distance != IGNORED and w.hosts[p].known == 1
        if waits and pool.orm_awaited == 1 and pool.active < pool.size and pool.orm_gave_up == 0:
            return
    end_warm_up(w, s, now)


@rule
def end_warm_up(w: World, s: int, now: int) -> None:
    """The load may begin."""
    session = w.sessions[s]
    session.round = NO_ROUND
    session.orm_warm_up_until = -1
    w.note(now, WARMED_UP, s, -1, -1, now - session.round_at)
    unblock_issuer(w, s, now)
