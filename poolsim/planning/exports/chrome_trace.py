"""A run as a trace for Perfetto and chrome://tracing (JSON of trace events).

A process a client and host: counters for connections, load and queue, a slice for each connection
from its opening to its end, marks for what happened. The format is documented in "Trace Event
Format" (Google, 2016): times in microseconds, `ph` C for counters, b and e for slices, i for marks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from poolsim.model import kinds
from poolsim.planning.run_directory import RunDirectory
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.record import Record, owners
from poolsim.scenario.scenario import Scenario

_COUNTERS = {
    "connections": ("active", "trashed", "connecting"),
    "load": ("in_flight", "max_load"),
    "waiting": ("pending",),
    "orphaned streams": ("orphaned",),
}
_BEGINS, _ENDS = (kinds.OPENED,), (kinds.CLOSED, kinds.CONNECTION_BROKE)
_NODE_PROCESS = 1_000_000
"""Processes from here on are the nodes themselves."""


def chrome_trace(run: RunDirectory, replication: int) -> str:
    """The trace of a replication as JSON text."""
    recorder = run.recorder()
    record = run.simulated_again(replication, recorder)
    events = [*_names(run.scenario), *_counters(record, run.scenario), *_happenings(record, run)]
    document = {
        "displayTimeUnit": "ms",
        "otherData": {"scenario": run.name, "replication": replication, "digest": record.digest},
        "traceEvents": events,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _process(client: int, node: int, scenario: Scenario) -> int:
    return client * len(scenario.node_names) + node + 1


def _names(scenario: Scenario) -> Iterator[dict[str, Any]]:
    nodes = scenario.node_names
    processes = {
        _process(client, node, scenario): f"{one.name} to {name}"
        for client, one in enumerate(scenario.clients)
        for node, name in enumerate(nodes)
    }
    processes |= {_NODE_PROCESS + node: f"node {name}" for node, name in enumerate(nodes)}
    for process, name in processes.items():
        yield {"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}}


def _counters(record: Record, scenario: Scenario) -> Iterator[dict[str, Any]]:
    places = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}
    times = (record.sample_times_ns / 1_000).tolist()
    for client in range(len(scenario.clients)):
        for node in range(len(scenario.node_names)):
            samples = record.samples[:, client, node]
            if not samples.any():
                continue
            for name, columns in _COUNTERS.items():
                values = samples[:, [places[column] for column in columns]].tolist()
                last = None
                for time, row in zip(times, values, strict=True):
                    if row == last:
                        continue
                    last = row
                    yield {
                        "ph": "C",
                        "name": name,
                        "ts": time,
                        "pid": _process(client, node, scenario),
                        "args": dict(zip(columns, row, strict=True)),
                    }


def _happenings(record: Record, run: RunDirectory) -> Iterator[dict[str, Any]]:
    scenario = run.scenario
    owner = owners(tuple(client.instances for client in scenario.clients))
    is_open: set[tuple[int, int]] = set()
    for time_ns, kind, session, node, connection, value in record.notes.tolist():
        process = _NODE_PROCESS + node
        if session >= 0 and node >= 0:
            process = _process(int(owner[session]), node, scenario)
        event = {"ts": time_ns / 1_000, "pid": process, "tid": max(session, 0)}
        key = (process, connection)
        slice_of = {"cat": "connection", "id": connection, "name": f"connection {connection}"}
        if kind in _BEGINS and connection >= 0 and key not in is_open:
            is_open.add(key)
            yield {**event, **slice_of, "ph": "b"}
        elif kind in _ENDS and key in is_open:
            is_open.remove(key)
            yield {**event, **slice_of, "ph": "e"}
        yield {
            **event,
            "ph": "i",
            "s": "p",
            "name": kinds.NOTE_NAMES[kind],
            "args": {"value": value, "connection": connection},
        }
