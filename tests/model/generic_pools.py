"""A pool of the generic driver on a bench: its rules driven operation by operation, without an
engine, with time that passes when the test says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from poolsim.engine.draws import Draws
from poolsim.model.build import build
from poolsim.model.client.session import start_sessions
from poolsim.model.connection.ready import take_ready
from poolsim.model.dispatch import handlers
from poolsim.model.drivers.generic import borrow, lost, response_step, timed_out
from poolsim.model.drivers.generic.reading import BEING_READ
from poolsim.model.kinds import (
    ANSWER,
    CLEANUP,
    ERROR_NAMES,
    EXECUTOR,
    NOTE_NAMES,
    QUEUE_TIMEOUT,
    RECONNECTION,
)
from poolsim.model.records import (
    IN_FLIGHT,
    ORPHANED,
    QUEUED,
    SENT,
    SKIPPED,
    STEP_DELIVER,
    World,
    slotted,
)
from poolsim.model.slots import finish_attempt, new_attempt
from poolsim.scenario.load import load_text

MILLISECOND = 1_000_000
POOL = 0
KEPT = (QUEUE_TIMEOUT, ANSWER, RECONNECTION, CLEANUP, EXECUTOR)
"""What the bench's agenda keeps; it forgets what the node and the timers of requests would do."""


@dataclass(frozen=True)
class Settings:
    """Options of a pool; times in milliseconds, watermarks in per cent."""

    core: int = 1
    max: int = 8
    max_requests: int = 1024
    high: int = 80
    low: int = 50
    policy: str = "queue"
    pipelining: bool = True
    allocation: str = "pooled"
    streams: int = 0
    selection: str = "least_loaded"
    shards: int = 0
    queue_timeout: int = 12_000
    idle_timeout: int = 120_000
    idle_check: int = 1_000
    base: int = 1_000
    longest: int = 60_000
    opens: int = 2
    warming: str = "before_start"

    def scenario_text(self) -> str:
        return f"""
name: bench
duration: 1h
cluster:
  datacenters: {{dc1: {{nodes: 1, replication_factor: 1, network: {{delay: 0s}}}}}}
  node: {{service: {{constant: 1ms}}}}
clients:
  - name: bench
    driver: generic
    load: {{uniform: {{rate: 1/s}}}}
    options:
      pooling:
        local: {{core: {self.core}, max: {self.max}, max_requests: {self.max_requests}}}
        selection: {self.selection}
        shards: {self.shards}
        idle_timeout: {self.idle_timeout}ms
        idle_check: {self.idle_check}ms
        concurrent_opens: {self.opens}
        warming: {self.warming}
      streams: {{allocation: {self.allocation}, max: {self.streams}}}
      backpressure:
        {{high_watermark: {self.high}%, low_watermark: {self.low}%, policy: {self.policy},
          queue_timeout: {self.queue_timeout}ms}}
      pipelining: {str(self.pipelining).lower()}
      heartbeat: {{interval: 0s}}
      read_timeout: 0s
      reconnection: {{exponential: {{base: {self.base}ms, max: {self.longest}ms}}}}
      components: {{stream_allocation: 0s, prepared_encoding: 0s, copy: 0s, syscall: 0s}}
"""


@dataclass(frozen=True)
class Connection:
    """A connection as it stands in its pool."""

    number: int
    sent: int
    orphans: int
    queued: int
    pressed: bool
    shard: int


@dataclass(frozen=True)
class State:
    """All that a pool's rules decide by."""

    connections: tuple[Connection, ...]
    queue: tuple[tuple[int, int], ...]
    """(request, number of the connection that it waits for, -1 for none)."""
    making: int
    up: bool
    reconnecting: int
    """Milliseconds until the next attempt, 0 while one is under way, -1 for none."""
    attempts_failed: int
    rejected: int


Entry = tuple[int, int, int, int]


def benched(world: World, draws: Draws, agenda: list[Entry]) -> None:
    """Give a world its draws and an agenda."""

    class BenchWorld(World):
        __slots__ = ()

        def schedule(self, time: int, kind: int, order: int, target: int) -> None:
            if kind in KEPT:
                heappush(agenda, (time, kind, order, target))

        def draw(self, lane: int, number: int, attempt: int) -> int:
            return draws.at(lane, number, attempt)

    world.__class__ = BenchWorld


@dataclass
class BenchedPool:
    """One pool of one host. Requests are named by numbers from 0."""

    settings: Settings
    now_ms: float = 0.0
    held: bool = False
    grants: list[tuple[int, int]] = field(default_factory=list)
    """(request, connection) of what the last operation sent."""
    failures: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        draws = Draws(1, 0)
        self.world: Any = build(load_text(self.settings.scenario_text()), draws)
        self.agenda: list[Entry] = []
        benched(self.world, draws, self.agenda)
        self.handlers = handlers()
        self.waiting_handshakes: list[int] = []
        self.attempts: dict[int, int] = {}
        self._waited: set[int] = set()
        start_sessions(self.world)
        self.world.run.starting = 1  # handshakes take no time, unless they are held
        self._settle()

    # What the tests ask -------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return int(self.now_ms * MILLISECOND)

    @property
    def pool(self) -> Any:
        return self.world.pools[POOL]

    def connections(self) -> list[Any]:
        found, c = [], self.pool.first
        while c >= 0:
            found.append(self.world.connections[c])
            c = found[-1].next
        return found

    @property
    def state(self) -> State:
        w = self.world
        host = w.hosts[POOL]
        queue, a = [], self.pool.queue_first
        while a >= 0:
            attempt = w.attempts[a]
            c = attempt.connection
            queue.append((attempt.request, w.connections[c].serial if c >= 0 else -1))
            a = attempt.next
        until = {0: -1, 1: (host.reconnect_at - self.now) // MILLISECOND, 2: 0}
        return State(
            connections=tuple(
                Connection(
                    one.serial,
                    one.in_flight - one.orphans,
                    one.orphans,
                    one.queued,
                    bool(one.pressed),
                    one.shard,
                )
                for one in self.connections()
            ),
            queue=tuple(queue),
            making=self.pool.making,
            up=bool(host.up),
            reconnecting=until[host.reconnecting],
            attempts_failed=host.reconnect_attempt if host.reconnecting else 0,
            rejected=self.pool.rejected,
        )

    def notes(self, *kinds: str) -> list[tuple[str, int]]:
        """(kind, value) of what was noted, in order."""
        rows = [self.world.notes[k : k + 6] for k in range(0, len(self.world.notes), 6)]
        named = [(NOTE_NAMES[row[1]], row[5]) for row in rows]
        return [one for one in named if one[0] in kinds]

    # Operations ---------------------------------------------------------------------------------

    def borrow(self, request: int, avoid: int = -1) -> str:
        self._begin()
        w = self.world
        while len(w.requests) <= request:
            w.requests.append(slotted("Request")())
        w.requests[request].number = request
        a = new_attempt(w)
        attempt = w.attempts[a]
        attempt.request, attempt.session, attempt.pool = request, 0, POOL
        attempt.avoid = self._slot(avoid) if avoid >= 0 else -1
        answer = borrow(w, POOL, a, self.now)
        attempt.avoid = -1
        w.requests[request].attempts += 1
        if answer in (SENT, QUEUED):
            self.attempts[request] = a
        else:
            finish_attempt(w, a)
        if answer == SENT:
            self.grants.append((request, w.connections[attempt.connection].serial))
        self._settle()
        return {SENT: "sent", QUEUED: "queued", SKIPPED: "skipped"}.get(
            answer, ERROR_NAMES[max(answer, 0)]
        )

    def respond(self, request: int) -> None:
        """The response of a request in flight, or of an orphan, has been read."""
        self._begin()
        w, a = self.world, self.attempts[request]
        attempt = w.attempts[a]
        assert attempt.state in (IN_FLIGHT, ORPHANED)
        if attempt.state == ORPHANED:
            del self.attempts[request]
        attempt.due = self.now
        attempt.holds += 1
        attempt.progress = BEING_READ
        response_step(w, a, self.now)
        self._settle()

    def time_out(self, request: int) -> None:
        self._begin()
        assert self.world.attempts[self.attempts[request]].state == IN_FLIGHT
        self.world.attempts[self.attempts[request]].request = -1
        timed_out(self.world, self.attempts[request], self.now)
        self._settle()

    def lose(self, number: int) -> None:
        self._begin()
        c = self._slot(number)
        for request in self.orphans:
            if self.world.attempts[self.attempts[request]].connection == c:
                del self.attempts[request]
        lost(self.world, c, self.now)
        self._settle()

    def hold(self, held: bool) -> None:
        """Hold handshakes from now on, or let them go."""
        self._begin()
        self.held = held
        self._settle()

    def refuse(self) -> None:
        """The oldest held handshake is refused."""
        self._begin()
        c = self.waiting_handshakes.pop(0)
        self.world.connections[c].ask_refused = 1
        self._handshake(c)
        self._settle()

    def wait(self, milliseconds: float) -> None:
        self._begin()
        until = self.now_ms + milliseconds
        while self.agenda and self.agenda[0][0] <= until * MILLISECOND:
            self.now_ms = self.agenda[0][0] / MILLISECOND
            self._settle()
        self.now_ms = until
        self._settle()

    def _slot(self, number: int) -> int:
        return next(
            c
            for c, one in enumerate(self.world.connections)
            if one.serial == number and one.state == 2
        )

    def _begin(self) -> None:
        self.grants, self.failures = [], []
        self._waited = set(self.waiting)

    def _settle(self) -> None:
        """Do what is due at this instant, in canonical order; handshakes last."""
        w = self.world
        while True:
            self._take_ready()
            if self.agenda and self.agenda[0][0] <= self.now:
                _, kind, _, target = heappop(self.agenda)
                if kind == ANSWER:
                    self.waiting_handshakes.append(target)
                else:
                    self.handlers[kind](w, target, self.now)
            elif self.waiting_handshakes and not self.held:
                self._handshake(self.waiting_handshakes.pop(0))
            else:
                return

    def _handshake(self, c: int) -> None:
        self.world.connections[c].answer_at = self.now
        self.handlers[ANSWER](self.world, c, self.now)

    def _take_ready(self) -> None:
        w = self.world
        a = take_ready(w)
        while a >= 0:
            attempt = w.attempts[a]
            del self.attempts[attempt.request]
            if attempt.step != STEP_DELIVER:
                self.failures.append((attempt.request, ERROR_NAMES[attempt.error]))
            finish_attempt(w, a)
            a = take_ready(w)
        waiting = set(self.waiting)
        for request in self._waited - waiting:
            attempt = w.attempts[self.attempts[request]] if request in self.attempts else None
            if attempt is not None and attempt.state == IN_FLIGHT:
                self.grants.append((request, w.connections[attempt.connection].serial))
        self._waited = waiting

    # Requests by what they do ---------------------------------------------------------------------

    def requests_in(self, state: int) -> list[int]:
        return [r for r, a in self.attempts.items() if self.world.attempts[a].state == state]

    @property
    def waiting(self) -> list[int]:
        found, a = [], self.pool.queue_first
        while a >= 0:
            found.append(self.world.attempts[a].request)
            a = self.world.attempts[a].next
        return found

    @property
    def in_flight(self) -> list[int]:
        return self.requests_in(IN_FLIGHT)

    @property
    def orphans(self) -> list[int]:
        return self.requests_in(ORPHANED)


def with_(settings: Settings, **changes: Any) -> Settings:
    return replace(settings, **changes)
