"""Watches one request through a run: every change of it and of its attempts, event by event."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from poolsim.engine.run import Attachment, simulate
from poolsim.model.drivers.generic.reading import ON_THE_WAY, RECEIVED
from poolsim.model.records import (
    GRANTED_STATE,
    IN_FLIGHT,
    ORPHANED,
    OWN_STEPS,
    READ,
    WAITING,
    World,
)
from poolsim.planning.run_directory import RunDirectory
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import owners
from poolsim.recording.tables import error_kinds_of, error_nodes_of

MOST_ERRORS = 6
"""So many answers of hosts does a request remember."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to the request. `kind`: entered, refused, queued, buffered, written,
    timed_out, arriving, unread, reading, read; `node`: index, -1 for none; the numbers belong to
    one kind each."""

    time_ns: int
    kind: str
    node: int = -1
    error: int = 0
    """refused: of ERROR_NAMES."""
    ahead: int = 0
    """queued: requests that were waiting there already."""
    connections: int = 0
    """queued: open connections of the pool, with `in_flight` on all of them."""
    in_flight: int = 0
    connection: int = -1
    """written: serial number over the run, with its `stream`."""
    stream: int = -1
    starts_ns: int = -1
    """written: when a worker of the node takes it, and when it is done; -1 where unknown."""
    finishes_ns: int = -1


@dataclass(frozen=True, slots=True)
class Life:
    """A request from its intended start to its end; `row` as REQUEST_COLUMNS."""

    row: dict[str, int]
    client: int
    replicas: tuple[int, ...]
    """Nodes that hold its key, in the order of the ring; empty where nobody looks at the key."""
    moments: tuple[Moment, ...]


class _Ended(Exception):
    """There is nothing more to see."""


class _Nothing:
    """A recorder that keeps nothing."""

    def __init__(self, end_ns: int) -> None:
        self.interval_ns = end_ns

    def requests(self, rows: Integers) -> None:
        """Nothing."""

    def notes(self, rows: Integers) -> None:
        """Nothing."""

    def sample(self, time_ns: int, table: Integers) -> None:
        """Nothing."""


def watch(run: RunDirectory, replication: int, row: Integers) -> Life:
    """Simulate a replication again and watch the request of a row."""
    named = dict(zip(REQUEST_COLUMNS, row.tolist(), strict=True))
    client = int(owners(tuple(one.instances for one in run.scenario.clients))[named["session"]])
    watcher = _Watcher(client, named)
    with suppress(_Ended):
        simulate(
            run.scenario,
            replication,
            _Nothing(run.scenario.duration_ns),
            engine="simpy",
            attachments=[watcher.attachment()],
        )
    watcher.add_errors(error_kinds_of(row[None, -2])[0], error_nodes_of(row[None, -1])[0])
    moments = sorted(watcher.moments, key=lambda one: one.time_ns)
    return Life(named, client, watcher.replicas, tuple(moments))


class _Watcher:
    def __init__(self, client: int, row: dict[str, int]) -> None:
        self._client = client
        self._row = row
        self._slot = -1
        self._seen: dict[int, tuple[int, ...]] = {}
        self._errors_seen = 0
        self._is_in = False
        self.moments: list[Moment] = []
        self.replicas: tuple[int, ...] = ()
        self._error_times: list[int] = []

    def attachment(self) -> Attachment:
        def attach(environment: Any, world: World) -> None:
            step: Callable[[], None] = environment.step

            def watched() -> None:
                step()
                now = int(environment.now)
                if now > self._row["ended_ns"]:
                    raise _Ended
                if now >= self._row["intended_ns"]:
                    self._look(world, now)

            environment.step = watched

        return attach

    def _look(self, world: World, now: int) -> None:
        if self._slot < 0:
            self._slot = self._find(world)
            if self._slot < 0:
                return
            self.replicas = self._replicas_of(world)
        request = world.requests[self._slot]
        if request.number != self._row["number"] or request.client != self._client:
            raise _Ended
        if not self._is_in and now >= self._row["issued_ns"]:
            self._is_in = True
            self.moments.append(Moment(self._row["issued_ns"], "entered"))
        while self._errors_seen < request.error_count:
            self._errors_seen += 1
            self._error_times.append(now)
        for a, attempt in enumerate(world.attempts):
            if attempt.request == self._slot:
                self._attempt(world, a, attempt, now)

    def _find(self, world: World) -> int:
        wanted = (self._row["number"], self._client, self._row["intended_ns"])
        for slot, request in enumerate(world.requests):
            if (request.number, request.client, request.intended) == wanted:
                return slot
        return -1

    def _replicas_of(self, world: World) -> tuple[int, ...]:
        request, client = world.requests[self._slot], world.clients[self._client]
        if not client.token_aware:
            return ()
        first = client.replica_first + request.plan_key * client.replication
        return tuple(int(world.replicas[first + k]) for k in range(client.replication))

    def _attempt(self, world: World, a: int, attempt: Any, now: int) -> None:
        now_seen = (
            *(attempt.state, attempt.pool, attempt.sent_at, attempt.kept),
            attempt.progress if world.clients[self._client].read_cost == OWN_STEPS else 0,
        )
        if self._seen.get(a) == now_seen:
            return
        self._seen[a] = now_seen
        pool = world.pools[attempt.pool] if attempt.pool >= 0 else None
        if pool is None:
            return
        if attempt.state == WAITING:
            self.moments.append(
                Moment(
                    now,
                    "queued",
                    pool.node,
                    ahead=max(pool.pending - 1, 0),
                    connections=pool.active,
                    in_flight=pool.in_flight,
                )
            )
        elif attempt.state == READ:
            self.moments.append(Moment(now, "read", pool.node, stream=attempt.stream))
        elif attempt.state == IN_FLIGHT and now_seen[-1] != ON_THE_WAY:
            kind = "arriving" if now_seen[-1] == RECEIVED else "reading"
            self.moments.append(Moment(now, "unread" if attempt.kept else kind, pool.node))
        elif attempt.state == IN_FLIGHT and attempt.kept:
            self.moments.append(
                Moment(
                    now,
                    "buffered",
                    pool.node,
                    connection=world.connections[attempt.connection].serial,
                    stream=attempt.stream,
                )
            )
        elif attempt.state in (IN_FLIGHT, GRANTED_STATE):
            known = attempt.at_node == 1 and attempt.finishes > attempt.starts
            self.moments.append(
                Moment(
                    attempt.sent_at,
                    "written",
                    pool.node,
                    connection=world.connections[attempt.connection].serial,
                    stream=attempt.stream,
                    starts_ns=attempt.starts if known else -1,
                    finishes_ns=attempt.finishes if known else -1,
                )
            )
        elif attempt.state == ORPHANED:
            self.moments.append(Moment(now, "timed_out", pool.node))

    def add_errors(self, kinds: Integers, nodes: Integers) -> None:
        """What hosts answered, at the times at which the request took note of it."""
        for place in range(MOST_ERRORS):
            if kinds[place]:
                times = self._error_times
                at = times[place] if place < len(times) else self._row["ended_ns"]
                self.moments.append(
                    Moment(at, "refused", int(nodes[place]), error=int(kinds[place]))
                )
