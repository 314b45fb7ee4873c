"""What a CassandraORM pool says of itself, in the terminal, in JSON and in HTML; and what is wrong
with the pool that its document advises against."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.report.html import render
from poolsim.report.machine import summary
from poolsim.report.terminal import show
from poolsim.scenario.load import load_text
from poolsim.scenario.templates import templates
from poolsim.scenario.warnings import warnings_of
from tests.model.orm_runs import asked


@pytest.fixture(scope="module")
def results() -> Results:
    scenario = asked(
        "at: 5s, node: dc1/2, kind: stop",
        options="failover: {enabled: true}",
        pooling="enableMetrics: true",
        nodes=2,
        load="{uniform: {rate: 20/s}}",
        duration="20s",
    )
    return run_scenario(scenario, source="x.yaml", jobs=1, engine="simpy")


def printed(results: Results) -> str:
    console = Console(file=io.StringIO(), width=120)
    show(results, console, None)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_the_terminal_tells_of_health_hosts_metrics_and_what_to_do(results: Results) -> None:
    text = printed(results)
    assert "AdvancedConnectionPool of api[0]" in text
    assert "health: degraded" in text
    assert "events: 2 connectionAdded, 1 hostDown, 1 connectionLost" in text
    (row,) = [line for line in text.splitlines() if line.startswith("dc1/2  unhealthy")]
    assert row.split()[:3] == ["dc1/2", "unhealthy", "0"]
    assert "dc1/2 (down): find out why it is down" in text
    assert "turnover/min" in text


def test_the_document_has_a_block_for_each_pool(results: Results) -> None:
    (one,) = summary(results)["cassandraorm"]
    assert one["client"] == "api"
    assert one["health"]["overall"] == "degraded"
    assert [row["at_s"] for row in one["metrics"]] == [5, 10, 15, 20]


def test_html_has_the_same(results: Results) -> None:
    page = render(results)
    assert "AdvancedConnectionPool of api[0]" in page
    assert "find out why it is down" in page
    assert "turnover/min" in page


@pytest.mark.inventory("cassandraorm.configuration.over-configured")
def test_the_report_says_what_is_wrong_with_the_over_configured_pool() -> None:
    (text,) = [one.text for one in templates() if one.name == "cassandraorm-over-configured"]
    scenario = load_text(text, overrides=["replications=1"])
    warnings = tuple(warnings_of(scenario))
    results = run_scenario(scenario, source="x.yaml", jobs=1, engine="simpy", warnings=warnings)
    shown = " ".join(printed(results).split())
    for wrong in ("too many connections", "too frequent", "too short"):
        assert wrong in shown
    assert "connections were given up and made again. Raise idleTimeout" in shown
    assert "as written a pool stays at 1 until 2,048 requests are in flight at its host" in shown
    assert "no pool grew beyond its 1 connection: of the 1,000 that it may have none" in shown
