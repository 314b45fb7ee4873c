"""The circuit breaker of a host: each transition with its exact numbers.

Numbers and names of "Connection Pool Management": failureThreshold 5, recoveryTimeout 30 s,
halfOpenMaxCalls 3.
"""

from __future__ import annotations

import pytest

from poolsim.model.kinds import CIRCUIT_OPEN
from tests.model.fault_runs import SERVED
from tests.model.orm_runs import QUIET, orm, times
from tests.model.python_pools import MS, SECOND, Ran

BREAKER = "circuitBreaker: {enabled: true}, readTimeout: 1s, retry: {maxRetries: 0}"
SILENT = "at: 1s, for: 20s, node: dc1/1, kind: silent"
FIVE = times(2.0, 2.1, 2.2, 2.3, 2.4)
TIMED_OUT_AFTER = SECOND + MS
OPENED = 2_400 * MS + TIMED_OUT_AFTER
CIRCUIT = ("circuit_opened", "circuit_half_open", "circuit_closed")


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
