"""A recorder's sums on machine code (`row_sums.py`): a tenth of the time of the numpy way."""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="call-arg, arg-type, no-any-return, unreachable"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from poolsim.machine_code.cache import Program
from poolsim.machine_code.library import Library
from poolsim.model.kinds import BUSY_CONNECTION, BUSY_TIMED_OUT, OUTCOME_NAMES
from poolsim.recording.digest import DIGEST_ROWS, RunDigest, digest_weights
from poolsim.recording.grid import Grid
from poolsim.recording.histogram import Integers
from poolsim.recording.record import BUCKETS, DURATION_NAMES, TIMELINE_BUCKETS
from poolsim.recording.row_sums import (
    HASH_BITS,
    INTERVAL,
    NO_WINDOW,
    PARAMETERS,
    PLACE,
    SEGMENT,
)
from poolsim.recording.tables import RunningIntervals, RunningSegments

ROWS_AT_ONCE = 8192

LARGEST_WINDOW = 1 << 19
"""Counters of a window, of 8 bytes; what would need more of them is counted in hash tables."""

ROOM_FOR_WINDOWS = 2
"""So many full windows can be listed before they are merged."""


def _compile() -> bytes:
    from numba import types
    from numba.extending import overload

    from poolsim.machine_code.bits import trailing_zeros
    from poolsim.machine_code.linking import PART, object_code
    from poolsim.machine_code.words import float_pattern, words_at
    from poolsim.recording import row_sums

    def at(address: int) -> Any:
        return words_at(address)

    def pattern(value: int) -> Any:
        return float_pattern(value)

    def list_window(address: int, t: int) -> int:
        row_sums.list_window(words_at(address), t)
        return 0

    def zeros(value: int) -> Any:
        return trailing_zeros(value)

    stand_ins = {
        row_sums.words_at: at,
        row_sums.float_pattern: pattern,
        row_sums.trailing_zeros: zeros,
    }
    for function, body in (*stand_ins.items(), *((part, part) for part in row_sums.PARTS)):
        overload(function, jit_options=PART, strict=False)(_always(body))
    functions = {
        "poolsim_add_rows": (row_sums.add_rows, (types.int64,) * 3),
        "poolsim_list_window": (list_window, (types.int64,) * 2),
    }
    return object_code(functions)


def _always(body: Any) -> Any:
    return lambda *_: body


PROGRAM = Program(
    name="recorder",
    title="the recorder",
    packages=("poolsim.recording", "poolsim.machine_code"),
    entries={"poolsim_add_rows": 3, "poolsim_list_window": 2},
    compile=_compile,
    constants=(len(OUTCOME_NAMES), BUSY_TIMED_OUT, BUSY_CONNECTION),
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
        self._failed = np.empty(ROWS_AT_ONCE, dtype=np.int64)
        self._sums = np.empty(ROWS_AT_ONCE // DIGEST_ROWS + 2, dtype=np.uint64)
        edges = np.ascontiguousarray(grid.segment_edges_ns[1:-1])
        cells = intervals.arrays()
        sums = segments.arrays()
        self._arrays = {
            "owner": np.ascontiguousarray(owner),
            "edges": edges,
            **cells,
            **sums,
            "failed": self._failed,
            "weights": digest_weights(),
            "digest_sums": self._sums,
        }
        for name, array in self._arrays.items():
            assert array.flags.c_contiguous
            self._block[PLACE[name]] = array.ctypes.data
        nodes = len(cells["requests"]) // (grid.intervals * clients)
        self._set("clients", clients)
        self._set("nodes", nodes)
        self._set("interval_ns", grid.interval_ns)
        self._set("intervals", grid.intervals)
        self._set("edge_count", len(edges))
        of_interval = (2 * clients * nodes) << TIMELINE_BUCKETS.key_bits
        of_segment = (clients * len(DURATION_NAMES)) << BUCKETS.key_bits
        self._counted = (
            _Counted(library, self._block, INTERVAL, of_interval, intervals.add_counted),
            _Counted(library, self._block, SEGMENT, of_segment, segments.add_counted),
        )

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
        for counted in self._counted:
            counted.close()
        self.merge()

    def merge(self) -> None:
        """Hand over what was listed and what the hash tables have counted."""
        for counted in self._counted:
            counted.merge()


class _Counted:
    """A table of histograms while it is counted: its window and its hash table (`row_sums`)."""

    def __init__(
        self,
        library: Library,
        block: Integers,
        first: int,
        entries: int,
        hand_over: Callable[[Integers, Integers], None],
    ) -> None:
        """`first`: its first word in the block; `entries` of an interval or segment; `hand_over`
        takes distinct keys and how often each came."""
        self._library = library
        self._block = block
        self._first = first
        self._hand_over = hand_over
        self._has_window = entries <= LARGEST_WINDOW
        size = entries if self._has_window else 0
        self._window = np.zeros(size, dtype=np.int64)
        self._marks = np.zeros(-(-size // 64), dtype=np.int64)
        room = max(ROOM_FOR_WINDOWS * size, ROWS_AT_ONCE)
        self._keys, self._counts = np.empty((2, room), dtype=np.int64)
        self._hash = np.zeros((1 << HASH_BITS, 2), dtype=np.int64)
        self._set("window", -1 if self._has_window else NO_WINDOW)
        self._set("window_entries", entries)
        self._set("listed_room", room)
        for name, array in (
            ("window_counts", self._window),
            ("window_marks", self._marks),
            ("listed_keys", self._keys),
            ("listed_counts", self._counts),
            ("hash", self._hash),
        ):
            self._set(name, array.ctypes.data)

    def _place(self, name: str) -> int:
        return self._first + PLACE[f"interval_{name}"] - INTERVAL

    def _set(self, name: str, value: int) -> None:
        self._block[self._place(name)] = value

    def close(self) -> None:
        """List what the window has counted."""
        if self._has_window:
            self._library.call("poolsim_list_window", self._block.ctypes.data, self._first)

    def merge(self) -> None:
        """Hand over what was listed, and what was counted in the hash table."""
        listed = int(self._block[self._place("listed")])
        self._hand_over(self._keys[:listed], self._counts[:listed])
        self._set("listed", 0)
        if self._block[self._place("hash_used")]:
            taken = self._hash[self._hash[:, 1] > 0]
            self._hand_over(taken[:, 0], taken[:, 1])
            self._hash[:] = 0
            self._set("hash_used", 0)
