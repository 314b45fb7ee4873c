"""Jitter of reconnection delays: each driver's own, and those that any policy may be given."""

from __future__ import annotations

import numpy as np
import pytest

from poolsim.engine.draws import Draws
from poolsim.engine.simpy_engine import attach
from poolsim.model.build import build
from poolsim.model.policies.reconnection import next_delay
from poolsim.scenario.load import load_text

SECOND = 1_000_000_000
TEXT = """
duration: 1s
cluster:
  datacenters: {{dc1: {{nodes: 1}}}}
  node: {{service: {{constant: 1ms}}}}
clients:
  - driver: {driver}
    instances: 2000
    options: {{reconnection: {policy}}}
    load: {{poisson: {{rate: 1/s}}}}
"""


def delays(driver: str, policy: str, attempt: int) -> np.ndarray:
    """Delay before an attempt of each of 2,000 clients, in seconds."""
    scenario = load_text(TEXT.format(driver=driver, policy=policy))
    draws = Draws(scenario.seed, 0)
    world = build(scenario, draws)
    attach(world, draws)
    found = [next_delay(world, p, attempt) for p in range(len(world.pools))]
    return np.array(found) / SECOND


def exponential(jitter: str) -> str:
    return f"{{exponential: {{base: 1s, max: 60s{f', jitter: {jitter}' if jitter else ''}}}}}"


@pytest.mark.parametrize("jitter", ["", "own", "none"])
def test_the_java_driver_has_none(jitter: str) -> None:
    assert set(delays("java3", exponential(jitter), 2)) == {4.0}


def test_the_python_driver_has_its_own_unless_told_otherwise() -> None:
    own = delays("python", exponential(""), 2)
    assert own.min() == pytest.approx(3.4)
    assert own.max() == pytest.approx(4.6)
    assert np.array_equal(own, delays("python", exponential("own"), 2))
    assert np.array_equal(own, delays("java3", exponential("15%"), 2)), "the same rule"
    assert set(delays("python", exponential("none"), 2)) == {4.0}


def test_fifteen_percent_is_clamped_to_base_and_max() -> None:
    first = delays("java3", exponential("15%"), 0)
    last = delays("java3", exponential("15%"), 20)
    # 16 of the 31 whole percentages lie at or below 100, as many at or above it.
    assert np.mean(first == 1.0) == pytest.approx(16 / 31, abs=0.045)
    assert first.max() == pytest.approx(1.15)
    assert np.mean(last == 60.0) == pytest.approx(16 / 31, abs=0.045)
    assert last.min() == pytest.approx(51.0)


def test_full_jitter_is_uniform_up_to_the_delay() -> None:
    from scipy import stats

    found = delays("java3", exponential("full"), 3)
    assert stats.kstest(found / 8.0, "uniform").pvalue > 0.001
    assert len(set(found)) > 1_900, "clients do not meet on a coarse grid"
    assert delays("java3", exponential("full"), 20).max() <= 60.0


def test_a_constant_policy_is_spread_on_both_sides() -> None:
    found = delays("java3", "{constant: {delay: 10s, jitter: 15%}}", 5)
    assert found.min() == pytest.approx(8.5)
    assert found.max() == pytest.approx(11.5)
    assert set(delays("python", "{constant: {delay: 10s}}", 5)) == {10.0}


def test_attempts_are_drawn_apart() -> None:
    first, second = (delays("java3", exponential("full"), attempt) for attempt in (3, 4))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
