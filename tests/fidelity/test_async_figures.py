"""The published figures of async-cassandra: one parameter set, each figure's error."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolsim.fidelity import async_figures
from poolsim.fidelity.async_figures import (
    SPEEDUPS,
    Figure,
    as_the_driver_is,
    at_once,
    burst_s,
    figures,
    fitted_crosstalk_s,
    fitted_latency_s,
    parameters,
    speedup_of,
    template,
)

ERRORS = {
    "10 requests, times the synchronous client": (10.24, -0.053, -0.518),
    "50 requests, times the synchronous client": (25.60, 0.016, -0.326),
    "100 requests, times the synchronous client": (20.99, 0.002, -0.165),
    "users per second": (825, -0.081, -0.477),
    "10 requests, requests/s": (878.5, -0.046, -0.515),
    "50 requests, requests/s": (2_207.9, 0.018, -0.325),
    "100 requests, requests/s": (1_826.2, -0.005, -0.171),
}
"""Published; the error with TCP_NODELAY and without, as measured."""
MEASURED = 0.0006
"""Errors are committed to a tenth of a percent."""


@pytest.fixture(scope="module")
def found() -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(template())}


@pytest.fixture(scope="module")
def found_without() -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(as_the_driver_is(template()))}


@pytest.mark.inventory(
    "async-cassandra.figures.10-requests",
    "async-cassandra.figures.50-requests",
    "async-cassandra.figures.100-requests",
    "async-cassandra.figures.users",
)
@pytest.mark.parametrize("name", ERRORS)
def test_each_figure_has_the_error_that_is_committed(found: dict[str, Figure], name: str) -> None:
    published, error, _ = ERRORS[name]
    assert found[name].published == published
    assert found[name].error == pytest.approx(error, abs=MEASURED)
    assert set(found) == set(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
def test_without_tcp_nodelay_the_errors_are_larger_and_committed_too(
    found: dict[str, Figure], found_without: dict[str, Figure], name: str
) -> None:
    assert found_without[name].error == pytest.approx(ERRORS[name][2], abs=MEASURED)
    assert abs(found_without[name].error) > abs(found[name].error)


def test_without_tcp_nodelay_the_shape_is_another(found_without: dict[str, Figure]) -> None:
    """Two service times at least for what is not alone, so that a hundred are fastest."""
    ten, fifty, hundred = (
        found_without[f"{n} requests, times the synchronous client"].simulated for n in SPEEDUPS
    )
    assert ten < 5
    assert ten < fifty < hundred


@pytest.mark.inventory(
    "async-cassandra.figures.10-requests",
    "async-cassandra.figures.50-requests",
    "async-cassandra.figures.100-requests",
)
def test_the_shape_is_theirs_more_is_faster_and_then_slower(found: dict[str, Figure]) -> None:
    ten, fifty, hundred = (
        found[f"{n} requests, times the synchronous client"].simulated for n in SPEEDUPS
    )
    assert ten < hundred < fifty


def test_the_scenario_s_two_parameters_are_those_that_fit() -> None:
    latency_s, crosstalk_s = parameters(template())
    assert latency_s == pytest.approx(fitted_latency_s(), rel=0.002)
    assert crosstalk_s == pytest.approx(fitted_crosstalk_s(fitted_latency_s()), rel=0.002)


def test_the_clients_differ_in_their_load_and_their_place_only() -> None:
    """One parameter set for all figures; the synchronous client alone has no wrapper."""
    scenario = template()
    alike = {
        (one.protocol, one.crosstalk_ns, one.issue_ns, one.per_request_ns, one.io_threads)
        for one in scenario.clients
    }
    assert len(alike) == 1
    wrapped = [one for one in scenario.clients if one.driver_name == "async_cassandra"]
    assert len({one.options for one in wrapped}) == 1
    assert {one.options.tcp_nodelay for one in scenario.clients} == {True}
    assert [one.name for one in scenario.clients if one not in wrapped] == ["sync"]
    assert {one.max_concurrent for one in wrapped} == {1_000}
    assert len({(d.nodes, d.delay_ns) for d in scenario.datacenters}) == 1


def test_no_queue_makes_a_hundred_slower_than_twice_fifty() -> None:
    """Without crosstalk the third speedup cannot lie below the second."""
    latency_s = fitted_latency_s()
    assert speedup_of(100, latency_s, 0) == 100
    assert burst_s(100, latency_s, 0) <= 2 * burst_s(50, latency_s, 0)


def test_the_law_says_what_a_simulation_of_the_documented_limit_gives() -> None:
    scenario = template()
    latency_s, crosstalk_s = parameters(scenario)
    law = 1_000 / burst_s(1_000, latency_s, crosstalk_s)
    assert at_once(scenario, 1_000) == pytest.approx(law, rel=0.02)


def test_the_command_prints_every_figure_its_error_and_what_else_follows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert async_figures.main() == 0
    printed = capsys.readouterr().out
    for published in ("10.24", "25.60", "20.99", "825.00", "878.50", "2207.90", "1826.20"):
        assert published in printed
    assert printed.count("%") >= 14
    for said in ("service", "crosstalk", "workers", "no number at once does better", "timeout"):
        assert said in printed
    assert "TCP_NODELAY" in printed
    assert "not reproduced" in printed


def test_the_page_holds_what_is_printed() -> None:
    """docs/async-cassandra-figures.md, or run the command and write it there."""
    page = (Path(__file__).parents[2] / "docs" / "async-cassandra-figures.md").read_text("utf-8")
    assert async_figures.report(template()) in page
