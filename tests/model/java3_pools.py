"""A java3 pool on the bench, told in the words of a decision trace.

Connections are numbered from 0 in the order in which they joined the pool, requests as the caller
likes; the clock is in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from poolsim.fidelity.bench import POOL, Bench, Outcome
from poolsim.model.kinds import ERROR_NAMES
from poolsim.model.records import GRANTED, QUEUED
from poolsim.scenario.scenario import Pooling

MILLISECOND = 1_000_000


class Settings(NamedTuple):
    """What the tests set of a pool; the rest is the driver's default."""

    core: int
    max: int
    max_requests: int
    threshold: int
    queue: int = 256
    pool_timeout_ms: int = 5_000
    idle_timeout_ms: int = 120_000
    streams: int = 32_768
    """Stream ids of a connection."""


class Active(NamedTuple):
    number: int
    in_flight: int
    orphans: int


class Trashed(NamedTuple):
    number: int
    in_flight: int
    orphans: int
    deadline_ms: int | None
    """None where the connection was replaced: long past."""


class State(NamedTuple):
    """Everything that a pool is. The fields in brackets are the driver's names."""

    open: int
    creating: int
    """Handshakes under way."""
    asked: int
    """Creations asked for and not yet done (scheduledForCreation)."""
    in_flight: int
    peak: int
    """Most in flight since the last cleanup (maxTotalInFlight)."""
    pending: int
    connections: tuple[Active, ...]
    trash: tuple[Trashed, ...]


class BenchedPool:
    """Poolsim's rules on the bench. `grants` and `failures` tell what the last operation led to."""

    def __init__(self, settings: Settings) -> None:
        self.now_ms = 0.0
        self.bench = Bench(
            "java3",
            2 if settings.streams == 128 else 4,
            Pooling(settings.core, settings.max, settings.max_requests, settings.threshold),
            idle_timeout_ns=settings.idle_timeout_ms * MILLISECOND,
            pool_timeout_ns=settings.pool_timeout_ms * MILLISECOND,
            max_queue_size=settings.queue,
            stream_limit=settings.streams,
        )
        self.grants: list[tuple[int, int]] = []
        self.failures: list[tuple[int, str]] = []
        self._numbers: dict[int, int] = {}
        self._take(Outcome())

    @property
    def _now_ns(self) -> int:
        return round(self.now_ms * MILLISECOND)

    def borrow(self, request: int) -> str:
        """ "granted 3" (a connection's number), "queued", or what the driver rejects it with."""
        answered, outcome = self.bench.borrow(request, self._now_ns)
        self._take(outcome)
        if answered == GRANTED:
            picked = self.bench.world.connections[outcome.picked]
            return f"granted {self._number(picked)}"
        return "queued" if answered == QUEUED else ERROR_NAMES[answered]

    def borrow_all(self, requests: range) -> list[str]:
        return [self.borrow(request) for request in requests]

    def release(self, request: int) -> None:
        self._take(self.bench.release(request, self._now_ns))

    def release_all(self, requests: range) -> None:
        for request in requests:
            self.release(request)

    def time_out(self, request: int) -> None:
        self._take(self.bench.time_out(request, self._now_ns))

    def late_response(self, request: int) -> None:
        self._take(self.bench.late_response(request, self._now_ns))

    def expire(self, request: int) -> None:
        self._take(self.bench.expire(request, self._now_ns))

    def cleanup(self) -> None:
        self._take(self.bench.cleanup(self._now_ns))

    def lose(self, number: int) -> None:
        chains = (self.bench.pool.first, self.bench.pool.trash_first)
        slots = {self._number(c): slot for first in chains for slot, c in self._chain(first)}
        self._take(self.bench.lose(slots[number], self._now_ns))

    def hold(self, held: bool) -> None:
        self._take(self.bench.hold(held, self._now_ns))

    def refuse(self) -> None:
        self._take(self.bench.refuse(self._now_ns))

    def change(self, option: str, value: int) -> None:
        """Set an option at runtime, for both distances, and tell the driver."""
        raised_core = 0
        for options in self.bench.world.options:
            raised_core |= option == "core" and value > options.core
            setattr(options, option, value)
        self.bench.rules.option_changed(self.bench.world, POOL, int(raised_core), self._now_ns)
        self._take(self.bench.settle(self._now_ns))

    @property
    def state(self) -> State:
        pool = self.bench.pool
        return State(
            open=pool.open,
            creating=pool.connecting,
            asked=pool.scheduled,
            in_flight=pool.in_flight,
            peak=pool.peak,
            pending=pool.pending,
            connections=tuple(
                Active(self._number(c), c.in_flight, c.orphans) for _, c in self._chain(pool.first)
            ),
            trash=tuple(
                Trashed(
                    self._number(c),
                    c.in_flight,
                    c.orphans,
                    c.idle_deadline if c.idle_deadline >= 0 else None,
                )
                for _, c in self._chain(pool.trash_first)
            ),
        )

    @property
    def numbers(self) -> list[int]:
        """The active connections in the driver's order."""
        return [connection.number for connection in self.state.connections]

    @property
    def trash(self) -> list[int]:
        """The trashed connections in the driver's order."""
        return [connection.number for connection in self.state.trash]

    def _chain(self, slot: int) -> Iterator[tuple[int, Any]]:
        while slot >= 0:
            connection = self.bench.world.connections[slot]
            yield slot, connection
            slot = connection.next

    def _number(self, connection: Any) -> int:
        return self._numbers[connection.serial]

    def _take(self, outcome: Outcome) -> None:
        for _, connection in self._chain(self.bench.pool.first):
            self._numbers.setdefault(connection.serial, len(self._numbers))
        connections = self.bench.world.connections
        self.grants = [
            (request, self._number(connections[slot])) for request, slot in outcome.grants
        ]
        self.failures = [(request, ERROR_NAMES[error]) for request, error in outcome.failures]
