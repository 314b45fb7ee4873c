"""Replications stop when enough is known, whatever ran at a time."""

import numpy as np
import pytest

from poolsim.estimation.sequential import Stopping, replicate
from poolsim.scenario.scenario import Replications

UNTIL = Replications(count=5, metric="latency.p99", half_width=0.05, maximum=40)


def values_with(spread: float) -> list[float]:
    return np.random.default_rng(3).normal(10.0, spread, 40).tolist()


def replications_done(replications: Replications, values: list[float], at_a_time: int) -> int:
    ran: list[int] = []
    count = replicate(
        Stopping.of(replications), ran.extend, lambda n: values[n], at_a_time=at_a_time
    )
    assert ran == list(range(len(ran)))
    assert count <= len(ran) < count + max(at_a_time, 2)
    return count


def test_a_fixed_number_is_run_once() -> None:
    assert replications_done(Replications(7), values_with(5), 2) == 7


def test_it_stops_at_the_first_narrow_interval() -> None:
    values = values_with(1.0)
    stopping = Stopping.of(UNTIL)
    count = replications_done(UNTIL, values, 1)
    assert 5 < count < 40
    assert stopping.reached(values[:count])
    assert not any(stopping.reached(values[:k]) for k in range(5, count))


@pytest.mark.parametrize("at_a_time", [2, 3, 16])
def test_how_many_run_at_a_time_does_not_matter(at_a_time: int) -> None:
    values = values_with(1.0)
    assert replications_done(UNTIL, values, at_a_time) == replications_done(UNTIL, values, 1)


def test_it_stops_at_the_maximum() -> None:
    assert replications_done(UNTIL, values_with(50.0), 3) == 40
    assert not Stopping.of(UNTIL).reached(values_with(50.0))


def test_what_is_known_at_once_needs_the_fewest() -> None:
    assert replications_done(UNTIL, [10.0] * 40, 4) == 5


def test_looking_again_and_again_costs_confidence() -> None:
    assert Stopping.of(UNTIL).confidence == 0.975
    assert Stopping.of(Replications(10)).confidence == 0.95
