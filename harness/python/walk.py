"""A random walk over a real pool: one operation and one line after another."""

from __future__ import annotations

import json
import random  # noqa: TID251  (a walk's own draws; poolsim's engine has nothing to do with it)
from typing import IO, Any

import cassandra
from real_pool import RECONNECTION_S, RealPool, Request

FORMAT = "poolsim.decisions/1"

MODES = {
    # borrow, release, timeout, late_response
    "fill": (8.0, 2.0, 0.4, 0.3),
    "mix": (4.0, 4.0, 0.6, 0.6),
    "drain": (1.0, 6.0, 0.3, 2.0),
    "orphan": (4.0, 0.5, 5.0, 0.3),
    "late": (3.0, 2.0, 0.3, 6.0),
}
"""Weights of the operations on requests; a walk changes its mode every now and then."""
SHORTEST_MODE = 40
"""Operations in one mode, on average; more where it takes more to fill a pool."""
MOST_WAITING = 8
"""Borrows that may wait at the same time: each holds a thread."""

SHORTEST_TIMEOUT_MS = 200
LONGEST_TIMEOUT_MS = 4000
USUAL_TIMEOUT_MS = 2000
"""Of a borrow: the driver's own."""

MARGIN_MS = 3
"""How far from an instant at which the driver's decision turns the walk keeps its clock."""
LATE_LOOK_MS = 150
"""How late the walk lets the driver's scheduler look, which in life looks every 100 ms."""


class Walk:
    """Draws operations, does them to the pool, and writes a line for each."""

    def __init__(self, pool: RealPool, seed: int, file: IO[str]) -> None:
        self.pool = pool
        self.random = random.Random(seed)
        self.file = file
        self.lines = 0
        self.counts: dict[str, int] = {}
        self.while_creating = 0
        self.number = 0
        self.orphans: list[Request] = []
        self.mode = "fill"
        settings = pool.settings
        room = max(settings.core, 1) * min(settings.max_requests, settings.max_in_flight)
        self.mode_operations = max(SHORTEST_MODE, room)

    # Writing --------------------------------------------------------------------------------------

    def write_header(self, name: str, seed: int) -> None:
        """The first line: what was set of the driver."""
        settings = self.pool.settings
        header = {
            "format": FORMAT,
            "driver": "python",
            "driver_version": cassandra.__version__,
            "protocol": 2 if settings.legacy else 4,
            "wire_protocol": 4,
            "pool": "HostConnectionPool" if settings.legacy else "HostConnection",
            "clock": "driven",
            "walk": name,
            "seed": seed,
            "distance": "remote" if settings.remote else "local",
            "options": {
                "core": settings.core,
                "max": settings.max,
                "max_requests": settings.max_requests,
                "min_requests": settings.min_requests,
                "max_in_flight": settings.max_in_flight,
                "orphaned_threshold": settings.orphaned_threshold,
                "pool_timeout": f"{USUAL_TIMEOUT_MS}ms",
                "reconnection": f"{RECONNECTION_S:g}s",
            },
        }
        self.file.write(json.dumps(header) + "\n")

    def note(self, operation: str, **keys: Any) -> None:
        """Write the line of an operation that is done, with what it led to."""
        pool = self.pool
        line: dict[str, Any] = {"op": operation, **keys, "at_ms": pool.clock.now_ms}
        state = pool.state()
        granted, failed = pool.take_returned()
        state["pending"] = len(pool.waiting)
        own = keys.get("request")
        grants = [[request.number, pool.name(request.connection)] for request in granted]
        lost = sorted(request.number for request in failed)
        if operation == "borrow":
            line["result"] = "rejected" if own in lost else "queued"
            for grant in [grant for grant in grants if grant[0] == own]:
                grants.remove(grant)
                line |= {"result": "granted", "connection": grant[1]}
        if own in lost:
            lost.remove(own)
        if grants:
            line["grants"] = grants
        if lost:
            line["failed"] = lost
        line["state"] = state
        self.file.write(json.dumps(line) + "\n")
        self.lines += 1
        self.counts[operation] = self.counts.get(operation, 0) + 1
        self.while_creating += state["creating"] > 0
        pool.forget_dead()
        self.orphans = [r for r in self.orphans if r.number in pool.requests]

    # Time -----------------------------------------------------------------------------------------

    def pass_time(self, step_ms: int) -> None:
        """Let time pass; what must happen meanwhile happens, each with its own line."""
        pool = self.pool
        until = pool.clock.now_ms + step_ms
        while pool.waiting:
            first = self._first_waiting()
            if first.borrow.deadline_ms > until:
                break
            self.expire(first)
        due = pool.scheduler.next_due_ms
        if due is not None and due - MARGIN_MS <= until:
            self.advance(int(due) + LATE_LOOK_MS)
            return
        pool.clock.now_ms = max(until, pool.clock.now_ms)
        self._keep_off()

    def _first_waiting(self) -> Request:
        """The waiting borrow that is the next to expire."""
        return min(self.pool.waiting, key=lambda request: request.borrow.deadline_ms)

    def _keep_off(self) -> None:
        """Go past an instant at which the driver's decision would turn."""
        pool = self.pool.pool
        if self.pool.settings.legacy and pool is not None:
            allowed = self.pool.clock.ms_of(pool._next_trash_allowed_at)
            if abs(allowed - self.pool.clock.now_ms) < MARGIN_MS:
                self.pool.clock.now_ms = int(allowed) + MARGIN_MS

    def expire(self, request: Request) -> None:
        """A waiting borrow reaches its timeout."""
        clock = self.pool.clock
        clock.now_ms = max(clock.now_ms, request.borrow.deadline_ms + 1)
        self._keep_off()
        self.pool.expire(request)
        self.note("expire", request=request.number)

    def advance(self, until_ms: int) -> None:
        """Time passes up to an instant, and the scheduler looks."""
        clock = self.pool.clock
        before = clock.now_ms
        clock.now_ms = max(before, until_ms)
        self._keep_off()
        self.pool.look_at_schedule()
        self.note("advance", seconds=(clock.now_ms - before) / 1000)

    # Operations -----------------------------------------------------------------------------------

    def run(self, operations: int) -> None:
        """The whole walk."""
        self.note("init")
        while self.lines < operations:
            if self.random.random() < 1 / self.mode_operations:
                self.mode = self.random.choice(list(MODES))
            self.pass_time(self.random.choice((0, 0, 1, 2, 5)))
            if not (self._about_handshakes() or self._about_the_pool()):
                self._about_requests()

    def _about_handshakes(self) -> bool:
        """Hold, let go, refuse; whether that was it."""
        pool, chance = self.pool, self.random.random()
        creating = len(pool.handshakes.under_way)
        legacy = pool.settings.legacy
        if not pool.held:
            if chance > (0.08 if legacy else 0.04):
                return False
            return self._hold(True)
        quick = pool.is_shut()
        if creating:
            refuse = 0.15 if quick else (0.002 if legacy else 0.008)
            if chance < refuse:
                pool.refuse()
                self.note("connect_failed")
                return True
            chance -= refuse
            release = 0.3 if quick else (0.003 if legacy else 0.005)
        else:
            release = 0.3 if quick else 0.006
        return chance < release and self._hold(False)

    def _hold(self, value: bool) -> bool:
        self.pool.hold(value)
        self.note("hold_connects", value=value)
        return True

    def _about_the_pool(self) -> bool:
        """Losses, long times, the way back of a pool that was shut; whether that was it."""
        pool, chance = self.pool, self.random.random()
        if pool.is_shut():
            return self._bring_back(chance)
        if chance < 0.003:
            alive = [c for c in (*pool.active(), *pool.trash()) if not c.is_closed]
            if alive:
                connection = self.random.choice(alive)
                pool.lose(connection)
                self.note("lose", connection=pool.name(connection))
                return True
        elif chance < 0.02:
            longest = 12_000 if pool.settings.legacy else 3_000
            self.pass_time(self.random.randrange(longest))
            return False
        elif chance < 0.06 and pool.waiting:
            self.expire(self._first_waiting())
            return True
        return False

    def _bring_back(self, chance: float) -> bool:
        pool = self.pool
        due = pool.scheduler.next_due_ms
        if due is not None and chance < 0.5:
            self.advance(int(due) + LATE_LOOK_MS)
            return True
        if due is None and pool.host.is_up and not pool.handshakes.under_way and chance < 0.5:
            pool.renew_pools()
            self.note("update_pools")
            return True
        return False

    def _about_requests(self) -> None:
        pool = self.pool
        running = [r for r in pool.requests.values() if r.granted and r not in self.orphans]
        choices = {
            "borrow": len(pool.waiting) < MOST_WAITING,
            "release": bool(running),
            "timeout": bool(running),
            "late_response": bool(self.orphans),
        }
        weights = [
            weight * choices[operation]
            for operation, weight in zip(choices, MODES[self.mode], strict=True)
        ]
        if not any(weights):
            if pool.waiting:
                self.expire(self._first_waiting())
            return
        operation = self.random.choices(list(choices), weights)[0]
        if operation == "borrow":
            self._borrow()
        elif operation == "release":
            request = self.random.choice(running)
            pool.release(request)
            self.note("release", request=request.number)
        elif operation == "timeout":
            request = self.random.choice(running)
            self.orphans.append(request)
            pool.time_out(request)
            self.note("timeout", request=request.number)
        else:
            request = self.orphans.pop(self.random.randrange(len(self.orphans)))
            pool.late_response(request)
            self.note("late_response", request=request.number)

    def _borrow(self) -> None:
        number = self.number
        self.number += 1
        timeout = USUAL_TIMEOUT_MS
        keys: dict[str, Any] = {}
        if self.random.random() < 0.3:
            timeout = self.random.randrange(SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS)
        while self._crosses(self.pool.clock.now_ms + timeout):
            timeout += 2 * MARGIN_MS
        if timeout != USUAL_TIMEOUT_MS:
            keys["timeout"] = f"{timeout}ms"
        self.pool.borrow(number, timeout)
        self.note("borrow", request=number, **keys)

    def _crosses(self, deadline_ms: int) -> bool:
        """Whether a borrow would expire at the same time as another one."""
        others = [request.borrow.deadline_ms for request in self.pool.waiting]
        return any(abs(deadline_ms - other) < MARGIN_MS for other in others)
