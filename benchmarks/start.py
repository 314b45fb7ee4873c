"""What the compiled engine costs before it simulates: the compilation, once, and each start.

Each figure is a process of its own: python -m benchmarks.start compile DRIVER... | run ENGINE.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.fleet import fleet
from poolsim.model.drivers.registry import DRIVERS

FEW_REQUESTS = 1_000
STARTS = 5
"""Processes of each engine, of which the fastest counts: the others were disturbed."""


@dataclass(frozen=True, slots=True)
class Start:
    """CPU seconds: of the first compilation, by its drivers, and of a whole process that simulates
    a thousand requests, by its engine."""

    compilation_s: dict[tuple[str, ...], float]
    start_s: dict[str, float]


def measure_start(tell: Callable[[str], None]) -> Start:
    """Compile each driver alone and all of them together; start each engine."""
    sets = [(driver,) for driver in DRIVERS]
    compilation_s = {}
    for drivers in [*sets, tuple(DRIVERS)]:
        with tempfile.TemporaryDirectory() as folder:
            compilation_s[drivers] = _cpu_s(["compile", *drivers], POOLSIM_CACHE=folder)
        tell(f"compiled {' and '.join(drivers)} in {compilation_s[drivers]:.1f} s")
    start_s = {}
    for engine in ("simpy", "compiled"):
        # One more than counts: the code may have to be compiled.
        times = [_cpu_s(["run", engine]) for _ in range(STARTS + 1)]
        start_s[engine] = min(times)
        tell(f"a start on the {engine} engine: {start_s[engine]:.2f} s")
    return Start(compilation_s, start_s)


def _cpu_s(arguments: list[str], **variables: str) -> float:
    command = [sys.executable, "-m", "benchmarks.start", *arguments]
    environment = {**os.environ, **variables}
    said = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
    ).stdout
    return float(said)


def _compile(drivers: tuple[str, ...]) -> None:
    from poolsim.engine.compiled.rules import rules_program
    from poolsim.machine_code.cache import library
    from poolsim.recording.fast_rows import PROGRAM

    for program in (rules_program(drivers), PROGRAM):
        library(program)


def _run(engine: str) -> None:
    from poolsim.engine.run import simulate
    from poolsim.recording.grid import choose_interval
    from poolsim.recording.recorder import Recorder

    scenario = fleet(FEW_REQUESTS)
    recorder = Recorder(scenario, choose_interval(scenario))
    end = simulate(scenario, 0, recorder, engine=engine)
    recorder.finish(end.end_ns, end.unfinished)


if __name__ == "__main__":
    if sys.argv[1] == "compile":
        _compile(tuple(sys.argv[2:]))
    else:
        _run(sys.argv[2])
    print(time.process_time())
