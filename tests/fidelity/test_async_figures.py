"""The published figures of async-cassandra: one parameter set, each figure's error."""

from __future__ import annotations

import pytest

from poolsim.fidelity import async_figures
from poolsim.fidelity.async_figures import (
    SPEEDUPS,
    Figure,
    at_once,
    burst_s,
    figures,
    fitted_crosstalk_s,
    fitted_latency_s,
    parameters,
    speedup_of,
    template,
)

MOST = 0.10
"""Of a figure's error."""


@pytest.fixture(scope="module")
def found() -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(template())}


@pytest.mark.parametrize("requests", [10, 50, 100])
def test_so_many_requests_at_once_are_so_many_times_as_fast(
    found: dict[str, Figure], requests: int
) -> None:
    figure = found[f"{requests} requests, times the synchronous client"]
    assert figure.published == {10: 10.24, 50: 25.60, 100: 20.99}[requests]
    assert abs(figure.error) < MOST, figure


@pytest.mark.parametrize("requests", [10, 50, 100])
def test_so_many_requests_at_once_reach_the_published_rate(
    found: dict[str, Figure], requests: int
) -> None:
    figure = found[f"{requests} requests, requests/s"]
    assert figure.published == {10: 878.5, 50: 2_207.9, 100: 1_826.2}[requests]
    assert abs(figure.error) < MOST, figure


def test_825_users_are_created_per_second(found: dict[str, Figure]) -> None:
    figure = found["users per second"]
    assert figure.published == 825
    assert abs(figure.error) < MOST, figure


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
    assert printed.count("%") >= 7
    for said in ("service", "crosstalk", "workers", "no number at once does better", "timeout"):
        assert said in printed
