"""A run with one fault, told as what samples, notes and requests would say."""

from collections.abc import Callable
from typing import Any

import numpy as np

from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Fault, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import COLUMN, MILLISECOND, SECOND

FROM_S, UNTIL_S, END_S = 20, 30, 60
FAULT = Fault(FROM_S * SECOND, (UNTIL_S - FROM_S) * SECOND, 1, "dc1/2", "stop")

Failing = Callable[[np.ndarray], np.ndarray]


def scenario(*faults: Fault, **changed: Any) -> Scenario:
    return runs.scenario(duration_ns=END_S * SECOND, faults=faults or (FAULT,), **changed)


def record(
    of: Scenario,
    *,
    failing: Failing = lambda at_s: np.zeros(len(at_s), dtype=bool),
    sampled: Callable[[float], dict[str, Any]] = lambda at_s: {},
    notes: list[list[int]] | None = None,
) -> Record:
    """A request to each of the three nodes every 10 ms, of which those fail that `failing` says
    for their intended starts in seconds; samples as `sampled` changes them."""
    recorder = Recorder(of, 100 * MILLISECOND)
    intended = np.repeat(np.arange(0, END_S * SECOND - SECOND, 10 * MILLISECOND), 3)
    rows = runs.request_rows(intended, np.full(len(intended), MILLISECOND))
    rows[:, COLUMN["node"]] = np.arange(len(rows)) % 3
    # Those of the faulty node fail.
    lost = failing(rows[:, COLUMN["intended_ns"]] / SECOND) & (rows[:, COLUMN["node"]] == 1)
    rows[lost, COLUMN["outcome"]] = 3
    recorder.requests(rows)
    recorder.notes(np.array(notes or [], dtype=np.int64).reshape(-1, 6))

    def columns(at_s: float) -> dict[str, Any]:
        # "sent" grows, or it would look as if nobody borrowed.
        usual = {"active": 2, "max_load": 256, "sent": int(at_s * 100)}
        return usual | sampled(at_s)

    runs.sample_all(recorder, of, columns)
    return recorder.finish(of.duration_ns, [0] * len(of.clients))


def on_faulty_node(value: int) -> list[int]:
    """A sample's column for the three nodes of one client."""
    return [0, value, 0]
