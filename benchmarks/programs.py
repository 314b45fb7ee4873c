"""What is compared: every program, by name, and which workloads it can express."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plain_simpy import simulate as simulate_plainly
from benchmarks.workload import S, Summary, W, Workload
from poolsim.engine.run import simulate
from poolsim.model.kinds import OK
from poolsim.recording.grid import choose_interval
from poolsim.recording.record import LATENCY
from poolsim.recording.recorder import Recorder
from poolsim.scenario.load import load

Run = Callable[[Workload, int, int], Summary]
"""(workload, requests, seed) -> what came of it."""

SCENARIOS = {
    W: Path(__file__).with_name("workload_w.yaml"),
    S: Path(__file__).with_name("workload_s.yaml"),
}


@dataclass(frozen=True, slots=True)
class Program:
    """A program, how many requests it runs in a round, and whether it can do S.

    `recording`: whether it also records timelines, distributions, events and a digest and checks
    invariants, as poolsim does and the others do not."""

    name: str
    run: Run
    requests: int
    does_s: bool = True
    recording: bool = False


def plain_simpy(workload: Workload, count: int, seed: int) -> Summary:
    """A process per request."""
    outcome = simulate_plainly(workload, count, seed)
    mean_s = float(outcome.latencies_s.mean())
    return Summary(outcome.latencies_s.size, outcome.rejected, outcome.timed_out, mean_s)


def poolsim_on(engine: str) -> Run:
    """Poolsim with its recording, digest and invariants."""

    def run(workload: Workload, count: int, seed: int) -> Summary:
        seconds = count / workload.rate
        scenario = load(SCENARIOS[workload], [f"duration={seconds}s", f"seed={seed}"])
        recorder = Recorder(scenario, choose_interval(scenario))
        end = simulate(scenario, 0, recorder, engine=engine)
        assert end.engine == engine
        record = recorder.finish(end.end_ns, end.unfinished)
        outcomes = record.segments.outcomes.sum(axis=(0, 1))
        served, failed = int(outcomes[OK]), int(outcomes.sum() - outcomes[OK])
        total_ns = int(record.segments.sums[:, :, LATENCY].sum())
        # To poolsim a request that waited too long is rejected, too.
        return Summary(served, failed, 0, total_ns / served * 1e-9)

    return run


def _peer(module: str, function: str = "run") -> Run:
    def run(workload: Workload, count: int, seed: int) -> Summary:
        found = importlib.import_module(f"benchmarks.peers.{module}")
        summary: Summary = getattr(found, function)(workload, count, seed)
        return summary

    return run


def programs() -> list[Program]:
    """All programs that can run here, the yardstick first."""
    from benchmarks.peers import c_loop

    found = [
        Program("SimPy, a process per request", plain_simpy, 100_000),
        Program("SimPy, callbacks on raw events", _peer("simpy_callbacks"), 200_000),
        Program("poolsim, SimPy engine", poolsim_on("simpy"), 100_000, recording=True),
    ]
    if _there("salabim"):
        found.append(Program("salabim", _peer("salabim_processes"), 50_000))
    if _there("ciw"):
        found.append(Program("ciw", _peer("ciw_network"), 50_000, does_s=False))
    if _there("cimba"):
        style = _peer("cimba_models", "process_style")
        found.append(Program("cimba, a process per request", style, 500_000, does_s=False))
        style = _peer("cimba_models", "event_style")
        found.append(Program("cimba, events on recycled slots", style, 2_000_000, does_s=False))
    if _there("numba"):
        run = poolsim_on("compiled")
        found.append(Program("poolsim, compiled engine", run, 2_000_000, recording=True))
    if c_loop.is_there():
        found.append(Program("C by hand, node as a recursion", _peer("c_loop"), 2_000_000))
    return found


def _there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
