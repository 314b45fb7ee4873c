"""Decisions of the Node.js driver's pools, replayed.

Besides what every trace has, its traces know

- options `max_in_flight` (stream ids of a connection), `defunct_read_timeout_threshold`, `warmup`,
  `reconnection` (`kind`, `base_ms`, `max_ms`, `start_with_no_delay`) and `chance`: what the driver
  got for every random number, from 0 to 1;
- `advance` with a `timer`: the pool's (`attempt`), or the one of the server's event (`status`),
  goes off; `status_up`: the server says that the host is up;
- `heartbeat`: nothing was written on a connection for long; it asks and is answered at once, or
  waits for a stream id and is answered when it got one. `heartbeat_timeout`: it was not answered in
  time;
- a borrow that is `queued` waits for a stream id at its `connection`; `timeout` may come to it,
  too;
- in `state`: `timed_out`, operations that timed out and were not answered, of each connection;
  `next_attempt_ms` and `status_ms`, when the two timers are due. `pending` counts what waits for
  ids and what gave up waiting. A host that is down and a busy one both make a borrow `rejected`.
"""

from __future__ import annotations

from typing import Any

from poolsim.fidelity.bench import Outcome
from poolsim.fidelity.nodejs_bench import NodejsBench
from poolsim.model.records import ASK_HEARTBEAT, GRANTED, QUEUED
from poolsim.scenario.scenario import Reconnection

MILLISECOND = 1_000_000
MILLIONTHS = 1_000_000


class ReplayedNodejsPool:
    """A simulated pool that takes a trace's operations and describes itself as the trace does."""

    def __init__(self, header: dict[str, Any]) -> None:
        """Build the pool of a trace's first line.

        Raises:
            KeyError, TypeError, ValueError: the header makes no sense.
        """
        options = header["options"]
        protocol = int(header["protocol"])
        schedule = options["reconnection"]
        self.bench = NodejsBench(
            options["core"],
            options["max_requests"],
            protocol=protocol,
            streams=options.get("max_in_flight", 128 if protocol < 3 else 32768),
            remote=header.get("distance") == "remote",
            warmup=options.get("warmup", True),
            defunct_threshold=options.get("defunct_read_timeout_threshold", 64),
            reconnection=Reconnection(
                schedule["kind"],
                schedule["base_ms"] * MILLISECOND,
                schedule.get("max_ms", 0) * MILLISECOND,
                start_with_no_delay=schedule.get("start_with_no_delay", False),
            ),
            jitter_parts=round(options.get("chance", 0.0) * MILLIONTHS),
        )
        self.bench.session.connection_index = int(header.get("selection_counter", 0))
        self.waiting: set[int] = set()
        self.names: dict[int, int] = {}
        self.now_ns = 0

    def do(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do one operation; what it led to, in the trace's terms."""
        self.now_ns = int(line["at_ms"]) * MILLISECOND
        known = set(self.bench.attempts)
        outcome, simulated = self._operate(line)
        self._answer_heartbeats(outcome)
        state = self._state()
        simulated["grants"] = [[r, self._name(c)] for r, c in outcome.grants]
        simulated["failed"] = sorted(known & {request for request, _ in outcome.failures})
        if simulated.get("connection") is not None:
            simulated["connection"] = self._name(simulated["connection"])
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
        if operation == "lose":
            return bench.lose(self._slot(line["connection"]), now), {}
        if operation == "hold_connects":
            return bench.hold(bool(line["value"]), now), {}
        if operation == "connect_failed":
            return bench.refuse(now), {}
        if operation == "advance":
            return self._advance(line["timer"]), {}
        if operation == "status_up":
            bench.hear_up(now)
            return Outcome(), {}
        if operation == "heartbeat":
            return bench.fall_silent(self._slot(line["connection"]), now), {}
        if operation == "heartbeat_timeout":
            return self._fail_heartbeat(self._slot(line["connection"])), {}
        raise ValueError("no such operation")

    def _borrow(self, request: int) -> tuple[Outcome, dict[str, Any]]:
        answered, outcome = self.bench.borrow(request, self.now_ns)
        result = {GRANTED: "granted", QUEUED: "queued"}.get(answered, "rejected")
        if result == "rejected":
            return outcome, {"result": result}
        a = self.bench.attempts[request]
        return outcome, {
            "result": result,
            "connection": self.bench.world.attempts[a].connection,
        }

    def _advance(self, timer: str) -> Outcome:
        if timer == "status":
            if self.bench.session.status_at < 0:
                raise ValueError("the server has said nothing")
            return self.bench.heed_up(self.now_ns)
        if self.bench.pool.timer_at < 0:
            raise ValueError("the pool has no timer")
        return self.bench.come_to_timer(self.now_ns)

    def _fail_heartbeat(self, c: int) -> Outcome:
        bench = self.bench
        if bench.world.connections[c].asking != ASK_HEARTBEAT:
            bench.fall_silent(c, self.now_ns)
        return bench.fail_heartbeat(c, self.now_ns)

    def _answer_heartbeats(self, outcome: Outcome) -> None:
        """What asks and has a stream id is answered, and its id may serve who waits for one."""
        bench = self.bench
        asks = True
        while asks:
            asks = False
            for connection in bench.active():
                a = connection.probe
                if connection.asking == ASK_HEARTBEAT and bench.world.attempts[a].stream >= 0:
                    later = bench.answer_heartbeat(bench.slot(connection), self.now_ns)
                    outcome.grants += later.grants
                    outcome.failures += later.failures
                    asks = True

    def _name(self, c: int) -> int:
        """A connection's id: they count up in order of first appearance."""
        serial: int = self.bench.world.connections[c].serial
        return self.names.setdefault(serial, len(self.names))

    def _slot(self, name: int) -> int:
        for connection in self.bench.active():
            if self.names.get(connection.serial) == name:
                return self.bench.slot(connection)
        raise ValueError(f"the pool has no connection {name}")

    def _state(self) -> dict[str, Any]:
        bench = self.bench
        pool = bench.pool
        active = bench.active()
        status_at = bench.session.status_at
        return {
            "open": pool.active,
            "creating": pool.connecting,
            "in_flight": pool.in_flight,
            "pending": pool.pending,
            "connections": [[self._name(bench.slot(c)), c.in_flight] for c in active],
            "timed_out": [c.timed_out for c in active],
            "up": bool(bench.host.up),
            "next_attempt_ms": _milliseconds(pool.timer_at),
            "status_ms": _milliseconds(status_at),
        }


def _milliseconds(at: int) -> int | None:
    return at // MILLISECOND if at >= 0 else None
