"""What must hold in every run, read from the tables themselves.

Every request ends exactly once. Stream ids are unique and within their limit. Little's law is an
integer identity for the whole system, the acquisition queues and the streams: the integral of the
population, added up where it changes, equals the times that the requests measured. Connections are
conserved: those that are there equal those started less those that failed, broke or closed. What a
pool counts equals what its connections carry and its queue holds.

The functions that look are written like rules (docs/writing-rules.md), because both engines run
them: each returns which of its sentences is true, 0 for none, and that sentence's numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolsim.invariants.violation import InvariantViolation
from poolsim.model.primitives import World
from poolsim.model.records import (
    CONNECTING,
    IN_FLIGHT,
    OPEN,
    POOL_USABLE,
    TRASHED_STATE,
    WAITING,
)

Finding = tuple[int, int, int, int, int, int, int]
"""Which sentence, from 1, or 0; and six numbers for it."""

FUNCTIONS: list[Callable[..., Any]] = []
"""The function behind each of `INVARIANTS`, in their order."""


class Invariant:
    """A function that looks, and its sentences. Called, it says what is broken, or ""."""

    def __init__(self, look: Callable[[World, int], Finding], sentences: tuple[str, ...]) -> None:
        self.look = look
        self.__name__ = look.__name__
        self._sentences = sentences

    def __call__(self, w: World, now: int) -> str:
        """Look at a world between two events."""
        return self.words(self.look(w, now))

    def words(self, finding: Finding) -> str:
        """What a finding says."""
        sentence = finding[0]
        return self._sentences[sentence - 1].format(*finding[1:]) if sentence else ""


def _invariant(*sentences: str) -> Callable[[Callable[[World, int], Finding]], Invariant]:
    def collect(look: Callable[[World, int], Finding]) -> Invariant:
        FUNCTIONS.append(look)
        return Invariant(look, sentences)

    return collect


def check(w: World, now: int, label: str) -> None:
    """Check every invariant between two events.

    Raises:
        InvariantViolation: naming the invariant, `label` (seed and replication) and the time.
    """
    for invariant in INVARIANTS:
        demand(invariant, invariant.look(w, now), now, label)


def demand(invariant: Invariant, finding: Finding, now: int, label: str) -> None:
    """Raise what a finding says, if anything (see `check`)."""
    broken = invariant.words(finding)
    if broken:
        name = invariant.__name__.strip("_").replace("_", " ")
        raise InvariantViolation(
            f"invariant violated: {name}: {broken} ({label}, at {now / 1e9:.9f} s). "
            "This is a bug in poolsim, not in the scenario."
        )


def free_requests(w: World) -> int:
    """How many slots of requests are free; more than there are where one was freed twice."""
    slots = len(w.requests)
    count = 0
    r = w.run.free_request
    while r >= 0 and count <= slots:
        count += 1
        r = w.requests[r].next
    return count


@_invariant("{0} made, {1} ended, {2} under way", "a request's slot was freed twice")
def every_request_ends_exactly_once(w: World, _now: int) -> Finding:
    """Requests made = requests ended + requests under way."""
    run = w.run
    live = len(w.requests) - free_requests(w)
    if live < 0:
        return 2, 0, 0, 0, 0, 0, 0
    if run.requests_made != run.requests_ended + live:
        return 1, run.requests_made, run.requests_ended, live, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


@_invariant(
    "connection {0} handed out id {1}",
    "id {1} of connection {0} is held by a stranger",
    "an attempt holds two ids of connection {0}",
    "connection {0}: {1} ids taken, {2} free",
)
def streams_are_unique_and_within_their_limit(w: World, _now: int) -> Finding:
    """Each taken id holds an attempt that names this connection and id."""
    for c in range(len(w.connections)):
        connection = w.connections[c]
        live = connection.state == CONNECTING or connection.state == OPEN
        if live or connection.state == TRASHED_STATE:
            if connection.stream_high > connection.stream_limit:
                return 1, connection.serial, connection.stream_high - 1, 0, 0, 0, 0
            taken = 0
            for stream in range(connection.stream_high):
                a = w.streams[connection.stream_first + stream]
                if a >= 0:
                    taken += 1
                    attempt = w.attempts[a]
                    if attempt.connection != c and attempt.request >= 0:
                        return 2, connection.serial, stream, 0, 0, 0, 0
                    if attempt.stream != stream:
                        return 3, connection.serial, 0, 0, 0, 0, 0
            free = 0
            stream = connection.stream_free
            while stream >= 0 and free <= connection.stream_high:
                free += 1
                stream = -2 - w.streams[connection.stream_first + stream]
            if connection.sequential == 0 and taken + free != connection.stream_high:
                return 4, connection.serial, taken, free, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


_LITTLE = "integral of the population {0} ns, times in it {1} ns"


@_invariant(_LITTLE)
def littles_law_of_the_system(w: World, now: int) -> Finding:
    """Requests from the instant at which they were due to their end."""
    run = w.run
    count = 0
    times = run.system_sum
    for r in range(len(w.requests)):
        times += now - w.requests[r].intended
        count += 1
    slots = count
    freed = 0
    r = run.free_request
    while r >= 0 and freed <= slots:
        times -= now - w.requests[r].intended
        freed += 1
        r = w.requests[r].next
    integral = run.system_area + (count - freed) * now
    if integral != times:
        return 1, integral, times, 0, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


@_invariant(_LITTLE)
def littles_law_of_the_queues(w: World, now: int) -> Finding:
    """Attempts in acquisition queues."""
    run = w.run
    integral = run.queue_area
    times = run.queue_sum
    for a in range(len(w.attempts)):
        if w.attempts[a].state == WAITING:
            integral += now
            times += now - w.attempts[a].queued_at
    if integral != times:
        return 1, integral, times, 0, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


@_invariant(_LITTLE)
def littles_law_of_the_streams(w: World, now: int) -> Finding:
    """Attempts from the grant of a connection to its return."""
    run = w.run
    integral = run.stream_area
    times = run.stream_sum
    for a in range(len(w.attempts)):
        if w.attempts[a].state == IN_FLIGHT:
            integral += now
            times += now - w.attempts[a].granted_at
    if integral != times:
        return 1, integral, times, 0, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


@_invariant("{0} connections there, {1} by the count of what happened")
def connections_are_conserved(w: World, _now: int) -> Finding:
    """Connections there = started - failed - (broken or closed)."""
    run = w.run
    there = 0
    for c in range(len(w.connections)):
        connection = w.connections[c]
        live = connection.state == CONNECTING or connection.state == OPEN
        if (live or connection.state == TRASHED_STATE) and connection.defunct == 0:
            there += 1
    expected = run.connects_started - run.connects_failed - run.connections_gone
    if there != expected:
        return 1, there, expected, 0, 0, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


@_invariant(
    "pool of session {0} to node {1}: {2} active and {3} trashed in its lists, "
    "{4} and {5} by its count",
    "pool of session {0} to node {1}: {2} in flight on its connections, {3} by its count",
    "pool of session {0} to node {1}: {2} entries in its queue, {3} by its count",
)
def pools_count_what_they_hold(w: World, _now: int) -> Finding:
    """A usable pool's counters equal its lists."""
    for p in range(len(w.pools)):
        pool = w.pools[p]
        if pool.phase == POOL_USABLE:
            active = 0
            trashed = 0
            carried = 0
            c = pool.first
            while c >= 0:
                # A stray state breaks the count.
                if w.connections[c].state == OPEN:
                    active += 1
                carried += w.connections[c].in_flight
                c = w.connections[c].next
            c = pool.trash_first
            while c >= 0:
                if w.connections[c].state == TRASHED_STATE:
                    trashed += 1
                carried += w.connections[c].in_flight
                c = w.connections[c].next
            if active != pool.active or trashed != pool.trashed:
                return 1, pool.session, pool.node, active, trashed, pool.active, pool.trashed
            if carried != pool.in_flight:
                return 2, pool.session, pool.node, carried, pool.in_flight, 0, 0
            pending = 0
            a = pool.queue_first
            while a >= 0:
                pending += 1
                a = w.attempts[a].next
            if pending != pool.pending:
                return 3, pool.session, pool.node, pending, pool.pending, 0, 0
    return 0, 0, 0, 0, 0, 0, 0


INVARIANTS: tuple[Invariant, ...] = (
    every_request_ends_exactly_once,
    streams_are_unique_and_within_their_limit,
    littles_law_of_the_system,
    littles_law_of_the_queues,
    littles_law_of_the_streams,
    connections_are_conserved,
    pools_count_what_they_hold,
)
