"""Small runs of the generic driver in which every instant can be worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from poolsim.engine.run import simulate
from poolsim.model.kinds import NOTE_NAMES, OUTCOME_NAMES
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.recording.tables import error_kinds_of
from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario

US = 1_000
MS = 1_000_000
S = 1_000_000_000

FREE = {"stream_allocation": 0, "prepared_encoding": 0, "copy": 0, "syscall": 0}
"""Latency components of a client that costs nothing."""


def options(**blocks: Any) -> dict[str, Any]:
    """A client that costs nothing, with some blocks of options besides."""
    return {"components": FREE, **blocks}


def scenario(
    own: dict[str, Any],
    times: list[str],
    *,
    service: str = "1ms",
    services: list[str] | None = None,
    delay: str = "1ms",
    nodes: int = 1,
    duration: str = "10s",
    faults: list[dict[str, Any]] | None = None,
    **client: Any,
) -> Scenario:
    """One client whose requests come at given times; every node takes as long as it is told."""
    trace: dict[str, Any] = {"times": times}
    if services is not None:
        trace["services"] = services
    tree = {
        "name": "by-hand",
        "duration": duration,
        "warm_up": "0s",
        "replications": 1,
        "cluster": {
            "datacenters": {"dc1": {"nodes": nodes, "network": {"delay": delay}}},
            "node": {"workers": 1000, "service": {"constant": service}},
        },
        "clients": [
            {
                "name": "api",
                "driver": "generic",
                "options": own,
                "cpu": {"issue": "0s"},
                "load": {"trace": trace},
                **client,
            }
        ],
        "faults": faults or [],
    }
    return load_text(yaml.safe_dump(tree))


@dataclass
class Run:
    """All that a run said."""

    rows: Any
    notes_rows: Any
    samples: Any
    ends: Any

    def column(self, name: str) -> list[int]:
        """A column of the requests, in the order of their numbers."""
        rows = self.rows[np.argsort(self.rows[:, 0], kind="stable")]
        return [int(value) for value in rows[:, REQUEST_COLUMNS.index(name)]]

    @property
    def latencies(self) -> list[int]:
        return [
            end - begin
            for end, begin in zip(self.column("ended_ns"), self.column("intended_ns"), strict=True)
        ]

    @property
    def outcomes(self) -> list[str]:
        return [OUTCOME_NAMES[code] for code in self.column("outcome")]

    @property
    def errors(self) -> list[list[int]]:
        kinds = error_kinds_of(np.array(self.column("error_kinds")))
        return [[int(kind) for kind in row if kind] for row in kinds]

    def notes(self, *kinds: str) -> list[tuple[int, str, int]]:
        """(time in nanoseconds, kind, value) of some kinds of note."""
        time, kind, value = (NOTE_COLUMNS.index(name) for name in ("time_ns", "kind", "value"))
        rows = self.notes_rows
        named = [(int(row[time]), NOTE_NAMES[row[kind]], int(row[value])) for row in rows]
        return [one for one in named if not kinds or one[1] in kinds]

    def last(self, name: str) -> int:
        """A column of the samples at the end, over all nodes."""
        return int(self.samples[-1][:, SAMPLE_COLUMNS.index(name)].sum())


class _Recorder:
    def __init__(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self.rows: list[Any] = []
        self.notes_rows: list[Any] = []
        self.samples: list[Any] = []

    def requests(self, rows: Any) -> None:
        self.rows.append(rows.copy())

    def notes(self, rows: Any) -> None:
        self.notes_rows.append(rows.copy())

    def sample(self, _time_ns: int, table: Any) -> None:
        self.samples.append(table)


def run(of: Scenario, interval_ns: int = S) -> Run:
    """One replication on SimPy."""
    taken = _Recorder(interval_ns)
    end = simulate(of, 0, taken, engine="simpy")
    empty_rows = np.empty((0, len(REQUEST_COLUMNS)), dtype=np.int64)
    empty_notes = np.empty((0, len(NOTE_COLUMNS)), dtype=np.int64)
    return Run(
        np.concatenate([empty_rows, *taken.rows]),
        np.concatenate([empty_notes, *taken.notes_rows]),
        taken.samples,
        end,
    )
