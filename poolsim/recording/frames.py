"""The tables people read: timeline, events and requests, as columns and as pandas frames.

The columns are numpy arrays, so files are written and results judged without pandas, whose import
alone takes longer than a small run; a frame is made when somebody asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poolsim.model.kinds import NOTE_NAMES, OUTCOME_NAMES
from poolsim.recording.columns import REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import Record, owners

if TYPE_CHECKING:
    import pandas

    from poolsim.scenario.scenario import Scenario

_NS = 1e-9
_CUMULATIVE = ("rejected", "sent", "busy_ns", "syscalls")


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names: row k reads `names[codes[k]]`."""

    codes: Integers
    names: tuple[str, ...]


Column = npt.NDArray[np.int64] | npt.NDArray[np.float64] | Names
Columns = dict[str, Column]


def timeline_columns(record: Record, scenario: Scenario) -> Columns:
    """The columns of `Replication.timeline`; rows in the order of interval, client, node.

    Requests for which no host was tried have rows of their own with node "", only where there are
    any, so that every request is in one row.
    """
    table = record.intervals
    shown = np.ones(table.requests.shape, dtype=np.bool_)
    shown[:, :, -1] = table.requests[:, :, -1] > 0
    interval, client, node = np.nonzero(shown)
    edges_s = record.grid.interval_edges_ns.astype(np.float64) * _NS
    columns: Columns = {
        "time_s": edges_s[interval],
        "end_s": edges_s[interval + 1],
        "client": Names(client, tuple(entry.name for entry in scenario.clients)),
        "node": Names(node, (*scenario.node_names, "")),
    }
    samples = within_intervals(record)
    # The row of "none" has no pools: zeros.
    samples = np.pad(samples, ((0, 0), (0, 0), (0, 1), (0, 0)))[shown]
    columns |= {name: samples[:, column] for column, name in enumerate(SAMPLE_COLUMNS)}
    latency_max = np.where(table.ok > 0, table.latency_max, np.nan)
    return columns | {
        "requests": table.requests[shown],
        "errors": table.errors[shown],
        "latency_p50_s": table.latency_p50[shown] * _NS,
        "latency_p99_s": table.latency_p99[shown] * _NS,
        "latency_max_s": latency_max[shown] * _NS,
        "wait_p99_s": table.wait_p99[shown] * _NS,
    }


def within_intervals(record: Record) -> Integers:
    """Samples at the ends of the intervals, with what counts from the start of the run counted
    within the interval: shape (intervals, clients, nodes, columns)."""
    samples = record.samples_at_interval_ends()
    for name in _CUMULATIVE:
        column = SAMPLE_COLUMNS.index(name)
        samples[..., column] = np.diff(samples[..., column], axis=0, prepend=0)
    return samples


def events_columns(record: Record, scenario: Scenario) -> Columns:
    """The columns of `Replication.events`; `instance` counts from 0 within its client, -1 for
    what happens to a node."""
    time_ns, kind, session, node, connection, value = record.notes.T
    client, instance, client_names = _sessions(session, scenario)
    return {
        "time_s": time_ns * _NS,
        "kind": Names(kind, NOTE_NAMES),
        "client": Names(client, client_names),
        "instance": instance,
        "node": _nodes(node, scenario),
        "connection": connection,
        "value": value,
    }


def request_columns(rows: Integers, scenario: Scenario) -> Columns:
    """Request rows with client, node and outcome as names, times in nanoseconds as handed over."""
    raw = dict(zip(REQUEST_COLUMNS, rows.T, strict=True))
    client, instance, client_names = _sessions(raw["session"], scenario)
    columns: Columns = {"client": Names(client, client_names), "instance": instance}
    columns |= raw
    columns["node"] = _nodes(raw["node"], scenario)
    columns["outcome"] = Names(raw["outcome"], OUTCOME_NAMES)
    return columns


def _sessions(session: Integers, scenario: Scenario) -> tuple[Integers, Integers, tuple[str, ...]]:
    """Client and instance of each session; -1 becomes the last name, "", and instance -1."""
    instances = tuple(client.instances for client in scenario.clients)
    owner = owners(instances)
    firsts = np.cumsum((0, *instances[:-1]))
    client = np.where(session < 0, len(instances), owner[session])
    instance = np.where(session < 0, -1, session - firsts[owner[session]])
    return client, instance, (*(client.name for client in scenario.clients), "")


def _nodes(node: Integers, scenario: Scenario) -> Names:
    names = scenario.node_names
    return Names(node % (len(names) + 1), (*names, ""))


def frame(columns: Columns) -> pandas.DataFrame:
    """A pandas frame of some columns; names become strings."""
    import pandas

    return pandas.DataFrame(
        {
            name: np.array(column.names, dtype=object)[column.codes]
            if isinstance(column, Names)
            else column
            for name, column in columns.items()
        }
    )


def timeline(record: Record, scenario: Scenario) -> pandas.DataFrame:
    """`Replication.timeline` of a record."""
    return frame(timeline_columns(record, scenario))


def events(record: Record, scenario: Scenario) -> pandas.DataFrame:
    """`Replication.events` of a record."""
    return frame(events_columns(record, scenario))
