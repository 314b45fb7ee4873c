"""How the time per request and the memory of the compiled engine grow. Each point is a process of
its own: python -m benchmarks.growth POINT."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet import LARGE_FLEET, THREE_NODES, closed_loop, fleet
from poolsim.engine.run import simulate
from poolsim.recording.grid import choose_interval
from poolsim.recording.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: its curve, its place on it, and the scenario (arguments of `fleet`)."""

    curve: str
    at: int
    scenario: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grown:
    """What a point needed: CPU nanoseconds a request, start included, and peak memory in bytes."""

    point: Point
    requests: int
    ns: float
    peak_bytes: int


def points(largest: int) -> list[Point]:
    """All curves; requests up to `largest`."""
    found = [
        Point("requests", 10**power, {"requests": 10**power})
        for power in range(4, 9)
        if 10**power <= largest
    ]
    million = {"requests": min(10**6, largest)}
    found += [Point("instances", n, {**million, "instances": n}) for n in (1, 10, 100, 1000)]
    for n in (1, 10, 100):
        more = {"nodes": n, "rate_per_s": 5000.0 * n, "replication": min(n, 3)}
        found.append(Point("nodes", n, {**million, **more}))
    found += [Point("connections", n, {**million, "connections": n}) for n in (1, 4, 16, 64)]
    for n in (100, 1000, 10_000, 100_000):
        requests = {"requests": min(2 * 10**6, largest)}
        found.append(Point("in flight", n, {**requests, **closed_loop(n)}))
    requests = {"requests": min(10**7, largest)}
    found.append(Point("fleet: 50,000 pools, one node lost", 50_000, {**requests, **LARGE_FLEET}))
    for count in (10**6, 10**7):
        scenario = {"requests": min(count, largest), **THREE_NODES}
        found.append(Point("requests, three nodes", count, scenario))
    return found


def measure(point: Point) -> tuple[int, float, int]:
    """Requests that ended, CPU nanoseconds for each, and this process's peak memory in bytes."""
    scenario = fleet(**point.scenario)
    started = time.process_time()
    recorder = Recorder(scenario, choose_interval(scenario))
    end = simulate(scenario, 0, recorder, engine="compiled")
    record = recorder.finish(end.end_ns, end.unfinished)
    ns = (time.process_time() - started) / record.requests * 1e9
    return record.requests, ns, _peak_bytes()


def _peak_bytes() -> int:
    # What getrusage says of a child of a large process is the parent's peak on Linux.
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def grow(largest: int, tell: Callable[[str], None]) -> list[Grown]:
    """Measure every point, each in a process."""
    return [_apart(point, tell) for point in points(largest)]


def _apart(point: Point, tell: Callable[[str], None]) -> Grown:
    given = json.dumps([point.curve, point.at, point.scenario])
    command = [sys.executable, "-m", "benchmarks.growth", given]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    requests, ns, peak = json.loads(said)
    tell(f"{point.curve} {point.at:,}: {ns:,.0f} ns a request, {peak / 2**20:,.0f} MiB")
    return Grown(point, requests, ns, peak)


if __name__ == "__main__":
    print(json.dumps(measure(Point(*json.loads(sys.argv[1])))))
