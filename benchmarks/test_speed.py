"""How many requests of workload W a second, against the plain SimPy program in the same round.

Only that ratio travels between machines: each round runs both programs, one after the other, and
the summary at the end prints the median of the rounds' ratios. Nothing here can fail for being
slow.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.plain_simpy import W
from benchmarks.plain_simpy import simulate as simulate_plainly
from poolsim.engine.run import simulate
from poolsim.recording.grid import choose_interval
from poolsim.recording.recorder import Recorder
from poolsim.scenario.load import load

if TYPE_CHECKING:
    from benchmarks.conftest import Ratios

COUNT = 100_000
COUNT_WHEN_DISABLED = 5_000
SEED = 20261122

SCENARIO = Path(__file__).with_name("workload_w.yaml")


def on_the_simpy_engine(count: int) -> int:
    """Simulate workload W with its recording on and return how many requests ended."""
    scenario = load(SCENARIO, [f"duration={count / W.rate}s"])
    recorder = Recorder(scenario, choose_interval(scenario))
    simulate(scenario, 0, recorder, engine="simpy")
    return recorder.request_count


def on_the_compiled_engine(count: int) -> int:
    """The same on machine code; the first round may compile it."""
    scenario = load(SCENARIO, [f"duration={count / W.rate}s"])
    recorder = Recorder(scenario, choose_interval(scenario))
    simulate(scenario, 0, recorder, engine="compiled")
    return recorder.request_count


PROGRAMS: dict[str, Callable[[int], int]] = {
    "SimPy engine": on_the_simpy_engine,
    "compiled engine": on_the_compiled_engine,
}
"""What is compared with the plain program, by name."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_rate_on_workload_w(name: str, benchmark: BenchmarkFixture, ratios: Ratios) -> None:
    count = COUNT_WHEN_DISABLED if benchmark.disabled else COUNT
    plain_s: list[float] = []

    def plain_program() -> None:
        begun = time.perf_counter()
        simulate_plainly(W, count, SEED)
        plain_s.append(time.perf_counter() - begun)

    benchmark.group = "workload W"
    ended = benchmark.pedantic(PROGRAMS[name], args=(count,), setup=plain_program, rounds=7)
    # The poolsim side ends with its duration, so the number of its arrivals is Poisson too.
    assert ended == pytest.approx(count, rel=0.1)
    if not benchmark.disabled:
        own_s = benchmark.stats.stats.data
        in_round = [plain / own for plain, own in zip(plain_s, own_s, strict=True)]
        rates = count / statistics.median(own_s), count / statistics.median(plain_s)
        ratios.append((name, statistics.median(in_round), min(in_round), max(in_round), *rates))
