"""CassandraORM's rules against a plain model of them, operation by operation: circuit breaker,
growth, idle connections, adaptive pooling.

What is compared after every operation: the circuit's state and counts, the size that the pool is to
have, what each connection carries, which of them drain, and whether the host is up.
"""

from __future__ import annotations

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

from poolsim.fidelity.bench import POOL
from poolsim.invariants import checks
from poolsim.model.kinds import BUSY_QUEUE_OFF, CIRCUIT_OPEN, NO_CONNECTION
from poolsim.model.records import GRANTED, SKIPPED
from tests.model.orm_bench import MS, Naive, OrmBench, Settings, state_of

ANSWERS = {
    "granted": GRANTED,
    "refused": CIRCUIT_OPEN,
    "full": BUSY_QUEUE_OFF,
    "nothing": NO_CONNECTION,
    "down": SKIPPED,
}
WHICH = st.integers(0, 999)


class OrmMachine(RuleBasedStateMachine):
    """Drives the rules on the bench and the plain model side by side."""

    @initialize(
        core=st.integers(1, 3),
        more=st.integers(0, 3),
        requests=st.integers(1, 4),
        threshold=st.integers(1, 5),
        recovery_ms=st.sampled_from([5, 100]),
        trials=st.integers(1, 3),
        idle_ms=st.sampled_from([0, 10, 50]),
        adaptive=st.booleans(),
    )
    def start(
        self,
        core: int,
        more: int,
        requests: int,
        threshold: int,
        recovery_ms: int,
        trials: int,
        idle_ms: int,
        adaptive: bool,
    ) -> None:
        self.own = Settings(
            core, core + more, requests, threshold, recovery_ms, trials, idle_ms, adaptive
        )
        self.bench = OrmBench(self.own)
        self.naive = Naive(self.own, size=core)
        self.now_ms = 0
        self.requests = 0
        self.in_flight: list[int] = []
        self.orphans: list[int] = []
        self.join_new()
        while self.bench.pool.timer_at >= 0:
            self.make_connection()

    @property
    def now_ns(self) -> int:
        self.bench.now_ns = self.now_ms * MS
        return self.bench.now_ns

    def join_new(self) -> None:
        for connection in self.bench.active():
            slot = self.bench.slot(connection)
            if slot not in self.naive.connections:
                self.naive.connections[slot] = []
                self.naive.used_ms[slot] = self.now_ms
                self.naive.up = True

    @rule(ms=st.sampled_from([1, 4, 20, 120]))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    @rule(count=st.sampled_from([1, 1, 3, 6]))
    def send(self, count: int) -> None:
        for _ in range(count):
            found = self.naive.takes(self.now_ms)
            self.requests += 1
            answer, outcome = self.bench.borrow(self.requests, self.now_ns)
            assert answer == ANSWERS[found]
            if found == "granted":
                self.naive.grant(self.requests, outcome.picked, self.now_ms)
                self.in_flight.append(self.requests)

    @precondition(lambda self: self.in_flight)
    @rule(which=WHICH)
    def answer(self, which: int) -> None:
        request = self.in_flight.pop(which % len(self.in_flight))
        self.naive.succeed(request, self.now_ms)
        self.bench.release(request, self.now_ns)

    @precondition(lambda self: self.in_flight)
    @rule(which=WHICH)
    def time_out(self, which: int) -> None:
        request = self.in_flight.pop(which % len(self.in_flight))
        self.naive.fail(request, self.now_ms)
        self.bench.time_out(request, self.now_ns)
        self.orphans.append(request)

    @precondition(lambda self: self.orphans)
    @rule(which=WHICH)
    def answer_late(self, which: int) -> None:
        request = self.orphans.pop(which % len(self.orphans))
        self.naive.end(request)
        self.bench.late_response(request, self.now_ns)

    @precondition(lambda self: self.naive.connections or self.naive.draining)
    @rule(which=WHICH)
    def lose(self, which: int) -> None:
        slots = [*self.naive.connections, *self.naive.draining]
        slot = slots[which % len(slots)]
        held = self.naive.lose(slot)
        self.bench.lose(slot, self.now_ns)
        for request in held:
            if request in self.in_flight:
                self.in_flight.remove(request)
                self.naive.fail(request, self.now_ms)
            else:
                self.orphans.remove(request)

    @precondition(lambda self: self.bench.pool.timer_at >= 0)
    @rule()
    def make_connection(self) -> None:
        at = max(self.bench.pool.timer_at, self.now_ns)
        self.now_ms = -(-at // MS)
        self.bench.come_to_timer(self.now_ns)
        self.join_new()

    @precondition(lambda self: self.own.adaptive)
    @rule()
    def evaluate(self) -> None:
        size = self.naive.adapted_size()
        self.naive.size = size
        while len(self.naive.connections) > size and size < self.bench.pool.size:
            youngest = self.bench.slot(self.bench.active()[len(self.naive.connections) - 1])
            self.naive.retire(youngest)
        self.bench.adapt(self.now_ns)

    @precondition(lambda self: self.naive.connections and self.own.idle_ms)
    @rule(which=WHICH)
    def look_for_idleness(self, which: int) -> None:
        slot = list(self.naive.connections)[which % len(self.naive.connections)]
        idle = not self.naive.connections[slot]
        long_ago = self.now_ms - self.naive.used_ms[slot] >= self.own.idle_ms
        above = len(self.naive.connections) > self.own.core
        if idle and long_ago and above:
            # Adaptive pools are never asked: no look at a connection is on their agenda.
            if self.own.adaptive:
                return
            self.naive.retire(slot)
            self.naive.size = min(self.naive.size, len(self.naive.connections))
        if not self.own.adaptive:
            self.bench.look_for_idleness(slot, self.now_ns)

    @invariant()
    def the_circuit_is_the_same(self) -> None:
        if hasattr(self, "naive"):
            pool = self.bench.pool
            assert state_of(pool) == self.naive.state
            if self.naive.state == "closed":
                assert pool.orm_failures == self.naive.failures
            if self.naive.state == "half open":
                found = (pool.orm_tried, pool.orm_answered)
                assert found == (self.naive.started, self.naive.answered)

    @invariant()
    def the_pool_is_the_same(self) -> None:
        if hasattr(self, "naive"):
            pool = self.bench.pool
            assert pool.size == self.naive.size
            assert (self.bench.host.up == 1) == self.naive.up
            carried = {self.bench.slot(c): c.in_flight for c in self.bench.active()}
            assert carried == {c: len(held) for c, held in self.naive.connections.items()}
            draining = {
                c
                for c, connection in enumerate(self.bench.world.connections)
                if connection.draining == 1 and connection.pool == POOL
            }
            assert draining == set(self.naive.draining)

    @invariant()
    def nothing_breaks(self) -> None:
        if hasattr(self, "naive"):
            for look in (
                checks.streams_are_unique_and_within_their_limit,
                checks.connections_are_conserved,
                checks.pools_count_what_they_hold,
            ):
                assert look(self.bench.world, self.now_ns) == ""


def test_the_rules_do_what_the_plain_model_does() -> None:
    run_state_machine_as_test(
        OrmMachine, settings=settings(max_examples=150, stateful_step_count=60, deadline=None)
    )
