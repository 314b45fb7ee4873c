"""What must be consistent in the tables of a world besides the invariants of every run.

The invariants say what a user may rely on. An audit looks at what the rules themselves rely on:
counts that are kept beside what they count, slots that are given back, something on the agenda for
everything that waits. A slip that it finds may take years of model time until it changes a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

from poolsim.fidelity.soak import (
    audit_cassandraorm,
    audit_generic,
    audit_java3,
    audit_nodejs,
    audit_python,
)
from poolsim.fidelity.soak.view import THERE, View, look
from poolsim.model.client.issuing import ISSUER_BLOCKED
from poolsim.model.cluster.faults import SILENCE
from poolsim.model.connection.timers import fires_at
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.kinds import (
    ACKNOWLEDGED,
    ANSWER,
    ARRIVAL,
    ASK_AT_NODE,
    ASK_TIMEOUT,
    ATTEMPT_DUE,
    CONNECTION_DUE,
    CONNECTION_LOST,
    FLUSH,
    HEARTBEAT,
    IDLE_CHECK,
    ISSUE,
    NODE_ARRIVAL,
    NODE_DONE,
    RESPONSE,
    RESPONSE_READ,
    RESPONSE_STEP,
    THINK,
)
from poolsim.model.records import (
    CALLER_ISSUER,
    CONNECTING,
    DONE,
    FREE,
    GONE,
    IDLE,
    IN_FLIGHT,
    NODE_PAUSED,
    NODE_RUNNING,
    ORPHANED,
    ROLE_CONTROL,
    WIRE_CLOSING,
    World,
)
from poolsim.model.wrappers.looks import FIRST_CHECK, WARM_UP_ROUND

_OF_ATTEMPTS = (NODE_DONE, RESPONSE, RESPONSE_READ, RESPONSE_STEP, NODE_ARRIVAL, ATTEMPT_DUE)
_OF_CONNECTIONS = (
    ACKNOWLEDGED,
    ANSWER,
    ASK_AT_NODE,
    ASK_TIMEOUT,
    CONNECTION_DUE,
    CONNECTION_LOST,
    FLUSH,
    HEARTBEAT,
    IDLE_CHECK,
)


class DriverAudit(Protocol):
    """The module of a driver's audit. A driver without one is audited for what all have."""

    def slips(self, view: View, s: int) -> Iterator[str]:
        """What is not as it must be in the driver's own fields of session `s`."""

    def held(self, view: View, s: int) -> Iterator[int]:
        """Connections that the driver itself holds besides entries on the agenda, each as often
        as it does."""


DRIVER_AUDITS = {
    "java3": cast(DriverAudit, audit_java3),
    "python": cast(DriverAudit, audit_python),
    "nodejs": cast(DriverAudit, audit_nodejs),
    "generic": cast(DriverAudit, audit_generic),
    "cassandraorm": cast(DriverAudit, audit_cassandraorm),
}


def audit(w: World, environment: Any) -> list[str]:
    """Sentences about what is not as it must be, between two events."""
    view = look(w, environment)
    names = tuple(DRIVERS)
    held: Counter[int] = Counter()
    found: list[str] = []
    for s, session in enumerate(w.sessions):
        driver_audit = DRIVER_AUDITS.get(names[w.clients[session.client].driver])
        if driver_audit is not None:
            held.update(driver_audit.held(view, s))
            found += driver_audit.slips(view, s)
    return [
        *found,
        *_attempt_slots(view),
        *_connection_slots(view, held),
        *_attempts_wait_for_something(view),
        *_nodes(w),
        *_pools(view),
        *_loads(view),
    ]


# Slots --------------------------------------------------------------------------------------------


def _attempt_slots(view: View) -> Iterator[str]:
    w = view.world
    pointed_at = view.all_entries(*_OF_ATTEMPTS)
    pointed_at.update(_queued(w))
    pointed_at.update(_held_back(w))
    pointed_at.update(view.retries)
    current = {
        request.attempt for r, request in enumerate(w.requests) if r not in view.free_requests
    }
    for a, attempt in enumerate(w.attempts):
        free = a in view.free_attempts
        points = pointed_at[a] + (attempt.at_node == 1)
        if attempt.holds != points:
            yield f"attempt {a}: {attempt.holds} holds, {points} things point at it"
        if free and (attempt.state != IDLE or points):
            yield f"attempt {a} is free in state {attempt.state}"
        if not free and a not in current and attempt.state in (IDLE, DONE) and not points:
            yield f"attempt {a} was not given back"


def _queued(w: World) -> Counter[int]:
    """How many acquisition queues each attempt is in."""
    return _in_lists(w, (pool.queue_first for pool in w.pools), "next")


def _held_back(w: World) -> Counter[int]:
    """How many connections each attempt waits on for an acknowledgement (connection/nagle.py)."""
    return _in_lists(w, (connection.held_first for connection in w.connections), "held_next")


def _in_lists(w: World, firsts: Iterable[int], link: str) -> Counter[int]:
    """How many lists of attempts each is in, by their first ones; one that bites its tail ends."""
    found: Counter[int] = Counter()
    for a in firsts:
        while a >= 0 and found[a] < 2:
            found[a] += 1
            a = getattr(w.attempts[a], link)
    return found


def _connection_slots(view: View, held: Counter[int]) -> Iterator[str]:
    for c, connection in enumerate(view.world.connections):
        free = c in view.free_connections
        points = view.entries(c, *_OF_CONNECTIONS) + held[c]
        if connection.holds != points:
            yield f"connection {c}: {connection.holds} holds, {points} things point at it"
        if free != (connection.state == FREE):
            yield f"connection {c} in state {connection.state}: free is {free}"
        if connection.state == GONE and not points:
            yield f"connection {c} was not given back"


# Work ---------------------------------------------------------------------------------------------


def _attempts_wait_for_something(view: View) -> Iterator[str]:
    """What is on a connection that works, at a node that runs, has an entry on the agenda, or waits
    for an acknowledgement, which has one."""
    w = view.world
    entries = view.all_entries(*_OF_ATTEMPTS)
    silent = {fault.node for fault in w.faults if fault.kind == SILENCE}  # what it had is lost
    entries.update(_held_back(w))
    for a, attempt in enumerate(w.attempts):
        if attempt.state not in (IN_FLIGHT, ORPHANED) or entries[a] or attempt.kept == 1:
            continue
        connection = w.connections[attempt.connection]
        if connection.state not in THERE or connection.state == CONNECTING:
            yield f"attempt {a} is on a connection in state {connection.state}"
            continue
        n = w.pools[attempt.pool].node
        node = w.nodes[n]
        works = connection.wire < WIRE_CLOSING and connection.defunct == 0 and n not in silent
        waits_at_node = node.recursive == 0 and attempt.at_node == 1
        if works and not waits_at_node and node.state != NODE_PAUSED:
            yield f"attempt {a} in state {attempt.state} waits for nothing"


def _nodes(w: World) -> Iterator[str]:
    for n, node in enumerate(w.nodes):
        if node.recursive == 1:
            continue
        running, first_waiting = 0, -1
        a = node.first
        while a >= 0:
            if w.attempts[a].running == 1:
                running += 1
            elif first_waiting < 0:
                first_waiting = a
            a = w.attempts[a].node_next
        if running + node.idle != node.workers:
            yield f"node {n}: {running} running and {node.idle} idle of {node.workers} workers"
        if node.waiting != first_waiting:
            yield f"node {n}: {node.waiting} is next, it should be {first_waiting}"
        if node.state == NODE_RUNNING and node.idle > 0 and node.waiting >= 0:
            yield f"node {n}: attempts wait beside an idle worker"


def _pools(view: View) -> Iterator[str]:
    for p, pool in enumerate(view.world.pools):
        there = view.connections.get(p, ())
        connecting = sum(c.state == CONNECTING and c.role != ROLE_CONTROL for c in there)
        if pool.connecting != connecting:
            yield f"pool {p}: {pool.connecting} connecting by its count, {connecting} there"


# Loads --------------------------------------------------------------------------------------------


def _loads(view: View) -> Iterator[str]:
    w = view.world
    live = Counter(
        request.session
        for r, request in enumerate(w.requests)
        if r not in view.free_requests and request.number < FIRST_CHECK
    )
    for s, session in enumerate(w.sessions):
        client = w.clients[session.client]
        callers = [w.attempts[a].caller for a in view.blocked.get(s, ())]
        blocked = callers.count(CALLER_ISSUER) + (session.round == WARM_UP_ROUND)
        if view.entries(s, ISSUE) + ISSUER_BLOCKED * blocked != session.issue_scheduled:
            yield f"session {s}: the issuing thread is not scheduled as it says, {blocked} blocked"
        if session.issue_first >= 0 and not session.issue_scheduled:
            yield f"session {s}: requests wait for the issuing thread, which sleeps"
        thinking = view.entries(s, THINK)
        if client.closed and session.workers != live[s] + thinking:
            yield f"session {s}: {session.workers} workers, {live[s]} requests, {thinking} think"
        first = session.timer_first
        if first >= 0:
            due = fires_at(w.requests[first].deadline, client.timer_tick)
            if not 0 <= session.timer_at <= due:
                yield f"session {s}: its timer is set to {session.timer_at}, not to {due}"
        if client.closed and session.workers < session.window and not session.issue_scheduled:
            yield f"session {s}: workers are missing and nobody launches them"
        waiting = _length(w, session.limit_first)
        if client.limit and session.admitted != live[s] - waiting:
            yield f"session {s}: {session.admitted} admitted of {live[s]}, {waiting} wait"
        if waiting and session.admitted < client.limit:
            yield f"session {s}: requests wait below the limit"
    for k, client in enumerate(w.clients):
        if view.entries(k, ARRIVAL) > (not client.closed):
            yield f"client {k} has {view.entries(k, ARRIVAL)} next arrivals"


def _length(w: World, r: int) -> int:
    length = 0
    while r >= 0 and length <= len(w.requests):
        length += 1
        r = w.requests[r].next
    return length
