"""The timeline of one replication as arrays: what the plots draw and the tables sum.

A timeline is a table of rows (interval, client, node). Here each column of one client becomes an
array of shape (hosts, intervals), hosts in the order of the cluster, so that a sum over hosts is
`.sum(axis=0)` and a peak is `.max(axis=1)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poolsim.report import tables

Array = npt.NDArray[np.float64]

STATES = ("active", "trashed", "connecting", "in_flight", "max_load", "pending", "orphaned")
"""Columns that hold what is at the end of an interval."""

COUNTS = ("rejected", "sent", "requests", "errors")
"""Columns that count what happened within an interval."""

PROBLEMS = ("undersized", "down")
"""Columns that count pools and sessions in trouble at the end of an interval."""

QUANTILES = ("latency_p50_s", "latency_p99_s", "latency_max_s", "wait_p99_s")
"""Columns in seconds, NaN where no request was intended."""

COLUMNS = STATES + COUNTS + PROBLEMS + QUANTILES


@dataclass(frozen=True, slots=True)
class ClientSeries:
    """One client's timeline.

    `edges_s`: shape (intervals + 1,), rising; `values`: a column's array of shape
    (hosts, intervals); hosts the client never touched are left out.
    """

    client: str
    hosts: tuple[str, ...]
    edges_s: Array
    values: dict[str, Array]
    nowhere: dict[str, Array]
    """Counts, shape (intervals,), of requests for which no host was tried."""

    def total(self, column: str) -> Array:
        """A state or count summed over the hosts, shape (intervals,)."""
        total: Array = np.nansum(self.values[column], axis=0)
        return total + self.nowhere[column] if column in self.nowhere else total

    def worst(self, column: str) -> Array:
        """A quantile's highest value over the hosts, shape (intervals,), NaN where none has one."""
        values = self.values[column]
        if not len(values):
            return np.full(len(self.edges_s) - 1, np.nan)
        return _nan_where_empty(np.where(np.isnan(values), -np.inf, values).max(axis=0))

    def mean(self, column: str) -> Array:
        """A quantile's mean over the hosts, weighted by requests, shape (intervals,)."""
        values, weights = self.values[column], self.values["requests"]
        weights = np.where(np.isnan(values), 0.0, weights)
        sums = weights.sum(axis=0)
        summed = (np.nan_to_num(values) * weights).sum(axis=0)
        mean: Array = np.divide(summed, sums, out=np.full_like(sums, np.nan), where=sums > 0)
        return mean


def _nan_where_empty(values: Array) -> Array:
    return np.where(np.isneginf(values), np.nan, values)


def client_series(timeline: tables.Table, nodes: tuple[str, ...], client: str) -> ClientSeries:
    """The series of one client; `nodes` are the names of the cluster's nodes by index."""
    codes, names = tables.codes(timeline, "client")
    chosen = np.flatnonzero(codes == names.index(client) if client in names else codes < 0)
    starts, intervals = np.unique(tables.numbers(timeline, "time_s")[chosen], return_inverse=True)
    if not len(starts):
        empty = {column: np.zeros((0, 0)) for column in COLUMNS}
        return ClientSeries(client, (), np.zeros(1), empty, {})
    end = float(tables.numbers(timeline, "end_s")[chosen].max())
    codes, names = tables.codes(timeline, "node")
    # Row -1, the last, collects what belongs to no node.
    index = {name: node for node, name in enumerate(nodes)}
    row = np.array([index.get(name, len(nodes)) for name in names], dtype=np.int64)[codes[chosen]]
    spread: dict[str, Array] = {}
    for column in COLUMNS:
        filled = np.nan if column in QUANTILES else 0.0
        spread[column] = np.full((len(nodes) + 1, len(starts)), filled)
        spread[column][row, intervals] = tables.numbers(timeline, column)[chosen]
    touched = np.zeros(len(nodes), dtype=bool)
    for column in STATES + COUNTS + PROBLEMS:
        touched |= np.nan_to_num(spread[column][:-1]).any(axis=1)
    kept = np.flatnonzero(touched)
    return ClientSeries(
        client,
        tuple(nodes[node] for node in kept),
        np.append(starts, max(end, float(starts[-1]))),
        {column: array[kept] for column, array in spread.items()},
        {column: spread[column][-1] for column in COUNTS},
    )


def thinned(series: ClientSeries, most: int) -> ClientSeries:
    """The same series with at most `most` intervals, by joining neighbours.

    Joined intervals keep the last pool sizes, the highest load, queue and tail latency, the sum of
    counts: peaks stay visible. The median becomes the mean of the joined medians.
    """
    intervals = len(series.edges_s) - 1
    if intervals <= most:
        return series
    step = -(-intervals // most)
    firsts = np.arange(0, intervals, step)
    lasts = np.append(firsts[1:], intervals) - 1
    values: dict[str, Array] = {}
    for column, array in series.values.items():
        if column in COUNTS:
            values[column] = np.add.reduceat(array, firsts, axis=1)
        elif column in ("active", "trashed", "connecting", "max_load"):
            values[column] = array[:, lasts]
        elif column == "latency_p50_s":
            sums = np.add.reduceat(np.nan_to_num(array), firsts, axis=1)
            known = np.add.reduceat((~np.isnan(array)).astype(np.float64), firsts, axis=1)
            values[column] = np.divide(sums, known, out=np.full_like(sums, np.nan), where=known > 0)
        else:
            filled = np.where(np.isnan(array), -np.inf, array)
            values[column] = _nan_where_empty(np.maximum.reduceat(filled, firsts, axis=1))
    edges = np.append(series.edges_s[firsts], series.edges_s[-1])
    nowhere = {column: np.add.reduceat(array, firsts) for column, array in series.nowhere.items()}
    return ClientSeries(series.client, series.hosts, edges, values, nowhere)
