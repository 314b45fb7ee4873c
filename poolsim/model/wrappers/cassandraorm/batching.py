"""Requests that wait for one another and are then sent together."""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.kinds import SESSION_DUE
from poolsim.model.primitives import World
from poolsim.model.records import STEP_RETRY
from poolsim.model.rule import rule


@rule
def join_batch(w: World, r: int, a: int, now: int) -> None:
    """A request waits in the batch, which is sent if it is full."""
    s = w.requests[r].session
    session = w.sessions[s]
    client = w.clients[session.client]
    attempt = w.attempts[a]
    attempt.next = -1
    if session.orm_batched == 0:
        session.orm_batch_first = a
        session.orm_batch_at = now + client.orm_batch_timeout
        w.schedule(session.orm_batch_at, SESSION_DUE, s, s)
    else:
        w.attempts[session.orm_batch_last].next = a
    session.orm_batch_last = a
    session.orm_batched += 1
    if session.orm_batched >= client.orm_batch_size:
        send_batch(w, s, now)


@rule
def send_batch(w: World, s: int, now: int) -> None:
    """All requests of the batch enter the driver, in order."""
    session = w.sessions[s]
    a = session.orm_batch_first
    session.orm_batch_first = -1
    session.orm_batch_last = -1
    session.orm_batch_at = -1
    session.orm_batched = 0
    session.orm_flushed_at = now
    while a >= 0:
        after = w.attempts[a].next
        w.requests[w.attempts[a].request].issued = now
        make_ready(w, a, STEP_RETRY)
        a = after


@rule
def goes_along(w: World, a: int, now: int) -> int:
    """1 where a write goes along with an earlier one of the same batch on its connection."""
    attempt = w.attempts[a]
    connection = w.connections[attempt.connection]
    if w.sessions[attempt.session].orm_flushed_at != now:
        return 0
    if connection.orm_written_at == now:
        return 1
    connection.orm_written_at = now
    return 0
