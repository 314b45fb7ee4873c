"""What a wrapper's monitor saw, in the terminal, in JSON and in HTML."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.report.html import render
from poolsim.report.machine import summary
from poolsim.report.terminal import show
from poolsim.report.units import NO_BREAK
from tests.model.fault_runs import told

DOWN = "at: 0s, for: 90s, node: dc1/2, kind: stop"
OPTIONS = "{warm_up: true, connection_monitor: {enabled: true}}"
WARNING = "WARNING: 1 hosts are down"


@pytest.fixture(scope="module")
def results() -> Results:
    scenario = told(
        "async_cassandra",
        DOWN,
        nodes=3,
        options=OPTIONS,
        load="{uniform: {rate: 20/s}}",
        duration="150s",
    )
    return run_scenario(scenario, source="x.yaml", jobs=1)


@pytest.fixture(scope="module")
def printed(results: Results) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(results, console, None)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.fixture(scope="module")
def document(results: Results) -> dict[str, Any]:
    (one,) = summary(results)["monitors"]
    return dict(one)


@pytest.mark.inventory("async-cassandra.monitor.hosts-down")
def test_the_terminal_warns_of_hosts_that_are_down(printed: str) -> None:
    assert WARNING in printed
    assert "What api[0] saw of its hosts" in printed


def test_the_terminal_tells_how_the_warm_up_went(printed: str) -> None:
    assert "warm-up: 2 of 3 hosts answered" in printed
    assert "not dc1/2 (no host available)" in printed


@pytest.mark.inventory("async-cassandra.monitor.report")
def test_the_terminal_shows_the_last_round(printed: str) -> None:
    assert "monitor: 3 rounds" in printed
    assert "3 healthy, 0 unhealthy" in printed
    (row,) = [line for line in printed.splitlines() if line.startswith("dc1/2  yes")]
    assert row.split() == ["dc1/2", "yes", "5.0.5", "1", "1.50ms", "–"]


@pytest.mark.inventory(
    "async-cassandra.monitor.report",
    "async-cassandra.monitor.app-metrics",
    "async-cassandra.monitor.hosts",
)
def test_the_document_has_every_look_with_the_fields_of_the_monitor(
    document: dict[str, Any],
) -> None:
    assert [round(one["timestamp_s"]) for one in document["rounds"]] == [0, 60, 120]
    assert document["cluster_name"] == "faults"
    assert document["protocol_version"] == 4
    assert document["interval_s"] == 60
    assert document["warnings"][0]["text"] == WARNING
    first = document["rounds"][0]
    assert set(first) == {
        "timestamp_s",
        "took_s",
        "hosts",
        "total_connections",
        "app_metrics",
        "health",
    }
    assert set(first["app_metrics"]) == {
        "requests_sent",
        "requests_completed",
        "requests_failed",
        "last_health_check_s",
    }
    up, down, _ = first["hosts"]
    assert set(up) == {
        "address",
        "datacenter",
        "rack",
        "is_up",
        "release_version",
        "connection_count",
        "latency_ms",
    }
    assert (up["is_up"], up["connection_count"], up["latency_ms"]) == (True, 1, pytest.approx(1.5))
    assert (down["is_up"], down["connection_count"], down["latency_ms"]) == (False, 0, None)
    assert first["total_connections"] == 2
    assert first["health"] == {"healthy": 2, "unhealthy": 1, "details": [["dc1/2", "down"]]}


def test_the_page_warns_too_and_shows_each_host(results: Results) -> None:
    page = render(results).replace(NO_BREAK, " ")
    assert WARNING in page
    assert "What api[0] saw of its hosts" in page
    assert "warm-up: 2 of 3 hosts answered" in page


def test_a_warning_that_repeats_is_told_once() -> None:
    scenario = told(
        "async_cassandra",
        "at: 1s, node: dc1/2, kind: stop",
        nodes=2,
        options=OPTIONS,
        load="{uniform: {rate: 20/s}}",
        duration="400s",
    )
    console = Console(file=io.StringIO(), width=100)
    show(run_scenario(scenario, source="x.yaml", jobs=1), console, None)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count(WARNING) == 1
    assert f"60.0 s to 360.0 s: {WARNING}" in text


def test_without_a_wrapper_there_is_nothing_to_tell() -> None:
    scenario = told("python", load="{uniform: {rate: 5/s}}", duration="10s")
    results = run_scenario(scenario, source="x.yaml", jobs=1)
    assert results.monitors == ()
    assert summary(results)["monitors"] == []
    assert "saw of its hosts" not in render(results)
