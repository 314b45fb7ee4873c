"""Both kinds of pool of the Python driver against plain models of them, operation by operation.

The models below follow the driver's source statement by statement, with objects, lists and sets,
and share nothing with the rules: cassandra/pool.py:368-577 and 580-933 at 3.29.3, with an executor
of two threads. Handshakes succeed at once unless they are held; held ones are let go, refused or
time out. What is compared after every operation: who was served and who failed, what each
connection carries in the pool's order, the trash, the queue, and whether the host is up.
"""

from __future__ import annotations

import inspect
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from poolsim.fidelity.bench import Outcome
from poolsim.fidelity.python_bench import SECOND, SENT_IN_VAIN
from poolsim.model.drivers import python
from poolsim.model.kinds import BUSY_TIMED_OUT, LOST, POOL_CLOSED
from poolsim.model.records import GRANTED, IN_FLIGHT, POOL_USABLE, QUEUED, TRASHED_STATE
from poolsim.scenario.scenario import Pooling
from tests.model.python_pools import PythonBench

STREAMS = 8
LIMIT = 7  # max_request_id
MANY = st.sampled_from([1, 3, 7, 25])
WHICH = st.integers(0, 999)
PATIENCE = st.sampled_from([10, 40, 1000])
THRESHOLD = 6  # orphaned_threshold, three quarters of the streams


class Connection:
    """What the driver keeps of a connection."""

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.orphans: set[int] = set()
        self.vanished = 0  # orphans that went down with the socket, still in in_flight
        self.leaked = 0  # taken by borrows that found no stream id
        self.spare = 0  # stream ids that were free when it closed
        self.home: Any = None  # the pool that it was made for
        self.exhausted = False
        self.closed = False

    @property
    def in_flight(self) -> int:
        return len(self.requests) + len(self.orphans) + self.vanished + self.leaked

    def go_down(self) -> list[int]:
        """The socket is closed; the requests that were on it."""
        if self.closed:
            return []
        self.closed = True
        self.spare = STREAMS - self.in_flight
        lost, self.requests = self.requests, []
        self.vanished += len(self.orphans)
        self.orphans = set()
        return lost


class Cluster:
    """Executor, host and current pool; the two kinds of pool derive from it what they share."""

    def __init__(self, options: Pooling) -> None:
        self.options = options
        self.now = 0
        self.held = False
        self.busy = 0
        self.tasks: list[Callable[[], bool]] = []
        self.handshakes: list[Callable[[str], None]] = []
        self.host_up = True
        self.pool: HostConnection | HostConnectionPool
        self.connections: list[Connection] = []
        self.pools: list[Any] = []
        self.served: list[tuple[int, Connection]] = []
        self.failed: list[tuple[int, int]] = []

    def connect(self) -> Connection:
        self.connections.append(Connection())
        return self.connections[-1]

    def submit(self, task: Callable[[], bool]) -> None:
        """A task says whether it began a handshake, which keeps its thread."""
        self.tasks.append(task)

    def shake_hands(self, outcome: Callable[[str], None]) -> bool:
        self.handshakes.append(outcome)
        return True

    def finish_handshake(self, how: str) -> None:
        outcome = self.handshakes.pop(0)
        self.busy -= 1
        outcome(how)

    def settle(self) -> None:
        while True:
            if self.tasks and self.busy < 2:
                self.busy += 1
                if not self.tasks.pop(0)():
                    self.busy -= 1
            elif self.handshakes and not self.held:
                self.finish_handshake("ok")
            else:
                return

    def serve(self, request: int, connection: Connection) -> None:
        """Give a waiter's request its connection; writing it may show that that is dead."""
        if connection.closed:
            self.failed.append((request, SENT_IN_VAIN))
            self.pool.noticed()
        else:
            connection.requests.append(request)
            self.served.append((request, connection))

    def signal_failure(self) -> None:
        self.submit(self.on_down)

    def on_down(self) -> bool:
        if self.pool.open_count() > 0:
            return False
        if self.host_up:
            self.host_up = False
            self.pool.shutdown()
        return False

    def break_connection(self, connection: Connection) -> None:
        """The socket is closed: requests end with errors, orphans just vanish."""
        lost = connection.go_down()
        self.failed.extend((request, LOST) for request in lost)
        if connection in self.pool.known():
            if lost:
                self.pool.noticed()
            else:
                self.pool.broke_unnoticed(connection)
        elif lost:
            self.signal_failure()


class HostConnection:
    """cassandra/pool.py:368-577."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.pools.append(self)
        self.current: Connection | None = cluster.connect()
        self.current.home = self
        self.trash: list[Connection] = []
        self.waiters: list[tuple[int, Connection, bool]] = []  # the last: it looks all the time
        self.woken: list[tuple[int, Connection, bool]] = []  # when it was shut
        self.replacing = False
        self.shut = False
        self.pausing = False  # a refused replacement waits for its next try

    def known(self) -> list[Connection]:
        return ([] if self.shut or self.current is None else [self.current]) + self.trash

    def open_count(self) -> int:
        return int(not self.shut and self.current is not None and not self.current.closed)

    def active(self) -> list[Connection]:
        return [] if self.current is None else [self.current]

    @staticmethod
    def takes(connection: Connection) -> bool:
        dead = connection.exhausted and connection.closed
        return not dead and connection.in_flight < LIMIT

    def borrow(self, request: int) -> int:
        if self.shut:
            return POOL_CLOSED
        connection = self.current
        assert connection is not None
        if connection.exhausted and not self.replacing:
            self.replacing = True
            self.cluster.submit(self.replace)
        if not self.takes(connection):
            self.wait(request, connection)
            return QUEUED
        self.cluster.serve(request, connection)
        return GRANTED

    def wait(self, request: int, connection: Connection) -> None:
        self.waiters.append((request, connection, connection.exhausted and connection.closed))

    def look(self, waiter: tuple[int, Connection, bool]) -> None:
        """A waiter wakes or looks again: it takes a stream, or goes on waiting."""
        request, connection, _ = waiter
        if connection.exhausted and connection.closed:
            if self.shut:
                self.cluster.failed.append((request, POOL_CLOSED))
                return
            assert self.current is not None
            connection = self.current
        if not self.takes(connection):
            self.wait(request, connection)
        elif connection.closed and self.shut:
            self.cluster.failed.append((request, POOL_CLOSED))
            if connection.spare > 0:
                connection.spare -= 1
                if self.waiters:  # the borrow returns the connection, which notifies
                    self.woken.append(self.waiters.pop(0))
            else:
                connection.leaked += 1  # get_request_id asserts
        else:
            self.cluster.serve(request, connection)

    def notify(self) -> None:
        for waiter in self.waiters:
            if not waiter[2]:
                self.waiters.remove(waiter)
                self.look(waiter)
                return

    def expire(self, request: int) -> None:
        place = [waiting for waiting, _, _ in self.waiters].index(request)
        _, connection, _ = self.waiters.pop(place)
        if self.takes(connection):
            self.cluster.serve(request, connection)
        else:
            self.cluster.failed.append((request, BUSY_TIMED_OUT))

    def give_back(self, connection: Connection, orphaned: bool) -> None:
        if connection in self.trash and not connection.requests:
            self.trash.remove(connection)
            self.close(connection)
        if not orphaned:
            self.notify()

    def close(self, connection: Connection) -> None:
        self.cluster.failed.extend((request, LOST) for request in connection.go_down())

    def timed_out(self, connection: Connection) -> None:
        connection.exhausted |= len(connection.orphans) >= THRESHOLD
        self.give_back(connection, orphaned=True)

    def replace(self) -> bool:
        self.pausing = False
        return not self.shut and self.cluster.shake_hands(self.replaced)

    def replaced(self, how: str) -> None:
        if how == "refused":
            self.pausing = True
        elif how == "timed out":
            self.cluster.submit(self.replace)
        else:
            new = self.cluster.connect()
            new.home = self
            if self.shut:
                return
            old, self.current = self.current, new
            assert old is not None
            if not old.closed and old.requests:
                self.trash.append(old)
            else:
                self.close(old)
            self.replacing = False
            self.notify()
            for waiter in [waiter for waiter in self.waiters if waiter[2]]:
                self.waiters.remove(waiter)
                self.look(waiter)

    def noticed(self) -> None:
        if not self.shut:
            self.cluster.signal_failure()
            self.shutdown()

    def broke_unnoticed(self, connection: Connection) -> None:
        if connection in self.trash:
            self.trash.remove(connection)

    def shutdown(self) -> None:
        if self.shut:
            return
        self.shut = True
        connection = self.current
        self.current = None
        if connection is not None:
            self.close(connection)
        self.trash = []  # forgotten, not closed
        self.woken, self.waiters = self.waiters, []
        while self.woken:
            self.look(self.woken.pop(0))

    def heartbeat_failed(self, connection: Connection, late: bool) -> None:
        connection.leaked += late  # the question
        self.close(connection)
        connection.leaked -= 1  # the cycle returns the connection
        self.noticed()


class HostConnectionPool:
    """cassandra/pool.py:580-933."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.pools.append(self)
        self.connections = [cluster.connect() for _ in range(cluster.options.core)]
        self.opened = cluster.options.core
        self.trash: list[Connection] = []
        self.scheduled = 0
        self.trash_allowed = cluster.now
        self.waiters: list[tuple[int, bool]] = []
        self.shut = False
        self.pausing = False

    def known(self) -> list[Connection]:
        return ([] if self.shut else self.connections) + self.trash

    def open_count(self) -> int:
        return self.opened

    def active(self) -> list[Connection]:
        return [] if self.shut else self.connections

    def borrow(self, request: int) -> int:
        if self.shut:
            return POOL_CLOSED
        if not self.connections:
            for _ in range(self.cluster.options.core - self.scheduled):
                self.scheduled += 1
                self.cluster.submit(self.create)
            self.waiters.append((request, False))
            return QUEUED
        connection = min(self.connections, key=lambda other: other.in_flight)
        if connection.in_flight >= LIMIT:
            self.waiters.append((request, True))
            return QUEUED
        self.took(request, connection)
        return GRANTED

    def took(self, request: int, connection: Connection, grows: bool = True) -> None:
        options = self.cluster.options
        if grows and connection.in_flight + 1 >= options.max_requests:  # with this one
            room = len(self.connections) < options.max and self.opened < options.max
            if room and self.scheduled < 1:
                self.scheduled += 1
                self.cluster.submit(self.create)
        self.cluster.serve(request, connection)

    def create(self) -> bool:
        if self.shut or self.opened >= self.cluster.options.max:
            self.scheduled -= 1
            return False
        self.opened += 1
        return self.cluster.shake_hands(self.created)

    def created(self, how: str) -> None:
        self.scheduled -= 1
        self.added(how)

    def added(self, how: str) -> None:
        if how == "ok":
            connection = self.cluster.connect()
            if not self.shut:
                self.trash_allowed = self.cluster.now + 10 * SECOND
                self.connections.append(connection)
                self.notify()
        elif how == "refused":
            self.opened -= 1
            self.cluster.signal_failure()
            self.shutdown()

    def retry_replace(self) -> bool:
        if self.shut or self.opened >= self.cluster.options.max:
            return False
        self.opened += 1
        return self.cluster.shake_hands(self.retried)

    def retried(self, how: str) -> None:
        self.added(how)
        if how != "ok":
            self.cluster.submit(self.retry_replace)

    def notify(self) -> None:
        if self.waiters:
            request, grows = self.waiters.pop(0)
            if not self.try_take(request, grows):
                self.waiters.append((request, grows))

    def try_take(self, request: int, grows: bool) -> bool:
        if not self.connections:
            return False
        connection = min(self.connections, key=lambda other: other.in_flight)
        if connection.in_flight >= LIMIT:
            return False
        self.took(request, connection, grows)
        return True

    def expire(self, request: int) -> None:
        place = [waiting for waiting, _ in self.waiters].index(request)
        _, grows = self.waiters.pop(place)
        if not self.try_take(request, grows):
            self.cluster.failed.append((request, BUSY_TIMED_OUT))

    def give_back(self, connection: Connection, orphaned: bool) -> None:
        del orphaned
        options = self.cluster.options
        if connection in self.trash:
            if connection.in_flight == 0:
                self.trash.remove(connection)
                connection.closed = True
        elif (
            len(self.connections) > options.core
            and connection.in_flight <= options.min_requests
            and self.cluster.now >= self.trash_allowed
        ):
            self.maybe_trash(connection)
        else:
            self.notify()

    def maybe_trash(self, connection: Connection) -> None:
        if self.opened <= self.cluster.options.core:
            return
        self.opened -= 1
        self.connections.remove(connection)
        if connection.in_flight == 0:
            connection.closed = True
            return
        self.trash.append(connection)
        self.trash_allowed = self.cluster.now + 10 * SECOND

    def timed_out(self, connection: Connection) -> None:
        self.give_back(connection, orphaned=True)

    def noticed(self) -> None:
        if not self.shut:
            self.cluster.signal_failure()
            self.shutdown()

    def broke_unnoticed(self, connection: Connection) -> None:
        if connection in self.trash:
            self.trash.remove(connection)

    def shutdown(self) -> None:
        if self.shut:
            return
        self.shut = True
        self.cluster.failed.extend((request, POOL_CLOSED) for request, _ in self.waiters)
        self.waiters = []
        self.opened -= len(self.connections)
        for connection in self.connections + self.trash:
            self.cluster.failed.extend((request, LOST) for request in connection.requests)
            connection.requests = []
            connection.orphans = set()
            connection.closed = True
        self.trash = []

    def heartbeat_failed(self, connection: Connection, late: bool) -> None:
        self.cluster.failed.extend((request, LOST) for request in connection.requests)
        connection.requests = []
        connection.orphans = set()
        connection.closed = True
        if late:
            self.connections.remove(connection)
            self.opened -= 1
            self.cluster.submit(self.retry_replace)
        else:
            self.noticed()


class PoolMachine(RuleBasedStateMachine):
    """Drives the rules on the bench and the plain model side by side."""

    protocol: int
    kind: type[HostConnection] | type[HostConnectionPool]

    def start(self, options: Pooling, patience: int) -> None:
        self.cluster = Cluster(options)
        self.patience = patience
        self.calm = 0  # operations since the pool was made
        self.cluster.pool = self.kind(self.cluster)
        self.bench = PythonBench(self.protocol, options, STREAMS)
        self.now = 0
        self.next_request = 0

    # Helpers

    @property
    def pool(self) -> Any:
        return self.cluster.pool

    def may_break(self) -> bool:
        """Whether the pool has lived long enough to be shut; some runs let it live longer."""
        return self.calm >= self.patience

    def is_stuck(self) -> bool:
        """Connections that never came about count as open in a legacy pool. So it can be shut
        while its host stays up, or empty with no room for a connection: for ever."""
        if self.cluster.handshakes:
            return False
        if self.pool.shut:
            return self.cluster.host_up
        return not self.pool.active() and self.pool.open_count() >= self.cluster.options.max

    def may_fail_heartbeat(self) -> bool:
        active = self.pool.active()
        return self.may_break() and bool(active) and not any(c.closed for c in active)

    def waiting(self) -> list[tuple[int, Any]]:
        """Borrows that wait, also those that wait for a pool that was shut, and their pools."""
        return [(waiter[0], pool) for pool in self.cluster.pools for waiter in pool.waiters]

    def in_flight(self) -> list[tuple[int, Connection]]:
        return [(r, c) for c in self.cluster.connections for r in c.requests]

    def busy(self) -> list[Connection]:
        return [connection for connection in self.cluster.connections if connection.requests]

    def orphans(self) -> list[tuple[int, Connection]]:
        return [(r, c) for c in self.cluster.connections for r in sorted(c.orphans)]

    def slot_of(self, connection: Connection) -> int:
        """The rules' slot of a connection that carries something, or that is in the pool."""
        for request in [*connection.requests, *sorted(connection.orphans)]:
            return int(self.bench.world.attempts[self.bench.attempts[request]].connection)
        if connection in self.pool.trash:
            return self.bench.slot(self.bench.trash()[self.pool.trash.index(connection)])
        return self.bench.slot(self.bench.active()[self.pool.active().index(connection)])

    def compare(self, outcome: Outcome) -> None:
        """The same requests were served and failed."""
        self.cluster.settle()
        self.calm += 1
        self.now += SECOND // 4
        self.cluster.now = self.now
        assert [r for r, _ in outcome.grants] == [r for r, _ in self.cluster.served]
        assert sorted(outcome.failures) == sorted(self.cluster.failed)
        self.cluster.served.clear()
        self.cluster.failed.clear()

    def pick(self, found: list[Any], which: int) -> Any:
        return found[which % len(found)]

    # Operations

    @rule()
    def time_passes(self) -> None:
        self.now += 10 * SECOND
        self.cluster.now = self.now

    @rule(count=MANY)
    def borrow(self, count: int) -> None:
        for _ in range(count):
            if len(self.waiting()) > 3:
                return
            request = self.next_request
            self.next_request += 1
            answer, outcome = self.bench.borrow(request, self.now)
            assert answer == self.pool.borrow(request)
            if answer == GRANTED:
                # The model serves at once what the bench answers with GRANTED.
                given = (request, SENT_IN_VAIN) in self.cluster.failed
                if not given:
                    assert self.cluster.served.pop(0)[0] == request
            self.compare(outcome)

    @precondition(lambda self: self.in_flight())
    @rule(which=WHICH, left=st.integers(0, 4), last=st.booleans())
    def release(self, which: int, left: int, last: bool) -> None:
        """Requests of a connection end, the first ones or the last ones, until so many are left."""
        connection = self.pick(self.busy(), which)
        for _ in range(max(1, len(connection.requests) - left)):
            if not connection.requests:
                return  # it was shut with its pool
            request = connection.requests.pop(-1 if last else 0)
            outcome = self.bench.release(request, self.now)
            if connection in self.pool.known():
                self.pool.give_back(connection, orphaned=False)
            elif connection.home is not None:
                connection.home.notify()
            self.compare(outcome)

    @precondition(lambda self: self.in_flight())
    @rule(which=WHICH, left=st.integers(0, 2))
    def time_out(self, which: int, left: int) -> None:
        """Requests of a connection time out, in order, until so many are left."""
        connection = self.pick(self.busy(), which)
        for _ in range(max(1, len(connection.requests) - left)):
            if not connection.requests:
                return
            request = connection.requests.pop(0)
            connection.orphans.add(request)
            outcome = self.bench.time_out(request, self.now)
            if connection in self.pool.known():
                self.pool.timed_out(connection)
            self.compare(outcome)

    @precondition(lambda self: self.orphans())
    @rule(which=WHICH)
    def late_response(self, which: int) -> None:
        request, connection = self.pick(self.orphans(), which)
        assert self.bench.is_orphan(request)
        connection.orphans.remove(request)
        outcome = self.bench.late_response(request, self.now)
        if connection in self.pool.known():
            self.pool.notify()
        elif connection.home is not None:
            connection.home.notify()
        self.compare(outcome)

    @precondition(lambda self: self.waiting())
    @rule(which=WHICH)
    def expire(self, which: int) -> None:
        request, pool = self.pick(self.waiting(), which)
        outcome = self.bench.expire(request, self.now)
        pool.expire(request)
        self.compare(outcome)

    @rule(held=st.booleans())
    def hold(self, held: bool) -> None:
        self.cluster.held = held
        self.compare(self.bench.hold(held, self.now))

    @precondition(lambda self: self.cluster.handshakes)
    @rule(refused=st.booleans())
    def handshake_fails(self, refused: bool) -> None:
        if refused:
            outcome = self.bench.refuse(self.now)
        else:
            outcome = self.bench.time_out_handshake(self.now)
        self.cluster.finish_handshake("refused" if refused else "timed out")
        self.compare(outcome)

    @precondition(lambda self: self.pool.pausing)
    @rule()
    def retry_replacement(self) -> None:
        # After a new pool was made the agenda entry of the old one's pause is of no avail.
        self.cluster.submit(self.pool.replace)
        self.compare(self.bench.retry_replacement(self.now))

    @precondition(lambda self: self.may_break() and (self.pool.known() or self.in_flight()))
    @rule(which=WHICH)
    def lose(self, which: int) -> None:
        alive = [c for c in self.pool.known() if not c.closed]
        alive += [c for _, c in self.in_flight() if c not in alive]
        if alive:
            connection = self.pick(alive, which)
            slot = self.slot_of(connection)
            self.cluster.break_connection(connection)
            self.compare(self.bench.lose(slot, self.now))

    @precondition(lambda self: any(c.closed for c in self.pool.active()))
    @rule()
    def heartbeats_look(self) -> None:
        """A cycle in which nobody was silent: only dead connections are noticed."""
        self.pool.noticed()
        self.compare(self.bench.cycle([], self.now))

    @precondition(lambda self: self.may_fail_heartbeat())
    @rule(which=WHICH)
    def heartbeat_fails(self, which: int) -> None:
        """One connection was silent, and is not answered or has no room for the question."""
        connection = self.pick(self.pool.active(), which)
        asked = self.bench.world.connections[self.slot_of(connection)]
        late = connection.in_flight < LIMIT
        outcome = self.bench.cycle([asked], self.now)
        if late:
            assert outcome.failures == []
            asked.ask_deadline = self.now
            python.lost(self.bench.world, self.bench.slot(asked), self.now)
            outcome = self.bench.go_on(self.now)
        self.pool.heartbeat_failed(connection, late)
        self.compare(outcome)

    @precondition(lambda self: not self.cluster.host_up and not self.cluster.held)
    @rule()
    def come_back(self) -> None:
        """A reconnection attempt succeeds, and a new pool is made."""
        if self.bench.host.reconnecting == python.ATTEMPT_SCHEDULED:
            self.cluster.host_up = True
            self.cluster.pool = self.kind(self.cluster)
            self.calm = 0
            self.compare(self.bench.reconnect(self.now))

    # What must hold

    @invariant()
    def the_pools_agree(self) -> None:
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        bench.check()
        assert (bench.pool.phase != POOL_USABLE) == self.pool.shut
        assert bench.host.up == int(self.cluster.host_up)
        assert [self.carried(c) for c in bench.active()] == self.carry(self.pool.active())
        assert [self.carried(c) for c in bench.trash()] == self.carry(self.pool.trash)
        assert bench.pool.pending == len(self.waiting())
        assert len(bench.world.answers) == len(self.cluster.handshakes)
        assert bench.pool.active == sum(not c.closed for c in self.pool.active())
        if not self.pool.shut and isinstance(self.pool, HostConnectionPool):
            assert bench.pool.open == self.pool.opened
            assert bench.pool.scheduled == self.pool.scheduled

    def carry(self, connections: list[Connection]) -> list[tuple[int, list[int], list[int]]]:
        return [(c.in_flight, sorted(c.requests), sorted(c.orphans)) for c in connections]

    def carried(self, record: Any) -> tuple[int, list[int], list[int]]:
        requests = []
        orphans = []
        for request, a in self.bench.attempts.items():
            attempt = self.bench.world.attempts[a]
            mine = attempt.request == request and attempt.stream >= 0
            if mine and self.bench.world.connections[attempt.connection] is record:
                if self.bench.is_orphan(request):
                    orphans.append(request)
                elif attempt.state == IN_FLIGHT:
                    requests.append(request)
        return record.in_flight, sorted(requests), sorted(orphans)


class HostConnectionMachine(PoolMachine):
    """v3 and newer, with few streams."""

    protocol = 4
    kind = HostConnection

    @initialize(patience=PATIENCE)
    def begin(self, patience: int) -> None:
        self.start(Pooling(core=1, max=1, max_requests=STREAMS), patience)


class HostConnectionPoolMachine(PoolMachine):
    """v1 and v2, with few streams."""

    protocol = 2
    kind = HostConnectionPool

    @initialize(
        core=st.integers(1, 2),
        more=st.integers(0, 3),
        max_requests=st.integers(2, 7),
        min_requests=st.integers(0, 3),
        patience=PATIENCE,
    )
    def begin(
        self, core: int, more: int, max_requests: int, min_requests: int, patience: int
    ) -> None:
        least = min(min_requests, max_requests - 1)
        self.start(Pooling(core, core + more, max_requests, min_requests=least), patience)


MACHINES = [HostConnectionMachine, HostConnectionPoolMachine]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_rules_do_what_the_driver_does(machine: type[PoolMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=50))


OPERATIONS = {
    "time_passes": 2,
    "borrow": 9,
    "release": 8,
    "time_out": 4,
    "late_response": 6,
    "expire": 2,
    "hold": 3,
    "handshake_fails": 3,
    "retry_replacement": 3,
    "lose": 1,
    "heartbeats_look": 1,
    "heartbeat_fails": 1,
    "come_back": 6,
}
"""How often a long walk tries each operation, in relation to the others."""


def walk(machine: PoolMachine, seed: int, steps: int) -> Counter[str]:
    """Do operations at random, those that are possible; returns how often each was done."""
    chance = random.Random(seed)
    possible: dict[str, Callable[[PoolMachine], Any]] = {
        "release": PoolMachine.in_flight,
        "time_out": PoolMachine.in_flight,
        "late_response": PoolMachine.orphans,
        "expire": PoolMachine.waiting,
        "handshake_fails": lambda m: m.cluster.handshakes,
        "retry_replacement": lambda m: m.pool.pausing,
        "lose": lambda m: m.may_break() and (m.pool.known() or m.in_flight()),
        "heartbeats_look": lambda m: any(c.closed for c in m.pool.active()),
        "heartbeat_fails": PoolMachine.may_fail_heartbeat,
        "come_back": lambda m: not m.cluster.host_up and not m.cluster.held,
    }
    done: Counter[str] = Counter()
    for _ in range(steps):
        if machine.is_stuck():
            machine.start(machine.cluster.options, machine.patience)
            done["start"] += 1
        (name,) = chance.choices(list(OPERATIONS), list(OPERATIONS.values()))
        if name in possible and not possible[name](machine):
            continue
        drawn = {
            "count": chance.choice([1, 3, 7, 25]),
            "left": chance.randrange(3),
            "last": chance.random() < 0.5,
            "held": chance.random() < 0.4,
            "refused": chance.random() < 0.5,
            "which": chance.randrange(1000),
        }
        operation = getattr(machine, name)
        names = inspect.signature(operation).parameters
        operation(**{key: drawn[key] for key in names})
        machine.the_pools_agree()
        done[name] += 1
    return done


def test_long_walks_of_a_host_connection() -> None:
    done: Counter[str] = Counter()
    for seed, patience in enumerate((5, 20, 50, 80)):
        machine = HostConnectionMachine()
        machine.begin(patience)
        done += walk(machine, seed, 2500)
    assert min(done[name] for name in OPERATIONS) >= 5
    assert done["start"] == 0


def test_long_walks_of_a_host_connection_pool() -> None:
    done: Counter[str] = Counter()
    for seed, (core, more, max_requests, min_requests) in enumerate(
        (
            *((1, 2, 4, 1), (2, 3, 6, 2), (1, 1, 7, 3), (1, 3, 2, 1)),
            *((2, 1, 3, 0), (1, 2, 5, 4), (2, 2, 4, 3), (3, 2, 5, 2)),
        )
    ):
        machine = HostConnectionPoolMachine()
        machine.begin(core, more, max_requests, min_requests, (5, 20, 50, 80)[seed % 4])
        done += walk(machine, seed, 2000)
    assert min(done[name] for name in OPERATIONS if name != "retry_replacement") >= 5


def test_a_forgotten_trash_stays_open() -> None:
    """What the machines cannot reach through the pool: the state of connections it forgot."""
    machine = HostConnectionMachine()
    machine.begin(0)
    machine.borrow(7)
    for request in range(6):
        machine.bench.time_out(request, 0)
    machine.bench.late_response(0, 0)
    machine.bench.borrow(7, 0)
    old = machine.bench.trash()[0]
    machine.bench.borrow(8, 0)
    machine.bench.lose(machine.bench.slot(machine.bench.active()[0]), 0)
    assert old.state == TRASHED_STATE
    assert machine.bench.trash() == []
