"""The Node.js driver's pool against a plain model of it, operation by operation.

What is compared after every operation: who was served and who failed, what each connection carries
in the pool's order and how many of its timeouts are unanswered, what waits for stream ids, when the
next attempt is due, and whether the host is up.
"""

from __future__ import annotations

from typing import Any

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
from poolsim.fidelity.nodejs_bench import NodejsBench
from poolsim.model.kinds import BUSY_QUEUE_OFF, LOST, NO_CONNECTION
from poolsim.model.records import GRANTED, QUEUED, SKIPPED
from poolsim.scenario.scenario import Reconnection
from tests.model.nodejs_naive import Connection, Host, Operation, Schedule

MILLISECOND = 1_000_000
WHICH = st.integers(0, 999)
MANY = st.sampled_from([1, 2, 5, 12])
CHANCES = (0.000217, 0.271828, 0.500191, 0.831771, 0.999917)
"""Of jitter: none of them leads to a delay of whole milliseconds before it is cut."""


class NodejsMachine(RuleBasedStateMachine):
    """Drives the rules on the bench and the plain model side by side."""

    @initialize(
        core=st.sampled_from([0, 1, 1, 2, 3, 5]),
        streams=st.sampled_from([4, 6, 9]),
        most=st.sampled_from([0, 3, 4, 6, 20]),
        threshold=st.sampled_from([0, 1, 3, 64]),
        kind=st.sampled_from(["exponential", "constant"]),
        no_delay=st.booleans(),
        chance=st.sampled_from(CHANCES),
        warmup=st.sampled_from([True, True, False]),
        remote=st.sampled_from([False, False, True]),
    )
    def start(
        self,
        core: int,
        streams: int,
        most: int,
        threshold: int,
        kind: str,
        no_delay: bool,
        chance: float,
        warmup: bool,
        remote: bool,
    ) -> None:
        no_delay = no_delay and kind == "exponential"
        base, longest = 300, 2_000
        self.bench = NodejsBench(
            core,
            most,
            streams=streams,
            remote=remote,
            warmup=warmup,
            defunct_threshold=threshold,
            reconnection=Reconnection(
                kind, base * MILLISECOND, longest * MILLISECOND, start_with_no_delay=no_delay
            ),
            jitter_parts=round(chance * 1_000_000),
        )
        schedule = Schedule(kind, base, longest, no_delay, chance)
        self.host = Host(core, most, streams, threshold, schedule)
        if warmup and not remote:
            self.host.warm_up()
        else:
            self.host.increase_size()
        self.requests: dict[int, Operation] = {}
        self.number = 0

    # Helpers

    @property
    def now(self) -> int:
        return self.host.now_ms * MILLISECOND

    def slot(self, connection: Connection) -> int:
        """The rules' slot of a connection of the pool."""
        return self.bench.slot(self.bench.active()[self.host.connections.index(connection)])

    def pick(self, found: list[Any], which: int) -> Any:
        return found[which % len(found)]

    def in_state(self, written: bool, timed_out: bool) -> list[int]:
        return [
            number
            for number, operation in self.requests.items()
            if operation.written == written and operation.timed_out == timed_out
        ]

    def compare(self, outcome: Outcome) -> None:
        self.host.settle()
        self.host.now_ms += 3
        assert [request for request, _ in outcome.grants] == [r for r, _ in self.host.served]
        assert sorted(outcome.failures) == sorted((r, LOST) for r in self.host.failed)
        self.host.served.clear()
        self.host.failed.clear()
        self.requests = {
            number: operation
            for number, operation in self.requests.items()
            if not operation.connection.closed
        }

    # Operations

    @rule(count=MANY)
    def borrow(self, count: int) -> None:
        for _ in range(count):
            answer, outcome = self.bench.borrow(self.number, self.now)
            found = self.host.borrow() if self.host.up else "down"
            if isinstance(found, str):
                expected = {"empty": NO_CONNECTION, "busy": BUSY_QUEUE_OFF, "down": SKIPPED}[found]
            else:
                operation = found.send(self.number)
                self.requests[self.number] = operation
                expected = GRANTED if operation.written else QUEUED
                a = self.bench.attempts[self.number]
                assert self.bench.world.attempts[a].connection == self.slot(found)
            assert answer == expected
            self.number += 1
            self.compare(outcome)

    @precondition(lambda self: self.in_state(True, False))
    @rule(which=WHICH)
    def release(self, which: int) -> None:
        number = self.pick(self.in_state(True, False), which)
        operation = self.requests.pop(number)
        operation.connection.receive(operation)
        self.compare(self.bench.release(number, self.now))

    @precondition(lambda self: self.in_state(True, True))
    @rule(which=WHICH)
    def late_response(self, which: int) -> None:
        number = self.pick(self.in_state(True, True), which)
        operation = self.requests.pop(number)
        operation.connection.receive(operation)
        self.compare(self.bench.late_response(number, self.now))

    @precondition(lambda self: self.in_state(True, False))
    @rule(which=WHICH)
    def time_out(self, which: int) -> None:
        number = self.pick(self.in_state(True, False), which)
        self.host.time_out(self.requests[number])
        self.compare(self.bench.time_out(number, self.now))

    @precondition(lambda self: self.in_state(False, False))
    @rule(which=WHICH)
    def time_out_while_waiting(self, which: int) -> None:
        number = self.pick(self.in_state(False, False), which)
        self.host.time_out(self.requests.pop(number))
        self.compare(self.bench.time_out(number, self.now))

    @precondition(lambda self: self.host.connections)
    @rule(which=WHICH)
    def lose(self, which: int) -> None:
        connection = self.pick(self.host.connections, which)
        slot = self.slot(connection)
        self.host.lose(connection)
        self.compare(self.bench.lose(slot, self.now))

    @rule(held=st.booleans())
    def hold(self, held: bool) -> None:
        outcome = self.bench.hold(held, self.now)
        if not held and self.host.opening:
            self.host.opened(True)
        self.compare(outcome)

    @precondition(lambda self: self.host.opening)
    @rule()
    def refuse(self) -> None:
        self.host.opened(False)
        self.compare(self.bench.refuse(self.now))

    @precondition(lambda self: self.host.timer_ms is not None)
    @rule()
    def come_to_timer(self) -> None:
        assert self.bench.pool.timer_at == self.host.timer_ms * MILLISECOND
        self.host.timer()
        if self.host.opening and not self.bench.held:
            self.host.opened(True)
        self.compare(self.bench.come_to_timer(self.now))

    @precondition(lambda self: any(c.heartbeat is None for c in self.host.connections))
    @rule(which=WHICH)
    def fall_silent(self, which: int) -> None:
        quiet = [c for c in self.host.connections if c.heartbeat is None]
        connection = self.pick(quiet, which)
        slot = self.slot(connection)
        connection.heartbeat = connection.send(None)
        self.compare(self.bench.fall_silent(slot, self.now))

    @precondition(lambda self: self.asked(written=True))
    @rule(which=WHICH)
    def answer_heartbeat(self, which: int) -> None:
        connection = self.pick(self.asked(written=True), which)
        slot = self.slot(connection)
        assert connection.heartbeat is not None
        connection.receive(connection.heartbeat)
        connection.heartbeat = None
        self.compare(self.bench.answer_heartbeat(slot, self.now))

    @precondition(lambda self: self.asked())
    @rule(which=WHICH)
    def fail_heartbeat(self, which: int) -> None:
        connection = self.pick(self.asked(), which)
        slot = self.slot(connection)
        self.host.fail_heartbeat(connection)
        self.compare(self.bench.fail_heartbeat(slot, self.now))

    def asked(self, *, written: bool = False) -> list[Connection]:
        """Connections of the pool with a heartbeat under way, written if so asked."""
        return [
            connection
            for connection in self.host.connections
            if connection.heartbeat is not None and (connection.heartbeat.written or not written)
        ]

    @rule()
    def hear_up(self) -> None:
        self.bench.hear_up(self.now)
        self.host.status_ms = self.host.now_ms + 1_000

    @precondition(lambda self: self.host.status_ms is not None)
    @rule()
    def heed_up(self) -> None:
        assert self.host.status_ms is not None
        assert self.bench.session.status_at == self.host.status_ms * MILLISECOND
        self.host.now_ms = max(self.host.now_ms, self.host.status_ms)
        self.host.status_ms = None
        self.host.check_is_up()
        self.compare(self.bench.heed_up(self.now))

    # What must agree

    @invariant()
    def all_is_the_same(self) -> None:
        if not hasattr(self, "host"):
            return
        pool, host = self.bench.pool, self.host
        active = self.bench.active()
        assert [c.in_flight for c in active] == [c.in_use for c in host.connections]
        assert [c.timed_out for c in active] == [c.timed_out_operations for c in host.connections]
        assert pool.in_flight == sum(c.in_use for c in host.connections)
        assert pool.pending == sum(len(c.pending) for c in host.connections)
        assert pool.active == len(host.connections)
        assert bool(self.bench.host.up) == host.up
        timer = None if pool.timer_at < 0 else pool.timer_at
        assert timer == (None if host.timer_ms is None else host.timer_ms * MILLISECOND)
        assert (pool.opening >= 0) == host.opening
        assert self.bench.session.connection_index == host.index


def test_the_rules_do_what_the_plain_model_does() -> None:
    run_state_machine_as_test(
        NodejsMachine,
        settings=settings(max_examples=60, stateful_step_count=50, deadline=None),
    )
