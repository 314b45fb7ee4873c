"""The metrics of one replication: what expectations are held against.

A name is `[client/]metric[.statistic][@phase]`; without a client a metric is over all clients
(sums; levels summed at each sample), without a phase over the run after the warm-up. Seconds,
counts, shares and requests per second.

* Durations (`latency`, `wait`, `service`, `issue_wait`) are of requests that ended ok and were
  intended in the window; mean, min and max exact, quantiles within 0.1 %.
* Counts of requests are of those that were intended in the window and ended; `throughput` is of
  those that ended ok in it. Counts of connections and hosts come from the notes in the window,
  `rejected` (attempts that a pool refused) from the samples.
* Levels are as sampled, `mean` weighted by the time between samples.

A value that does not exist (no request ended ok, no time in the window) is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poolsim.estimation.faults import fault_metrics
from poolsim.estimation.generic import generic_metrics
from poolsim.model import kinds
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.grid import phase_windows
from poolsim.recording.histogram import Integers, quantile_ranks
from poolsim.recording.record import BUCKETS, DURATION_NAMES, Record, owners

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

_NS = 1e-9

QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
DURATION_STATISTICS = ("mean", *QUANTILES, "max", "min")
LEVEL_STATISTICS = ("mean", "max", "min", "end")

LEVELS = {
    "open_connections": "active",
    "trashed_connections": "trashed",
    "connecting_connections": "connecting",
    "in_flight": "in_flight",
    "request_queue_depth": "pending",
    "orphaned_streams": "orphaned",
}
"""By metric: the column of the samples."""

NOTE_COUNTS = {
    "connections_opened": kinds.OPENED,
    "connections_trashed": kinds.TRASHED,
    "connections_resurrected": kinds.RESURRECTED,
    "connections_closed": kinds.CLOSED,
    "connections_lost": kinds.CONNECTION_BROKE,
    "connections_dropped": kinds.MIDDLEBOX_DROPPED,
    "connect_failures": kinds.CONNECT_FAILED,
    "reconnection_attempts": kinds.RECONNECTION_ATTEMPT,
    "hosts_down": kinds.HOST_DOWN,
    "heartbeat_failures": kinds.HEARTBEAT_FAILED,
    "high_in_flight_signals": kinds.HIGH_WATERMARK,
    "queue_full_signals": kinds.QUEUE_FULL,
    "read_buffer_full_signals": kinds.READ_BUFFER_FULL,
    "gc_pauses": kinds.GC_PAUSE,
}
"""By metric: the note that is counted."""

OUTCOME_COUNTS = {
    "client_timeouts": kinds.CLIENT_TIMEOUT,
    "no_host_available": kinds.NO_HOST_AVAILABLE,
    "connection_errors": kinds.CONNECTION_ERROR,
    "busy_connections": kinds.BUSY,
    "server_errors": kinds.SERVER_ERROR,
}
"""By metric: the outcome that is counted."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a value is over: some clients, some segments, and the samples that end in those."""

    clients: tuple[int, ...]
    segments: npt.NDArray[np.bool_]
    samples: npt.NDArray[np.bool_]

    def total(self, table: Integers) -> Integers:
        """A table of (segments, clients, ...) summed over both: shape (...)."""
        return np.asarray(self.part(table).sum(axis=(0, 1)))

    def part(self, table: Integers) -> Integers:
        """The scope's part of a table of (segments, clients, ...)."""
        return table[self.segments][:, list(self.clients)]


def metrics_of(record: Record, scenario: Scenario, warm_up_ns: int) -> dict[str, float]:
    """Every metric of a replication by its full name; the warm-up must end at the edge of a
    segment."""
    grid = record.grid
    windows = {"": ((0, grid.duration_ns),), **phase_windows(scenario)}
    clients = {"": tuple(range(record.clients))}
    clients |= {f"{client.name}/": (place,) for place, client in enumerate(scenario.clients)}
    values: dict[str, float] = {}
    for phase, phase_window in windows.items():
        segments = grid.inside(phase_window, warm_up_ns)
        samples = segments[grid.segment_of(_sample_middles(record))] & (record.sample_times_ns > 0)
        suffix = f"@{phase}" if phase else ""
        for prefix, members in clients.items():
            scope = Scope(members, segments, samples)
            found = _durations(record, scope) | _counts(record, scope) | _levels(record, scope)
            found |= generic_metrics(record, scenario, scope)
            if not phase:
                found["unfinished"] = float(record.unfinished[list(members)].sum())
                found["pools_ready"] = _pools_ready(record, scenario, members)
            values |= {f"{prefix}{name}{suffix}": value for name, value in found.items()}
    return values | fault_metrics(record, scenario)


def _durations(record: Record, scope: Scope) -> dict[str, float]:
    table = record.segments
    count = int(scope.total(table.outcomes)[kinds.OK])
    if not count:
        names = [f"{name}.{of}" for name in DURATION_NAMES for of in DURATION_STATISTICS]
        return dict.fromkeys(names, np.nan)
    values: dict[str, float] = {}
    totals = scope.total(table.sums).tolist()
    largest = scope.part(table.largest).max(axis=(0, 1)).tolist()
    smallest = scope.part(table.smallest).min(axis=(0, 1)).tolist()
    for duration, name in enumerate(DURATION_NAMES):
        quantiles = np.clip(
            _quantiles(record, scope, duration), smallest[duration], largest[duration]
        )
        by_statistic = {
            "mean": totals[duration] / count,
            **dict(zip(QUANTILES, quantiles.tolist(), strict=True)),
            "max": largest[duration],
            "min": smallest[duration],
        }
        values |= {f"{name}.{statistic}": ns * _NS for statistic, ns in by_statistic.items()}
    return values


def _quantiles(record: Record, scope: Scope, duration: int) -> npt.NDArray[np.float64]:
    cells = [
        (segment * record.clients + client) * len(DURATION_NAMES) + duration
        for segment in np.flatnonzero(scope.segments).tolist()
        for client in scope.clients
    ]
    merged = record.distributions.merged(np.array(cells, dtype=np.int64))
    running = np.cumsum(merged)
    ranks = quantile_ranks(np.array(list(QUANTILES.values())), running[-1:])[:, 0]
    return BUCKETS.middle(np.searchsorted(running, ranks, side="left"))


def _counts(record: Record, scope: Scope) -> dict[str, float]:
    table = record.segments
    outcomes, noted = scope.total(table.outcomes), scope.total(table.notes)
    ended = int(outcomes.sum())
    errors = ended - int(outcomes[kinds.OK])
    seconds = float(np.diff(record.grid.segment_edges_ns)[scope.segments].sum()) * _NS
    counts = {name: float(noted[kind]) for name, kind in NOTE_COUNTS.items()}
    counts |= {name: float(outcomes[outcome]) for name, outcome in OUTCOME_COUNTS.items()}
    return counts | {
        "requests": float(ended),
        "errors": float(errors),
        "retries": float(scope.total(table.retries)),
        "rejected": float(_within_samples(record, scope, "rejected")),
        "throughput": float(scope.total(table.succeeded)) / seconds if seconds else np.nan,
        "error_rate": errors / ended if ended else np.nan,
        "rejection_rate": float(scope.total(table.refused)) / ended if ended else np.nan,
    }


def _pools_ready(record: Record, scenario: Scenario, members: tuple[int, ...]) -> float:
    """When the last pool was ready for the first time, in seconds; NaN where none was."""
    owner = owners(tuple(client.instances for client in scenario.clients))
    time_ns, kind, session, node, _, _ = record.notes.T
    ready = (kind == kinds.POOL_READY) & np.isin(owner[session], members)
    pools = session[ready] * len(scenario.node_names) + node[ready]
    _, first = np.unique(pools, return_index=True)  # notes are in the order of time
    return float(time_ns[ready][first].max()) * _NS if len(first) else np.nan


def _sample_middles(record: Record) -> Integers:
    """The middle of the time that ends with each sample: shape (samples,)."""
    times = record.sample_times_ns
    before = np.concatenate((np.zeros(1, dtype=np.int64), times))[: len(times)]
    return (before + times) // 2


def _column(record: Record, scope: Scope, name: str) -> Integers:
    """A column of the samples summed over nodes and the scope's clients: shape (samples,)."""
    column = record.samples[..., SAMPLE_COLUMNS.index(name)]
    return np.asarray(column[:, list(scope.clients), :].sum(axis=(1, 2)))


def _within_samples(record: Record, scope: Scope, name: str) -> int:
    """How much a column that counts from the start of the run grew within the scope."""
    return int(np.diff(_column(record, scope, name), prepend=0)[scope.samples].sum())


def _levels(record: Record, scope: Scope) -> dict[str, float]:
    weights = np.diff(record.sample_times_ns, prepend=0)[scope.samples]
    values: dict[str, float] = {}
    for metric, name in LEVELS.items():
        level = _column(record, scope, name)[scope.samples]
        known = len(level) > 0
        by_statistic = {
            "mean": float((level * weights).sum() / weights.sum()) if weights.sum() else np.nan,
            "max": float(level.max()) if known else np.nan,
            "min": float(level.min()) if known else np.nan,
            "end": float(level[-1]) if known else np.nan,
        }
        values |= {f"{metric}.{statistic}": value for statistic, value in by_statistic.items()}
    return values
