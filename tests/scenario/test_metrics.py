from __future__ import annotations

import pytest

from poolsim.scenario.metrics import (
    METRICS,
    ExpressionError,
    MetricName,
    full_name,
    parse_expectation,
    parse_metric,
    with_defaults,
)
from poolsim.scenario.scenario import Expectation


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("latency", MetricName("latency", "mean")),
        ("latency.p99", MetricName("latency", "p99")),
        ("latency.p99.9", MetricName("latency", "p99.9")),
        ("api/latency.p99@phase1", MetricName("latency", "p99", "api", "phase1")),
        ("my-api_2/rejected", MetricName("rejected", "", "my-api_2")),
        ("in_flight", MetricName("in_flight", "max")),
        ("in_flight.end@x", MetricName("in_flight", "end", "", "x")),
        ("recover", MetricName("recover")),
    ],
)
def test_metric_names(text: str, name: MetricName) -> None:
    assert parse_metric(text) == name
    assert parse_metric(str(name)) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("latenci.p99", r"unknown metric 'latenci' \(did you mean latency\?\)"),
        ("latency.p98", r"no statistic 'p98' \(did you mean p99\?\)"),
        ("in_flight.p99", "mean, max, min, end"),
        ("rejected.max", "is one number and has no statistic: write rejected"),
        ("recover@spike", "belongs to the faults of a run, not to a phase"),
        ("unfinished@spike", "belongs to the whole run"),
        ("api/", "is not a metric"),
        ("", "is not a metric"),
        ("a b", "is not a metric"),
        ("a/b/c", "is not a metric"),
        ("latency@", "is not a metric"),
    ],
)
def test_what_is_no_metric(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError, match=hint):
        parse_metric(text)


@pytest.mark.parametrize(
    ("text", "metric", "comparison", "value"),
    [
        ("latency.p99 < 20ms", "latency", "<", 0.02),
        ("latency.p99<20ms", "latency", "<", 0.02),
        ("rejected == 0", "rejected", "==", 0),
        ("requests >= 10k", "requests", ">=", 10_000),
        ("throughput > 20k/s", "throughput", ">", 20_000),
        ("error_rate <= 0.1%", "error_rate", "<=", 0.001),
        ("recover < 30s", "recover", "<", 30),
        ("open_connections.max <= 24", "open_connections", "<=", 24),
    ],
)
def test_expectations(text: str, metric: str, comparison: str, value: float) -> None:
    found = parse_expectation(text)
    assert (found.metric, found.comparison, found.value) == (metric, comparison, value)
    assert found.text == text


def test_an_expectation_is_taken_apart() -> None:
    assert parse_expectation("  api/latency.p99@spike   <  1.5 ms ") == Expectation(
        "api/latency.p99@spike < 1.5 ms", "api", "latency", "p99", "spike", "<", 0.0015
    )
    assert full_name(parse_expectation("api/latency@spike < 1s")) == "api/latency.mean@spike"
    assert full_name(parse_expectation("rejected == 0")) == "rejected"
    assert with_defaults("x/in_flight@p") == "x/in_flight.max@p"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("latency.p99 < 20", "write 20ms or 20s"),
        ("latency.p99 = 20ms", r"did you mean ==\?"),
        ("latency.p99 =< 20ms", r"did you mean <=\?"),
        ("latency.p99 != 20ms", "is none of < <= == >= >"),
        ("latency.p99", "is not an expectation"),
        ("latency.p99 <", "is not an expectation"),
        ("< 20ms", "is not an expectation"),
        ("1ms < latency < 2ms", "is not a metric|unknown metric|is compared"),
        ("throughput > 100", "write 100/s"),
        ("rejected < 5%", "is compared with a value such as 0"),
        ("error_rate < 5ms", "is compared with a value such as 5%"),
        ("error_rate < 120%", "not within 0 and 100%"),
        ("rejectd == 0", r"did you mean rejected\?"),
    ],
)
def test_what_is_no_expectation(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError, match=hint):
        parse_expectation(text)


def test_every_metric_says_what_it_is() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning
        assert metric.unit in ("s", "1/s", "share", "count", "B")
        if metric.statistics:
            assert metric.default_statistic in metric.statistics
        for statistic in metric.statistics or ("",):
            full = str(MetricName(name, statistic))
            assert str(parse_metric(full)) == full
