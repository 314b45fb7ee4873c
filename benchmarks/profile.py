"""Where the compiled engine's CPU time goes, part by part: python -m benchmarks.profile.

Functions are wrapped, each on the account of its part; a part that calls another one's functions is
not charged for them. What is left is Python between the parts. Wrapping costs below a hundredth.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.fleet import LARGE_FLEET, THREE_NODES, closed_loop, fleet
from poolsim.engine import run
from poolsim.engine.compiled import executor
from poolsim.engine.draws import Draws
from poolsim.machine_code.library import Library
from poolsim.recording.grid import choose_interval
from poolsim.recording.histogram import SparseCounts
from poolsim.recording.recorder import Recorder

RULES = "rules, agenda and statistics (machine code)"
UNIFORMS = "draws: uniforms (machine code)"
LAWS = "draws: laws (numpy)"
ROWS = "recorder: rows, histograms, digest (machine code)"
MERGES = "recorder: histograms merged (numpy)"
SAMPLES = "timeline's samples"
CHECKS = "invariants"
BUILD = "world built"
FINISH = "record finished"
REST = "rest"
PARTS = (RULES, UNIFORMS, LAWS, ROWS, MERGES, SAMPLES, CHECKS, BUILD, FINISH, REST)

ENTRIES = {
    "poolsim_advance": RULES,
    "poolsim_begin": BUILD,
    "poolsim_uniforms": UNIFORMS,
    "poolsim_add_rows": ROWS,
    "poolsim_list_window": ROWS,
    "poolsim_sample": SAMPLES,
    "poolsim_check": CHECKS,
    "poolsim_unfinished": FINISH,
}
"""The machine code's entries."""

SCENARIOS: dict[str, dict[str, Any]] = {
    "W": {"requests": 2 * 10**6},
    "three nodes": {"requests": 10**6, **THREE_NODES},
    "fleet": {"requests": 10**7, **LARGE_FLEET},
    "100,000 in flight": {"requests": 2 * 10**6, **closed_loop(100_000)},
}
"""What is profiled, as arguments of `fleet`."""


class Accounts:
    """CPU nanoseconds of each part. The part that is at work is on top of a stack."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = defaultdict(int)
        self._stack = [REST]
        self._since = time.process_time_ns()

    def _switch(self) -> None:
        now = time.process_time_ns()
        self.ns[self._stack[-1]] += now - self._since
        self._since = now

    def charged(self, part: Callable[..., str], function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, on the account that `part` names for its arguments."""

        def wrapped(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._stack.append(part(*arguments))
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._stack.pop()

        return wrapped


def profile(scenario: dict[str, Any]) -> tuple[int, dict[str, float]]:
    """Requests that ended, and CPU nanoseconds of each part for each, of a warm run."""
    given = fleet(**scenario)
    _simulate(fleet(**{**scenario, "requests": 10_000}))
    accounts = Accounts()
    wrapped: list[tuple[Any, str, str]] = [
        (Draws, "block", LAWS),
        (SparseCounts, "add_counted", MERGES),
        (executor.CompiledRun, "sample", SAMPLES),
        (Recorder, "sample", SAMPLES),
        (executor.CompiledRun, "check", CHECKS),
        (executor.CompiledRun, "__init__", BUILD),
        (run, "build", BUILD),
        (Recorder, "finish", FINISH),
    ]
    for owner, name, part in wrapped:
        function = accounts.charged(lambda *_, part=part: part, getattr(owner, name))
        setattr(owner, name, function)
    call = accounts.charged(lambda _, entry, *__: ENTRIES[entry], Library.call)
    Library.call = call  # type: ignore[method-assign]
    requests = _simulate(given)
    accounts.charged(lambda: REST, lambda: None)()
    return requests, {part: accounts.ns[part] / requests for part in PARTS}


def _simulate(scenario: Any) -> int:
    recorder = Recorder(scenario, choose_interval(scenario))
    end = run.simulate(scenario, 0, recorder, engine="compiled")
    return recorder.finish(end.end_ns, end.unfinished).requests


@dataclass(frozen=True, slots=True)
class Profiled:
    """A scenario's name, and CPU nanoseconds a request of each part."""

    name: str
    ns: dict[str, float]


def profile_all(share: float, tell: Callable[[str], None]) -> list[Profiled]:
    """Profile every scenario with a share of its requests, each in a process."""
    found = []
    for name, scenario in SCENARIOS.items():
        given = {**scenario, "requests": int(scenario["requests"] * share)}
        command = [sys.executable, "-m", "benchmarks.profile", json.dumps(given)]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        requests, ns = json.loads(said)
        found.append(Profiled(name, ns))
        tell(f"profile of {name}: {sum(ns.values()):,.0f} ns a request, {requests:,} requests")
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(profile(json.loads(sys.argv[1]))))
    else:
        for one in profile_all(1.0, print):
            for part, ns in one.ns.items():
                print(f"{one.name}: {part}: {ns:.1f} ns a request")
