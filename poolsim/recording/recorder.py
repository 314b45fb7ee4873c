"""The recorder: an engine feeds it rows, and a Record of fixed size is what stays of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from poolsim.machine_code.cache import library
from poolsim.model.kinds import OK
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.recording.digest import RunDigest
from poolsim.recording.fast_rows import PROGRAM, FastRows
from poolsim.recording.grid import grid_of
from poolsim.recording.histogram import Integers
from poolsim.recording.record import Record, owners
from poolsim.recording.tables import LostRequests, RunningIntervals, RunningSegments

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

_KEPT_FAILURES = 10
_REQUEST_WIDTH = len(REQUEST_COLUMNS)
_NOTE_WIDTH = len(NOTE_COLUMNS)


class Recorder:
    """Takes what an engine hands over (columns.py) and keeps what people and metrics need.

    Rows come in the order in which things happened, in batches of any size (some thousand rows
    make a request cost well below a microsecond); the record does not depend on the batches.
    Memory does not grow with the number of requests. Samples should be taken at
    `sample_times_ns`; where only the ends of the intervals are sampled, a window of a metric that
    begins or ends within an interval is rounded to that interval for what samples tell.

    `keep_requests`: also write every request row to a file of int64: to the path given, or to
    a temporary file for True (whoever takes the record deletes it).
    """

    def __init__(
        self, scenario: Scenario, interval_ns: int, keep_requests: bool | Path = False
    ) -> None:
        self.grid = grid_of(scenario, interval_ns)
        self._clients = len(scenario.clients)
        self._nodes = len(scenario.node_names)
        self._owner = owners(tuple(client.instances for client in scenario.clients))
        self._digest = RunDigest()
        self._intervals = RunningIntervals(self.grid, self._clients, self._nodes)
        self._segments = RunningSegments(self.grid, self._clients)
        faults = [
            (fault.at_ns, fault.at_ns + fault.for_ns if fault.for_ns else scenario.duration_ns,
             fault.node)
            for fault in scenario.faults
        ]  # fmt: skip
        self._lost = LostRequests(faults, self._clients)
        self._sample_times: list[int] = []
        self._samples: list[Integers] = []
        self._notes: list[Integers] = []
        self._failures: list[Integers] = []
        self._request_count = 0
        self._file = _request_file(keep_requests)
        self._record: Record | None = None
        self._fast: FastRows | None = None

    def go_faster(self) -> None:
        """Add up requests on machine code from now on; numba must be there."""
        self._fast = FastRows(
            library(PROGRAM),
            self.grid,
            self._owner,
            self._clients,
            self._intervals,
            self._segments,
            self._digest,
        )

    @property
    def interval_ns(self) -> int:
        """The length of the timeline's intervals."""
        return self.grid.interval_ns

    @property
    def sample_times_ns(self) -> Integers:
        """When samples should be taken, rising, the last at the run's duration."""
        return self.grid.sample_times_ns

    @property
    def request_count(self) -> int:
        """Requests that have ended so far."""
        return self._request_count

    def requests(self, rows: Integers) -> None:
        """Requests that ended: shape (n, 12), REQUEST_COLUMNS. The rows are copied."""
        if not len(rows):
            return
        if rows.ndim != 2 or rows.shape[1] != _REQUEST_WIDTH:
            raise ValueError(f"request rows of shape {rows.shape}, not (n, {_REQUEST_WIDTH})")
        if self._file is not None:
            self._file.write(np.ascontiguousarray(rows, dtype="<i8").data)
        self._request_count += len(rows)
        if self._fast is not None:
            where = self._fast.add(np.ascontiguousarray(rows, dtype=np.int64))
            if len(where):
                columns = np.ascontiguousarray(rows.T)
                self._failed(rows, columns, self._owner[columns[1]], where)
            return
        self._digest.requests(rows)
        columns = np.ascontiguousarray(rows.T)
        client = self._owner[columns[1]]
        failed = columns[3] != OK
        self._ended(columns, client, failed)
        if failed.any():
            self._failed(rows, columns, client, np.flatnonzero(failed))
            columns, client = columns[:, ~failed], client[~failed]
        if len(client):
            self._succeeded(columns, client)

    def _ended(self, columns: Integers, client: Integers, failed: npt.NDArray[np.bool_]) -> None:
        _, _, node, outcome, attempts, intended, _, _, _, ended, kinds, _ = columns
        row = self._intervals.cell(self.grid.interval_of(ended), client, node)
        self._intervals.ended(row, failed.astype(np.int64))
        cell = self._segments.cell(self.grid.segment_of(intended), client)
        self._segments.ended(cell, outcome, attempts, kinds)

    def _succeeded(self, columns: Integers, client: Integers) -> None:
        _, _, node, _, _, intended, issued, wait, service, ended, _, _ = columns
        latency = ended - intended
        assert latency.min() >= 0, "a request ended before its intended start"
        row = self._intervals.cell(self.grid.interval_of(intended), client, node)
        self._intervals.succeeded(row, latency, wait)
        end_cell = self._segments.cell(self.grid.segment_of(ended), client)
        cell = self._segments.cell(self.grid.segment_of(intended), client)
        durations = [latency, wait, service, issued - intended]
        self._segments.succeeded(end_cell, cell, durations)

    def _failed(
        self,
        rows: Integers,
        columns: Integers,
        client: Integers,
        where: npt.NDArray[np.signedinteger],
    ) -> None:
        missing = _KEPT_FAILURES - len(self._failures)
        self._failures += [row.copy() for row in rows[where[:missing]]] if missing else []
        _, _, node, _, _, intended, _, _, _, ended, _, hosts = columns[:, where]
        self._lost.add(client[where], node, hosts, intended, ended)

    def notes(self, rows: Integers) -> None:
        """Rows of the event table: shape (n, 6), NOTE_COLUMNS. The rows are copied."""
        if not len(rows):
            return
        if rows.ndim != 2 or rows.shape[1] != _NOTE_WIDTH:
            raise ValueError(f"note rows of shape {rows.shape}, not (n, {_NOTE_WIDTH})")
        self._digest.notes(rows)
        self._notes.append(np.array(rows, dtype=np.int64))
        session = rows[:, 2]
        client = np.where(session < 0, -1, self._owner[session])
        self._segments.noted(self.grid.segment_of(rows[:, 0]), client, rows[:, 1])

    def sample(self, time_ns: int, table: Integers) -> None:
        """The state at an instant: shape (clients x nodes, 14), SAMPLE_COLUMNS. It is copied.

        Times must not fall; a second sample of the same instant replaces the first.
        """
        sample = np.array(table, dtype=np.int64)
        sample = sample.reshape(self._clients, self._nodes, len(SAMPLE_COLUMNS))
        if self._sample_times and time_ns <= self._sample_times[-1]:
            if time_ns < self._sample_times[-1]:
                raise ValueError(f"a sample at {time_ns} ns after one at {self._sample_times[-1]}")
            self._samples[-1] = sample
            return
        self._sample_times.append(time_ns)
        self._samples.append(sample)

    def finish(self, end_ns: int, unfinished: Sequence[int] | Integers) -> Record:
        """The record of the run, which ended at a time with so many requests unfinished per
        client. Nothing can be added afterwards; called again, it gives the same record."""
        if self._record is None:
            self._record = self._finished(end_ns, np.asarray(unfinished, dtype=np.int64))
        return self._record

    def _finished(self, end_ns: int, unfinished: Integers) -> Record:
        if unfinished.shape != (self._clients,):
            raise ValueError(f"unfinished of shape {unfinished.shape}, not ({self._clients},)")
        if self._fast is not None:
            self._fast.finish()
        path = None
        if self._file is not None:
            path = Path(self._file.name)
            self._file.close()
        segments, distributions = self._segments.tables()
        shape = (self._clients, self._nodes, len(SAMPLE_COLUMNS))
        return Record(
            grid=self.grid,
            end_ns=end_ns,
            digest=self._digest.hexdigest(),
            requests=self._request_count,
            unfinished=unfinished,
            intervals=self._intervals.table(),
            segments=segments,
            distributions=distributions,
            sample_times_ns=np.array(self._sample_times, dtype=np.int64),
            samples=np.array(self._samples, dtype=np.int64).reshape(-1, *shape),
            notes=_joined(self._notes, _NOTE_WIDTH),
            lost_until_ns=self._lost.until_ns,
            failures=_joined([row[None, :] for row in self._failures], _REQUEST_WIDTH),
            request_file=path,
        )


def _joined(batches: list[Integers], width: int) -> Integers:
    return np.concatenate(batches) if batches else np.empty((0, width), dtype=np.int64)


def _request_file(keep_requests: bool | Path) -> BinaryIO | None:
    if keep_requests is False:
        return None
    if keep_requests is True:
        return tempfile.NamedTemporaryFile(suffix=".requests", delete=False)  # type: ignore[return-value]
    return keep_requests.open("wb")
