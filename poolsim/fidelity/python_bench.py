"""A pool of the Python driver on the bench: what is peculiar to that driver.

A write on a dead connection fails, and whoever writes notices. A borrow that blocks ends when
whoever drives the bench says so, and so do the pause before a refused replacement and the delay
before a reconnection attempt.
"""

from __future__ import annotations

from typing import Any

from poolsim.fidelity.bench import POOL, Bench, Outcome
from poolsim.model.client.session import answer, ask_timeout, execute
from poolsim.model.connection.ready import take_ready
from poolsim.model.connection.streams import take_stream
from poolsim.model.drivers import python
from poolsim.model.records import GRANTED, IDLE, IN_FLIGHT, ORPHANED, QUEUED, STEP_SEND
from poolsim.model.slots import finish_attempt, new_attempt
from poolsim.scenario.scenario import Pooling

SECOND = 1_000_000_000
V3 = Pooling(core=1, max=1, max_requests=32768)
SENT_IN_VAIN = -1
"""Error of a request that was to be written on a dead connection."""


class PythonBench(Bench):
    """A pool of the Python driver on the bench; a write on a dead connection fails."""

    def __init__(self, protocol: int = 4, pooling: Pooling = V3, stream_limit: int = 32768) -> None:
        self.now_ns = 0
        super().__init__(
            "python",
            protocol,
            pooling,
            idle_timeout_ns=0,
            pool_timeout_ns=2 * SECOND,
            max_queue_size=0,
            stream_limit=stream_limit,
        )
        self.session.control_state = python.CONTROL_CONNECTING  # and for ever

    @property
    def host(self) -> Any:
        """The record of the pool's host."""
        return self.world.hosts[POOL]

    @property
    def session(self) -> Any:
        """The record of the session."""
        return self.world.sessions[0]

    def active(self) -> list[Any]:
        """Records of the pool's connections, in its order."""
        return self._walk(self.pool.first)

    def trash(self) -> list[Any]:
        """Records of the connections out of use, oldest first."""
        return self._walk(self.pool.trash_first)

    def _walk(self, c: int) -> list[Any]:
        found = []
        while c >= 0:
            found.append(self.world.connections[c])
            c = found[-1].next
        return found

    def slot(self, connection: Any) -> int:
        """Where a connection's record is kept."""
        return next(c for c, other in enumerate(self.world.connections) if other is connection)

    def borrow(
        self, request: int, now_ns: int, *, timeout_ns: int | None = None
    ) -> tuple[int, Outcome]:
        """One acquisition: its answer (GRANTED, QUEUED or an error) and what followed."""
        del timeout_ns  # a borrow waits until it is told to expire
        if request in self.attempts:
            raise ValueError(f"request {request} is under way already")
        self.now_ns = now_ns
        w = self.world
        a = new_attempt(w)
        w.attempts[a].request = request
        w.attempts[a].pool = POOL
        answered: int = python.borrow(w, POOL, a, now_ns)
        outcome = Outcome()
        if answered in (GRANTED, QUEUED):
            self.attempts[request] = a
            if answered == GRANTED and not self._write_or_fail(a):
                outcome.failures.append((request, SENT_IN_VAIN))
        else:
            finish_attempt(w, a)
        later = self.settle(now_ns)
        return answered, Outcome(later.grants, outcome.failures + later.failures)

    def expire(self, request: int, now_ns: int) -> Outcome:
        """A borrow has blocked for its timeout; it looks a last time."""
        python.expire(self.world, POOL, self.attempts[request], now_ns)
        return self.settle(now_ns)

    def time_out_handshake(self, now_ns: int) -> Outcome:
        """The oldest held handshake reaches the connect timeout, past TCP."""
        _, c = self.world.answers.pop(0)
        connection = self.world.connections[c]
        connection.ask_step = 1
        connection.ask_deadline = now_ns
        ask_timeout(self.world, c, now_ns)
        return self.settle(now_ns)

    def retry_replacement(self, now_ns: int) -> Outcome:
        """The pause after a refused replacement is over."""
        self.pool.replace_at = now_ns
        python.reconnection_due(self.world, POOL, now_ns)
        return self.settle(now_ns)

    def reconnect(self, now_ns: int) -> Outcome:
        """The reconnection attempt that is scheduled is due."""
        self.host.reconnect_at = now_ns
        python.reconnection_due(self.world, POOL, now_ns)
        return self.settle(now_ns)

    def update_pools(self, now_ns: int) -> Outcome:
        """Another host comes or goes: the session makes the pools that it lacks."""
        python.run_task(self.world, python.TASK_UPDATE, POOL, self.pool.generation, now_ns)
        return self.settle(now_ns)

    def cycle(self, silent: list[Any], now_ns: int) -> Outcome:
        """A heartbeat cycle comes to the pool; of its connections these have read nothing."""
        for connection in self.active():
            is_silent = any(connection is other for other in silent)
            connection.idle_since = connection.last_read if is_silent else connection.last_read - 1
        self.session.cycle_due = now_ns
        return self.go_on(now_ns)

    def go_on(self, now_ns: int) -> Outcome:
        """The thread of the heartbeats wakes."""
        python.heartbeat_cycle(self.world, 0, now_ns)
        return self.settle(now_ns)

    def is_orphan(self, request: int) -> bool:
        """Whether a late response of this request is still possible."""
        attempt = self.world.attempts[self.attempts[request]]
        return bool(attempt.state == ORPHANED and attempt.request == request)

    def settle(self, now_ns: int) -> Outcome:
        """Run what is due until nothing is, and take what the rules left on the ready list."""
        self.now_ns = now_ns
        outcome = Outcome()
        w = self.world
        while True:
            self._take_served(outcome)
            if w.tasks_due:
                execute(w, w.tasks_due.pop(0)[1], now_ns)
            elif w.answers and not self.held:
                c = w.answers.pop(0)[1]
                w.connections[c].answer_at = now_ns
                answer(w, c, now_ns)
            else:
                return outcome

    def _take_served(self, outcome: Outcome) -> None:
        w = self.world
        a = take_ready(w)
        while a >= 0:
            attempt = w.attempts[a]
            if attempt.step != STEP_SEND:
                outcome.failures.append((attempt.request, attempt.error))
                self.attempts.pop(attempt.request, None)
                finish_attempt(w, a)
            else:
                request, c = attempt.request, attempt.connection
                if self._write_or_fail(a):
                    outcome.grants.append((request, c))
                else:
                    outcome.failures.append((request, SENT_IN_VAIN))
            a = take_ready(w)

    def _write_or_fail(self, a: int) -> bool:
        attempt = self.world.attempts[a]
        if self.world.connections[attempt.connection].defunct == 0:
            attempt.stream = take_stream(self.world, attempt.connection, a)
            attempt.state = IN_FLIGHT
            assert attempt.stream >= 0, "a connection was granted beyond its streams"
            return True
        del self.attempts[attempt.request]
        attempt.state = IDLE
        python.give_back(self.world, a, 1, self.now_ns)
        finish_attempt(self.world, a)
        return False
