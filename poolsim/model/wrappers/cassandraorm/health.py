"""Health checks: a query to each host, again and again."""

from __future__ import annotations

from poolsim.model.kinds import (
    CHECK_FAILED,
    CHECK_FOUND_DOWN,
    CHECK_OK,
    CLIENT_TIMEOUT,
    HOST_HEALTHY,
    HOST_UNHEALTHY,
    OK,
    POOL_DUE,
)
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED
from poolsim.model.rule import rule
from poolsim.model.wrappers.looks import end_look, look_at


@rule
def check_all(w: World, s: int, now: int) -> None:
    """Ask every host that is not being asked already."""
    nodes = w.run.nodes
    timeout = w.clients[w.sessions[s].client].orm_check_timeout
    for p in range(s * nodes, (s + 1) * nodes):
        pool = w.pools[p]
        host = w.hosts[p]
        if host.distance != IGNORED and host.known == 1 and pool.orm_check < 0:
            if host.up == 0:
                w.note(now, CHECK_FOUND_DOWN, s, pool.node, -1, 0)
                _judge(w, p, 0, now)
            else:
                pool.orm_check = look_at(w, s, pool.node, now)
                pool.orm_check_until = now + timeout
                w.schedule(pool.orm_check_until, POOL_DUE, p, p)


@rule
def check_ended(w: World, r: int, outcome: int, now: int) -> None:
    """A check's query has ended; it counts unless the check was over before."""
    request = w.requests[r]
    p = request.session * w.run.nodes + request.plan_step
    pool = w.pools[p]
    if pool.orm_check == request.number:
        pool.orm_check = -1
        pool.orm_check_until = -1
        if outcome == OK:
            w.note(now, CHECK_OK, pool.session, pool.node, -1, now - request.intended)
            _judge(w, p, 1, now)
        else:
            w.note(now, CHECK_FAILED, pool.session, pool.node, -1, outcome)
            _judge(w, p, 0, now)
    end_look(w, r, now)


@rule
def check_timed_out(w: World, p: int, now: int) -> None:
    """The time for an answer is over."""
    pool = w.pools[p]
    if pool.orm_check >= 0 and pool.orm_check_until == now:
        pool.orm_check = -1
        pool.orm_check_until = -1
        w.note(now, CHECK_FAILED, pool.session, pool.node, -1, CLIENT_TIMEOUT)
        _judge(w, p, 0, now)


@rule
def _judge(w: World, p: int, healthy: int, now: int) -> None:
    pool = w.pools[p]
    if pool.orm_unhealthy == 1 - healthy:
        return
    pool.orm_unhealthy = 1 - healthy
    kind = HOST_UNHEALTHY
    if healthy == 1:
        kind = HOST_HEALTHY
    w.note(now, kind, pool.session, pool.node, -1, 0)
