"""Intervals cover what they say; verdicts say no more than the replications can tell."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats

from poolsim.estimation.intervals import PEEKING_CONFIDENCE, estimate, t_quantile
from poolsim.estimation.verdicts import verdict
from poolsim.scenario.metrics import METRICS, parse_expectation

NAN = math.nan


def test_the_t_quantile_is_that_of_tables() -> None:
    assert t_quantile(0.95, 4) == pytest.approx(2.776, abs=1e-3)
    assert t_quantile(0.95, 9) == pytest.approx(2.262, abs=1e-3)
    assert t_quantile(0.95, 10_000) == pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-3)
    assert t_quantile(0.975, 9) == pytest.approx(scipy.stats.t.ppf(0.9875, 9))


def test_an_estimate_is_the_mean_with_its_t_interval() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0], "s")
    spread = np.std([1, 2, 3, 4], ddof=1) / 2
    assert (found.mean, found.count, found.unit) == (2.5, 4, "s")
    assert found.half_width == pytest.approx(3.182 * spread, rel=1e-3)


def test_an_estimate_of_little() -> None:
    assert math.isnan(estimate([], "s").mean)
    one = estimate([3.0], "s")
    assert (one.mean, one.count) == (3.0, 1)
    assert math.isnan(one.half_width)
    assert estimate([0.1] * 7, "s").half_width == 0
    assert estimate([0.1] * 7, "s").mean == 0.1
    some = estimate([1.0, NAN, 3.0], "s")
    assert (some.mean, some.count) == (2.0, 2)


def test_intervals_cover_as_often_as_they_say() -> None:
    random = np.random.default_rng(20)
    for confidence, low, high in ((0.95, 0.93, 0.97), (PEEKING_CONFIDENCE, 0.96, 0.99)):
        covered = 0
        for values in random.normal(5.0, 2.0, (1000, 5)).tolist():
            found = estimate(values, "", confidence)
            covered += abs(found.mean - 5.0) <= found.half_width
        assert low < covered / 1000 < high


def judged(text: str, values: list[float]) -> tuple[str, str]:
    expectation = parse_expectation(text)
    found = verdict(expectation, values, METRICS[expectation.metric].unit)
    assert found.text == text
    assert found.limit == expectation.value
    return found.status, found.reason


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("latency.p99 < 30ms", "passed"),
        ("latency.p99 <= 30ms", "passed"),
        ("latency.p99 > 30ms", "failed"),
        ("latency.p99 < 20ms", "inconclusive"),
        ("latency.p99 > 20ms", "inconclusive"),
        ("latency.p99 < 10ms", "failed"),
        ("latency.p99 >= 10ms", "passed"),
    ],
)
def test_the_interval_must_lie_on_one_side_of_the_limit(text: str, status: str) -> None:
    assert judged(text, [0.019, 0.020, 0.021])[0] == status


def test_every_replication_decides_an_equality_and_a_count_that_must_be_zero() -> None:
    assert judged("rejected == 0", [0, 0, 0]) == ("passed", "")
    assert judged("rejected == 0", [0, 0, 1]) == ("failed", "not so in 1 of 3 replications")
    assert judged("rejected <= 0", [0, 0, 1])[0] == "failed"
    assert judged("errors > 0", [0, 3, 1])[0] == "failed"
    # A mean can be above 0 with an interval that reaches below it; an occurrence is one anyway.
    assert judged("connections_opened == 6", [6, 6, 6])[0] == "passed"


def test_without_variance_the_value_decides() -> None:
    assert judged("open_connections.max <= 8", [8, 8])[0] == "passed"
    assert judged("open_connections.max < 8", [8, 8])[0] == "failed"


def test_one_replication_decides_only_what_needs_no_interval() -> None:
    assert judged("rejected == 0", [0])[0] == "passed"
    assert judged("rejected == 0", [2]) == ("failed", "not so in 1 of 1 replication")
    status, reason = judged("latency.p99 < 20ms", [0.001])
    assert status == "inconclusive"
    assert "one replication" in reason


def test_a_fault_duration_that_did_not_happen_is_longer_than_any_limit() -> None:
    status, reason = judged("recover < 30s", [3.0, NAN, 2.0])
    assert status == "failed"
    assert reason.startswith("in 1 of 3 replications, things were not as before")
    assert judged("recover > 30s", [NAN, NAN])[0] == "passed"
    assert judged("recover > 30s", [NAN, 31.0])[0] == "inconclusive"
    assert "marked the host down" in judged("detect < 5s", [NAN])[1]


def test_another_value_that_does_not_exist_leaves_it_open() -> None:
    assert judged("latency.p99 < 20ms", [0.001, NAN, 0.001]) == (
        "inconclusive",
        "there is no latency in 1 of 3 replications",
    )
