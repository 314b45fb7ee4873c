"""A recorder that keeps a run's rows as they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS

Table = NDArray[np.int64]


class Kept:
    """Keeps requests, notes and samples; the columns are those of `recording.columns`."""

    def __init__(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self.samples: list[tuple[int, Table]] = []
        self._requests: list[Table] = []
        self._notes: list[Table] = []

    def requests(self, rows: Table) -> None:
        self._requests.append(rows)

    def notes(self, rows: Table) -> None:
        self._notes.append(rows)

    def sample(self, time_ns: int, table: Table) -> None:
        self.samples.append((time_ns, table))

    def request_rows(self) -> Table:
        """Every request that ended, in the order of their ends."""
        return _joined(self._requests, len(REQUEST_COLUMNS))

    def note_rows(self, kind: int) -> Table:
        """The events of one kind, in the order of their happening."""
        rows = _joined(self._notes, len(NOTE_COLUMNS))
        return rows[rows[:, NOTE_COLUMNS.index("kind")] == kind]


def _joined(rows: list[Table], width: int) -> Table:
    return np.concatenate(rows) if rows else np.empty((0, width), dtype=np.int64)
