"""The rules of java3, without an engine, against a naive pool, step by step.

Whatever happens to a pool, in any order, both must answer alike and be in the same state after each
operation: every count, every list in its order, every deadline.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.java3_naive import NaivePool
from tests.model.java3_pools import BenchedPool, Settings

ANY = st.integers(0, 1_000_000)
"""Stands for one of whatever there is."""


@st.composite
def pools(draw: st.DrawFn) -> Settings:
    """Small pools, because what is rare in large ones is common in them."""
    core = draw(st.integers(0, 3))
    max_requests = draw(st.integers(1, 6))
    return Settings(
        core=core,
        max=max(1, core + draw(st.integers(0, 3))),
        max_requests=max_requests,
        threshold=draw(st.integers(0, max_requests + 1)),
        queue=draw(st.sampled_from((8, 5, 4, 3, 2, 1, 0))),
        pool_timeout_ms=draw(st.sampled_from((*[5_000] * 9, 0))),
        streams=draw(st.sampled_from((32_768, max_requests, max_requests + 1, max_requests + 2))),
    )


class TwoPools(RuleBasedStateMachine):
    """Poolsim's pool and the naive one, driven alike."""

    @initialize(settings=pools())
    def begin(self, settings: Settings) -> None:
        self.rules = BenchedPool(settings)
        self.naive = NaivePool(settings)
        self.requests = 0
        self.same()

    def same(self) -> None:
        rules, naive = self.rules, self.naive
        assert rules.state == naive.state
        assert rules.grants == naive.grants
        assert sorted(rules.failures) == sorted(naive.failures)

    def both(self, operation: str, *arguments: int) -> None:
        result = getattr(self.rules, operation)(*arguments)
        assert result == getattr(self.naive, operation)(*arguments)
        self.same()

    # Requests -------------------------------------------------------------------------------------

    @rule()
    def borrow(self) -> None:
        self.requests += 1
        self.both("borrow", self.requests)

    @rule(count=st.integers(2, 12))
    def borrow_some(self, count: int) -> None:
        for _ in range(count):
            self.borrow()

    @precondition(lambda self: self.naive.requests_in_flight)
    @rule(which=ANY)
    def release(self, which: int) -> None:
        self.both("release", one(self.naive.requests_in_flight, which))

    @precondition(lambda self: self.naive.requests_in_flight)
    @rule(which=ANY, count=st.integers(2, 20))
    def release_some(self, which: int, count: int) -> None:
        for _ in range(min(count, len(self.naive.requests_in_flight))):
            self.release(which)

    @precondition(lambda self: self.naive.requests_in_flight)
    @rule(which=ANY)
    def time_out(self, which: int) -> None:
        self.both("time_out", one(self.naive.requests_in_flight, which))

    @precondition(lambda self: self.naive.requests_in_flight)
    @rule(which=ANY, count=st.integers(2, 6))
    def time_out_some(self, which: int, count: int) -> None:
        for _ in range(min(count, len(self.naive.requests_in_flight))):
            self.time_out(which)

    @precondition(lambda self: self.naive.orphans)
    @rule(which=ANY)
    def late_response(self, which: int) -> None:
        self.both("late_response", one(self.naive.orphans, which))

    @precondition(lambda self: self.naive.waiting)
    @rule(which=ANY)
    def expire(self, which: int) -> None:
        self.both("expire", one(self.naive.waiting, which))

    # Connections ----------------------------------------------------------------------------------

    @rule()
    def cleanup(self) -> None:
        self.both("cleanup")

    @rule()
    def go_quiet(self) -> None:
        """All responses come, and the next two cleanups find nothing to do."""
        for request in self.naive.requests_in_flight:
            self.both("release", request)
        self.cleanup()
        self.cleanup()

    @precondition(lambda self: len(self.naive.alive) > 1)
    @rule(which=ANY)
    def lose(self, which: int) -> None:
        self.both("lose", one(self.naive.alive, which))

    @precondition(lambda self: any(not connection.dead for connection in self.naive.trash))
    @rule(which=ANY)
    def lose_trash(self, which: int) -> None:
        alive = [connection.number for connection in self.naive.trash if not connection.dead]
        self.both("lose", one(alive, which))

    @precondition(lambda self: self.naive.connections)
    @rule(really=st.sampled_from((False, False, True)))
    def lose_all(self, really: bool) -> None:
        """What is left lies in the trash."""
        for connection in self.naive.connections.copy():
            if really and not connection.dead:
                self.both("lose", connection.number)

    @rule(held=st.sampled_from((False, False, False, True)))
    def hold(self, held: bool) -> None:
        self.both("hold", held)

    @precondition(lambda self: self.naive.creating)
    @rule()
    def refuse(self) -> None:
        self.both("refuse")

    @rule()
    def come_back(self) -> None:
        """Handshakes succeed, every backoff of a single failure is over, and a request comes."""
        self.both("hold", False)
        self.wait(1_000)
        self.borrow()

    @rule(milliseconds=st.sampled_from((0.25, 1, 999, 1_000, 10_001, 60_000, 119_999, 120_000)))
    def wait(self, milliseconds: float) -> None:
        self.rules.now_ms += milliseconds
        self.naive.now_ms += milliseconds


def one(of: list[int], which: int) -> int:
    return of[which % len(of)]


TestTwoPools = TwoPools.TestCase
TestTwoPools.settings = settings(max_examples=500, stateful_step_count=100)
