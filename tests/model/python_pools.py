"""What the tests of the Python driver's rules share: a pool on the bench, scenarios, runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poolsim.engine.run import SimulationEnd, simulate
from poolsim.fidelity.python_bench import SECOND, V3
from poolsim.fidelity.python_bench import PythonBench as Bench
from poolsim.invariants import checks
from poolsim.model.kinds import NOTE_NAMES, OUTCOME_NAMES
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
LEGACY = Pooling(core=2, max=8, max_requests=100, min_requests=5)
LEGACY_REMOTE = Pooling(core=1, max=2, max_requests=100, min_requests=5)


class PythonBench(Bench):
    """The bench of the Python driver, whose pool can be checked."""

    def check(self) -> None:
        """What must hold between two operations."""
        for invariant in (
            checks.streams_are_unique_and_within_their_limit,
            checks.connections_are_conserved,
            checks.pools_count_what_they_hold,
        ):
            assert invariant(self.world, self.now_ns) == ""


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
    tcp_nodelay: bool = True,
    idempotent: float = 0.0,
) -> Scenario:
    """A scenario of one client of the Python driver with its defaults, one way delay 0.25 ms, and
    without what its sockets would delay."""
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
        tcp_nodelay=tcp_nodelay,
    )
    client = Client(
        name="api",
        instances=instances,
        datacenter="dc1",
        driver="python",
        protocol=protocol,
        idempotent=idempotent,
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
