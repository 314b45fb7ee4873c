"""One look at a world, shared by the audits: what is on the agenda, what is free, what is where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from poolsim.model.connection.executors import RETRY
from poolsim.model.primitives import Record
from poolsim.model.records import CONNECTING, OPEN, TRASHED_STATE, World

KIND_SHIFT = 56
OWN_PRIORITIES = 2
"""Priorities below are SimPy's own (engine/simpy_engine.py)."""

THERE = (CONNECTING, OPEN, TRASHED_STATE)
"""States of a connection that exists."""


def active_connections(w: World, p: int) -> Iterator[Record]:
    """A pool's active connections, in the driver's order."""
    c = w.pools[p].first
    while c >= 0:
        yield w.connections[c]
        c = w.connections[c].next


@dataclass(frozen=True, slots=True)
class View:
    """Looked up once, between two events.

    `agenda`: per event kind, how many entries each target has. `connections`: those that exist, by
    pool. `free_...`: slots. `retries`: attempts that wait for a thread of an executor. `blocked`:
    attempts whose borrow blocks a thread, by session.
    """

    world: World
    agenda: dict[int, Counter[int]]
    connections: dict[int, list[Record]]
    free_requests: frozenset[int]
    free_attempts: frozenset[int]
    free_connections: frozenset[int]
    retries: tuple[int, ...]
    blocked: dict[int, list[int]]

    def entries(self, target: int, *kinds: int) -> int:
        """How many entries of some kinds a target has on the agenda."""
        return sum(self.agenda[kind][target] for kind in kinds if kind in self.agenda)

    def all_entries(self, *kinds: int) -> Counter[int]:
        """How many entries of some kinds each target has on the agenda."""
        found: Counter[int] = Counter()
        for kind in kinds:
            found.update(self.agenda.get(kind, {}))
        return found

    def tasks(self, e: int, kind: int, p: int) -> int:
        """Tasks of a kind for the present pool `p` that wait for executor `e`."""
        w = self.world
        found = 0
        t = w.executors[e].first
        while t >= 0:
            task = w.tasks[t]
            found += (task.kind, task.pool, task.generation) == (kind, p, w.pools[p].generation)
            t = task.next
        return found

    def connecting(self, p: int, *roles: int) -> list[Record]:
        """Connections of a pool whose handshake is under way, of some roles."""
        return [
            connection
            for connection in self.connections.get(p, ())
            if connection.state == CONNECTING and connection.role in roles
        ]


def look(w: World, environment: Any) -> View:
    """Look at a world and at the agenda of its engine, SimPy's queue."""
    targets: dict[int, list[int]] = {}
    for _, priority, _, occasion in environment._queue:
        if priority >= OWN_PRIORITIES:
            kind = (priority - OWN_PRIORITIES) >> KIND_SHIFT
            targets.setdefault(kind, []).append(occasion.target)
    connections: dict[int, list[Record]] = {}
    for connection in w.connections:
        if connection.state in THERE:
            connections.setdefault(connection.pool, []).append(connection)
    return View(
        world=w,
        agenda={kind: Counter(of_kind) for kind, of_kind in targets.items()},
        connections=connections,
        free_requests=_free(w.requests, w.run.free_request),
        free_attempts=_free(w.attempts, w.run.free_attempt),
        free_connections=_free(w.connections, w.run.free_connection),
        retries=tuple(task.attempt for task in _tasks(w) if task.kind == RETRY),
        blocked=_blocked(w),
    )


def _tasks(w: World) -> Iterator[Record]:
    """Tasks that wait for an executor's thread."""
    for executor in w.executors:
        t = executor.first
        while t >= 0:
            yield w.tasks[t]
            t = w.tasks[t].next


def _blocked(w: World) -> dict[int, list[int]]:
    blocked: dict[int, list[int]] = {}
    for pool in w.pools:
        if w.clients[w.sessions[pool.session].client].blocking == 1:
            a = pool.queue_first
            while a >= 0:
                blocked.setdefault(pool.session, []).append(a)
                a = w.attempts[a].next
    return blocked


def _free(table: list[Record], first: int) -> frozenset[int]:
    free: set[int] = set()
    while first >= 0 and first not in free:
        free.add(first)
        first = table[first].next
    return frozenset(free)
