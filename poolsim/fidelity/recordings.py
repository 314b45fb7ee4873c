"""Reads what a real run left: one directory a repetition, format `poolsim.recording/1`.

    plan.yaml, meta.json, requests.parquet, hosts.parquet, events.parquet, node.parquet (paced only)

Everything is checked before anything is compared: a table with a hole in it must not look like a
driver that behaves differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from poolsim.fidelity.observed import (
    NO_TIME,
    OUTCOMES,
    Event,
    FaultWindow,
    HostSamples,
    Integers,
    Observed,
    Requests,
)
from poolsim.fidelity.plans import Plan, read_plan

FORMAT = "poolsim.recording/1"
CLEANUP_INTERVAL_NS = 10_000_000_000
"""The Java driver's (model/drivers/java3.py)."""

REQUEST_COLUMNS = ("number", "intended_ns", "started_ns", "ended_ns", "host")
HOST_COLUMNS = ("at_ns", "host", "open", "trashed", "in_flight", "pending")
EVENT_COLUMNS = ("at_ns", "host")
NODE_COLUMNS = (
    "request",
    "attempt",
    "listener",
    "arrived_ns",
    "service_ns",
    "due_ns",
    "backend_ns",
    "sent_ns",
)
META_TEXTS = ("plan", "driver", "driver_version", "cassandra_version", "date")

FEWEST_SAMPLES = 0.5
"""Share of the samples due that must be there; fewer is a recorder that died, not a stall."""


class RecordingError(Exception):
    """A recording that cannot be used (exit 3); the message starts with its path."""


@dataclass(frozen=True, slots=True)
class NodeLog:
    """What the proxy in front of the nodes wrote, a row a request that reached one; arrays of
    equal length, nanoseconds, -1 for what did not happen."""

    request: Integers
    attempt: Integers
    listener: Integers
    arrived_ns: Integers
    service_ns: Integers
    due_ns: Integers
    backend_ns: Integers
    sent_ns: Integers


@dataclass(frozen=True, slots=True)
class Recording:
    """One repetition of a plan on the real thing. `node` is None on bare nodes."""

    path: Path
    plan: Plan
    meta: dict[str, Any]
    observed: Observed
    node: NodeLog | None
    faults: tuple[FaultWindow, ...]

    @property
    def repetition(self) -> int:
        """Its number, from 1."""
        return int(self.meta["repetition"])

    @property
    def name(self) -> str:
        """`<plan>/<repetition>`."""
        return f"{self.meta['plan']}/{self.repetition}"

    @property
    def first_cleanup_ns(self) -> int | None:
        """When the driver's first periodic cleanup after time zero ran; None: not told.

        From the recorder's own events, otherwise reckoned from when the driver scheduled it.
        """
        for event in self.observed.events_of("cleanup"):
            if event.at_ns > 0:
                return event.at_ns
        origin = self.meta.get("cleanup_origin_ns")
        if not isinstance(origin, int):
            return None
        return (origin - int(self.meta["start_ns"])) % CLEANUP_INTERVAL_NS or CLEANUP_INTERVAL_NS


def read_recordings(directory: Path) -> list[Recording]:
    """All finished recordings below a directory, by plan and repetition.

    Raises:
        RecordingError: there are none, or one cannot be used.
        ScenarioError: a plan is no scenario.
    """
    found = sorted(path.parent for path in directory.glob("**/meta.json"))
    if not found:
        raise RecordingError(f"{directory}: no recordings here (directories with a meta.json)")
    recordings = [read_recording(path) for path in found]
    return sorted(recordings, key=lambda recording: (recording.plan.name, recording.repetition))


def read_recording(path: Path) -> Recording:
    """One recording, checked.

    Raises:
        RecordingError: a file is missing, cannot be read, or contradicts itself or its plan.
        ScenarioError: its plan is no scenario.
    """
    if not path.is_dir():
        raise RecordingError(f"{path}: no such directory")
    meta = _meta(path)
    if not (path / "plan.yaml").is_file():
        raise RecordingError(f"{path}: plan.yaml is missing")
    plan = read_plan(path / "plan.yaml")
    if plan.client.driver != meta["driver"]:
        raise RecordingError(
            f"{path}: meta.json names the driver {meta['driver']}, plan.yaml {plan.client.driver}"
        )
    hosts = len(plan.scenario.node_names)
    requests = _requests(path / "requests.parquet", hosts)
    samples = _hosts(path / "hosts.parquet", plan, hosts)
    events = _events(path / "events.parquet", hosts)
    node = None
    if meta["nodes"] == "paced":
        node = _node(path / "node.parquet")
    observed = Observed(plan.scenario.duration_ns, requests, samples, events)
    return Recording(path, plan, meta, observed, node, _faults(path, plan, observed))


def _meta(path: Path) -> dict[str, Any]:
    file = path / "meta.json"
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordingError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RecordingError(f"{file}: not JSON: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise RecordingError(f"{file}: not a recording: its format is not {FORMAT!r}")
    for key in META_TEXTS:
        if not isinstance(meta.get(key), str):
            raise RecordingError(f"{file}: {key} is missing or no text")
    for key in ("repetition", "start_ns"):
        if not isinstance(meta.get(key), int):
            raise RecordingError(f"{file}: {key} is missing or no whole number")
    if meta.get("nodes") not in ("paced", "bare"):
        raise RecordingError(f"{file}: nodes is {meta.get('nodes')!r}, neither paced nor bare")
    if meta.get("finished") is not True:
        raise RecordingError(f"{file}: this recording was not finished; record it again")
    return meta


def _requests(file: Path, hosts: int) -> Requests:
    table = _table(file, REQUEST_COLUMNS, ("outcome",))
    number, intended, started, ended, host = (_integers(file, table, c) for c in REQUEST_COLUMNS)
    names = table.column("outcome").to_pylist()
    codes = {name: code for code, name in enumerate(OUTCOMES)} | {"": -1, None: -1}
    unknown = sorted({str(name) for name in names if name not in codes})
    if unknown:
        raise RecordingError(f"{file}: outcome {unknown[0]!r} is none of {', '.join(OUTCOMES)}")
    outcome = np.array([codes[name] for name in names], dtype=np.int64)
    if not len(number):
        raise RecordingError(f"{file}: no requests")
    _refuse(file, "number", len(np.unique(number)) != len(number), "one number stands twice")
    _refuse(file, "started_ns", (started < intended).any(), "a request started before it was due")
    ends = ended >= 0
    _refuse(file, "ended_ns", (ended[ends] < started[ends]).any(), "an end before its start")
    outcome[~ends] = NO_TIME
    _refuse(file, "outcome", (outcome[ends] < 0).any(), "a request ended without an outcome")
    _refuse(file, "host", ((host < -1) | (host >= hosts)).any(), f"the plan has {hosts} hosts")
    no_host = (outcome == OUTCOMES.index("ok")) & (host < 0)
    _refuse(file, "host", no_host.any(), "a request succeeded at no host")
    order = np.argsort(started, kind="stable")
    return Requests(
        number[order],
        intended[order],
        started[order],
        ended[order],
        host[order],
        outcome[order],
    )


def _hosts(file: Path, plan: Plan, hosts: int) -> tuple[HostSamples, ...]:
    table = _table(file, HOST_COLUMNS)
    columns = {name: _integers(file, table, name) for name in HOST_COLUMNS}
    host = columns.pop("host")
    _refuse(file, "host", ((host < 0) | (host >= hosts)).any(), f"the plan has {hosts} hosts")
    due = plan.scenario.duration_ns / plan.sample_every_ns
    found = []
    for h in range(hosts):
        own = {name: values[host == h] for name, values in columns.items()}
        at = own["at_ns"]
        if len(at) < FEWEST_SAMPLES * due:
            raise RecordingError(f"{file}: host {h} was sampled {len(at)} times of {due:.0f}")
        _refuse(file, "at_ns", (np.diff(at) < 0).any(), f"times of host {h} fall")
        for name in ("open", "trashed", "in_flight", "pending"):
            _refuse(file, name, (own[name] < 0).any(), "a count below 0")
        inside = at >= 0
        found.append(
            HostSamples(
                at[inside],
                own["open"][inside],
                own["trashed"][inside],
                own["in_flight"][inside],
                own["pending"][inside],
            )
        )
    return tuple(found)


def _events(file: Path, hosts: int) -> tuple[Event, ...]:
    table = _table(file, EVENT_COLUMNS, ("kind", "detail"))
    at, host = (_integers(file, table, name) for name in EVENT_COLUMNS)
    _refuse(file, "host", ((host < -1) | (host >= hosts)).any(), f"the plan has {hosts} hosts")
    kinds = table.column("kind").to_pylist()
    details = table.column("detail").to_pylist()
    rows = zip(at.tolist(), host.tolist(), kinds, details, strict=True)
    events = [Event(at, host, str(kind), str(detail or "")) for at, host, kind, detail in rows]
    return tuple(sorted(events, key=lambda event: event.at_ns))


def _node(file: Path) -> NodeLog:
    table = _table(file, NODE_COLUMNS)
    columns = {name: _integers(file, table, name) for name in NODE_COLUMNS}
    served = columns["sent_ns"] >= 0
    early = served & (columns["sent_ns"] < columns["arrived_ns"])
    _refuse(file, "sent_ns", early.any(), "a response left before its request came")
    return NodeLog(**columns)


_PROBED_NS = 100_000_000
"""The proxy asks twenty times a second whether a node is back: others may tell before it knows."""


def _faults(path: Path, plan: Plan, observed: Observed) -> tuple[FaultWindow, ...]:
    """Each fault of the plan with the times at which the node fell silent and came back."""
    seen: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    told: dict[int, list[int]] = {}
    for event in observed.events_of("node_status_up"):
        told.setdefault(event.host, []).append(event.at_ns)
    for event in observed.events_of("fault_seen", "recovery_seen"):
        times = seen if event.kind == "fault_seen" else back
        times.setdefault(event.host, []).append(event.at_ns)
    windows = []
    for fault in sorted(plan.scenario.faults, key=lambda fault: fault.at_ns):
        begins = seen.get(fault.node, [])
        if not begins:
            raise RecordingError(
                f"{path / 'events.parquet'}: no fault_seen for the fault of "
                f"{fault.node_name}; without it no transition has a time to count from"
            )
        begin = begins.pop(0)
        ends = [at for at in back.get(fault.node, []) if at > begin]
        end = min(ends, default=plan.scenario.duration_ns)
        status = [at for at in told.get(fault.node, []) if at > end - _PROBED_NS]
        windows.append(FaultWindow(fault.node, begin, end, min(status, default=NO_TIME)))
    return tuple(windows)


def _table(file: Path, integers: Iterable[str], texts: Iterable[str] = ()) -> Any:
    if not file.is_file():
        raise RecordingError(f"{file}: the file is missing")
    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise RecordingError(f"{file}: not a Parquet file: {reason}") from None
    for name in (*integers, *texts):
        if name not in table.column_names:
            there = ", ".join(table.column_names) or "none"
            raise RecordingError(f"{file}: no column {name} (there is {there})")
    return table


def _integers(file: Path, table: Any, name: str) -> Integers:
    column = table.column(name)
    if not pyarrow.types.is_integer(column.type):
        raise RecordingError(f"{file}: column {name} is {column.type}, not whole numbers")
    if column.null_count:
        raise RecordingError(f"{file}: column {name} has {column.null_count} empty cells")
    values: Integers = column.to_numpy().astype(np.int64)
    return values


def _refuse(file: Path, column: str, is_wrong: bool | np.bool_, message: str) -> None:
    if is_wrong:
        raise RecordingError(f"{file}: {column}: {message}")
