"""The rules of the generic driver, without an engine, against a naive pool, step by step.

Whatever happens to a pool, in any order, both must answer alike and be in the same state after each
operation.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.generic_naive import NaivePool
from tests.model.generic_pools import BenchedPool, Settings

ANY = st.integers(0, 1_000_000)
"""Stands for one of whatever there is."""


@st.composite
def pools(draw: st.DrawFn) -> Settings:
    """Small pools, because what is rare in large ones is common in them."""
    core = draw(st.integers(0, 3))
    max_requests = draw(st.integers(1, 10))
    high = draw(st.sampled_from((80, 80, 100, 50, 34)))
    return Settings(
        core=core,
        max=max(1, core + draw(st.integers(0, 2))),
        max_requests=max_requests,
        high=high,
        low=min(high, draw(st.sampled_from((50, 50, 20, 0)))),
        policy=draw(st.sampled_from(("queue", "queue", "reject"))),
        pipelining=draw(st.sampled_from((True, True, True, False))),
        allocation=draw(st.sampled_from(("pooled", "sequential"))),
        streams=draw(st.sampled_from((0, max_requests, max_requests + 2, 2, 1))),
        selection=draw(st.sampled_from(("least_loaded", "round_robin", "random", "by_shard"))),
        shards=draw(st.sampled_from((0, 2, 3))),
        queue_timeout=draw(st.sampled_from((12_000, 500, 0))),
        idle_timeout=draw(st.sampled_from((2_000, 5_000))),
        opens=draw(st.sampled_from((1, 2))),
        warming=draw(st.sampled_from(("before_start", "at_start", "on_demand"))),
    )


class TwoPools(RuleBasedStateMachine):
    """Poolsim's pool and the naive one, driven alike."""

    @initialize(settings=pools())
    def begin(self, settings: Settings) -> None:
        self.rules = BenchedPool(settings)
        world = self.rules.world
        client = world.clients[0]
        self.naive = NaivePool(
            settings,
            shard_of=lambda request: world.draw(client.shard_lane, request, 0),
            choice_of=lambda request, tried: world.draw(client.selection_lane, request, tried),
        )
        self.requests = 0
        self.same()

    def same(self) -> None:
        rules, naive = self.rules, self.naive
        assert rules.state == naive.state
        assert sorted(rules.grants) == sorted(naive.grants)
        assert sorted(rules.failures) == sorted(naive.failures)
        assert sorted(rules.in_flight) == sorted(naive.in_flight)

    def both(self, operation: str, *arguments: object) -> None:
        result = getattr(self.rules, operation)(*arguments)
        assert result == getattr(self.naive, operation)(*arguments)
        self.same()

    # Requests -------------------------------------------------------------------------------------

    @rule()
    def borrow(self) -> None:
        self.both("borrow", self.requests)
        self.requests += 1

    @precondition(lambda self: not self.naive.connections)
    @rule(count=st.integers(5, 30))
    def come_before_the_first_connection(self, count: int) -> None:
        self.both("hold", True)
        self.borrow_some(count)
        self.both("hold", False)

    @rule(count=st.integers(2, 12))
    def borrow_some(self, count: int) -> None:
        for _ in range(count):
            self.borrow()

    @precondition(lambda self: self.naive.connections)
    @rule(which=ANY)
    def retry(self, which: int) -> None:
        """A request that is not to go to a connection again."""
        avoided = one([c.number for c in self.naive.connections], which)
        self.both("borrow", self.requests, avoided)
        self.requests += 1

    @precondition(lambda self: self.naive.in_flight)
    @rule(which=ANY)
    def respond(self, which: int) -> None:
        self.both("respond", one(self.naive.in_flight, which))

    @precondition(lambda self: self.naive.in_flight)
    @rule(which=ANY, count=st.integers(2, 20))
    def respond_to_some(self, which: int, count: int) -> None:
        for _ in range(min(count, len(self.naive.in_flight))):
            if self.naive.in_flight:
                self.respond(which)

    @precondition(lambda self: self.naive.in_flight)
    @rule(which=ANY)
    def time_out(self, which: int) -> None:
        self.both("time_out", one(self.naive.in_flight, which))

    @precondition(lambda self: self.naive.orphans)
    @rule(which=ANY)
    def respond_late(self, which: int) -> None:
        self.both("respond", one(self.naive.orphans, which))

    # Connections ----------------------------------------------------------------------------------

    @precondition(lambda self: self.naive.connections)
    @rule(which=ANY, really=st.sampled_from((True, False)))
    def lose(self, which: int, really: bool) -> None:
        if really:
            self.both("lose", one([c.number for c in self.naive.connections], which))

    @precondition(lambda self: self.naive.connections)
    @rule(really=st.sampled_from((False, False, True)))
    def lose_all(self, really: bool) -> None:
        for connection in self.naive.connections.copy():
            if really and connection in self.naive.connections:
                self.both("lose", connection.number)

    @rule(held=st.sampled_from((False, False, True)))
    def hold(self, held: bool) -> None:
        self.both("hold", held)

    @precondition(lambda self: self.naive.held and self.naive.handshakes)
    @rule(count=st.integers(1, 4))
    def refuse(self, count: int) -> None:
        for _ in range(min(count, len(self.naive.handshakes))):
            self.both("refuse")

    @rule(
        milliseconds=st.sampled_from((0.25, 1, 499, 500, 999, 1_000, 2_000, 2_001, 5_000, 12_000))
    )
    def wait(self, milliseconds: float) -> None:
        self.both("wait", milliseconds)

    @rule()
    def go_quiet(self) -> None:
        """All responses come, and nothing for a while."""
        while self.naive.in_flight:
            self.both("respond", self.naive.in_flight[0])
        self.wait(6_000)


def one(of: list[int], which: int) -> int:
    return of[which % len(of)]


TestTwoPools = TwoPools.TestCase
TestTwoPools.settings = settings(max_examples=300, stateful_step_count=60)
