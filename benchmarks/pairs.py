"""Bars that compare two scenarios, or two engines: both run in turn in one process, warm, so that
what else the machine does strikes both alike. Each pair is a process of its own:
python -m benchmarks.pairs PAIR ROUNDS SHARE."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.fleet import LARGE_FLEET, THREE_NODES, closed_loop, fleet
from poolsim.engine.run import simulate
from poolsim.recording.grid import choose_interval
from poolsim.recording.recorder import Recorder

WARM_UP_SHARE = 0.01
"""Of the requests of an uncounted run before the first round."""

W_REQUESTS = 2_000_000


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a pair runs: an engine, requests and the rest of `fleet`'s arguments."""

    engine: str
    requests: int
    scenario: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """`slower` is divided by `faster`; the ratio should be at least, or at most, `limit`."""

    name: str
    slower: Side
    faster: Side
    limit: float
    at_least: bool


PAIRS = {
    "engines": Pair(
        "java3's full rules over three nodes, token-aware, a million requests: SimPy engine's time "
        "a request / compiled engine's",
        Side("simpy", 10**6, THREE_NODES),
        Side("compiled", 10**6, THREE_NODES),
        30,
        at_least=True,
    ),
    "fleet": Pair(
        "1,000 instances over 50 nodes (50,000 pools, ten million requests, one node lost): time a "
        "request / workload W's",
        Side("compiled", 10**7, LARGE_FLEET),
        Side("compiled", W_REQUESTS, {}),
        3,
        at_least=False,
    ),
    "in flight": Pair(
        "100,000 requests in flight: time a request / with 100 in flight",
        Side("compiled", 2 * 10**6, closed_loop(100_000)),
        Side("compiled", 2 * 10**6, closed_loop(100)),
        5,
        at_least=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """The ratio in each round, and the CPU nanoseconds a request of both sides."""

    pair: Pair
    slower_ns: list[float]
    faster_ns: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times the time of the faster one."""
        return [one / other for one, other in zip(self.slower_ns, self.faster_ns, strict=True)]

    @property
    def median(self) -> float:
        """Of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool:
        """Whether the median is on the right side of the limit."""
        return (self.median >= self.pair.limit) == self.pair.at_least


def _run(side: Side, share: float) -> float:
    """CPU nanoseconds a request, from the scenario to its record."""
    scenario = fleet(int(side.requests * share), **side.scenario)
    started = time.process_time()
    recorder = Recorder(scenario, choose_interval(scenario))
    end = simulate(scenario, 0, recorder, engine=side.engine)
    record = recorder.finish(end.end_ns, end.unfinished)
    # A short warm-up may end before any request does.
    return (time.process_time() - started) / max(record.requests, 1) * 1e9


def measure(pair: Pair, rounds: int, share: float) -> tuple[list[float], list[float]]:
    """Run both sides in turn; `share` of their requests."""
    sides = pair.slower, pair.faster
    for side in sides:
        _run(side, WARM_UP_SHARE * share)
    found: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for side, ns in zip(sides, found, strict=True):
            ns.append(_run(side, share))
    return found


def compare_pairs(rounds: int, share: float, tell: Callable[[str], None]) -> list[Compared]:
    """Measure every pair, each in a process."""
    compared = []
    for key, pair in PAIRS.items():
        command = [sys.executable, "-m", "benchmarks.pairs", key, str(rounds), str(share)]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        compared.append(Compared(pair, *json.loads(said)))
        tell(f"{pair.name}: {compared[-1].median:.2f}")
    return compared


if __name__ == "__main__":
    print(json.dumps(measure(PAIRS[sys.argv[1]], int(sys.argv[2]), float(sys.argv[3]))))
