"""Runs made of numpy rows, for tests of what comes after an engine.

A first-come-first-served server per client stands for the cluster: Poisson arrivals, exponential
service, Lindley's recursion for the wait. No engine is needed, and theory knows the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from poolsim.recording.columns import REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import (
    Balancing,
    Client,
    Datacenter,
    Law,
    Load,
    Node,
    Options,
    Pooling,
    Reconnection,
    Replications,
    Scenario,
)

Rows = npt.NDArray[np.int64]
SECOND = 1_000_000_000
MILLISECOND = 1_000_000
COLUMN = {name: place for place, name in enumerate(REQUEST_COLUMNS)}
SAMPLE = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}


def options(**changed: Any) -> Options:
    """java3 options of the thread's example: core 2, max 8, 128 requests, threshold 100."""
    pooling = Pooling(core=2, max=8, max_requests=128, new_connection_threshold=100)
    complete = Options(
        local=pooling,
        remote=pooling,
        idle_timeout_ns=120 * SECOND,
        pool_timeout_ns=5 * SECOND,
        max_queue_size=256,
        heartbeat_interval_ns=30 * SECOND,
        heartbeat_timeout_ns=12 * SECOND,
        connect_timeout_ns=5 * SECOND,
        read_timeout_ns=12 * SECOND,
        reconnection=Reconnection("exponential", SECOND, 600 * SECOND),
        balancing=Balancing("dc_aware_round_robin", True, True, 0),
        retry="default",
        executor_threads=2,
        status_events=True,
        connect_to_remote_hosts=False,
        keyspace=True,
        authentication_round_trips=0,
    )
    return replace(complete, **changed)


def client(name: str = "api", instances: int = 1, **changed: Any) -> Client:
    complete = Client(
        name=name,
        instances=instances,
        datacenter="dc1",
        driver="java3",
        protocol=4,
        idempotent=0.0,
        options=options(),
        issue_ns=10_000,
        per_request_ns=0,
        io_threads=2,
        load=Load("poisson", rate=1000.0),
        max_concurrent=0,
    )
    return replace(complete, **changed)


def scenario(**changed: Any) -> Scenario:
    """Three nodes, one client of one instance, ten seconds, no warm-up."""
    complete = Scenario(
        name="synthetic",
        question="",
        seed=7,
        duration_ns=10 * SECOND,
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=(Datacenter("dc1", 3, 3, 1, 250_000),),
        node=Node(8, Law("exponential", mean_ns=1_400_000)),
        clients=(client(),),
    )
    return replace(complete, **changed)


def request_rows(intended_ns: Rows, latency_ns: Rows, **columns: Any) -> Rows:
    """Rows in the order of their ends; columns not given are those of a quick success."""
    rows = np.zeros((len(intended_ns), len(REQUEST_COLUMNS)), dtype=np.int64)
    rows[:, COLUMN["number"]] = np.arange(len(rows))
    rows[:, COLUMN["attempts"]] = 1
    rows[:, COLUMN["intended_ns"]] = rows[:, COLUMN["issued_ns"]] = intended_ns
    rows[:, COLUMN["service_ns"]] = latency_ns
    rows[:, COLUMN["ended_ns"]] = intended_ns + latency_ns
    for name, values in columns.items():
        rows[:, COLUMN[name]] = values
    return rows[np.argsort(rows[:, COLUMN["ended_ns"]], kind="stable")]


def queue_rows(
    rate: float, mean_service_s: float, duration_ns: int, random: np.random.Generator
) -> Rows:
    """Requests of an M/M/1 queue that starts empty; those that end after the duration are left
    out."""
    count = int(rate * duration_ns / SECOND * 1.2) + 100
    arrivals = np.cumsum(random.exponential(SECOND / rate, count)).astype(np.int64)
    service = random.exponential(mean_service_s * SECOND, count).astype(np.int64) + 1
    # Lindley: the unfinished work that each arrival finds, as a walk reflected at 0.
    steps = service[:-1] - np.diff(arrivals)
    walk = np.concatenate(([0], np.cumsum(steps)))
    wait = walk - np.minimum.accumulate(np.minimum(walk, 0))
    rows = request_rows(arrivals, wait + service, wait_ns=wait, service_ns=service)
    return rows[rows[:, COLUMN["ended_ns"]] < duration_ns]


def sample_table(of: Scenario, **columns: Any) -> Rows:
    """A sample of all clients and nodes; a column may be a number or one value per row."""
    table = np.zeros((len(of.clients) * len(of.node_names), len(SAMPLE_COLUMNS)), dtype=np.int64)
    for name, values in columns.items():
        table[:, SAMPLE[name]] = values
    return table


def sample_all(recorder: Recorder, of: Scenario, at: Callable[[float], dict[str, Any]]) -> None:
    """Samples at every instant that the recorder asks for; `at` gives the columns at a second."""
    for time_ns in recorder.sample_times_ns.tolist():
        recorder.sample(time_ns, sample_table(of, **at(time_ns / SECOND)))


def batches(rows: Rows, sizes: list[int]) -> list[Rows]:
    """The rows in batches of the given sizes, over and over, the rest last."""
    found, start, turn = [], 0, 0
    while start < len(rows):
        size = sizes[turn % len(sizes)]
        found.append(rows[start : start + size])
        start, turn = start + size, turn + 1
    return found


@dataclass(frozen=True)
class End:
    """What an engine returns."""

    end_ns: int
    unfinished: tuple[int, ...]
    events: int


def simulate(
    scenario: Scenario,
    replication: int,
    recorder: Recorder,
    *,
    engine: str,
    progress: Callable[[float, int], None] | None,
) -> End:
    """Stands for an engine: an M/M/1 queue per client, its rate that of the load."""
    random = np.random.default_rng([scenario.seed, replication])
    session, parts = 0, []
    for entry in scenario.clients:
        mean_s = scenario.node.service.mean_ns / SECOND
        rows = queue_rows(entry.load.rate, mean_s, scenario.duration_ns, random)
        rows[:, COLUMN["session"]] = session
        session += entry.instances
        parts.append(rows)
    joined = np.concatenate(parts)
    joined = joined[np.argsort(joined[:, COLUMN["ended_ns"]], kind="stable")]
    for number, batch in enumerate(batches(joined, [8192])):
        recorder.requests(batch)
        if progress is not None:
            progress((number + 1) * 8192 / len(joined), recorder.request_count)
    sample_all(recorder, scenario, lambda _: {"active": 2, "max_load": 256})
    return End(scenario.duration_ns, (0,) * len(scenario.clients), 4 * len(joined))
