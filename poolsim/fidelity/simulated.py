"""Simulates the plan of a recording and gives the same tables as the recording has.

Two ways to do it, and each says what it took from the recording:

**predicted**: arrivals and service times are drawn from the plan's seed and laws, as `poolsim run`
would. Nothing of the recording is used but when its faults were seen, when the other nodes told of
a node's return, and when the driver's periodic cleanup ticked, which no plan can know.

**trace-driven**: an open loop's arrivals are the measured starts, and on paced nodes a request's
service time is the one that the proxy drew for that number. What is left is the pool's and the
queueing's own doing, so requests can be compared one by one. A closed loop makes its own arrivals
out of its responses: there is nothing to replay, and it is always predicted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poolsim.engine.draws import BLOCK, Draws
from poolsim.engine.rows import REQUEST_WIDTH, SAMPLE_WIDTH
from poolsim.engine.run import simulate
from poolsim.fidelity.observed import (
    FAILED,
    NO_TIME,
    REJECTED,
    SUCCEEDED,
    TIMED_OUT,
    Event,
    HostSamples,
    Integers,
    Observed,
    Requests,
)
from poolsim.fidelity.recordings import NodeLog, Recording
from poolsim.model.kinds import (
    BUSY_QUEUE_FULL,
    BUSY_QUEUE_OFF,
    BUSY_TIMED_OUT,
    CLEANUP,
    CLIENT_TIMEOUT,
    NO_HOST_AVAILABLE,
    NOTE_NAMES,
    OK,
)
from poolsim.model.laws.durations import mean_ns, quantile_ns
from poolsim.recording.columns import REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.recording.tables import error_kinds_of
from poolsim.scenario.scenario import NO_STATUS, Client, Fault, Load, Node, Scenario

PREDICTED = "predicted"
TRACE_DRIVEN = "trace-driven"
MODES = (PREDICTED, TRACE_DRIVEN)

_REQUEST = {name: place for place, name in enumerate(REQUEST_COLUMNS)}
_SAMPLE = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}
_BUSY = (BUSY_QUEUE_FULL, BUSY_QUEUE_OFF, BUSY_TIMED_OUT)
_KIND_OF_PRIORITY = 56
"""The engine's priorities hold the kind of an event above this bit (engine/simpy_engine.py)."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated run beside a real one.

    wait_ns: time in the acquisition queue of each of `observed.requests`. sources: where arrivals,
    service times, faults and cleanup ticks came from, in words. utilisation: share of the workers'
    time that the successful requests took, by their mean service time.
    """

    mode: str
    observed: Observed
    wait_ns: Integers
    sources: tuple[tuple[str, str], ...]
    utilisation: float


def simulated(
    recording: Recording, mode: str, delay_ns: int | None = None, node: Node | None = None
) -> Simulated:
    """Simulate a recording's plan.

    Args:
        recording: gives the plan, and what the mode takes from it.
        mode: PREDICTED or TRACE_DRIVEN; a closed loop is predicted either way.
        delay_ns: one-way network delay that replaces the plan's.
        node: workers and service law that replace the plan's, on nodes that are not paced by it.
    """
    plan = recording.plan
    sources: list[tuple[str, str]] = []
    scenario = _with_faults(plan.scenario, recording, sources)
    if delay_ns is not None:
        scenario = _with_delay(scenario, delay_ns)
    if node is not None:
        scenario = replace(scenario, node=node)
        sources.append(("nodes", f"{node.workers} workers, calibrated on another recording"))
    is_replayed = mode == TRACE_DRIVEN and plan.is_open
    if is_replayed:
        scenario = _with_trace(scenario, recording, sources)
    else:
        mode = PREDICTED
        law = scenario.node.service.kind
        sources += [
            (
                "arrivals",
                "drawn from the plan's seed" if plan.is_open else "made by the closed loop",
            ),
            ("services", f"drawn from the plan's seed, law {law}"),
        ]
    # A closed loop's repetitions differ by chance on the real side, so they do here too.
    replication = 0 if plan.is_open else recording.repetition - 1
    first_cleanup = recording.first_cleanup_ns
    if first_cleanup is None:
        sources.append(("cleanup", "every 10 s from time zero: the recording tells no origin"))
    else:
        sources.append(("cleanup", f"first at {first_cleanup / 1e9:.3f} s, as the driver's"))
    observed, waits = observe(scenario, replication, plan.sample_every_ns, first_cleanup)
    utilisation = _utilisation(scenario, observed.requests)
    return Simulated(mode, observed, waits, tuple(sources), utilisation)


def observe(
    scenario: Scenario, replication: int, sample_every_ns: int, first_cleanup_ns: int | None = None
) -> tuple[Observed, Integers]:
    """Simulate a scenario of one client; its tables, and each request's wait for a stream in ns.

    `first_cleanup_ns`: when the drivers' periodic cleanup runs first, if not at its interval.
    """
    kept = _Tables(sample_every_ns)
    attachments = [] if first_cleanup_ns is None else [_cleanup_at(first_cleanup_ns)]
    simulate(scenario, replication, kept, engine="simpy", attachments=attachments)
    requests, waits = kept.requests_and_waits()
    hosts = kept.hosts(len(scenario.node_names))
    return Observed(scenario.duration_ns, requests, hosts, kept.events()), waits


def _with_faults(
    scenario: Scenario, recording: Recording, sources: list[tuple[str, str]]
) -> Scenario:
    """The plan's faults at the times at which the node's clients saw them."""
    if not scenario.faults:
        return scenario
    faults: list[Fault] = []
    planned = sorted(scenario.faults, key=lambda fault: fault.at_ns)
    for fault, window in zip(planned, recording.faults, strict=True):
        lasts = window.to_ns - window.from_ns
        is_back = window.to_ns < scenario.duration_ns
        after = NO_STATUS
        if window.status_ns != NO_TIME:
            after = max(0, window.status_ns - window.to_ns)
        faults.append(
            replace(
                fault,
                at_ns=window.from_ns,
                for_ns=lasts if is_back else 0,
                status_after_ns=after,
            )
        )
    sources.append(
        (
            "faults",
            "when the node's clients saw them (fault_seen, recovery_seen), and when another node "
            "told of a return (node_status_up)",
        )
    )
    return replace(scenario, faults=tuple(faults))


def _with_delay(scenario: Scenario, delay_ns: int) -> Scenario:
    datacenters = tuple(
        replace(datacenter, delay_ns=delay_ns, delays_from_ns=())
        for datacenter in scenario.datacenters
    )
    return replace(scenario, datacenters=datacenters)


def _with_trace(
    scenario: Scenario, recording: Recording, sources: list[tuple[str, str]]
) -> Scenario:
    """Measured starts as arrivals and, of paced nodes, the proxy's service times by number."""
    client = scenario.clients[0]
    requests = recording.observed.requests
    services: tuple[int, ...] = ()
    sources.append(("arrivals", "measured starts"))
    if recording.node is None:
        sources.append(("services", "drawn from the plan's seed: bare nodes have no log"))
    else:
        values, logged = services_by_number(recording.node, requests, scenario, client)
        services = tuple(values.tolist())
        missing = len(values) - logged
        note = f"; {missing} that reached no node drawn from the plan's seed" if missing else ""
        sources.append(("services", f"the proxy's own for {logged} requests{note}"))
    load = Load(
        kind="trace",
        times_ns=tuple(requests.started_ns.tolist()),
        services_ns=services,
        phases=client.load.phases,
    )
    # The measured starts are apart already: a second issuing thread would delay them again.
    return replace(scenario, clients=(replace(client, load=load, issue_ns=0),))


def services_by_number(
    node: NodeLog, requests: Requests, scenario: Scenario, client: Client
) -> tuple[Integers, int]:
    """Service times in the order of `requests`, nanoseconds, and how many of them were logged.

    A request that reached no node takes what the plan's seed draws for its number: the same draw
    that the proxy would have made, and one that matters only where the simulated pool lets it in.
    """
    drawn = _drawn_services(requests.number, scenario, client)
    kept = (node.request >= 0) & (node.service_ns > 0)
    # The first attempt of each request: np.unique gives the first place of each value.
    numbers, first = np.unique(node.request[kept], return_index=True)
    services = node.service_ns[kept][first]
    if not len(numbers):
        return drawn, 0
    place = np.minimum(np.searchsorted(numbers, requests.number), len(numbers) - 1)
    is_logged = numbers[place] == requests.number
    return np.where(is_logged, services[place], drawn), int(is_logged.sum())


def _drawn_services(number: Integers, scenario: Scenario, client: Client) -> Integers:
    draws = Draws(scenario.seed, 0)
    lane = draws.add(f"service/{client.name}", quantile_ns(scenario.node.service))
    blocks = int(number.max(initial=0)) // BLOCK + 1
    drawn = np.concatenate([draws.block(lane, block, 0) for block in range(blocks)])
    return np.asarray(drawn[number], dtype=np.int64)


def _cleanup_at(first_ns: int) -> Callable[[Any, Any], None]:
    """Moves the first periodic cleanup of every session; the following ones count from it."""

    def attachment(environment: Any, _world: Any) -> None:
        queue = environment._queue
        for place, (at, priority, number, event) in enumerate(queue):
            if at > 0 and priority >> _KIND_OF_PRIORITY == CLEANUP:
                queue[place] = (first_ns, priority, number, event)
        heapq.heapify(queue)

    return attachment


def _utilisation(scenario: Scenario, requests: Requests) -> float:
    load = scenario.clients[0].load
    mean = float(np.mean(load.services_ns)) if load.services_ns else mean_ns(scenario.node.service)
    served = int((requests.outcome == SUCCEEDED).sum())
    capacity = scenario.duration_ns * scenario.node.workers * len(scenario.node_names)
    return served * mean / capacity


class _Tables:
    """A recorder (engine.run.Recorder) that keeps every row."""

    def __init__(self, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self._requests: list[Integers] = []
        self._notes: list[Integers] = []
        self._times: list[int] = []
        self._samples: list[Integers] = []

    def requests(self, rows: Integers) -> None:
        """Take requests that ended, shape (n, 12)."""
        self._requests.append(rows.copy())

    def notes(self, rows: Integers) -> None:
        """Take events, shape (n, 6)."""
        self._notes.append(rows.copy())

    def sample(self, time_ns: int, table: Integers) -> None:
        """Take the state of all pools, shape (nodes, 11)."""
        if time_ns == 0:
            return  # before the sessions start: a real one is connected by then
        self._times.append(time_ns)
        self._samples.append(table.copy())

    def requests_and_waits(self) -> tuple[Requests, Integers]:
        """The requests by start, and how long each waited for a stream."""
        empty = np.empty((0, REQUEST_WIDTH), dtype=np.int64)
        rows = np.concatenate(self._requests or [empty])
        rows = rows[np.argsort(rows[:, _REQUEST["issued_ns"]], kind="stable")]
        requests = Requests(
            number=rows[:, _REQUEST["number"]],
            intended_ns=rows[:, _REQUEST["intended_ns"]],
            started_ns=rows[:, _REQUEST["issued_ns"]],
            ended_ns=rows[:, _REQUEST["ended_ns"]],
            host=np.where(rows[:, _REQUEST["outcome"]] == OK, rows[:, _REQUEST["node"]], NO_TIME),
            outcome=_outcomes(rows),
        )
        return requests, rows[:, _REQUEST["wait_ns"]]

    def hosts(self, count: int) -> tuple[HostSamples, ...]:
        """The samples of each host."""
        times = np.array(self._times, dtype=np.int64)
        samples = np.array(self._samples, dtype=np.int64).reshape(-1, count, SAMPLE_WIDTH)
        return tuple(
            HostSamples(
                times,
                samples[:, h, _SAMPLE["active"]],
                samples[:, h, _SAMPLE["trashed"]],
                samples[:, h, _SAMPLE["in_flight"]],
                samples[:, h, _SAMPLE["pending"]],
            )
            for h in range(count)
        )

    def events(self) -> tuple[Event, ...]:
        """The notes, by the names of model.kinds.NOTE_NAMES."""
        return tuple(
            Event(at, node, NOTE_NAMES[kind], _detail(connection, value))
            for rows in self._notes
            for at, kind, _session, node, connection, value in rows.tolist()
        )


def _detail(connection: int, value: int) -> str:
    """In the recorders' form."""
    return f"connection={connection};value={value}" if connection >= 0 else f"value={value}"


def _outcomes(rows: Integers) -> Integers:
    """The model's outcomes as a recorder names them."""
    outcome = rows[:, _REQUEST["outcome"]]
    kinds = error_kinds_of(rows[:, _REQUEST["error_kinds"]])
    is_busy = np.isin(kinds, _BUSY)
    only_busy = is_busy.any(axis=1) & (is_busy | (kinds == 0)).all(axis=1)
    result = np.full(len(rows), FAILED, dtype=np.int64)
    result[outcome == OK] = SUCCEEDED
    result[outcome == CLIENT_TIMEOUT] = TIMED_OUT
    result[(outcome == NO_HOST_AVAILABLE) & only_busy] = REJECTED
    return result
