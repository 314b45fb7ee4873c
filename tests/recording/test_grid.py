"""Intervals are round and few; segments lie between what is scheduled."""

import pytest

from poolsim.recording.grid import choose_interval, grid_of, phase_windows
from poolsim.scenario.scenario import Change, Fault, Load, Phase
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import MILLISECOND, SECOND


@pytest.mark.inventory("java3.state.interval")
@pytest.mark.parametrize(
    ("duration_s", "interval_ms"),
    [
        (0.6, 1), (1, 2), (6, 10), (10, 20), (30, 50), (60, 100), (300, 500), (3_000, 5_000),
        (3_600, 10_000),
    ],
)  # fmt: skip
def test_the_interval_is_the_shortest_round_one(duration_s: float, interval_ms: int) -> None:
    scenario = runs.scenario(duration_ns=int(duration_s * SECOND))
    assert choose_interval(scenario) == interval_ms * MILLISECOND
    assert grid_of(scenario, choose_interval(scenario)).intervals <= 600


def phased(*phases: Phase, **changed: object) -> runs.Scenario:
    load = Load("poisson", rate=100.0, phases=phases)
    return runs.scenario(clients=(runs.client(load=load),), **changed)


def test_a_phase_without_a_length_lasts_until_the_next_one_or_the_end() -> None:
    scenario = phased(
        Phase("low", "rate", 1 * SECOND, 0, 10.0),
        Phase("high", "rate", 4 * SECOND, 2 * SECOND, 500.0),
        Phase("low", "rate", 7 * SECOND, 0, 10.0),
    )
    assert phase_windows(scenario) == {
        "low": ((1 * SECOND, 4 * SECOND), (7 * SECOND, 10 * SECOND)),
        "high": ((4 * SECOND, 6 * SECOND),),
    }


def test_two_phases_at_one_instant_leave_the_later_one() -> None:
    scenario = phased(Phase("a", "rate", SECOND, 0, 10.0), Phase("b", "rate", SECOND, 0, 20.0))
    assert phase_windows(scenario) == {"b": ((SECOND, 10 * SECOND),)}


def test_segments_lie_between_what_is_scheduled() -> None:
    scenario = phased(
        Phase("spike", "rate", 2 * SECOND, SECOND, 500.0),
        warm_up_ns=SECOND // 2,
        faults=(Fault(4 * SECOND, 2 * SECOND, 0, "dc1/1", "stop"),),
        changes=(Change(8 * SECOND, "api", "pooling.local.max", 4),),
    )
    grid = grid_of(scenario, 20 * MILLISECOND)
    edges_s = [edge / SECOND for edge in grid.segment_edges_ns.tolist()]
    assert edges_s == [0, 0.5, 2, 3, 4, 6, 8, 10]
    inside = grid.inside(phase_windows(scenario)["spike"])
    assert inside.tolist() == [False, False, True, False, False, False, False]
    assert grid.inside(((0, 10 * SECOND),), from_ns=2 * SECOND).sum() == 5


def test_where_the_warm_up_is_found_segments_are_cut_for_it() -> None:
    grid = grid_of(runs.scenario(warm_up_ns=None), 20 * MILLISECOND)
    assert grid.segments == 11  # twentieths up to one half, and the rest
    assert all(edge % grid.interval_ns == 0 for edge in grid.segment_edges_ns.tolist())
    assert grid.next_edge_ns(SECOND // 2 + 1) == SECOND


def test_samples_are_wanted_at_every_edge_once() -> None:
    scenario = runs.scenario(warm_up_ns=5 * MILLISECOND, duration_ns=50 * MILLISECOND)
    grid = grid_of(scenario, 20 * MILLISECOND)
    assert grid.sample_times_ns.tolist() == [at * MILLISECOND for at in (5, 20, 40, 50)]


def test_an_interval_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        grid_of(runs.scenario(), 0)
