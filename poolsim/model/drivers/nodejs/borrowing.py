"""Borrowing a connection, a stream id on it, and giving it back."""

from __future__ import annotations

from poolsim.model.connection.messages import send_heartbeat
from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import take_stream
from poolsim.model.connection.timers import time_attempt
from poolsim.model.connection.waiting import append_waiting, take_waiting
from poolsim.model.drivers.nodejs.closing import close_soon, stop_draining
from poolsim.model.kinds import BUSY_QUEUE_OFF, LOST, NO_CONNECTION
from poolsim.model.policies.nodejs_default import note_answer
from poolsim.model.primitives import World
from poolsim.model.records import (
    DONE,
    FAILED,
    GRANTED,
    GRANTED_STATE,
    PROBE,
    QUEUED,
    SKIPPED,
    STEP_FAILED,
    STEP_SEND,
    WAITING,
)
from poolsim.model.rule import rule
from poolsim.model.slots import drop_attempt, finish_attempt

INDEX_OVERFLOW = 1 << 15
"""connectionIndexOverflow (JS/host-connection-pool.js:28)."""


@rule
def borrow(w: World, p: int, a: int, now: int) -> int:
    """Try to get a connection for an attempt: GRANTED, QUEUED (no stream id), SKIPPED or an
    error."""
    if w.hosts[p].up == 0:
        return SKIPPED
    pool = w.pools[p]
    if pool.active == 0:
        pool.rejected += 1
        return NO_CONNECTION
    most = w.options[pool.options].max_requests
    c = pick(w, p, most)
    connection = w.connections[c]
    if connection.in_flight >= most:
        pool.rejected += 1
        return BUSY_QUEUE_OFF
    attempt = w.attempts[a]
    attempt.connection = c
    attempt.queued_at = now
    if connection.in_flight >= connection.stream_limit:
        attempt.state = WAITING
        w.run.queue_area -= now
        time_attempt(w, a, now)
        wait_for_id(w, p, a)
        return QUEUED
    connection.in_flight += 1
    pool.in_flight += 1
    connection.last_written = now
    attempt.state = GRANTED_STATE
    attempt.granted_at = now
    w.run.stream_area -= now
    return GRANTED


@rule
def pick(w: World, p: int, most: int) -> int:
    """minInFlight: the lighter of two neighbours, and the next ones while it is full."""
    pool = w.pools[p]
    if pool.active == 1:
        only: int = pool.first
        return only
    session = w.sessions[pool.session]
    session.connection_index += 1
    if session.connection_index >= INDEX_OVERFLOW:
        session.connection_index = 0
    c = pool.first
    for _ in range(session.connection_index % pool.active):
        c = w.connections[c].next
    chosen = c
    for _ in range(pool.active):
        after = w.connections[c].next
        if after < 0:
            after = pool.first
        chosen = c
        if w.connections[after].in_flight < w.connections[c].in_flight:
            chosen = after
        if w.connections[chosen].in_flight < most:
            break
        c = after
    return chosen


@rule
def wait_for_id(w: World, p: int, a: int) -> None:
    """Put an operation at the end of what waits for a stream id at its connection."""
    pool = w.pools[p]
    w.attempts[a].holds += 1
    append_waiting(w, p, a)
    pool.pending += 1


@rule
def _next_waiting(w: World, p: int, c: int) -> int:
    """Take the first operation that waits at a connection out of the queue; -1: there is none."""
    pool = w.pools[p]
    before = -1
    a = pool.queue_first
    while a >= 0 and w.attempts[a].connection != c:
        before = a
        a = w.attempts[a].next
    if a < 0:
        return -1
    take_waiting(w, p, before, a)
    w.attempts[a].holds -= 1
    pool.pending -= 1
    return a


@rule
def _free_id(w: World, c: int, now: int) -> None:
    """A stream id of a connection is free (the caller freed it): who waits for it writes."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    connection.in_flight -= 1
    if connection.listed == 1:
        pool.in_flight -= 1
    while pool.pending > 0:
        a = _next_waiting(w, p, c)
        if a < 0:
            break
        attempt = w.attempts[a]
        if attempt.state == WAITING or attempt.state == PROBE:
            connection.in_flight += 1
            if connection.listed == 1:
                pool.in_flight += 1
            connection.last_written = now
            _write_waiting(w, c, a, now)
            return
        attempt.state = DONE  # it has timed out
        drop_attempt(w, a)
    if connection.draining == 1 and connection.in_flight == 0:
        stop_draining(w, c)
        close_soon(w, c, now)


@rule
def _write_waiting(w: World, c: int, a: int, now: int) -> None:
    """An operation that waited has a stream id."""
    attempt = w.attempts[a]
    if attempt.state == PROBE:
        attempt.stream = take_stream(w, c, a)
        send_heartbeat(w, c, now)
        return
    attempt.state = GRANTED_STATE
    attempt.granted_at = now
    w.run.queue_area += now
    w.run.stream_area -= now
    make_ready(w, a, STEP_SEND)


@rule
def fail_waiting(w: World, c: int, now: int) -> None:
    """The connection is closed: what waits at it for a stream id fails as if it were written."""
    p = w.connections[c].pool
    while w.pools[p].pending > 0:
        a = _next_waiting(w, p, c)
        if a < 0:
            return
        attempt = w.attempts[a]
        if attempt.state == WAITING:
            waited = now - attempt.queued_at
            w.requests[attempt.request].wait += waited
            w.run.queue_sum += waited
            w.run.queue_area += now
            attempt.granted_at = now
            attempt.sent_at = now
            attempt.state = FAILED
            attempt.error = LOST
            make_ready(w, a, STEP_FAILED)
        else:
            finish_attempt(w, a)


@rule
def give_back(w: World, a: int, unwritten: int, now: int) -> None:
    """The attempt's response was read."""
    c = w.attempts[a].connection
    w.run.stream_area += now
    if unwritten == 0:
        note_answer(w, w.connections[c].pool, now)
    _free_id(w, c, now)


@rule
def late_response(w: World, a: int, now: int) -> None:
    """The response of an attempt that timed out."""
    c = w.attempts[a].connection
    connection = w.connections[c]
    connection.orphans -= 1
    connection.timed_out -= 1
    if connection.listed == 1:
        w.pools[connection.pool].orphans -= 1
    _free_id(w, c, now)


@rule
def heartbeat_answered(w: World, c: int, now: int) -> None:
    """The answer to OPTIONS was read."""
    note_answer(w, w.connections[c].pool, now)
    _free_id(w, c, now)


@rule
def needed(w: World, p: int, load: int) -> int:
    """The pool's size, whatever the load."""
    core: int = w.pools[p].size
    return core
