"""Replays recorded decisions of a real driver's pool (format `poolsim.decisions/1`).

Each line is one operation on the real pool and its state after it. The same operations are done to
the simulated pool, and everything the line carries must be the same. Clock readings that the
driver took itself are inputs: the idle deadline of a newly trashed connection is taken from the
line that trashes it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolsim.fidelity.bench import Bench, Outcome
from poolsim.fidelity.nodejs_replay import ReplayedNodejsPool
from poolsim.fidelity.python_replay import ReplayedPythonPool
from poolsim.model.drivers.java3 import NOT_RESURRECTABLE
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.records import GRANTED, QUEUED
from poolsim.scenario.scenario import Pooling
from poolsim.scenario.units import UnitError, parse_duration

FORMAT = "poolsim.decisions/1"
MILLISECOND = 1_000_000

UNUSABLE = (KeyError, TypeError, ValueError, IndexError, OverflowError, UnitError)
"""What a value that makes no sense leads to."""


class TraceError(Exception):
    """A trace that cannot be read; the message starts with `file:line`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line on which the simulated pool disagrees."""

    line: int
    operation: str
    expected: str
    simulated: str


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay went: lines replayed (the header not counted), and the first difference."""

    path: Path
    lines: int
    difference: Difference | None


def replay_file(path: Path | str) -> Replay:
    """Replay one trace; one whose name ends in .gz is compressed.

    Raises:
        TraceError: the file is missing, is no such trace, or names an operation that makes no
            sense where it stands.
    """
    path = Path(path)
    lines = _lines(path)
    number, header = next(lines, (1, {}))
    if header.get("format") != FORMAT:
        raise TraceError(f"{path}:{number}: not a decision trace: the first line has no {FORMAT!r}")
    try:
        pool = _replayed_pool(header)
    except UNUSABLE as error:
        raise TraceError(f"{path}:{number}: the header cannot be used: {error!r}") from error
    replayed = 0
    for number, line in lines:
        try:
            simulated = pool.do(line)
        except UNUSABLE as error:
            message = f"operation {line.get('op')!r} does not fit here: {error!r}"
            raise TraceError(f"{path}:{number}: {message}") from error
        replayed += 1
        expected = _expected(line)
        if "failed" in simulated:
            expected["failed"] = line.get("failed", [])
        simulated = _carried(simulated, expected)
        if simulated != expected:
            operation = json.dumps({k: v for k, v in line.items() if k not in expected})
            difference = Difference(number, operation, json.dumps(expected), json.dumps(simulated))
            return Replay(path, replayed, difference)
    return Replay(path, replayed, None)


def _replayed_pool(
    header: dict[str, Any],
) -> ReplayedPool | ReplayedPythonPool | ReplayedNodejsPool:
    if header["driver"] == "python":
        return ReplayedPythonPool(header)
    if header["driver"] == "nodejs":
        return ReplayedNodejsPool(header)
    return ReplayedPool(header)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield number, _line(path, number, raw)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise TraceError(f"{path}:{number + 1}: cannot be read: {why}") from error


def _line(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}:{number}: not UTF-8: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise TraceError(f"{path}:{number}: not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise TraceError(f"{path}:{number}: not JSON that can be held: {error}") from error
    operation = isinstance(line, dict) and "op" in line and isinstance(line.get("state"), dict)
    if not isinstance(line, dict) or not (number == 1 or operation):
        raise TraceError(f"{path}:{number}: not an operation with 'op' and 'state'")
    return line


def _expected(line: dict[str, Any]) -> dict[str, Any]:
    """What a line says of the pool; the connection that it loses is part of the operation."""
    expected: dict[str, Any] = {"grants": line.get("grants", []), "state": line["state"]}
    if line["op"] == "borrow":
        expected |= {key: line[key] for key in ("result", "connection") if key in line}
    return expected


def _carried(simulated: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What the simulation says of the things that the line carries."""
    carried = {key: simulated.get(key) for key in expected}
    state = simulated["state"]
    carried["state"] = {key: state.get(key) for key in expected["state"]}
    return carried


class ReplayedPool:
    """A simulated pool that takes a trace's operations and describes itself as the trace does."""

    def __init__(self, header: dict[str, Any]) -> None:
        driver = header["driver"]
        if driver not in DRIVERS:
            raise ValueError(f"driver {driver!r} is not one of {', '.join(DRIVERS)}")
        options = header["options"]
        protocol = int(header["protocol"])
        pooling = Pooling(
            core=options["core"],
            max=options["max"],
            max_requests=options["max_requests"],
            new_connection_threshold=options.get("new_connection_threshold", 0),
            min_requests=options.get("min_requests", 0),
        )
        self.bench = Bench(
            driver,
            protocol,
            pooling,
            idle_timeout_ns=_duration_ns(options.get("idle_timeout", "120s")),
            pool_timeout_ns=_duration_ns(options.get("pool_timeout", "5s")),
            max_queue_size=options.get("max_queue_size", 256),
            stream_limit=128 if protocol < 3 else 32768,
            reconnection_base_ns=_duration_ns(options.get("reconnection_base", "1s")),
            reconnection_max_ns=_duration_ns(options.get("reconnection_max", "600s")),
        )
        self.names: dict[int, int] = {}
        self.backoff_delay_ms = 0
        self.waiting: set[int] = set()
        self.now_ns = 0

    def do(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do one operation; what it led to, in the trace's terms."""
        before = set(self._chain(self.bench.pool.trash_first))
        backoff_before = self._host.backoff_until
        if "at_ms" in line and line["op"] != "cleanup":
            self.now_ns = line["at_ms"] * MILLISECOND
        outcome, simulated = self._operate(line)
        self._take_deadlines(before, line["state"])
        self._take_backoff(backoff_before, line["state"])
        if line["op"] == "borrow":
            self.waiting.add(line["request"])
        elif line["op"] == "expire":
            self.waiting.discard(line["request"])
        failed = {request for request, _ in outcome.failures}
        simulated["grants"] = [[r, self._name(c)] for r, c in outcome.grants]
        simulated["failed"] = sorted(self.waiting & failed)
        self.waiting -= failed | {request for request, _ in outcome.grants}
        if simulated.get("result") in ("granted", "rejected"):
            self.waiting.discard(line["request"])
        simulated["state"] = self._state()
        if simulated.get("connection") is not None:
            simulated["connection"] = self._name(simulated["connection"])
        return simulated

    def _operate(self, line: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
        bench = self.bench
        operation = line["op"]
        now = self.now_ns
        if operation == "init":
            return Outcome(), {}
        if operation == "borrow":
            timeout = line.get("timeout")
            return self._borrow(line["request"], None if timeout is None else _duration_ns(timeout))
        if operation == "release":
            return bench.release(line["request"], now), {}
        if operation == "timeout":
            return bench.time_out(line["request"], now), {}
        if operation == "late_response":
            return bench.late_response(line["request"], now), {}
        if operation == "expire":
            return bench.expire(line["request"], now), {}
        if operation == "cleanup":
            if "clock_ms" not in line:
                return bench.cleanup(line["at_ms"] * MILLISECOND), {}
            self.now_ns = line["clock_ms"] * MILLISECOND
            return bench.cleanup(line["at_ms"] * MILLISECOND, clock_ns=self.now_ns), {}
        if operation == "lose":
            return bench.lose(self._slot(line["connection"]), now), {}
        if operation == "advance":
            self.now_ns += round(line["seconds"] * 1e9)
            return Outcome(), {}
        if operation == "hold_connects":
            return bench.hold(bool(line["value"]), now), {}
        if operation == "connect_failed":
            return bench.refuse(now), {}
        raise ValueError("no such operation")

    def _borrow(self, request: int, timeout_ns: int | None) -> tuple[Outcome, dict[str, Any]]:
        answered, outcome = self.bench.borrow(request, self.now_ns, timeout_ns=timeout_ns)
        if answered == GRANTED:
            return outcome, {"result": "granted", "connection": outcome.picked}
        return outcome, {"result": "queued" if answered == QUEUED else "rejected"}

    def _name(self, c: int) -> int:
        """A connection's id: they count up in order of first appearance."""
        serial = self.bench.world.connections[c].serial
        return self.names.setdefault(serial, len(self.names))

    def _slot(self, name: int) -> int:
        for c, connection in enumerate(self.bench.world.connections):
            if self.names.get(connection.serial) == name:
                return c
        raise ValueError(f"there is no connection {name}")

    def _chain(self, c: int) -> Iterator[int]:
        while c >= 0:
            yield c
            c = self.bench.world.connections[c].next

    def _take_deadlines(self, before: set[int], state: dict[str, Any]) -> None:
        """Clock readings of the driver are inputs: deadlines of what this line trashes."""
        read = {entry[0]: entry[2] for entry in state.get("trash", []) if len(entry) > 2}
        for c in self._chain(self.bench.pool.first):
            self._name(c)
        for c in self._chain(self.bench.pool.trash_first):
            connection = self.bench.world.connections[c]
            name = self._name(c)
            if c not in before and connection.idle_deadline != NOT_RESURRECTABLE:
                connection.idle_deadline = read.get(name, connection.idle_deadline)

    @property
    def _host(self) -> Any:
        return self.bench.world.hosts[0]

    def _take_backoff(self, before: int, state: dict[str, Any]) -> None:
        """Where this line makes the driver wait before it connects again, the end of that wait is
        an input; how long it was to be, and that it waits at all, are predictions."""
        until = self._host.backoff_until
        if until in (before, 0):
            return
        self.backoff_delay_ms = (until - self.now_ns) // MILLISECOND
        read = state.get("backoff")
        if read is not None:
            self._host.backoff_until = read[0] * MILLISECOND

    def _backoff(self) -> list[int] | None:
        until = self._host.backoff_until
        return [until // MILLISECOND, self.backoff_delay_ms] if until != 0 else None

    def _state(self) -> dict[str, Any]:
        w = self.bench.world
        pool = self.bench.pool
        return {
            "open": pool.open,
            "creating": pool.connecting,
            "trashed": pool.trashed,
            "in_flight": pool.in_flight,
            "pending": pool.pending,
            "scheduled": pool.scheduled,
            "peak": pool.peak,
            "orphans": pool.orphans,
            "backoff": self._backoff(),
            "connections": [
                [self._name(c), w.connections[c].in_flight] for c in self._chain(pool.first)
            ],
            "trash": [
                [self._name(c), w.connections[c].in_flight, self._deadline(c)]
                for c in self._chain(pool.trash_first)
            ],
        }

    def _deadline(self, c: int) -> int | None:
        deadline: int = self.bench.world.connections[c].idle_deadline
        return None if deadline == NOT_RESURRECTABLE else deadline


def _duration_ns(text: str | int) -> int:
    return text if isinstance(text, int) else parse_duration(text)
