"""One pool on the bench: a driver's rules driven operation by operation, without an engine.

The bench stands in for everything around a pool: its agenda runs executor tasks at once, lets
handshakes succeed unless they are held, and leaves timers alone, since whoever drives the bench
says when a queue times out or a cleanup runs. Used to replay recorded decisions and to test rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from poolsim.model.build import slotted_of
from poolsim.model.client.session import answer, execute
from poolsim.model.connection.ready import take_ready
from poolsim.model.connection.streams import free_stream, take_stream
from poolsim.model.drivers.ports import (
    borrow,
    give_back,
    late_response,
    timed_out,
)
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.kinds import ANSWER, EXECUTOR, LOST, NO_STREAM
from poolsim.model.records import (
    GRANTED,
    IDLE,
    IN_FLIGHT,
    ORPHANED,
    QUEUED,
    STEP_SEND,
    WAITING,
    World,
)
from poolsim.model.slots import finish_attempt, new_attempt
from poolsim.scenario.scenario import Pooling

POOL = 0
"""The bench's one pool."""


class BenchWorld(World):
    """A world whose agenda keeps handshakes' answers and executor tasks and forgets the rest."""

    __slots__ = ("answers", "tasks_due")

    def __init__(self) -> None:
        super().__init__()
        self.tasks_due: list[tuple[int, int]] = []
        self.answers: list[tuple[int, int]] = []

    def schedule(self, time: int, kind: int, order: int, target: int) -> None:
        """Keep what the bench itself will run."""
        del order
        if kind == EXECUTOR:
            self.tasks_due.append((time, target))
        elif kind == ANSWER:
            self.answers.append((time, target))


@dataclass
class Outcome:
    """What one operation led to: requests served and failed, in order."""

    grants: list[tuple[int, int]] = field(default_factory=list)
    """(request, connection slot)."""
    failures: list[tuple[int, int]] = field(default_factory=list)
    """(request, error of model.kinds)."""
    picked: int = -1
    """Slot of the connection that a borrow was granted."""


class Bench:
    """A pool of one driver with given options, its initial connections made.

    Requests are named by any integers the caller likes.
    """

    world_type: type[BenchWorld] = BenchWorld

    def __init__(
        self,
        driver: str,
        protocol: int,
        pooling: Pooling,
        *,
        idle_timeout_ns: int,
        pool_timeout_ns: int,
        max_queue_size: int,
        stream_limit: int,
        reconnection_base_ns: int = 1_000_000_000,
        reconnection_max_ns: int = 600_000_000_000,
    ) -> None:
        self.world = self.world_type()
        _furnish(self.world, driver, protocol, stream_limit)
        self.world.clients[0].reconnection_base = reconnection_base_ns
        self.world.clients[0].reconnection_max = reconnection_max_ns
        for _ in range(2):
            options = slotted_of("options")()
            options.core = pooling.core
            options.max = pooling.max
            options.max_requests = pooling.max_requests
            options.threshold = pooling.new_connection_threshold
            options.min_requests = pooling.min_requests
            options.idle_timeout = idle_timeout_ns
            options.pool_timeout = pool_timeout_ns
            options.max_queue_size = max_queue_size
            self.world.options.append(options)
        self.rules = DRIVERS[driver]
        self.attempts: dict[int, int] = {}
        self.held = False
        self._prepare()
        self.rules.start_session(self.world, 0, 0)
        self.settle(0)

    def _prepare(self) -> None:
        """Set what a driver needs besides, before its session starts."""

    @property
    def pool(self) -> Any:
        """The pool's record."""
        return self.world.pools[POOL]

    def borrow(
        self, request: int, now_ns: int, *, timeout_ns: int | None = None
    ) -> tuple[int, Outcome]:
        """One acquisition: its answer (GRANTED, QUEUED or an error) and what followed.

        `timeout_ns` is this acquisition's own pool timeout.
        """
        w = self.world
        if request in self.attempts:
            raise ValueError(f"request {request} is under way already")
        options = w.options[self.pool.options]
        usual = options.pool_timeout
        options.pool_timeout = usual if timeout_ns is None else timeout_ns
        a = new_attempt(w)
        w.attempts[a].request = request
        w.attempts[a].pool = POOL
        answered: int = borrow(w, POOL, a, now_ns)
        options.pool_timeout = usual
        outcome = Outcome()
        if answered in (GRANTED, QUEUED):
            self.attempts[request] = a
        else:
            finish_attempt(w, a)
        if answered == GRANTED:
            outcome.picked = w.attempts[a].connection
            if not self._try_to_send(a):
                self._give_up(a, outcome, now_ns)
        return answered, self._settle(outcome, now_ns)

    def release(self, request: int, now_ns: int) -> Outcome:
        """The response of a request in flight arrives."""
        a = self._attempt(request, IN_FLIGHT)
        attempt = self.world.attempts[a]
        del self.attempts[request]
        free_stream(self.world, attempt.connection, attempt.stream)
        give_back(self.world, a, 0, now_ns)
        finish_attempt(self.world, a)
        return self.settle(now_ns)

    def time_out(self, request: int, now_ns: int) -> Outcome:
        """A request in flight times out; it stays known until its late response."""
        timed_out(self.world, self._attempt(request, IN_FLIGHT), now_ns)
        return self.settle(now_ns)

    def late_response(self, request: int, now_ns: int) -> Outcome:
        """The response of a request that timed out arrives."""
        a = self._attempt(request, ORPHANED)
        attempt = self.world.attempts[a]
        del self.attempts[request]
        free_stream(self.world, attempt.connection, attempt.stream)
        late_response(self.world, a, now_ns)
        finish_attempt(self.world, a)
        return self.settle(now_ns)

    def expire(self, request: int, now_ns: int) -> Outcome:
        """A request in the queue has waited for the pool timeout."""
        a = self._attempt(request, WAITING)
        del self.attempts[request]
        self.rules.expire(self.world, POOL, a, now_ns)
        return self.settle(now_ns)

    def cleanup(self, now_ns: int, *, clock_ns: int | None = None) -> Outcome:
        """One run of the periodic cleanup.

        `clock_ns` is what the driver's clock says where that is not `now_ns`: connections are
        trashed until an idle timeout after the one, and close when their time is before the other.
        """
        options = self.world.options[self.pool.options]
        usual = options.idle_timeout
        if clock_ns is not None:
            options.idle_timeout += clock_ns - now_ns
        self.rules.cleanup(self.world, POOL, now_ns)
        options.idle_timeout = usual
        return self.settle(now_ns if clock_ns is None else clock_ns)

    def lose(self, connection: int, now_ns: int) -> Outcome:
        """A connection breaks."""
        self.rules.lost(self.world, connection, now_ns)
        return self.settle(now_ns)

    def hold(self, held: bool, now_ns: int) -> Outcome:
        """Hold handshakes from now on, or let them go."""
        self.held = held
        return self.settle(now_ns)

    def refuse(self, now_ns: int) -> Outcome:
        """The oldest held handshake is refused."""
        _, c = self.world.answers.pop(0)
        self.world.connections[c].ask_refused = 1
        self._answer(c, now_ns)
        return self.settle(now_ns)

    def _attempt(self, request: int, state: int) -> int:
        """The attempt of a request that is known and in a state."""
        a = self.attempts[request]
        attempt = self.world.attempts[a]
        if attempt.request != request or attempt.state != state:
            raise ValueError(f"request {request} is not in the state that this asks for")
        return a

    def settle(self, now_ns: int) -> Outcome:
        """Run what is due until nothing is, and take what the rules left on the ready list."""
        return self._settle(Outcome(), now_ns)

    def _settle(self, outcome: Outcome, now_ns: int) -> Outcome:
        w = self.world
        while True:
            self._take_ready(outcome, now_ns)
            if w.tasks_due:
                execute(w, w.tasks_due.pop(0)[1], now_ns)
            elif w.answers and not self.held:
                self._answer(w.answers.pop(0)[1], now_ns)
            else:
                return outcome

    def _answer(self, c: int, now_ns: int) -> None:
        """A handshake ends now, whenever it began."""
        self.world.connections[c].answer_at = now_ns
        answer(self.world, c, now_ns)

    def _take_ready(self, outcome: Outcome, now_ns: int) -> None:
        w = self.world
        a = take_ready(w)
        while a >= 0:
            attempt = w.attempts[a]
            if attempt.step == STEP_SEND:
                if self._try_to_send(a):
                    outcome.grants.append((attempt.request, attempt.connection))
                else:
                    self._give_up(a, outcome, now_ns)
            else:
                self._fail(a, outcome)
            a = take_ready(w)

    def _give_up(self, a: int, outcome: Outcome, now_ns: int) -> None:
        """Give back a connection on which nothing could be written."""
        self.world.attempts[a].state = IDLE
        give_back(self.world, a, 1, now_ns)
        self._fail(a, outcome)

    def _fail(self, a: int, outcome: Outcome) -> None:
        attempt = self.world.attempts[a]
        outcome.failures.append((attempt.request, attempt.error))
        self.attempts.pop(attempt.request, None)
        finish_attempt(self.world, a)

    def _send(self, a: int) -> None:
        assert self._try_to_send(a), "a connection was granted beyond its streams"

    def _try_to_send(self, a: int) -> bool:
        """Write an attempt on the connection it was granted; False where that cannot be."""
        attempt = self.world.attempts[a]
        if self.world.connections[attempt.connection].defunct == 1:
            attempt.error = LOST
            return False
        attempt.stream = take_stream(self.world, attempt.connection, a)
        attempt.state = IN_FLIGHT
        attempt.error = NO_STREAM
        sent: bool = attempt.stream >= 0
        return sent


def _furnish(w: World, driver: str, protocol: int, stream_limit: int) -> None:
    """One session, one host, and a control connection elsewhere that keeps the host up."""
    w.run.nodes = 1
    w.run.starting = 1
    traits = DRIVERS[driver].TRAITS
    for table in ("clients", "sessions", "hosts", "pools", "nodes", "rotations"):
        getattr(w, table).append(slotted_of(table)())
    for _ in range(2):
        w.threads.append(slotted_of("threads")())
        w.executors.append(slotted_of("executors")())
    client = w.clients[0]
    client.driver = list(DRIVERS).index(driver)
    client.protocol = protocol
    client.stream_limit = stream_limit
    client.round_trips = traits.handshake_messages
    client.one_core = int(traits.one_core)
    w.sessions[0].reconnector = 1
    w.pools[0].driver = client.driver
    w.hosts[0].conviction_open = 1
