"""Slots of the tables whose records come and go: taken from a free list, given back when nothing
points at them.

An attempt or a connection is given back when it is done and its `holds` are gone: agenda entries
that will still come (stale or not), a place in a queue, a place in a node.
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.records import DONE, FREE, GONE, IDLE, PROBE, WIRE_FINE
from poolsim.model.rule import rule

ATTEMPT_BITS = 12
"""Attempts of one request are told apart in ties up to this many bits."""


@rule
def new_attempt(w: World) -> int:
    """A slot for an attempt: IDLE, without holds and without a response that is due."""
    run = w.run
    a = run.free_attempt
    if a < 0:
        a = w.add_attempt()
    run.free_attempt = w.attempts[a].next
    return a


@rule
def new_probe(w: World, c: int) -> int:
    """A slot for a connection's heartbeat, without a stream so far."""
    a = new_attempt(w)
    attempt = w.attempts[a]
    attempt.state = PROBE
    attempt.request = -1
    attempt.connection = c
    attempt.stream = -1
    w.connections[c].probe = a
    return a


@rule
def drop_attempt(w: World, a: int) -> None:
    """Give an attempt's slot back if it is done and nothing points at it."""
    attempt = w.attempts[a]
    if attempt.holds == 0 and attempt.state == DONE:
        attempt.state = IDLE
        attempt.next = w.run.free_attempt
        w.run.free_attempt = a


@rule
def finish_attempt(w: World, a: int) -> None:
    """The attempt has ended; its slot goes back as soon as nothing points at it."""
    attempt = w.attempts[a]
    attempt.state = DONE
    if attempt.holds == 0:
        attempt.state = IDLE
        attempt.next = w.run.free_attempt
        w.run.free_attempt = a


@rule
def new_connection(w: World) -> int:
    """A slot for a connection with the next serial number. Its room for streams is kept."""
    run = w.run
    c = run.free_connection
    if c < 0:
        c = w.add_connection()
    connection = w.connections[c]
    run.free_connection = connection.next
    connection.serial = run.connections_made
    run.connections_made += 1
    connection.holds = 0
    connection.next = -1
    connection.previous = -1
    connection.in_flight = 0
    connection.orphans = 0
    connection.stream_high = 0
    connection.stream_free = -1
    connection.defunct = 0
    connection.asking = 0
    connection.ask_waiting = 0
    connection.ask_refused = 0
    connection.ask_deadline = -1
    connection.answer_at = -1
    connection.probe = -1
    connection.heartbeat_at = -1
    connection.lost_at = -1
    connection.wire = WIRE_FINE
    connection.idle_check_at = -1
    connection.undelivered = 0
    connection.unacknowledged = -1
    connection.held_first = -1
    return c


@rule
def drop_connection(w: World, c: int) -> None:
    """Give a connection's slot back if it is gone and no agenda entry of it is left."""
    connection = w.connections[c]
    if connection.holds == 0 and connection.state == GONE:
        connection.state = FREE
        connection.next = w.run.free_connection
        w.run.free_connection = c


@rule
def new_task(w: World) -> int:
    """A slot for an executor's task."""
    run = w.run
    t = run.free_task
    if t < 0:
        t = w.add_task()
    run.free_task = w.tasks[t].next
    w.tasks[t].next = -1
    return t


@rule
def free_task(w: World, t: int) -> None:
    """Give a task's slot back."""
    w.tasks[t].next = w.run.free_task
    w.run.free_task = t
