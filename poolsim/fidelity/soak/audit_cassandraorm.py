"""What must be consistent in the fields that CassandraORM's rules keep, and its driver's."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.fidelity.soak import audit_nodejs
from poolsim.fidelity.soak.view import View
from poolsim.model.kinds import POOL_DUE, SESSION_DUE
from poolsim.model.primitives import Record
from poolsim.model.records import IGNORED
from poolsim.model.wrappers.cassandraorm.fields import CIRCUIT_IS_CLOSED, CIRCUIT_IS_HALF_OPEN
from poolsim.model.wrappers.looks import WARM_UP_ROUND

held = audit_nodejs.held
_TIMERS = ("orm_warm_up_until", "orm_metrics_at", "orm_adaptive_at", "orm_check_at", "orm_batch_at")


def slips(view: View, s: int) -> Iterator[str]:
    """Sentences about what is not as it must be in session `s`."""
    yield from audit_nodejs.slips(view, s)
    w = view.world
    session = w.sessions[s]
    client = w.clients[session.client]
    for timer in _TIMERS:
        if getattr(session, timer) >= 0 and not view.entries(s, SESSION_DUE):
            yield f"session {s}: {timer} is not on the agenda"
    if (session.round == WARM_UP_ROUND) != (session.orm_warm_up_until >= 0):
        yield f"session {s}: its warm-up does not know whether it goes on"
    yield from _batch(view, s)
    for p in range(s * w.run.nodes, (s + 1) * w.run.nodes):
        if w.hosts[p].distance != IGNORED:
            yield from _pool(view, p, client)


def _batch(view: View, s: int) -> Iterator[str]:
    w = view.world
    session = w.sessions[s]
    client = w.clients[session.client]
    length = 0
    a = session.orm_batch_first
    while a >= 0 and length <= len(w.attempts):
        length += 1
        a = w.attempts[a].next
    if length != session.orm_batched:
        yield f"session {s}: {length} requests in its batch, {session.orm_batched} by its count"
    if length and not 0 < length < client.orm_batch_size:
        yield f"session {s}: a batch of {length} waits, {client.orm_batch_size} are a full one"
    if (length > 0) != (session.orm_batch_at >= 0):
        yield f"session {s}: a batch of {length}, and its timer is {session.orm_batch_at}"


def _pool(view: View, p: int, client: Record) -> Iterator[str]:
    w = view.world
    pool, host = w.pools[p], w.hosts[p]
    if host.known == 1 and not pool.orm_floor <= pool.size <= max(pool.orm_most, pool.orm_floor):
        yield f"pool {p}: a size of {pool.size}, not {pool.orm_floor} to {pool.orm_most}"
    if host.known == 0 and pool.size:
        yield f"pool {p}: its host has left, and it is to have {pool.size} connections"
    if pool.orm_circuit == CIRCUIT_IS_CLOSED and pool.orm_failures >= max(client.orm_threshold, 1):
        yield f"pool {p}: its circuit is closed after {pool.orm_failures} failures"
    if pool.orm_circuit == CIRCUIT_IS_HALF_OPEN and not (
        pool.orm_answered <= pool.orm_tried <= client.orm_trials
        and pool.orm_answered < client.orm_trials
    ):
        yield f"pool {p}: half open with {pool.orm_answered} of {pool.orm_tried} trials answered"
    if pool.orm_check >= 0 and not view.entries(p, POOL_DUE):
        yield f"pool {p}: its health check has no end"
