"""Decisions of the Python driver's pools, replayed.

Besides what every trace has, its traces know

- options `max_in_flight` and `orphaned_threshold` of a connection, `reconnection` (a constant
  delay), `min_requests`; protocol 2 is the legacy HostConnectionPool, 4 a HostConnection;
- the operation `update_pools`: another host came or went, so that the session looks for pools that
  it lacks; `advance` runs a reconnection attempt that is due;
- `failed`: waiting borrows that the operation failed, but for the one that expires. A borrow that
  blocked and was served or failed before all was at rest has that as its result;
- in `state`: `orphans` on connections that are open, `up` (the host is), `shut` (there is no usable
  pool), `replacing` (v3 and newer) and `scheduled` (legacy: connections asked for). `open` is the
  driver's own count: on v1 and v2 it includes connections that are being made. A request that was
  given a dead connection counts as rejected. The driver's trash is a set: ids give its order.
"""

from __future__ import annotations

from typing import Any

from poolsim.fidelity.bench import Outcome
from poolsim.fidelity.python_bench import PythonBench
from poolsim.model.drivers import python
from poolsim.model.policies.reconnection import CONSTANT
from poolsim.model.records import GRANTED, POOL_USABLE, QUEUED
from poolsim.scenario.scenario import Pooling
from poolsim.scenario.units import parse_duration

MILLISECOND = 1_000_000


class ReplayedPythonPool:
    """A simulated pool that takes a trace's operations and describes itself as the trace does."""

    def __init__(self, header: dict[str, Any]) -> None:
        """Build the pool of a trace's first line.

        Raises:
            KeyError, TypeError, ValueError: the header makes no sense.
        """
        options = header["options"]
        protocol = int(header["protocol"])
        streams = options.get("max_in_flight", 128 if protocol < 3 else 32768)
        threshold = options.get("orphaned_threshold", 3 * streams // 4)
        if threshold != 3 * streams // 4:
            raise ValueError("orphaned_threshold is not three quarters of max_in_flight")
        pooling = Pooling(
            core=options["core"],
            max=options["max"],
            max_requests=options["max_requests"],
            min_requests=options.get("min_requests", 0),
        )
        self.legacy = protocol < 3
        self.bench = PythonBench(protocol, pooling, streams)
        client = self.bench.world.clients[0]
        client.reconnection = CONSTANT
        client.reconnection_base = parse_duration(options.get("reconnection", "1s"))
        self.waiting: set[int] = set()
        self.names: dict[int, int] = {}
        self.now_ns = 0

    def do(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do one operation; what it led to, in the trace's terms."""
        if "at_ms" in line:
            self.now_ns = int(line["at_ms"]) * MILLISECOND
        own = line.get("request") if line["op"] == "borrow" else None
        outcome, simulated = self._operate(line)
        failed = {request for request, _ in outcome.failures}
        ended = failed | {request for request, _ in outcome.grants}
        if line["op"] == "expire":
            failed.discard(line["request"])
        state = self._state()
        if own is not None and own in failed:
            simulated = {"result": "rejected"}
        elif simulated.get("connection") is not None:
            simulated["connection"] = self._name(simulated["connection"])
        grants = [[r, self._name(self._serial(c))] for r, c in outcome.grants]
        for grant in [grant for grant in grants if grant[0] == own]:
            grants.remove(grant)  # it blocked, but not for longer than the operation took
            simulated = {"result": "granted", "connection": grant[1]}
        simulated["grants"] = grants
        simulated["failed"] = sorted(self.waiting & failed)
        self.waiting -= ended
        if simulated.get("result") == "queued":
            self.waiting.add(line["request"])
        simulated["state"] = state
        return simulated

    def _operate(self, line: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
        bench, now = self.bench, self.now_ns
        operation = line["op"]
        if operation == "init":
            return Outcome(), {}
        if operation == "borrow":
            return self._borrow(line["request"])
        if operation == "release":
            return bench.release(line["request"], now), {}
        if operation == "timeout":
            return bench.time_out(line["request"], now), {}
        if operation == "late_response":
            return bench.late_response(line["request"], now), {}
        if operation == "expire":
            if line["request"] not in self.waiting:
                raise ValueError(f"request {line['request']} does not wait")
            return bench.expire(line["request"], now), {}
        if operation == "lose":
            return bench.lose(self._slot(line["connection"]), now), {}
        if operation == "hold_connects":
            return bench.hold(bool(line["value"]), now), {}
        if operation == "connect_failed":
            return self._refuse(), {}
        if operation == "advance":
            return self._advance(line), {}
        if operation == "update_pools":
            return bench.update_pools(now), {}
        raise ValueError("no such operation")

    def _borrow(self, request: int) -> tuple[Outcome, dict[str, Any]]:
        answered, outcome = self.bench.borrow(request, self.now_ns)
        if answered == GRANTED and request in self.bench.attempts:
            a = self.bench.attempts[request]
            c = self.bench.world.attempts[a].connection
            return outcome, {"result": "granted", "connection": self._serial(c)}
        return outcome, {"result": "queued" if answered == QUEUED else "rejected"}

    def _refuse(self) -> Outcome:
        """A refused replacement is tried again: no time passes in a trace before that."""
        outcome = self.bench.refuse(self.now_ns)
        if self.bench.pool.replace_at >= 0:
            later = self.bench.retry_replacement(self.now_ns)
            outcome.grants += later.grants
            outcome.failures += later.failures
        return outcome

    def _advance(self, line: dict[str, Any]) -> Outcome:
        if "at_ms" not in line:
            self.now_ns += round(line["seconds"] * 1e9)
        host = self.bench.host
        scheduled = host.reconnecting == python.ATTEMPT_SCHEDULED
        if scheduled and host.reconnect_at <= self.now_ns:
            return self.bench.reconnect(self.now_ns)
        return Outcome()

    def _serial(self, c: int) -> int:
        serial: int = self.bench.world.connections[c].serial
        return serial

    def _name(self, serial: int) -> int:
        """A connection's id: they count up in order of first appearance."""
        return self.names.setdefault(serial, len(self.names))

    def _slot(self, name: int) -> int:
        for c, connection in enumerate(self.bench.world.connections):
            if self.names.get(connection.serial) == name:
                return c
        raise ValueError(f"there is no connection {name}")

    def _state(self) -> dict[str, Any]:
        bench = self.bench
        pool, host = bench.pool, bench.host
        usable = pool.phase == POOL_USABLE
        active = bench.active() if usable else []
        trash = bench.trash() if usable else []
        for connection in active:
            self._name(connection.serial)
        open_count = pool.open if self.legacy else sum(c.defunct == 0 for c in active)
        return {
            "open": open_count if pool.present else 0,
            "creating": pool.connecting,
            "trashed": len(trash),
            "in_flight": pool.in_flight if usable else 0,
            "pending": pool.pending,
            "connections": [[self._name(c.serial), c.in_flight] for c in active],
            "trash": sorted([self._name(c.serial), c.in_flight] for c in trash),
            "orphans": sum(c.orphans for c in (*active, *trash) if c.defunct == 0),
            "shut": not usable,
            "up": bool(host.up),
            "scheduled": pool.scheduled if usable else 0,
            "replacing": bool(pool.replacing) if usable else False,
        }
