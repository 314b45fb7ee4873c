"""What the tests of the Python driver's rules share: a pool on the bench, scenarios, runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poolsim.engine.run import SimulationEnd, simulate
from poolsim.fidelity.bench import POOL, Bench, Outcome
from poolsim.invariants import checks
from poolsim.model.client.session import answer, ask_timeout, execute
from poolsim.model.connection.ready import take_ready
from poolsim.model.drivers import python
from poolsim.model.kinds import NOTE_NAMES, OUTCOME_NAMES
from poolsim.model.records import GRANTED, IDLE, ORPHANED, QUEUED, STEP_SEND
from poolsim.model.slots import finish_attempt, new_attempt
from poolsim.scenario.scenario import (
    Balancing,
    Client,
    Datacenter,
    Fault,
    Law,
    Load,
    Node,
    Options,
    Pooling,
    Reconnection,
    Replications,
    Scenario,
)

MS = 1_000_000
SECOND = 1_000 * MS
V3 = Pooling(core=1, max=1, max_requests=32768)
LEGACY = Pooling(core=2, max=8, max_requests=100, min_requests=5)
LEGACY_REMOTE = Pooling(core=1, max=2, max_requests=100, min_requests=5)
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
        self.world.rotation_nodes.append(-1)  # room for the host when it comes back
        self.session.control_state = python.CONTROL_CONNECTING  # and for ever

    @property
    def host(self) -> Any:
        return self.world.hosts[POOL]

    @property
    def session(self) -> Any:
        return self.world.sessions[0]

    def active(self) -> list[Any]:
        """Records of the pool's connections, in its order."""
        return self._walk(self.pool.first)

    def trash(self) -> list[Any]:
        return self._walk(self.pool.trash_first)

    def _walk(self, c: int) -> list[Any]:
        found = []
        while c >= 0:
            found.append(self.world.connections[c])
            c = found[-1].next
        return found

    def slot(self, connection: Any) -> int:
        return next(c for c, other in enumerate(self.world.connections) if other is connection)

    def borrow(self, request: int, now_ns: int) -> tuple[int, Outcome]:
        self.now_ns = now_ns
        w = self.world
        a = new_attempt(w)
        w.attempts[a].request = request
        w.attempts[a].pool = POOL
        answered = python.borrow(w, POOL, a, now_ns)
        outcome = Outcome()
        if answered in (GRANTED, QUEUED):
            self.attempts[request] = a
            if answered == GRANTED and not self._send_or_fail(a):
                outcome.failures.append((request, SENT_IN_VAIN))
        else:
            finish_attempt(w, a)
        later = self.settle(now_ns)
        return answered, Outcome(later.grants, outcome.failures + later.failures)

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

    def expire(self, request: int, now_ns: int) -> Outcome:
        python.expire(self.world, POOL, self.attempts[request], now_ns)
        return self.settle(now_ns)

    def refuse(self, now_ns: int) -> Outcome:
        _, c = self.world.answers.pop(0)
        self.world.connections[c].ask_refused = 1
        self._answer(c, now_ns)
        return self.settle(now_ns)

    def settle(self, now_ns: int) -> Outcome:
        self.now_ns = now_ns
        outcome = Outcome()
        w = self.world
        while True:
            self._take_ready(outcome)
            if w.tasks_due:
                execute(w, w.tasks_due.pop(0)[1], now_ns)
            elif w.answers and not self.held:
                self._answer(w.answers.pop(0)[1], now_ns)
            else:
                return outcome

    def _answer(self, c: int, now_ns: int) -> None:
        self.world.connections[c].answer_at = now_ns
        answer(self.world, c, now_ns)

    def check(self) -> None:
        """What must hold between two operations."""
        for invariant in (
            checks.streams_are_unique_and_within_their_limit,
            checks.connections_are_conserved,
            checks.pools_count_what_they_hold,
        ):
            assert invariant(self.world, self.now_ns) == ""

    def _take_ready(self, outcome: Outcome) -> None:
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
                if self._send_or_fail(a):
                    outcome.grants.append((request, c))
                else:
                    outcome.failures.append((request, SENT_IN_VAIN))
            a = take_ready(w)

    def _send_or_fail(self, a: int) -> bool:
        attempt = self.world.attempts[a]
        if self.world.connections[attempt.connection].defunct == 0:
            self._send(a)
            return True
        del self.attempts[attempt.request]
        attempt.state = IDLE
        python.give_back(self.world, a, 1, self.now_ns)
        finish_attempt(self.world, a)
        return False


def scenario(
    *,
    protocol: int = 4,
    local: Pooling | None = None,
    nodes: int = 3,
    replication: int = 2,
    datacenters: tuple[Datacenter, ...] = (),
    duration: int = 60 * SECOND,
    load: Load | None = None,
    faults: tuple[Fault, ...] = (),
    service: Law | None = None,
    workers: int = 8,
    issue: int = 10_000,
    request_timeout: int = 10 * SECOND,
    heartbeat_interval: int = 30 * SECOND,
    heartbeat_timeout: int = 30 * SECOND,
    reconnection: Reconnection | None = None,
    threads: int = 2,
    status_events: bool = True,
    connect_to_remote_hosts: bool = True,
    remote_hosts: int = 0,
    token_aware: bool = True,
    instances: int = 1,
    changes: tuple[Any, ...] = (),
    seed: int = 1,
) -> Scenario:
    """A scenario of one client of the Python driver with its defaults, one way delay 0.25 ms."""
    pooling = local or (V3 if protocol >= 3 else LEGACY)
    options = Options(
        local=pooling,
        remote=V3 if protocol >= 3 else LEGACY_REMOTE,
        idle_timeout_ns=0,
        pool_timeout_ns=2 * SECOND,
        max_queue_size=0,
        heartbeat_interval_ns=heartbeat_interval,
        heartbeat_timeout_ns=heartbeat_timeout,
        connect_timeout_ns=5 * SECOND,
        read_timeout_ns=request_timeout,
        reconnection=reconnection or Reconnection("exponential", SECOND, 600 * SECOND, 64),
        balancing=Balancing("dc_aware_round_robin", token_aware, False, remote_hosts),
        retry="default",
        executor_threads=threads,
        status_events=status_events,
        connect_to_remote_hosts=connect_to_remote_hosts,
        keyspace=True,
        authentication_round_trips=0,
    )
    client = Client(
        name="api",
        instances=instances,
        datacenter="dc1",
        driver="python",
        protocol=protocol,
        idempotent=0.0,
        options=options,
        issue_ns=issue,
        per_request_ns=0,
        io_threads=1,
        load=load or Load("poisson", rate=100.0),
        max_concurrent=0,
    )
    return Scenario(
        name="python",
        question="",
        seed=seed,
        duration_ns=duration,
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=datacenters or (Datacenter("dc1", nodes, replication, 1, MS // 4),),
        node=Node(workers, service or Law("constant", mean_ns=MS)),
        clients=(client,),
        faults=faults,
        changes=changes,
    )


def at(*times_ns: int) -> Load:
    """Requests at these instants."""
    return Load("trace", times_ns=times_ns)


def fault(kind: str, node: int, at_ns: int, for_ns: int = 0, factor: float = 1.0) -> Fault:
    """A fault of a node of dc1, counted from 0."""
    return Fault(at_ns, for_ns, node, f"dc1/{node + 1}", kind, factor)


@dataclass
class Ran:
    """A run: rows of requests by column name, events of interest, samples."""

    end: SimulationEnd
    requests: np.ndarray
    events: np.ndarray
    samples: list[tuple[int, np.ndarray]]

    def column(self, name: str) -> list[int]:
        from poolsim.recording.columns import REQUEST_COLUMNS

        return [int(value) for value in self.requests[:, REQUEST_COLUMNS.index(name)]]

    def outcomes(self) -> list[str]:
        return [OUTCOME_NAMES[code] for code in self.column("outcome")]

    def noted(self, *names: str) -> list[tuple[int, str, int, int]]:
        """(time in ns, name, node, value) of the events with these names, all without names."""
        return [
            (int(time), NOTE_NAMES[kind], int(node), int(value))
            for time, kind, _session, node, _connection, value in self.events
            if not names or NOTE_NAMES[kind] in names
        ]


@dataclass
class _Rows:
    interval_ns: int = 100 * MS
    request_rows: list[Any] = field(default_factory=list)
    note_rows: list[Any] = field(default_factory=list)
    samples: list[Any] = field(default_factory=list)

    def requests(self, rows: Any) -> None:
        self.request_rows.append(rows)

    def notes(self, rows: Any) -> None:
        self.note_rows.append(rows)

    def sample(self, time_ns: int, table: Any) -> None:
        self.samples.append((time_ns, table))


def run(asked: Scenario, attachments: tuple[Any, ...] = ()) -> Ran:
    """Run a scenario once; its invariants are checked on the way."""
    rows = _Rows()
    end = simulate(asked, 0, rows, attachments=attachments)
    none = np.zeros((0, 12), dtype=np.int64)
    return Ran(
        end,
        np.concatenate([none, *rows.request_rows]),
        np.concatenate([none[:, :6], *rows.note_rows]),
        rows.samples,
    )
