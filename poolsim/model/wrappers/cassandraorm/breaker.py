"""The circuit breaker of a host."""

from __future__ import annotations

from poolsim.model.kinds import CIRCUIT_CLOSED, CIRCUIT_HALF_OPEN, CIRCUIT_OPENED
from poolsim.model.primitives import World
from poolsim.model.rule import rule
from poolsim.model.wrappers.cassandraorm.fields import (
    CIRCUIT_IS_CLOSED,
    CIRCUIT_IS_HALF_OPEN,
    CIRCUIT_IS_OPEN,
)


@rule
def lets_through(w: World, p: int, now: int) -> bool:
    """Whether the host of pool `p` may have another request; an open circuit whose time is over
    is half open from now on."""
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    if client.orm_threshold == 0 or pool.orm_circuit == CIRCUIT_IS_CLOSED:
        return True
    if pool.orm_circuit == CIRCUIT_IS_OPEN:
        if now < pool.orm_opened_at + client.orm_recovery_timeout:
            return False
        pool.orm_circuit = CIRCUIT_IS_HALF_OPEN
        pool.orm_tried = 0
        pool.orm_answered = 0
        w.note(now, CIRCUIT_HALF_OPEN, pool.session, pool.node, -1, 0)
    more: bool = pool.orm_tried < client.orm_trials
    return more


@rule
def count_trial(w: World, p: int, a: int) -> None:
    """The host has taken an attempt: while its circuit is half open, that is a trial."""
    pool = w.pools[p]
    attempt = w.attempts[a]
    attempt.orm_trial = 0
    if pool.orm_circuit == CIRCUIT_IS_HALF_OPEN:
        pool.orm_tried += 1
        attempt.orm_trial = pool.orm_openings


@rule
def succeeded(w: World, p: int, a: int, now: int) -> None:
    """The host has answered an attempt."""
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    if client.orm_threshold == 0:
        return
    if pool.orm_circuit == CIRCUIT_IS_CLOSED:
        pool.orm_failures = 0
    elif pool.orm_circuit == CIRCUIT_IS_HALF_OPEN and (
        w.attempts[a].orm_trial == pool.orm_openings
    ):
        pool.orm_answered += 1
        if pool.orm_answered >= client.orm_trials:
            pool.orm_circuit = CIRCUIT_IS_CLOSED
            pool.orm_failures = 0
            w.note(now, CIRCUIT_CLOSED, pool.session, pool.node, -1, pool.orm_answered)


@rule
def failed(w: World, p: int, a: int, now: int) -> None:
    """The host has failed an attempt."""
    pool = w.pools[p]
    client = w.clients[w.sessions[pool.session].client]
    if client.orm_threshold == 0:
        return
    if pool.orm_circuit == CIRCUIT_IS_CLOSED:
        pool.orm_failures += 1
        if pool.orm_failures >= client.orm_threshold:
            _open(w, p, pool.orm_failures, now)
    elif pool.orm_circuit == CIRCUIT_IS_HALF_OPEN and (
        w.attempts[a].orm_trial == pool.orm_openings
    ):
        _open(w, p, 0, now)


@rule
def _open(w: World, p: int, failures: int, now: int) -> None:
    pool = w.pools[p]
    pool.orm_circuit = CIRCUIT_IS_OPEN
    pool.orm_opened_at = now
    pool.orm_openings += 1
    w.note(now, CIRCUIT_OPENED, pool.session, pool.node, -1, failures)
