"""Holds the compiled engine against SimPy on random scenarios: everything that a run says must be
equal, to the last nanosecond.

    python -m poolsim.fidelity.identity --scenarios 1000 --processes 2

Exits with 1 where anything differs, or where something that is registered (a rule, an event, a
note, an error, ...) fired in fewer than one per cent of the scenarios.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.choice import library_for
from poolsim.engine.compiled.rules import rules_program
from poolsim.engine.run import SimulationEnd, simulate
from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak.campaign import LEAST_SHARE
from poolsim.fidelity.soak.coverage import RULE_FIRING, Item, everything, fired
from poolsim.machine_code.cache import library
from poolsim.model.drivers.registry import DRIVERS
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Scenario

Rows = NDArray[np.int64]

_INTERVALS = 20
_AT_A_TIME = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """One scenario on both engines. `difference`: what differs, "" if nothing does."""

    seed: int
    requests: int = 0
    fired: frozenset[Item] = frozenset()
    difference: str = ""


@dataclass(slots=True)
class Everything:
    """A recorder that also keeps all that it is given."""

    recorder: Recorder
    request_rows: list[Rows] = field(default_factory=list)
    note_rows: list[Rows] = field(default_factory=list)
    samples: list[Rows] = field(default_factory=list)

    @property
    def interval_ns(self) -> int:
        """See Recorder; the others too."""
        return self.recorder.interval_ns

    @property
    def sample_times_ns(self) -> Rows:
        """When samples are to be taken."""
        return self.recorder.sample_times_ns

    def go_faster(self) -> None:
        """Machine code is at hand."""
        self.recorder.go_faster()

    def requests(self, rows: Rows) -> None:
        """Requests that ended."""
        self.recorder.requests(rows)
        self.request_rows.append(rows.copy())

    def notes(self, rows: Rows) -> None:
        """Events."""
        self.recorder.notes(rows)
        self.note_rows.append(rows.copy())

    def sample(self, time_ns: int, table: Rows) -> None:
        """The state of all pools."""
        self.recorder.sample(time_ns, table)
        self.samples.append(table)

    def tables(self, end: SimulationEnd) -> dict[str, object]:
        """All that the run said, by name."""
        record = self.recorder.finish(end.end_ns, end.unfinished)
        intervals, segments = record.intervals, record.segments
        return {
            "requests": _joined(self.request_rows, len(REQUEST_COLUMNS)),
            "notes": _joined(self.note_rows, len(NOTE_COLUMNS)),
            "samples": np.array(self.samples),
            "unfinished": end.unfinished,
            "agenda entries": end.events,
            "digest": record.digest,
            "distributions": record.distributions.keys,
            "distributions' counts": record.distributions.counts,
            "failures": record.failures,
            **{f"interval {name}": getattr(intervals, name) for name in intervals.__slots__},
            **{f"segment {name}": getattr(segments, name) for name in segments.__slots__},
        }


def compare(seed: int) -> Comparison:
    """Run the scenario of a seed on both engines."""
    scenario = generate(seed)
    # Before the rules are watched: what is compiled is their own code. One program for all seeds.
    library(rules_program(tuple(DRIVERS)))
    library_for(scenario)
    RULE_FIRING.arm()
    try:
        reference = run_on(scenario, "simpy")
    finally:
        rules = RULE_FIRING.disarm()
    compiled = run_on(scenario, "compiled")
    requests, notes = reference["requests"], reference["notes"]
    assert isinstance(requests, np.ndarray)
    assert isinstance(notes, np.ndarray)
    different = [name for name in reference if not _equal(reference[name], compiled[name])]
    return Comparison(
        seed=seed,
        requests=len(requests),
        fired=fired(scenario, rules, requests, notes),
        difference=", ".join(different),
    )


def run_on(scenario: Scenario, engine: str) -> dict[str, object]:
    """All that replication 0 says on an engine, by name."""
    taken = Everything(Recorder(scenario, max(1, scenario.duration_ns // _INTERVALS)))
    end = simulate(scenario, 0, taken, engine=engine)
    assert end.engine == engine
    return taken.tables(end)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    return one == other


def _joined(batches: list[Rows], width: int) -> Rows:
    return np.concatenate(batches) if batches else np.empty((0, width), dtype=np.int64)


def comparisons(seeds: Iterable[int], processes: int) -> Iterator[Comparison]:
    """Compare some seeds, in their order, in so many processes (1: in this one)."""
    if processes == 1:
        yield from map(compare, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(compare, seeds, chunksize=_AT_A_TIME)


def main() -> int:
    """Compare, print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args()
    counts: Counter[Item] = Counter()
    requests = different = 0
    for one in comparisons(range(given.first, given.first + given.scenarios), given.processes):
        counts.update(one.fired)
        requests += one.requests
        if one.difference:
            different += 1
            print(f"seed {one.seed}: {one.difference}", flush=True)
    rare = [item for item in everything() if counts[item] < LEAST_SHARE * given.scenarios]
    print(f"{given.scenarios} scenarios, {requests:,} requests: {different} differ")
    print(f"{len(everything()) - len(rare)} of {len(everything())} things fired in 1 % of them")
    for kind, name in rare:
        print(f"rare: {kind} {name}: {counts[kind, name]}")
    return 1 if different or rare else 0


if __name__ == "__main__":
    sys.exit(main())
