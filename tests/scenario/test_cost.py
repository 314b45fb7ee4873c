"""The cost formula and what else a scenario says to `recommend`."""

from __future__ import annotations

import math

import pytest

from poolsim.scenario.cost import default_cost, parse_cost
from poolsim.scenario.load import load_text
from poolsim.scenario.metrics import ExpressionError
from poolsim.scenario.mistakes import ScenarioError
from poolsim.scenario.resolved import to_yaml

TEXT = """
duration: 1s
cluster:
  datacenters: {dc1: {nodes: 2}}
  node: {service: {constant: 1ms}}
clients:
  - name: web-api
    instances: 3
    driver: java3
    options: {pooling: {local: {core: 2, max: 4, max_requests: 64}}}
    load: {poisson: {rate: 10/s}, phases: [{at: 100ms, name: peak, rate: x2}]}
  - name: jobs
    instances: 5
    driver: java3
    load: {poisson: {rate: 10/s}}
"""
METRICS = {"open_connections.max@peak": 12.0, "latency.p99": 0.5, "web-api/errors": 2.0}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2k / 4 - 1", 499.0),
        ("-2 * -3", 6.0),
        ("open_connections.max@peak + 40 * instances", 332.0),
        ("web-api/instances * web-api/max * 10", 120.0),
        ("latency.p99 * 1k + web-api/errors", 502.0),
        ("open_connections@peak", 12.0),
        ("instances / 1k", 0.008),
    ],
)
def test_formulas_compute_what_they_say(formula: str, value: float) -> None:
    scenario = load_text(TEXT)
    assert parse_cost(formula).value(scenario, METRICS) == pytest.approx(value)


def test_division_by_nothing_is_no_value() -> None:
    assert math.isnan(parse_cost("1 / (instances - 8)").value(load_text(TEXT), {}))


def test_the_default_weighs_connections_then_instances_then_the_queue() -> None:
    cost = parse_cost(default_cost("peak"))
    scenario = load_text(TEXT)
    more = load_text(TEXT.replace("instances: 5", "instances: 6"))
    metrics = {"open_connections.max@peak": 12.0}
    assert cost.value(scenario, metrics) < cost.value(more, metrics)
    assert cost.value(more, metrics) < cost.value(scenario, {"open_connections.max@peak": 13.0})


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("open_conections.max", "did you mean open_connections"),
        ("1 +", "is not a formula"),
        ("2 ** 3", "neither a metric nor"),
        ("instances instances", "is not a formula"),
        ("1 + ()", "is not a formula|holds more"),
        ("__import__", "neither a metric nor"),
        ("latency.p98", "no statistic"),
        ("1" + " + 1" * 200, "at most 500"),
    ],
)
def test_what_is_no_formula_says_what_to_write(formula: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        parse_cost(formula)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cost: web/instances + 1", "cost: there is no client web"),
        ("cost: latency.p99@peek", "there is no phase peek"),
        ("cost: foo + 1", "neither a metric"),
        ("peak: rush", "there is no phase rush"),
        ("search: {a: [1, 2]}", "write '1,2,4' or 1..8"),
        ("headroom: 1.3", "write 30%"),
        ("headroom: -5%", "not within 0%"),
        ("node_loss: perhaps", "neither true nor false"),
    ],
)
def test_mistakes_have_their_place(line: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        load_text(TEXT + line + "\n")
    assert caught.value.mistakes[0].line == len(TEXT.splitlines()) + 1


def test_the_plan_is_written_back() -> None:
    plan = (
        "cost: instances * 2\npeak: peak\nsearch: {clients.jobs.instances: 1..8}\nnode_loss: true\n"
        "headroom: 130.5%\n"
    )
    scenario = load_text(TEXT + plan)
    assert load_text(to_yaml(scenario)).plan == scenario.plan
    assert "cost" not in to_yaml(load_text(TEXT))


def test_recorded_arrivals_leave_no_room() -> None:
    text = TEXT.replace("load: {poisson: {rate: 10/s}}", "load: {trace: {times: [1ms]}}")
    with pytest.raises(ScenarioError, match="headroom: recorded arrivals"):
        load_text(text + "headroom: 30%\n")
