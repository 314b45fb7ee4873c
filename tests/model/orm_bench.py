"""A CassandraORM pool on the bench, and a plain model of its circuit breaker and its sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolsim.fidelity.bench import POOL, Outcome
from poolsim.fidelity.nodejs_bench import NodejsBench
from poolsim.model.kinds import LOST
from poolsim.model.wrappers import cassandraorm
from poolsim.model.wrappers.cassandraorm import breaker, sizing


@dataclass(frozen=True)
class Settings:
    """In whole milliseconds and thousandths; adaptive pooling where `adaptive`."""

    core: int
    most: int
    requests: int
    threshold: int
    recovery_ms: int
    trials: int
    idle_ms: int
    adaptive: bool = False
    fewest: int = 1
    target: int = 700
    up: int = 800
    down: int = 300


MS = 1_000_000


class OrmBench(NodejsBench):
    """The rules; what `client/request.py` asks of them at the end of an attempt is asked here."""

    driver = "cassandraorm"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__(settings.core, settings.requests, defunct_threshold=1 << 30)

    def _prepare(self) -> None:
        super()._prepare()
        own = self._settings
        client = self.world.clients[0]
        client.orm_advanced = 1
        client.orm_threshold = own.threshold
        client.orm_recovery_timeout = own.recovery_ms * MS
        client.orm_trials = own.trials
        if own.adaptive:
            client.orm_adaptive_interval = 30_000 * MS
            client.orm_adaptive_min = own.fewest
            client.orm_adaptive_max = own.most
            client.orm_target, client.orm_scale_up = own.target, own.up
            client.orm_scale_down = own.down
        self.world.options[0].idle_timeout = own.idle_ms * MS
        pool = self.world.pools[POOL]
        pool.orm_floor = own.fewest if own.adaptive else own.core
        pool.orm_initial, pool.orm_most = own.core, own.most
        other = self.world.pools[1]
        other.orm_floor = other.orm_initial = other.orm_most = 1

    def time_out(self, request: int, now_ns: int) -> Outcome:
        a = self.attempts[request]
        outcome = super().time_out(request, now_ns)
        breaker.failed(self.world, POOL, a, now_ns)
        return outcome

    def _fail(self, a: int, outcome: Outcome) -> None:
        if self.world.attempts[a].error == LOST:
            breaker.failed(self.world, POOL, a, self.now_ns)
        super()._fail(a, outcome)

    now_ns = 0

    def adapt(self, now_ns: int) -> Outcome:
        sizing.adapt_all(self.world, 0, now_ns)
        return self.settle(now_ns)

    def look_for_idleness(self, connection: int, now_ns: int) -> Outcome:
        self.world.connections[connection].orm_idle_at = now_ns
        cassandraorm.connection_due(self.world, connection, now_ns)
        return self.settle(now_ns)


@dataclass
class Naive:
    """The same in the plainest words. A connection is a list of what is in flight on it: requests
    and, negative, those that timed out."""

    settings: Settings
    connections: dict[int, list[int]] = field(default_factory=dict)
    draining: dict[int, list[int]] = field(default_factory=dict)
    used_ms: dict[int, int] = field(default_factory=dict)
    size: int = 0
    state: str = "closed"
    failures: int = 0
    opened_ms: int = 0
    trials: set[int] = field(default_factory=set)
    started: int = 0
    answered: int = 0
    up: bool = True

    def takes(self, now_ms: int) -> str:
        """What a request finds: granted, refused, full, nothing or down."""
        if not self.up:
            return "down"
        if self.state == "open" and now_ms - self.opened_ms >= self.settings.recovery_ms:
            self.state, self.started, self.answered = "half open", 0, 0
            self.trials.clear()
        if self.state == "open" or (
            self.state == "half open" and self.started == self.settings.trials
        ):
            return "refused"
        if any(len(held) < self.settings.requests for held in self.connections.values()):
            return "granted"
        room = self.size < self.settings.most and len(self.connections) >= self.size
        if room and not self.settings.adaptive:
            self.size += 1
        return "full" if self.connections else "nothing"

    def grant(self, request: int, connection: int, now_ms: int) -> None:
        self.connections[connection].append(request)
        self.used_ms[connection] = now_ms
        if self.state == "half open":
            self.started += 1
            self.trials.add(request)

    def succeed(self, request: int, now_ms: int) -> None:
        connection = self.of(request)
        self.used_ms[connection] = now_ms
        self.end(request)
        if self.state == "closed":
            self.failures = 0
        elif self.state == "half open" and request in self.trials:
            self.answered += 1
            if self.answered == self.settings.trials:
                self.state, self.failures = "closed", 0

    def fail(self, request: int, now_ms: int) -> None:
        if self.state == "closed":
            self.failures += 1
            if self.failures < self.settings.threshold:
                return
        elif self.state != "half open" or request not in self.trials:
            return
        self.state, self.opened_ms = "open", now_ms

    def of(self, request: int) -> int:
        everything: dict[int, list[int]] = {**self.connections, **self.draining}
        return next(c for c, held in everything.items() if request in held)

    def end(self, request: int) -> None:
        connection = self.of(request)
        for group in (self.connections, self.draining):
            if connection in group:
                group[connection].remove(request)
        if not self.draining.get(connection, [0]):
            del self.draining[connection]

    def lose(self, connection: int) -> list[int]:
        """Who was in flight there, in the order of their stream ids."""
        group = self.connections if connection in self.connections else self.draining
        held = group.pop(connection)
        if not self.connections and self.size:
            self.up = False
        return held

    def retire(self, connection: int) -> None:
        held = self.connections.pop(connection)
        if held:
            self.draining[connection] = held

    def adapted_size(self) -> int:
        """What an evaluation makes of the size."""
        own = self.settings
        active = len(self.connections)
        if active != self.size or not active:
            return self.size
        load = sum(len(held) for held in self.connections.values())
        share = 1_000 * load / (active * own.requests)
        aim = -(-load * 1_000 // (own.target * own.requests))
        size = self.size
        if share > own.up:
            size = max(aim, size + 1)
        elif share < own.down:
            size = min(aim, size - 1)
        return min(max(size, own.fewest), own.most)


def state_of(pool: Any) -> str:
    """The circuit's state by its name."""
    return ("closed", "open", "half open")[pool.orm_circuit]
