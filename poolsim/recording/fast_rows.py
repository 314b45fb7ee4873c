"""A recorder's sums on machine code (`row_sums.py`): a tenth of the time of the numpy way."""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="call-arg, arg-type, no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

from poolsim.machine_code.cache import Program
from poolsim.machine_code.library import Library
from poolsim.recording.digest import DIGEST_ROWS, RunDigest, digest_weights
from poolsim.recording.grid import Grid
from poolsim.recording.histogram import Integers
from poolsim.recording.record import BUCKETS, TIMELINE_BUCKETS
from poolsim.recording.row_sums import INTERVAL_BITS, PARAMETERS, PLACE, SEGMENT_BITS
from poolsim.recording.tables import RunningIntervals, RunningSegments

ROWS_AT_ONCE = 8192


def _compile() -> bytes:
    from numba import types
    from numba.extending import overload

    from poolsim.machine_code.linking import PART, object_code
    from poolsim.machine_code.words import float_pattern, words_at
    from poolsim.recording import row_sums

    def at(address: int) -> Any:
        return words_at(address)

    def pattern(value: int) -> Any:
        return float_pattern(value)

    stand_ins = {row_sums.words_at: at, row_sums.float_pattern: pattern}
    for function, body in (*stand_ins.items(), *((part, part) for part in row_sums.PARTS)):
        overload(function, jit_options=PART, strict=False)(_always(body))
    return object_code({"poolsim_add_rows": (row_sums.add_rows, (types.int64,) * 3)})


def _always(body: Any) -> Any:
    return lambda *_: body


PROGRAM = Program(
    name="recorder",
    title="the recorder",
    packages=("poolsim.recording", "poolsim.machine_code"),
    entries={"poolsim_add_rows": 3},
    compile=_compile,
)


class FastRows:
    """Adds request rows to the tables and the digest of one recorder."""

    def __init__(
        self,
        library: Library,
        grid: Grid,
        owner: Integers,
        clients: int,
        intervals: RunningIntervals,
        segments: RunningSegments,
        digest: RunDigest,
    ) -> None:
        """Take part in filling `intervals`, `segments` and `digest`, which may hold rows already.
        `library` is of PROGRAM; `owner` is the client of each session, shape (sessions,)."""
        self._library = library
        self._intervals = intervals
        self._segments = segments
        self._digest = digest
        self._block = np.zeros(len(PARAMETERS), dtype=np.int64)
        self._interval_counts = np.zeros((1 << INTERVAL_BITS, 2), dtype=np.int64)
        self._segment_counts = np.zeros((1 << SEGMENT_BITS, 2), dtype=np.int64)
        self._failed = np.empty(ROWS_AT_ONCE, dtype=np.int64)
        self._sums = np.empty(ROWS_AT_ONCE // DIGEST_ROWS + 2, dtype=np.uint64)
        edges = np.ascontiguousarray(grid.segment_edges_ns[1:-1])
        cells = intervals.arrays()
        sums = segments.arrays()
        self._interval_zeros = np.zeros(cells["ok"].size, dtype=np.int64)
        self._segment_zeros = np.zeros(sums["sums"].size, dtype=np.int64)
        self._arrays = {
            "owner": np.ascontiguousarray(owner),
            "edges": edges,
            **cells,
            **sums,
            "interval_zeros": self._interval_zeros,
            "segment_zeros": self._segment_zeros,
            "interval_counts": self._interval_counts,
            "segment_counts": self._segment_counts,
            "failed": self._failed,
            "weights": digest_weights(),
            "digest_sums": self._sums,
        }
        for name, array in self._arrays.items():
            assert array.flags.c_contiguous
            self._block[PLACE[name]] = array.ctypes.data
        self._set("clients", clients)
        self._set("nodes", len(cells["requests"]) // (grid.intervals * clients))
        self._set("interval_ns", grid.interval_ns)
        self._set("intervals", grid.intervals)
        self._set("edge_count", len(edges))

    def _set(self, name: str, value: int) -> None:
        self._block[PLACE[name]] = value

    def _get(self, name: str) -> int:
        return int(self._block[PLACE[name]])

    def add(self, rows: Integers) -> Integers:
        """Add rows of REQUEST_COLUMNS, contiguous.

        Returns:
            The indices of those that did not end ok, rising.
        """
        failed = []
        done = 0
        while done < len(rows):
            part = rows[done : done + ROWS_AT_ONCE]
            self._set("digest_row", self._digest.rows % DIGEST_ROWS)
            for name in ("digest_sum", "digest_count", "failed_count"):
                self._set(name, 0)
            added = self._library.call(
                "poolsim_add_rows", self._block.ctypes.data, part.ctypes.data, len(part)
            )
            if added:
                self._condensed(added)
            if count := self._get("failed_count"):
                failed.append(self._failed[:count] + done)
            done += added
            if added < len(part):
                self.merge()
        return np.concatenate(failed) if failed else np.empty(0, dtype=np.int64)

    def _condensed(self, rows: int) -> None:
        count = self._get("digest_count")
        if (self._digest.rows + rows) % DIGEST_ROWS:
            self._sums[count] = self._block.view(np.uint64)[PLACE["digest_sum"]]
            count += 1
        self._digest.condensed(self._sums[:count], rows)

    def finish(self) -> None:
        """Hand over everything; to be called once, when all rows were added."""
        self.merge()
        cells = np.flatnonzero(self._interval_zeros)
        keys = (2 * cells + 1) << TIMELINE_BUCKETS.key_bits
        self._intervals.add_counted(keys, self._interval_zeros[cells])
        places = np.flatnonzero(self._segment_zeros)
        keys = places << BUCKETS.key_bits
        self._segments.add_counted(keys, self._segment_zeros[places])

    def merge(self) -> None:
        """Hand over what the hash tables have counted since the last time."""
        for counts, table, used in (
            (self._interval_counts, self._intervals, "interval_used"),
            (self._segment_counts, self._segments, "segment_used"),
        ):
            taken = counts[counts[:, 1] > 0]
            table.add_counted(taken[:, 0], taken[:, 1])
            counts[:] = 0
            self._set(used, 0)
