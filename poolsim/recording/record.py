"""What a recorder leaves of one run: sums, distributions, samples and notes, as plain arrays.

Its size depends on the scenario (intervals, segments, clients, nodes) and on how many connections
came and went, not on how many requests were made. It travels between processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poolsim.recording.grid import Grid
from poolsim.recording.histogram import Buckets, Floats, Integers, Unsigned

LATENCY = 0
WAIT = 1
SERVICE = 2
ISSUE_WAIT = 3
DURATION_NAMES = ("latency", "wait", "service", "issue_wait")
"""latency: from the intended start to the end; wait: for a stream, over all attempts; service: of
the last attempt; issue_wait: from the intended start to the driver's entry. Of requests that ended
ok, all of them."""

BUCKETS = Buckets(bits=9)
"""For metrics: within 0.1 %."""

TIMELINE_BUCKETS = Buckets(bits=6)
"""For the timeline, which holds a hundred times as many distributions: within 0.8 %."""


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """Per interval, client and node; arrays of shape (intervals, clients, nodes + 1).

    The last node stands for "none": requests for which no host was tried. `requests` and `errors`
    count by the end of a request; the others are of requests that ended ok, by intended start, in
    nanoseconds, quantiles NaN where there is none.
    """

    requests: Integers
    errors: Integers
    ok: Integers
    latency_sum: Integers
    latency_max: Integers
    latency_p50: Floats
    latency_p99: Floats
    wait_p99: Floats


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """Per segment and client, exact.

    By the intended start of a request, once it ended: `outcomes` (segments, clients, outcomes);
    `retries` (segments, clients), attempts beyond the first; `refused` (segments, clients),
    requests with an attempt that a pool rejected. Of those that ended ok: `sums`, `largest` and
    `smallest` (segments, clients, durations) in nanoseconds. By the end: `succeeded` (segments,
    clients). By the time of a note: `notes` (segments, clients + 1, kinds), the last client for
    notes of a node.
    """

    outcomes: Integers
    retries: Integers
    refused: Integers
    sums: Integers
    largest: Integers
    smallest: Integers
    succeeded: Integers
    notes: Integers


@dataclass(frozen=True, slots=True)
class Distributions:
    """Sparse histograms by (segment, client, duration): distinct keys and counts, rising.

    A key is `((segment * clients + client) * durations + duration) << key_bits | bucket`.
    """

    keys: Unsigned
    counts: Unsigned

    def merged(self, cells: Integers) -> Integers:
        """The sum of some cells' histograms: counts by bucket, shape (buckets,)."""
        merged = np.zeros(1 << BUCKETS.key_bits, dtype=np.int64)
        edges = np.stack((cells, cells + 1)) << BUCKETS.key_bits
        firsts, lasts = np.searchsorted(self.keys, edges.astype(self.keys.dtype))
        mask = (1 << BUCKETS.key_bits) - 1
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            # Within one cell no bucket comes twice, so a plain indexed sum is right.
            merged[self.keys[first:last] & mask] += self.counts[first:last]
        return merged


@dataclass(frozen=True, slots=True)
class Record:
    """One replication as recorded. Times in nanoseconds.

    `samples`: shape (samples, clients, nodes, len(SAMPLE_COLUMNS)) at `sample_times_ns` (rising);
    `notes`: shape (notes, 6); `unfinished`: shape (clients,); `lost_until_ns`: shape (faults,
    clients), the end of the last request that was lost to a fault, -1 where none was;
    `failures`: the rows of the first requests that failed; `request_file`: all rows as int64, if
    they were kept.
    """

    grid: Grid
    end_ns: int
    digest: str
    requests: int
    unfinished: Integers
    intervals: IntervalTable
    segments: SegmentTable
    distributions: Distributions
    sample_times_ns: Integers
    samples: Integers
    notes: Integers
    lost_until_ns: Integers
    failures: Integers
    request_file: Path | None = None

    @property
    def clients(self) -> int:
        """How many client entries the scenario has."""
        return len(self.unfinished)

    def samples_at_interval_ends(self) -> Integers:
        """The last sample at or before the end of each interval: shape (intervals, clients, nodes,
        columns), zeros where none was taken yet."""
        ends = self.grid.interval_edges_ns[1:]
        places = np.searchsorted(self.sample_times_ns, ends, side="right") - 1
        found = self.samples[np.maximum(places, 0)] if len(self.samples) else self._no_samples()
        found[places < 0] = 0
        return found

    def _no_samples(self) -> Integers:
        return np.zeros((self.grid.intervals, *self.samples.shape[1:]), dtype=np.int64)


def owners(instances: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """The client of each session, shape (sessions,), for the instances of each client."""
    return np.repeat(np.arange(len(instances), dtype=np.int64), instances)
