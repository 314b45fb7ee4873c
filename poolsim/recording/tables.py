"""The running tables of a recorder: rows go in by the batch, sums and distributions stay.

Everything is vectorised over a batch; a batch is sorted once per table and summed in int64, so the
sums are exact and do not depend on how the rows were batched.
"""

from __future__ import annotations

import numpy as np

from poolsim.model.kinds import (
    BUSY_CONNECTION,
    BUSY_QUEUE_FULL,
    BUSY_QUEUE_OFF,
    BUSY_TIMED_OUT,
    NOTE_NAMES,
    OUTCOME_NAMES,
)
from poolsim.recording.grid import Grid
from poolsim.recording.histogram import Integers, SparseCounts, begins, cell_quantiles
from poolsim.recording.record import (
    BUCKETS,
    DURATION_NAMES,
    TIMELINE_BUCKETS,
    Distributions,
    IntervalTable,
    SegmentTable,
)

_DURATIONS = len(DURATION_NAMES)
_NO_VALUE = np.iinfo(np.int64).max
_ERRORS_A_REQUEST = 6
_KIND_BITS = 4
_HOST_BITS = 10
_REJECTIONS = (BUSY_QUEUE_FULL, BUSY_QUEUE_OFF, BUSY_TIMED_OUT, BUSY_CONNECTION)


class Groups:
    """The rows of a batch by an index: sums and extremes of each distinct index."""

    __slots__ = ("_firsts", "_order", "labels")

    def __init__(self, index: Integers) -> None:
        lowest = index.min()
        narrow = index.max() - lowest < 1 << 16
        # Of 16-bit integers numpy's stable sort is a radix sort, several times as fast.
        sortable = (index - lowest).astype(np.uint16) if narrow else index
        self._order = np.argsort(sortable, kind="stable")
        ordered = index[self._order]
        self._firsts = np.flatnonzero(begins(ordered))
        self.labels: Integers = ordered[self._firsts]

    def counts(self) -> Integers:
        """Rows of each label."""
        return np.diff(self._firsts, append=len(self._order))

    def sums(self, values: Integers) -> Integers:
        """Sum of the values of each label."""
        return np.asarray(np.add.reduceat(values[self._order], self._firsts))

    def largest(self, values: Integers) -> Integers:
        """Largest value of each label."""
        return np.asarray(np.maximum.reduceat(values[self._order], self._firsts))

    def smallest(self, values: Integers) -> Integers:
        """Smallest value of each label."""
        return np.asarray(np.minimum.reduceat(values[self._order], self._firsts))


def error_kinds_of(kinds: Integers) -> Integers:
    """The noted error of each attempt, the first first: shape (rows, 6), 0 where there is none."""
    shifts = np.arange(_ERRORS_A_REQUEST) * _KIND_BITS
    return (kinds[:, None] >> shifts) & ((1 << _KIND_BITS) - 1)


def error_nodes_of(hosts: Integers) -> Integers:
    """The node of each attempt that failed: shape (rows, 6), -1 where there is none."""
    shifts = np.arange(_ERRORS_A_REQUEST) * _HOST_BITS
    nodes: Integers = ((hosts[:, None] >> shifts) & ((1 << _HOST_BITS) - 1)) - 1
    return nodes


def refused_of(kinds: Integers) -> Integers:
    """1 for each row with an attempt that a pool rejected, 0 for the others: shape (rows,)."""
    noted = error_kinds_of(kinds)
    return np.asarray(np.isin(noted, _REJECTIONS).any(axis=1), dtype=np.int64)


class RunningIntervals:
    """The rows of the timeline while they grow, by (interval, client, node)."""

    __slots__ = ("_counts", "_errors", "_latency_max", "_latency_sum", "_ok", "_requests", "_shape")

    def __init__(self, grid: Grid, clients: int, nodes: int) -> None:
        self._shape = (grid.intervals, clients, nodes + 1)
        cells = int(np.prod(self._shape))
        self._requests = np.zeros(cells, dtype=np.int64)
        self._errors = np.zeros(cells, dtype=np.int64)
        self._ok = np.zeros(cells, dtype=np.int64)
        self._latency_sum = np.zeros(cells, dtype=np.int64)
        self._latency_max = np.zeros(cells, dtype=np.int64)
        self._counts = SparseCounts((2 * cells) << TIMELINE_BUCKETS.key_bits)

    def cell(self, interval: Integers, client: Integers, node: Integers) -> Integers:
        """The cell of each row; node -1 ("none") is the last of its client."""
        _, clients, nodes = self._shape
        return (interval * clients + client) * nodes + node % nodes

    def ended(self, cell: Integers, failed: Integers) -> None:
        """Requests by the cell of their end, and which of them failed (0 or 1)."""
        groups = Groups(cell)
        self._requests[groups.labels] += groups.counts()
        self._errors[groups.labels] += groups.sums(failed)

    def succeeded(self, cell: Integers, latency: Integers, wait: Integers) -> None:
        """Requests that ended ok by the cell of their intended start; times in nanoseconds."""
        groups = Groups(cell)
        labels = groups.labels
        self._ok[labels] += groups.counts()
        self._latency_sum[labels] += groups.sums(latency)
        self._latency_max[labels] = np.maximum(self._latency_max[labels], groups.largest(latency))
        bits = TIMELINE_BUCKETS.key_bits
        keys = np.empty((len(cell), 2), dtype=np.int64)
        keys[:, 0] = ((cell * 2) << bits) | TIMELINE_BUCKETS.of(latency)
        keys[:, 1] = ((cell * 2 + 1) << bits) | TIMELINE_BUCKETS.of(wait)
        self._counts.add(keys.ravel())

    def arrays(self) -> dict[str, Integers]:
        """The sums themselves by cell, to be added to in place: shape (cells,)."""
        return {
            "requests": self._requests,
            "errors": self._errors,
            "ok": self._ok,
            "latency_sum": self._latency_sum,
            "latency_max": self._latency_max,
        }

    def add_counted(self, keys: Integers, counts: Integers) -> None:
        """Add distinct keys of the histograms with how often each came."""
        self._counts.add_counted(keys, counts)

    def table(self) -> IntervalTable:
        """What has been added so far, quantiles worked out."""
        keys, counts = self._counts.table()
        cells = 2 * int(np.prod(self._shape))
        median, tail = cell_quantiles(keys, counts, TIMELINE_BUCKETS, (0.5, 0.99), cells)
        # The middle of a bucket may lie above the largest value in it.
        highest = np.where(self._ok > 0, self._latency_max, np.inf)
        return IntervalTable(
            requests=self._requests.reshape(self._shape),
            errors=self._errors.reshape(self._shape),
            ok=self._ok.reshape(self._shape),
            latency_sum=self._latency_sum.reshape(self._shape),
            latency_max=self._latency_max.reshape(self._shape),
            latency_p50=np.minimum(median[0::2], highest).reshape(self._shape),
            latency_p99=np.minimum(tail[0::2], highest).reshape(self._shape),
            wait_p99=tail[1::2].reshape(self._shape),
        )


class RunningSegments:
    """The exact sums and the distributions while they grow, by (segment, client)."""

    __slots__ = ("_clients", "_counts", "_table")

    def __init__(self, grid: Grid, clients: int) -> None:
        segments = grid.segments
        self._clients = clients
        by_duration = (segments, clients, _DURATIONS)
        self._counts = SparseCounts(int(np.prod(by_duration)) << BUCKETS.key_bits)
        by_client = (segments, clients)
        self._table = SegmentTable(
            outcomes=np.zeros((*by_client, len(OUTCOME_NAMES)), dtype=np.int64),
            retries=np.zeros(by_client, dtype=np.int64),
            refused=np.zeros(by_client, dtype=np.int64),
            sums=np.zeros(by_duration, dtype=np.int64),
            largest=np.zeros(by_duration, dtype=np.int64),
            smallest=np.full(by_duration, _NO_VALUE, dtype=np.int64),
            succeeded=np.zeros(by_client, dtype=np.int64),
            notes=np.zeros((segments, clients + 1, len(NOTE_NAMES)), dtype=np.int64),
        )

    def ended(self, cell: Integers, outcome: Integers, attempts: Integers, kinds: Integers) -> None:
        """Requests by the cell of their intended start."""
        table = self._table
        groups = Groups(cell * len(OUTCOME_NAMES) + outcome)
        table.outcomes.reshape(-1)[groups.labels] += groups.counts()
        again = np.flatnonzero(attempts > 1)
        np.add.at(table.retries.reshape(-1), cell[again], attempts[again] - 1)
        troubled = np.flatnonzero(kinds)
        np.add.at(table.refused.reshape(-1), cell[troubled], refused_of(kinds[troubled]))

    def cell(self, segment: Integers, client: Integers) -> Integers:
        """The cell of each row."""
        return segment * self._clients + client

    def succeeded(self, end_cell: Integers, cell: Integers, durations: list[Integers]) -> None:
        """Requests that ended ok by the cells of their end and of their intended start, with
        their four durations in the order of DURATION_NAMES."""
        ends = Groups(end_cell)
        self._table.succeeded.reshape(-1)[ends.labels] += ends.counts()
        groups = Groups(cell)
        table, labels = self._table, groups.labels
        sums = table.sums.reshape(-1, _DURATIONS)
        largest = table.largest.reshape(-1, _DURATIONS)
        smallest = table.smallest.reshape(-1, _DURATIONS)
        keys = np.empty((_DURATIONS, len(cell)), dtype=np.int64)
        for duration, values in enumerate(durations):
            sums[labels, duration] += groups.sums(values)
            largest[labels, duration] = np.maximum(
                largest[labels, duration], groups.largest(values)
            )
            smallest[labels, duration] = np.minimum(
                smallest[labels, duration], groups.smallest(values)
            )
            keys[duration] = (cell * _DURATIONS + duration) << BUCKETS.key_bits
            keys[duration] |= BUCKETS.of(values)
        self._counts.add(keys.ravel())

    def arrays(self) -> dict[str, Integers]:
        """The sums themselves, to be added to in place; shapes as in SegmentTable."""
        names = ("outcomes", "retries", "refused", "sums", "largest", "smallest", "succeeded")
        return {name: getattr(self._table, name) for name in names}

    def add_counted(self, keys: Integers, counts: Integers) -> None:
        """Add distinct keys of the distributions with how often each came."""
        self._counts.add_counted(keys, counts)

    def noted(self, segment: Integers, client: Integers, kind: Integers) -> None:
        """Notes by their time; client -1 for notes of a node."""
        np.add.at(self._table.notes, (segment, client, kind), 1)

    def tables(self) -> tuple[SegmentTable, Distributions]:
        """What has been added so far."""
        return self._table, Distributions(*self._counts.table())


class LostRequests:
    """Until when requests failed for each fault: those intended before its end that failed with
    an error of the fault's node among theirs, or because there was no host to try."""

    __slots__ = ("_faults", "until_ns")

    def __init__(self, faults: list[tuple[int, int, int]], clients: int) -> None:
        """`faults`: from, to (nanoseconds) and node of each."""
        self._faults = faults
        self.until_ns = np.full((len(faults), clients), -1, dtype=np.int64)

    def add(
        self, client: Integers, node: Integers, hosts: Integers, intended: Integers, ended: Integers
    ) -> None:
        """Requests that failed."""
        nodes = error_nodes_of(hosts)
        for fault, (from_ns, to_ns, lost_node) in enumerate(self._faults):
            concerned = (nodes == lost_node).any(axis=1) | (node == lost_node) | (node < 0)
            concerned &= (ended >= from_ns) & (intended < to_ns)
            np.maximum.at(self.until_ns[fault], client[concerned], ended[concerned])
