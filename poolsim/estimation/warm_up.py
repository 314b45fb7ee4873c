"""Where the start of a run stops mattering: MSER-5, once per scenario, on the mean path.

MSER deletes the front part whose deletion makes the standard error of the rest smallest (White,
Simulation 69(6) 1997); MSER-5 does so on means of five observations (Spratt, 1998). The
observations here are the mean latencies of the timeline's intervals, averaged over replications
first. Choosing the cut on each replication by itself would delete that replication's bursts: for
an M/M/1 queue at 90 % load that biases the mean by -10 % and brings a 95 % interval to 67 %
coverage, once on the mean path keeps it near 90 %. So one cut is found and used for all, and at
least that much is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poolsim.recording.grid import scheduled_ns
from poolsim.recording.record import Record

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

BATCH = 5
_FEWEST_BATCHES = 10
"""With fewer, the cut would be chance."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How much of the front is deleted, in nanoseconds, and what is to be said about it."""

    cut_ns: int
    found: bool
    """From the data; otherwise given by the scenario."""
    warnings: tuple[str, ...] = ()


def mser(observations: npt.NDArray[np.float64], batch: int = BATCH) -> tuple[int, bool]:
    """How many observations of a path to delete, a multiple of `batch`, at most half of them.

    Also whether the best cut lies within that half: at its end, the path has not settled.
    """
    count = len(observations) // batch
    means = observations[: count * batch].reshape(count, batch).mean(axis=1)
    last = count // 2
    # Sums over what is left after each cut; centred first, so that the difference keeps its digits.
    centred = (means - means.mean())[::-1]
    left = np.arange(1, count + 1)
    squares = np.cumsum(centred**2) - np.cumsum(centred) ** 2 / left
    errors = (squares / left**2)[::-1]
    cut = int(np.argmin(errors[: last + 1]))
    return cut * batch, cut < last


def mean_path(records: Sequence[Record]) -> npt.NDArray[np.float64]:
    """Mean latency of each interval over the replications, in nanoseconds: shape (intervals,),
    NaN where no replication has a request."""
    sums = np.zeros(records[0].grid.intervals)
    counts = np.zeros(records[0].grid.intervals, dtype=np.int64)
    for record in records:
        ok = record.intervals.ok.sum(axis=(1, 2))
        total = record.intervals.latency_sum.sum(axis=(1, 2))
        seen = ok > 0
        sums[seen] += total[seen] / ok[seen]
        counts += seen
    path: npt.NDArray[np.float64] = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=path, where=counts > 0)
    return path


def find_warm_up(scenario: Scenario, records: Sequence[Record]) -> WarmUp:
    """The warm-up that the scenario gives, or the one found from the replications.

    Looked for before the first phase, change or fault only: what the scenario schedules is what it
    asks about and never deleted.
    """
    if scenario.warm_up_ns is not None:
        return WarmUp(scenario.warm_up_ns, found=False)
    grid = records[0].grid
    first_ns = min(scheduled_ns(scenario), default=grid.duration_ns)
    # The last interval may be a fragment, and requests intended in it have not ended.
    whole = min(first_ns, grid.duration_ns - grid.interval_ns) // grid.interval_ns
    path = mean_path(records)[:whole]
    known = np.flatnonzero(~np.isnan(path))
    if len(known) < _FEWEST_BATCHES * BATCH:
        return WarmUp(0, found=True, warnings=("too few intervals to find a warm-up: 0s used",))
    deleted, settled = mser(path[known])
    if not deleted:
        return WarmUp(0, found=True)
    cut_ns = grid.next_edge_ns(int(known[deleted]) * grid.interval_ns)
    if settled:
        return WarmUp(cut_ns, found=True)
    return WarmUp(
        cut_ns,
        found=True,
        warnings=(
            "latency has not settled in the first half of the time before anything is scheduled: "
            "the run is too short for a steady state, or there is none",
        ),
    )
