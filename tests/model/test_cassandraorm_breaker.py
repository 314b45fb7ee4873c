"""The circuit breaker of a host: each transition with its exact numbers.

Numbers and names of "Connection Pool Management": failureThreshold 5, recoveryTimeout 30 s,
halfOpenMaxCalls 3.
"""

from __future__ import annotations

import pytest

from poolsim.model.kinds import CIRCUIT_OPEN
from poolsim.model.records import GRANTED
from poolsim.model.wrappers import cassandraorm
from tests.model.fault_runs import SERVED
from tests.model.orm_bench import OrmBench, Settings, state_of
from tests.model.orm_runs import QUIET, orm, times
from tests.model.python_pools import MS, SECOND, Ran

BREAKER = "circuitBreaker: {enabled: true}, readTimeout: 1s, retry: {maxRetries: 0}"
SILENT = "at: 1s, for: 20s, node: dc1/1, kind: silent"
FIVE = times(2.0, 2.1, 2.2, 2.3, 2.4)
TIMED_OUT_AFTER = SECOND + MS
OPENED = 2_400 * MS + TIMED_OUT_AFTER
CIRCUIT = ("circuit_opened", "circuit_half_open", "circuit_closed")


class Benched:
    """A circuit on the bench, of two connections: threshold 5, 30 s, 3 trials; times in seconds.
    Requests are named by numbers."""

    def __init__(self) -> None:
        self.bench = OrmBench(Settings(2, 2, 100, 5, 30_000, 3, 0))
        while self.bench.pool.timer_at >= 0:
            self.bench.come_to_timer(self.bench.pool.timer_at)
        self.now = 1 * SECOND
        self.names = iter(range(1, 1_000))

    @property
    def state(self) -> str:
        return state_of(self.bench.pool)

    def at(self, second: float) -> None:
        self.now = round(second * SECOND)
        self.bench.now_ns = self.now

    def send(self) -> int:
        """A request that the host takes."""
        request = next(self.names)
        answer, _ = self.bench.borrow(request, self.now)
        assert answer == GRANTED
        return request

    def refused(self) -> bool:
        answer, _ = self.bench.borrow(next(self.names), self.now)
        return answer == CIRCUIT_OPEN

    def answer(self, *requests: int) -> None:
        for request in requests:
            self.bench.release(request, self.now)

    def fail(self, *requests: int) -> None:
        for request in requests:
            self.bench.time_out(request, self.now)

    def open(self, second: float) -> None:
        """Five failures at an instant."""
        self.at(second)
        self.fail(*(self.send() for _ in range(5)))
        assert self.state == "open"


def circuit(run: Ran) -> list[tuple[int, str, int]]:
    return [(time, name, value) for time, name, _, value in run.noted(*CIRCUIT)]


@pytest.mark.inventory(
    "cassandraorm.circuit-breaker", "cassandraorm.circuit-breaker.failure-threshold"
)
def test_five_failures_in_a_row_open_it_and_requests_are_refused_at_once() -> None:
    run = orm(SILENT, options=BREAKER, at=(*FIVE, *times(4.0)))
    assert circuit(run) == [(OPENED, "circuit_opened", 5)]
    assert run.outcomes() == ["client_timeout"] * 5 + ["no_host_available"]
    assert run.column("ended_ns")[-1] == 4 * SECOND
    assert run.column("error_kinds")[-1] == CIRCUIT_OPEN


@pytest.mark.inventory("cassandraorm.circuit-breaker.failure-threshold")
def test_four_do_not() -> None:
    run = orm(SILENT, options=BREAKER, at=(*FIVE[:4], *times(25.0)))
    assert circuit(run) == []
    assert run.outcomes() == ["client_timeout"] * 4 + ["ok"]


def test_an_answer_in_between_begins_the_count_anew() -> None:
    run = orm(
        "at: 1s, for: 3s, node: dc1/1, kind: silent",
        "at: 6s, for: 20s, node: dc1/1, kind: silent",
        options=BREAKER,
        at=times(2.0, 2.1, 2.2, 2.3, 5.0, 7.0, 7.1, 7.2, 7.3, 9.0),
    )
    assert run.outcomes()[4] == "ok"
    # The fifth in a row is the last one.
    assert circuit(run) == [(9 * SECOND + TIMED_OUT_AFTER, "circuit_opened", 5)]


@pytest.mark.inventory("cassandraorm.circuit-breaker.recovery-timeout")
def test_after_thirty_seconds_it_is_half_open_and_not_a_nanosecond_before() -> None:
    half_open = OPENED + 30 * SECOND
    run = orm(
        SILENT,
        options=BREAKER,
        at=(*FIVE, f"{half_open - 1}ns", f"{half_open}ns"),
        cpu="{issue: 0s}",
    )
    assert run.outcomes()[5:] == ["no_host_available", "ok"]
    assert circuit(run)[1:] == [(half_open, "circuit_half_open", 0)]


@pytest.mark.inventory("cassandraorm.circuit-breaker.half-open-max-calls")
def test_half_open_it_lets_three_through_and_three_answers_close_it() -> None:
    half_open = OPENED + 30 * SECOND
    trials = [half_open + k * MS // 10 for k in range(4)]
    run = orm(SILENT, options=BREAKER, at=(*FIVE, *(f"{time}ns" for time in trials), "40s"))
    outcomes = dict(zip(run.column("intended_ns"), run.outcomes(), strict=True))
    assert [outcomes[time] for time in trials] == ["ok", "ok", "ok", "no_host_available"]
    assert outcomes[40 * SECOND] == "ok"
    assert circuit(run)[1:] == [
        (half_open, "circuit_half_open", 0),
        (trials[2] + SERVED, "circuit_closed", 3),
    ]


@pytest.mark.inventory("cassandraorm.circuit-breaker.half-open-max-calls")
def test_a_trial_that_fails_opens_it_for_another_thirty_seconds() -> None:
    half_open = OPENED + 30 * SECOND
    again = half_open + TIMED_OUT_AFTER
    run = orm(
        "at: 1s, for: 50s, node: dc1/1, kind: silent",
        options=BREAKER,
        at=(*FIVE, f"{half_open}ns", f"{again + 30 * SECOND - 1}ns", f"{again + 30 * SECOND}ns"),
        pooling=QUIET,
        duration="80s",
        cpu="{issue: 0s}",
    )
    assert circuit(run)[1:] == [
        (half_open, "circuit_half_open", 0),
        (again, "circuit_opened", 0),
        (again + 30 * SECOND, "circuit_half_open", 0),
    ]
    assert run.outcomes()[5:] == ["client_timeout", "no_host_available", "ok"]


def test_a_trial_that_fails_after_two_answers_opens_it() -> None:
    """The node is silent again from 33.6 s on."""
    half_open = OPENED + 30 * SECOND
    third = 33_700 * MS
    run = orm(
        SILENT,
        "at: 33.6s, for: 10s, node: dc1/1, kind: silent",
        options=BREAKER,
        at=(*FIVE, *(f"{t}ns" for t in (half_open, half_open + MS, third)), *times(35.0, 64.8)),
        duration="70s",
    )
    assert circuit(run)[1:] == [
        (half_open, "circuit_half_open", 0),
        (third + TIMED_OUT_AFTER, "circuit_opened", 0),
        (64_800 * MS, "circuit_half_open", 0),
    ]
    outcomes = dict(zip(run.column("intended_ns"), run.outcomes(), strict=True))
    assert outcomes[35 * SECOND] == "no_host_available"
    assert outcomes[64_800 * MS] == "ok"


@pytest.mark.inventory(
    "cassandraorm.circuit-breaker.failure-threshold",
    "cassandraorm.circuit-breaker.recovery-timeout",
    "cassandraorm.circuit-breaker.half-open-max-calls",
)
def test_other_numbers() -> None:
    """Two failures open it, for seven seconds; one answer closes it."""
    settings = "failureThreshold: 2, recoveryTimeout: 7s, halfOpenMaxCalls: 1"
    opened = 2_100 * MS + TIMED_OUT_AFTER
    half_open = opened + 7 * SECOND
    run = orm(
        "at: 1s, for: 5s, node: dc1/1, kind: silent",
        options=BREAKER.replace("enabled: true", "enabled: true, " + settings),
        at=(*times(2.0, 2.1), *(f"{half_open + k}ns" for k in (-1, 0, 1)), "11s"),
        cpu="{issue: 0s}",
    )
    assert circuit(run) == [
        (opened, "circuit_opened", 2),
        (half_open, "circuit_half_open", 0),
        (half_open + SERVED, "circuit_closed", 1),
    ]
    outcomes = dict(zip(run.column("intended_ns"), run.outcomes(), strict=True))
    assert [outcomes[half_open + k] for k in (-1, 0, 1)] == [
        "no_host_available", "ok", "no_host_available",
    ]  # fmt: skip
    assert outcomes[11 * SECOND] == "ok"


@pytest.mark.parametrize(
    ("kind", "after"), [("write_failure", 0), ("protocol_error", SERVED), ("silent", None)]
)
def test_a_write_that_fails_and_an_answer_that_cannot_be_decoded_are_failures(
    kind: str, after: int | None
) -> None:
    """At once, and when the answer was read; both break the connection."""
    run = orm(
        f"at: 10s, for: 10s, node: dc1/1, kind: {kind}",
        options=BREAKER.replace("enabled: true", "enabled: true, failureThreshold: 1"),
        at=times(11.0),
    )
    expected = TIMED_OUT_AFTER if after is None else after
    assert circuit(run) == [(11 * SECOND + expected, "circuit_opened", 1)]
    assert len(run.noted("connection_broke")) == (0 if after is None else 1)


def test_what_was_sent_before_it_opened_counts_no_more() -> None:
    """A sixth request times out while the circuit is open: nothing changes."""
    run = orm(SILENT, options=BREAKER, at=(*FIVE, *times(2.5)))
    assert circuit(run) == [(OPENED, "circuit_opened", 5)]


def test_a_connection_that_breaks_fails_all_on_it() -> None:
    run = orm(
        "at: 2s, for: 20s, node: dc1/1, kind: stop",
        options=BREAKER,
        at=times(1.9, 1.91, 1.92, 1.93, 1.94),
        service="500ms",
    )
    assert circuit(run) == [(2 * SECOND + MS // 4, "circuit_opened", 5)]


def test_full_connections_are_no_failure() -> None:
    run = orm(
        options=BREAKER,
        pooling="maxRequestsPerConnection: 1",
        at=times(*(1 + k / 1_000 for k in range(20))),
        service="500ms",
    )
    assert run.outcomes().count("no_host_available") == 19
    assert circuit(run) == []


def test_each_host_has_its_own() -> None:
    """Of two nodes one is silent; requests go on with the other."""
    run = orm(
        "at: 1s, for: 40s, node: dc1/2, kind: silent",
        options=BREAKER + ", loadBalancing: {policy: RoundRobinPolicy}",
        load="{uniform: {rate: 20/s}}",
        nodes=2,
        duration="20s",
    )
    opened = run.noted("circuit_opened")
    assert {node for _, _, node, _ in opened} == {1}
    since = opened[0][0]
    late = [
        outcome
        for intended, outcome in zip(run.column("intended_ns"), run.outcomes(), strict=True)
        if intended > since
    ]
    assert len(late) > 300
    assert set(late) == {"ok"}


def test_without_it_every_request_waits_for_its_timeout() -> None:
    run = orm(SILENT, options="readTimeout: 1s, retry: {maxRetries: 0}", at=(*FIVE, *times(4.0)))
    assert run.outcomes() == ["client_timeout"] * 6


# Who counts while it is half open -----------------------------------------------------------------


@pytest.mark.parametrize("ends", ["answer", "fail"])
def test_a_request_of_before_that_ends_while_it_is_half_open_counts_no_more(ends: str) -> None:
    """Neither its answer, beside two of trials, closes it, nor its failure opens it."""
    one = Benched()
    one.at(2)
    old = one.send()
    one.open(3)
    one.at(33)
    trials = [one.send() for _ in range(3)]
    assert one.state == "half open"
    one.answer(*trials[:2])
    getattr(one, ends)(old)
    assert (one.state, one.bench.pool.orm_answered) == ("half open", 2)
    assert one.refused(), "three trials are all"
    one.answer(trials[2])
    assert one.state == "closed"


@pytest.mark.parametrize("ends", ["answer", "fail"])
def test_a_trial_of_an_earlier_half_open_time_counts_no_more_in_a_later_one(ends: str) -> None:
    one = Benched()
    one.open(3)
    one.at(33)
    early, failing = one.send(), one.send()
    one.fail(failing)
    assert one.state == "open"
    one.at(62.999)
    assert one.refused()
    one.at(63)
    trials = [one.send() for _ in range(3)]
    getattr(one, ends)(early)
    assert (one.state, one.bench.pool.orm_answered) == ("half open", 0)
    one.answer(*trials[:2])
    assert one.state == "half open"
    one.answer(trials[2])
    assert one.state == "closed"


def test_a_trial_whose_connection_breaks_opens_it_again() -> None:
    """For another thirty seconds; trials on the other connection end without effect."""
    one = Benched()
    one.open(3)
    one.at(33)
    trials = [one.send() for _ in range(3)]
    broken = one.bench.world.attempts[one.bench.attempts[trials[0]]].connection
    others = [
        request
        for request in trials
        if one.bench.world.attempts[one.bench.attempts[request]].connection != broken
    ]
    assert others, "the connection with the fewest in flight is taken"
    one.at(34)
    one.bench.lose(broken, one.now)
    assert one.state == "open"
    one.answer(*others)
    assert one.state == "open"
    one.at(63.999)
    assert one.refused()
    one.at(64)
    one.send()
    assert one.state == "half open"


def test_closed_again_it_counts_from_nothing() -> None:
    """Four failures do not open it, the fifth does."""
    one = Benched()
    one.open(3)
    one.at(33)
    one.answer(*[one.send() for _ in range(3)])
    assert (one.state, one.bench.pool.orm_failures) == ("closed", 0)
    one.at(34)
    one.fail(*(one.send() for _ in range(4)))
    assert (one.state, one.bench.pool.orm_failures) == ("closed", 4)
    one.fail(one.send())
    assert one.state == "open"


def test_what_could_not_be_written_is_a_failure() -> None:
    """A request that was granted a connection, and then found that it is no more."""
    one = Benched()
    one.at(2)
    for failures in range(1, 6):
        a = one.bench.attempts[one.send()]
        cassandraorm.give_back(one.bench.world, a, 1, one.now)
        assert one.bench.pool.orm_failures == failures
    assert one.state == "open"
