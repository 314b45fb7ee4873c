"""Recordings made from poolsim's own simulation, as a real driver that behaves as modelled would
leave them; and ways to make them differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from poolsim.fidelity.observed import OUTCOMES, Event
from poolsim.fidelity.plans import Plan, plan_of_text
from poolsim.fidelity.simulated import _drawn_services, observe

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
START_NS = 5_000 * SECOND

HOST_KINDS = {"host_down", "host_up", "reconnection_attempt", "reconnection_failed"}
CONNECTION_KINDS = {"opened", "trashed", "replaced", "resurrected", "closed", "connection_broke"}


@dataclass
class Tables:
    """What is going to be written: columns of arrays, and rows of events."""

    plan: Plan
    requests: dict[str, Any]
    hosts: list[dict[str, Any]]
    events: list[tuple[int, int, str, str]]
    node: dict[str, Any]
    meta: dict[str, Any]


Perturbation = Callable[[Tables], None]

GROWTH_PLAN = """
name: growth
question: Does the pool grow and shrink as the real one?
seed: 3
duration: 45s
cluster:
  datacenters:
    dc1: {nodes: 1, replication_factor: 1, network: {delay: 0.3ms}}
  node:
    workers: 64
    service: {lognormal: {median: 20ms, p99: 60ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    cpu: {issue: 100us}
    options:
      pooling:
        local: {core: 1, max: 4, max_requests: 16, new_connection_threshold: 12}
        idle_timeout: 6s
    load:
      closed: {window: 6}
      phases:
        - {name: up, at: 3s, for: 2s, window: 14}
        - {name: more, at: 5s, for: 4s, window: 32}
record:
  nodes: paced
  compare: [growth, trash, close, peak]
"""

RESURRECTION_PLAN = (
    GROWTH_PLAN.replace("name: growth", "name: resurrection")
    .replace(
        "        - {name: more, at: 5s, for: 4s, window: 32}\n",
        "        - {name: more, at: 5s, for: 4s, window: 32}\n"
        "        - {name: again, at: 23s, for: 2s, window: 30}\n",
    )
    .replace("compare: [growth, trash, close, peak]", "compare: [growth, trash, resurrection]")
)

OVERFLOW_PLAN = """
name: overflow
question: Which requests does a full queue reject?
seed: 5
duration: 12s
cluster:
  datacenters:
    dc1: {nodes: 1, replication_factor: 1, network: {delay: 0.3ms}}
  node:
    workers: 8
    service: {lognormal: {median: 4ms, p99: 12ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    options:
      pooling:
        local: {core: 1, max: 1, max_requests: 6, new_connection_threshold: 5}
        max_queue_size: 4
    load:
      poisson: {rate: 1500/s}
record:
  nodes: paced
  compare: [rejections, wait, latency, throughput, peak]
"""

CLOSED_OVERFLOW_PLAN = """
name: closed-overflow
question: Where does a closed loop meet its ceiling?
seed: 5
duration: 16s
cluster:
  datacenters:
    dc1: {nodes: 1, replication_factor: 1, network: {delay: 0.3ms}}
  node:
    workers: 8
    service: {lognormal: {median: 10ms, p99: 20ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    cpu: {issue: 100us}
    options:
      pooling:
        local: {core: 1, max: 1, max_requests: 16, new_connection_threshold: 12}
        max_queue_size: 8
    load:
      closed: {window: 6, error_pause: 5ms}
      phases:
        - {name: flood, at: 4s, for: 4s, window: 40}
record:
  nodes: paced
  compare: [rejections, throughput, peak]
"""

STEADY_PLAN = """
name: steady
question: What latency has an undisturbed pool?
seed: 9
duration: 12s
cluster:
  datacenters:
    dc1: {nodes: 1, replication_factor: 1, network: {delay: 0.3ms}}
  node:
    workers: 8
    service: {lognormal: {median: 4ms, p99: 12ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    options:
      pooling:
        local: {core: 1, max: 1, max_requests: 1024, new_connection_threshold: 800}
    load:
      poisson: {rate: 700/s}
record:
  nodes: paced
  compare: [latency, throughput]
"""

LOSS_PLAN = """
name: loss
question: When does the driver try again?
seed: 9
duration: 40s
cluster:
  datacenters:
    dc1: {nodes: 2, replication_factor: 1, network: {delay: 0.3ms}}
  node:
    workers: 16
    service: {lognormal: {median: 4ms, p99: 12ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    idempotent: true
    options:
      pooling:
        local: {core: 2, max: 2, max_requests: 64, new_connection_threshold: 50}
      load_balancing: {policy: round_robin, token_aware: false}
    load:
      poisson: {rate: 100/s}
faults:
  - {at: 5s, for: 14s, node: dc1/2, kind: stop}
record:
  nodes: paced
  compare: [reconnection, peak]
"""


def tables_of(plan_text: str, repetition: int = 1, origin_ns: int = 0) -> Tables:
    """The tables of a run that behaves as modelled.

    `origin_ns`: when the driver's cleanup began to count, relative to the start.
    """
    plan = plan_of_text(plan_text)
    first = origin_ns % (10 * SECOND) or 10 * SECOND
    replication = 0 if plan.is_open else 100 + repetition
    observed, waits = observe(plan.scenario, replication, plan.sample_every_ns, first)
    requests = observed.requests
    delay = plan.scenario.datacenters[0].delay_ns
    services = _drawn_services(requests.number, plan.scenario, plan.client)
    reached = requests.host >= 0
    arrived = (requests.started_ns + waits + delay)[reached]
    sent = (requests.ended_ns - delay)[reached]
    count = int(reached.sum())
    events = [
        (event.at_ns, event.host, event.kind, _recorded_detail(event))
        for event in observed.events
        if event.kind in HOST_KINDS | CONNECTION_KINDS
    ]
    for fault in plan.scenario.faults:
        events.append((fault.at_ns, fault.node, "fault_seen", ""))
        if fault.for_ns:
            back = fault.at_ns + fault.for_ns
            events.append((back, fault.node, "recovery_seen", ""))
            events.append((back + fault.status_after_ns, fault.node, "node_status_up", ""))
    return Tables(
        plan=plan,
        requests={
            "number": requests.number.copy(),
            "intended_ns": requests.intended_ns.copy(),
            "started_ns": requests.started_ns.copy(),
            "ended_ns": requests.ended_ns.copy(),
            "host": requests.host.copy(),
            "outcome": [OUTCOMES[code] for code in requests.outcome.tolist()],
            "error": [""] * len(requests),
        },
        hosts=[
            {
                "at_ns": host.at_ns.copy(),
                "open": host.connections.copy(),
                "trashed": host.trashed.copy(),
                "in_flight": host.in_flight.copy(),
                "pending": host.pending.copy(),
            }
            for host in observed.hosts
        ],
        events=events,
        node={
            "request": requests.number[reached],
            "attempt": np.zeros(count, dtype=np.int64),
            "listener": requests.host[reached],
            "client_port": np.full(count, 40_000),
            "stream": np.zeros(count, dtype=np.int64),
            "arrived_ns": arrived,
            "service_ns": services[reached],
            "due_ns": sent.copy(),
            "backend_ns": arrived + MILLISECOND // 2,
            "sent_ns": sent.copy(),
        },
        meta={
            "format": "poolsim.recording/1",
            "plan": plan.name,
            "repetition": repetition,
            "driver": plan.client.driver,
            "driver_version": "3.11.5",
            "cassandra_version": "5.0.5",
            "nodes": plan.nodes,
            "start_ns": START_NS,
            "cleanup_origin_ns": START_NS + origin_ns,
            "date": "2026-11-27T04:00:00Z",
            "cores": 2,
            "command": "poolsim record plan.yaml",
            "load_average": [0.5, 0.4, 0.3],
            "late_backends": 0,
            "finished": True,
        },
    )


def _recorded_detail(event: Event) -> str:
    """As the Node.js driver's recorder has it for a replaced connection."""
    if event.kind == "replaced":
        return event.detail.replace("value=", "timed_out=")
    return event.detail


def write(
    parent: Path,
    plan_text: str,
    *perturbations: Perturbation,
    repetition: int = 1,
    origin_ns: int = 0,
) -> Path:
    """Write a recording below `parent` and return its directory."""
    tables = tables_of(plan_text, repetition, origin_ns)
    for perturb in perturbations:
        perturb(tables)
    directory = parent / tables.plan.name / str(repetition)
    directory.mkdir(parents=True)
    (directory / "plan.yaml").write_text(plan_text)
    (directory / "meta.json").write_text(json.dumps(tables.meta))
    _write(directory / "requests.parquet", tables.requests)
    hosts = {
        name: np.concatenate([host[name] for host in tables.hosts])
        for name in ("at_ns", "open", "trashed", "in_flight", "pending")
    }
    hosts["host"] = np.concatenate(
        [np.full(len(host["at_ns"]), h) for h, host in enumerate(tables.hosts)]
    )
    _write(directory / "hosts.parquet", hosts)
    events = sorted(tables.events, key=lambda event: event[0])
    _write(
        directory / "events.parquet",
        {
            "at_ns": np.array([event[0] for event in events], dtype=np.int64),
            "host": np.array([event[1] for event in events], dtype=np.int64),
            "kind": [event[2] for event in events],
            "detail": [event[3] for event in events],
        },
    )
    if tables.plan.nodes == "paced":
        _write(directory / "node.parquet", tables.node)
    return directory


def _write(path: Path, columns: dict[str, Any]) -> None:
    def array(values: Any) -> pyarrow.Array:
        if isinstance(values, list):
            return pyarrow.array(values, type=pyarrow.string())
        return pyarrow.array(values, type=pyarrow.int64())

    table = pyarrow.table({name: array(values) for name, values in columns.items()})
    pyarrow.parquet.write_table(table, path)


def without_connection_events(tables: Tables) -> None:
    """As a recorder that knows no connection by itself, so that samples must tell."""
    tables.events = [event for event in tables.events if event[2] not in CONNECTION_KINDS]


# Ways to differ -----------------------------------------------------------------------------------


def replaced_at(timeouts: int) -> Perturbation:
    """Connections are replaced at another number of unanswered timeouts."""

    def perturb(tables: Tables) -> None:
        tables.events = [
            (at, host, kind, re.sub("timed_out=.*", f"timed_out={timeouts}", detail))
            for at, host, kind, detail in tables.events
        ]

    return perturb


def later_growth(by_ns: int) -> Perturbation:
    """Every growth is seen so much later."""

    def perturb(tables: Tables) -> None:
        for host in tables.hosts:
            steps = by_ns // tables.plan.sample_every_ns
            rises = np.flatnonzero((np.diff(host["open"]) > 0) & (np.diff(host["trashed"]) == 0))
            before = host["open"].copy()
            for rise in rises.tolist():
                host["open"][rise + 1 : rise + 1 + steps] = before[rise]

    return perturb


def other_tick(tables: Tables) -> None:
    """The first trash, and all that follows, happens one run of the cleanup later."""
    steps = 10 * SECOND // tables.plan.sample_every_ns
    for host in tables.hosts:
        fall = int(np.flatnonzero(np.diff(host["trashed"]) > 0)[0]) + 1
        for name in ("open", "trashed"):
            before = host[name].copy()
            host[name][fall : fall + steps] = before[fall - 1]
            host[name][fall + steps :] = before[fall:-steps]


def no_trash(tables: Tables) -> None:
    """Connections stay."""
    for host in tables.hosts:
        host["open"] = np.maximum.accumulate(host["open"])
        host["trashed"][:] = 0


def one_more_connection(tables: Tables) -> None:
    """The pool is larger by one at its peak, which makes one growth more."""
    for host in tables.hosts:
        host["open"][host["open"] == host["open"].max()] += 1


def fewer_rejections(tables: Tables) -> None:
    """Every second rejected request is answered after all."""
    outcome = tables.requests["outcome"]
    rejected = [i for i, name in enumerate(outcome) if name == "rejected"]
    for i in rejected[::2]:
        outcome[i] = "ok"
        tables.requests["host"][i] = 0
        tables.requests["ended_ns"][i] += 5 * MILLISECOND


def slower(share: float) -> Perturbation:
    """Every latency is longer by a share."""

    def perturb(tables: Tables) -> None:
        started, ended = tables.requests["started_ns"], tables.requests["ended_ns"]
        tables.requests["ended_ns"] = ended + ((ended - started) * share).astype(np.int64)

    return perturb


def stall_at(second: int) -> Perturbation:
    """The proxy sends a response 8 ms late in a second."""

    def perturb(tables: Tables) -> None:
        sent = tables.node["sent_ns"]
        row = int(np.flatnonzero(sent // SECOND == second)[0])
        tables.node["sent_ns"][row] += 8 * MILLISECOND

    return perturb


def other_gaps(by_ns: int) -> Perturbation:
    """Every reconnection attempt after the first starts so much later."""

    def perturb(tables: Tables) -> None:
        attempts = 0
        for i, (at, host, kind, detail) in enumerate(sorted(tables.events)):
            tables.events[i] = (at, host, kind, detail)
            if kind == "reconnection_attempt":
                attempts += 1
                if attempts > 1:
                    tables.events[i] = (at + by_ns, host, kind, detail)

    return perturb
