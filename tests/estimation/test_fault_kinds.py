"""What each kind of fault gives to detect, recover and unnoticed, from runs."""

from __future__ import annotations

import math

import pytest

from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.report.summaries import client_summaries, fault_times
from poolsim.report.units import NO_BREAK
from poolsim.report.words import answer, fault_text
from tests.model.fault_runs import told

EVENLY = "{uniform: {rate: 30/s}}"


def ran(*faults: str, driver: str = "java3", **told_more: object) -> Results:
    more = {"nodes": 3, "load": EVENLY, "duration": "3m"} | told_more
    scenario = told(driver, *faults, **more)  # type: ignore[arg-type]
    return run_scenario(scenario, source="x.yaml", jobs=1)


def value(of: Results, metric: str) -> float:
    return of.estimates[metric].mean


def test_a_silent_node_is_detected_when_its_host_is_marked_down() -> None:
    """42 s after the last answer, on a wheel of 100 ms."""
    detected = value(ran("at: 60s, for: 60s, node: dc1/3, kind: silent"), "detect")
    assert detected == pytest.approx(42, abs=0.2)


def test_a_node_that_joins_is_detected_when_its_pool_is_ready() -> None:
    detected = value(ran("at: 60s, node: dc1/3, kind: add"), "detect")
    assert detected == pytest.approx(1.352, abs=1e-6)


def test_a_node_that_leaves_is_detected_when_its_host_is_removed() -> None:
    """Or held for down, where its connections broke before."""
    drained = ran(
        "at: 60s, node: dc1/3, kind: remove, drain_timeout: 30s",
        options="{load_balancing: {token_aware: false}}",
        service="200ms",  # a request every 100 ms: there is always one
    )
    assert value(drained, "detect") == pytest.approx(1.35, abs=1e-6)
    at_once = ran("at: 60s, node: dc1/3, kind: remove")
    assert value(at_once, "detect") < 1


@pytest.mark.parametrize(
    "fault",
    [
        "at: 60s, node: dc1/3, kind: add",
        "at: 60s, node: dc1/3, kind: remove",
        "at: 0s, node: dc1/3, kind: middlebox, idle_timeout: 9m",
    ],
)
def test_what_has_no_end_has_nothing_to_recover_from(fault: str) -> None:
    results = ran(fault, "at: 90s, for: 5s, node: dc1/2, kind: pause")
    assert not math.isnan(value(results, "recover"))
    assert [one.node for one in results.recoveries] == ["dc1/2"]


@pytest.mark.parametrize(
    "kind", ["silent", "write_failure", "protocol_error", "overloaded", "refuse"]
)
def test_what_ends_is_recovered_from(kind: str) -> None:
    results = ran(f"at: 30s, for: 10s, node: dc1/3, kind: {kind}", idempotent=True)
    assert [one.status for one in results.recoveries] == ["recovered"]


def test_unnoticed_lasts_from_the_drop_to_the_loss() -> None:
    """Dropped 20 s after the last packet, found 42 s after it."""
    results = ran(
        "at: 0s, node: dc1/*, kind: middlebox, idle_timeout: 20s", load="{bursts: {size: 30}}"
    )
    assert value(results, "unnoticed") == pytest.approx(22, abs=0.2)
    assert value(results, "connections_dropped") > 3


def test_unnoticed_lasts_to_the_end_where_nobody_notices() -> None:
    results = ran(
        "at: 0s, node: dc1/*, kind: middlebox, idle_timeout: 60s",
        load="{bursts: {size: 30}}",
        options="{pooling: {heartbeat_interval: 0s}}",
    )
    assert value(results, "unnoticed") == pytest.approx(120, abs=1.1)


def test_without_a_drop_nothing_is_unnoticed() -> None:
    results = ran("at: 0s, node: dc1/*, kind: middlebox, idle_timeout: 9m")
    assert value(results, "unnoticed") == 0
    assert value(results, "connections_dropped") == 0


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("at: 5s, node: dc1/2, kind: silent", "dc1/2 silent from 5.0 s to the end"),
        ("at: 5s, for: 3s, node: dc1/2, kind: refuse", "refuses connections from 5.0 s to 8.0 s"),
        ("at: 5s, for: 3s, node: dc1/2, kind: write_failure", "dc1/2 writes fail from"),
        ("at: 5s, for: 3s, node: dc1/2, kind: protocol_error", "dc1/2 answers undecodable from"),
        ("at: 5s, for: 3s, node: dc1/2, kind: overloaded", "dc1/2 overloaded from 5.0 s to 8.0 s"),
        (
            "at: 0s, node: dc1/2, kind: middlebox, idle_timeout: 5m",
            "dc1/2 middlebox (connections idle for 300s are dropped silently) from",
        ),
        ("at: 5s, node: dc1/2, kind: add", "dc1/2 joins the ring at 5.0 s"),
        (
            "at: 5s, node: dc1/2, kind: remove, drain_timeout: 30s",
            "dc1/2 leaves the ring at 5.0 s and drains for 30.0s at most",
        ),
    ],
)
def test_a_fault_in_words(fault: str, text: str) -> None:
    (one,) = told("java3", fault, nodes=3, load=EVENLY).faults
    assert text in fault_text(one).replace(NO_BREAK, " ")


def test_a_dropped_connection_is_part_of_the_answer() -> None:
    results = ran(
        "at: 0s, node: dc1/*, kind: middlebox, idle_timeout: 20s", load="{bursts: {size: 30}}"
    )
    summaries = client_summaries(results)
    text = " ".join(answer(results, summaries, fault_times(summaries)))
    assert "did not notice a dropped connection for 22" in text
