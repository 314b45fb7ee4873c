"""The loads at which a pool grows."""

import dataclasses

import pytest

from poolsim.estimation.results import Results
from poolsim.report.growth import distance_of, growth_levels, pooling_periods
from poolsim.scenario.scenario import Pooling


def test_levels_are_those_of_the_driver(staircase: Results) -> None:
    client = staircase.scenario.clients[0]
    levels = growth_levels(client, client.options.local)
    assert [(level.connection, level.in_flight) for level in levels] == [
        (3, 228),
        (4, 356),
        (5, 484),
        (6, 612),
        (7, 740),
        (8, 868),
    ]


@pytest.mark.parametrize(
    ("driver", "pooling"),
    [
        ("java3", Pooling(1, 8, 128, 800)),  # the v3 threshold over v2 connections
        ("java3", Pooling(1, 1, 1024, 800)),
        ("python", Pooling(2, 8, 128, 100)),
    ],
)
def test_a_pool_that_cannot_grow_has_no_level(
    staircase: Results, driver: str, pooling: Pooling
) -> None:
    client = dataclasses.replace(staircase.scenario.clients[0], driver=driver)
    assert growth_levels(client, pooling) == []


def test_a_change_at_runtime_begins_a_period(node_failure: Results) -> None:
    scenario = node_failure.scenario
    first, second = pooling_periods(scenario, scenario.clients[0], "local")
    assert (first.from_s, first.to_s, second.to_s) == (0.0, 200.0, 300.0)
    assert (first.pooling.max, second.pooling.max) == (8, 6)
    assert len(pooling_periods(scenario, scenario.clients[0], "remote")) == 1
    assert len(pooling_periods(scenario, scenario.clients[1], "local")) == 1


def test_distance_is_told_by_the_datacenter(staircase: Results) -> None:
    client = staircase.scenario.clients[0]
    assert distance_of(client, "dc1/3") == "local"
    assert distance_of(client, "dc11/3") == "remote"
