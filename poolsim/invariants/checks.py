"""What must hold in every run, read from the tables themselves.

Every request ends exactly once. Stream ids are unique and within their limit. Little's law is an
integer identity for the whole system, the acquisition queues and the streams: the integral of the
population, added up where it changes, equals the times that the requests measured. Connections are
conserved: those that are there equal those started less those that failed, broke or closed. What a
pool counts equals what its connections carry and its queue holds.
"""

from __future__ import annotations

from collections.abc import Callable

from poolsim.invariants.violation import InvariantViolation
from poolsim.model.records import (
    CONNECTING,
    IN_FLIGHT,
    OPEN,
    POOL_USABLE,
    TRASHED_STATE,
    WAITING,
    World,
)


def check(w: World, now: int, label: str) -> None:
    """Check every invariant between two events.

    Raises:
        InvariantViolation: naming the invariant, `label` (seed and replication) and the time.
    """
    for invariant in INVARIANTS:
        broken = invariant(w, now)
        if broken:
            name = invariant.__name__.strip("_").replace("_", " ")
            raise InvariantViolation(
                f"invariant violated: {name}: {broken} ({label}, at {now / 1e9:.9f} s). "
                "This is a bug in poolsim, not in the scenario."
            )


def live_requests(w: World) -> list[int]:
    """Slots of the requests that have not ended."""
    free = [False] * len(w.requests)
    r = w.run.free_request
    while r >= 0:
        if free[r]:
            raise InvariantViolation(f"invariant violated: request slot {r} was freed twice")
        free[r] = True
        r = w.requests[r].next
    return [r for r, is_free in enumerate(free) if not is_free]


def every_request_ends_exactly_once(w: World, _now: int) -> str:
    """Requests made = requests ended + requests under way."""
    live = len(live_requests(w))
    if w.run.requests_made != w.run.requests_ended + live:
        return f"{w.run.requests_made} made, {w.run.requests_ended} ended, {live} under way"
    return ""


def streams_are_unique_and_within_their_limit(w: World, _now: int) -> str:
    """Each taken id holds an attempt that names this connection and id."""
    for c, connection in enumerate(w.connections):
        if connection.state not in (CONNECTING, OPEN, TRASHED_STATE):
            continue
        if connection.stream_high > connection.stream_limit:
            return f"connection {connection.serial} handed out id {connection.stream_high - 1}"
        taken = 0
        for stream in range(connection.stream_high):
            a = w.streams[connection.stream_first + stream]
            if a >= 0:
                taken += 1
                attempt = w.attempts[a]
                if attempt.connection != c and attempt.request >= 0:
                    return f"id {stream} of connection {connection.serial} is held by a stranger"
                if attempt.stream != stream:
                    return f"an attempt holds two ids of connection {connection.serial}"
        free = _free_streams(w, c)
        if taken + free != connection.stream_high:
            return f"connection {connection.serial}: {taken} ids taken, {free} free"
    return ""


def _free_streams(w: World, c: int) -> int:
    connection = w.connections[c]
    count = 0
    stream = connection.stream_free
    while stream >= 0 and count <= connection.stream_high:
        count += 1
        stream = -2 - w.streams[connection.stream_first + stream]
    return count


def littles_law_of_the_system(w: World, now: int) -> str:
    """Requests from the instant at which they were due to their end."""
    run = w.run
    under_way = [now - w.requests[r].intended for r in live_requests(w)]
    return _little(len(under_way), run.system_area, run.system_sum + sum(under_way), now)


def littles_law_of_the_queues(w: World, now: int) -> str:
    """Attempts in acquisition queues."""
    run = w.run
    waiting = [now - a.queued_at for a in w.attempts if a.state == WAITING]
    return _little(len(waiting), run.queue_area, run.queue_sum + sum(waiting), now)


def littles_law_of_the_streams(w: World, now: int) -> str:
    """Attempts from the grant of a connection to its return."""
    run = w.run
    held = [now - a.granted_at for a in w.attempts if a.state == IN_FLIGHT]
    return _little(len(held), run.stream_area, run.stream_sum + sum(held), now)


def _little(count: int, area: int, total: int, now: int) -> str:
    integral = area + count * now
    if integral != total:
        return f"integral of the population {integral} ns, times in it {total} ns"
    return ""


def connections_are_conserved(w: World, _now: int) -> str:
    """Connections there = started - failed - (broken or closed)."""
    run = w.run
    there = sum(
        c.state in (CONNECTING, OPEN, TRASHED_STATE) and not c.defunct for c in w.connections
    )
    expected = run.connects_started - run.connects_failed - run.connections_gone
    if there != expected:
        return f"{there} connections there, {expected} by the count of what happened"
    return ""


def pools_count_what_they_hold(w: World, _now: int) -> str:
    """A usable pool's counters equal its lists."""
    for p, pool in enumerate(w.pools):
        if pool.phase != POOL_USABLE:
            continue
        active, carried = _walk(w, pool.first, OPEN)
        trashed, carried_by_trash = _walk(w, pool.trash_first, TRASHED_STATE)
        where = f"pool of session {pool.session} to node {pool.node}"
        if (active, trashed) != (pool.active, pool.trashed):
            return (
                f"{where}: {active} active and {trashed} trashed in its lists, "
                f"{pool.active} and {pool.trashed} by its count"
            )
        if carried + carried_by_trash != pool.in_flight:
            return (
                f"{where}: {carried + carried_by_trash} in flight on its connections, "
                f"{pool.in_flight} by its count"
            )
        pending = 0
        a = pool.queue_first
        while a >= 0:
            pending += 1
            a = w.attempts[a].next
        if pending != pool.pending:
            return f"{where}: {pending} entries in its queue, {pool.pending} by its count"
        assert p == pool.session * w.run.nodes + pool.node
    return ""


def _walk(w: World, c: int, state: int) -> tuple[int, int]:
    """Length of a list of connections and what they carry; a stray state breaks the count."""
    length = 0
    carried = 0
    while c >= 0:
        connection = w.connections[c]
        length += connection.state == state
        carried += connection.in_flight
        c = connection.next
    return length, carried


INVARIANTS: tuple[Callable[[World, int], str], ...] = (
    every_request_ends_exactly_once,
    streams_are_unique_and_within_their_limit,
    littles_law_of_the_system,
    littles_law_of_the_queues,
    littles_law_of_the_streams,
    connections_are_conserved,
    pools_count_what_they_hold,
)
