"""What the document on asynchronous connections estimates by formula, beside what was simulated:
memory (002:423-437) and the bound of the throughput (002:489-504); and what its driver works.

Of clients of the generic driver only; a scope without one has none of these. Options are those of
the start of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poolsim.model.kinds import OK
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import SERVICE, Record

if TYPE_CHECKING:
    from poolsim.estimation.metrics import Scope
    from poolsim.scenario.scenario import Client, Scenario

DRIVER = "generic"
_COLUMN = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}
_NS = 1e-9


def generic_metrics(record: Record, scenario: Scenario, scope: Scope) -> dict[str, float]:
    """Values by metric and statistic, over those clients of a scope that use the driver."""
    places = [place for place in scope.clients if scenario.clients[place].driver == DRIVER]
    if not places:
        return {}
    own = [(place, scenario.clients[place]) for place in places]
    weights = np.diff(record.sample_times_ns, prepend=0)[scope.samples]
    levels = {
        "memory": sum(memory(record, place, client) for place, client in own),
        "thread_memory": sum(thread_memory(record, place, client) for place, client in own),
        "buffered_responses": sum(_sampled(record, place, "buffered") for place in places),
    }
    values: dict[str, float] = {}
    for name, level in levels.items():
        values |= _statistics(name, np.asarray(level)[scope.samples], weights)
    seconds = float(weights.sum()) * _NS
    busy = sum(_grown(record, scope, place, "busy_ns") for place in places) * _NS
    return values | {
        "busy_threads": busy / seconds if seconds else np.nan,
        "syscalls": float(sum(_grown(record, scope, place, "syscalls") for place in places)),
        "throughput_bound": sum(
            throughput_bound(scenario, client, _service_s(record, scope, place))
            for place, client in own
        ),
    }


def memory(record: Record, place: int, client: Client) -> Integers:
    """Bytes at each sample, shape (samples,): connections x connection_overhead + in_flight x
    request_overhead + results x result_overhead. What waits in a queue is in flight, too."""
    own = client.options.generic
    assert own is not None, "a client of the generic driver has its options"
    connections = _sampled(record, place, "active")
    results = _sampled(record, place, "buffered")
    return (
        connections * own.connection_memory
        + in_flight(record, place) * own.request_overhead
        + results * own.result_memory
    )


def thread_memory(record: Record, place: int, client: Client) -> Integers:
    """What a thread for each request in flight would take at each sample, in bytes (002:17)."""
    own = client.options.generic
    assert own is not None, "a client of the generic driver has its options"
    return in_flight(record, place) * own.thread_stack


def in_flight(record: Record, place: int) -> Integers:
    """Requests in flight at each sample, sent and queued: shape (samples,)."""
    return _sampled(record, place, "in_flight") + _sampled(record, place, "pending")


def most_streams(scenario: Scenario, client: Client) -> tuple[int, int]:
    """Connections that a client's pools of local nodes may have, and requests on each."""
    nodes = next(dc.nodes for dc in scenario.datacenters if dc.name == client.datacenter)
    if client.options.balancing.policy == "round_robin":
        nodes = len(scenario.node_names)
    local = client.options.local
    return client.instances * nodes * local.max, local.max_requests


def threads_of(scenario: Scenario, client: Client) -> int:
    """Threads of an instance: the one that issues, those for I/O, those for callbacks."""
    own = client.options.generic
    assert own is not None, "a client of the generic driver has its options"
    if own.threading == "event_loop":
        return 1
    io_threads = client.io_threads
    if own.threading == "hybrid":
        connections, _ = most_streams(scenario, client)
        io_threads = -(-connections // (client.instances * own.connections_per_io_thread))
    return 1 + io_threads + own.callback_threads


def throughput_bound(scenario: Scenario, client: Client, latency_s: float) -> float:
    """Per second: connections x streams_per_connection x (1 / avg_latency)."""
    connections, streams = most_streams(scenario, client)
    return connections * streams / latency_s


def _service_s(record: Record, scope: Scope, place: int) -> float:
    """The mean time from the write of a request to its response: so long a stream is taken. NaN
    without any."""
    table = record.segments
    count = int(table.outcomes[scope.segments, place, OK].sum())
    total_ns = int(table.sums[scope.segments, place, SERVICE].sum())
    return total_ns * _NS / count if total_ns else np.nan


def _sampled(record: Record, place: int, name: str) -> Integers:
    return np.asarray(record.samples[:, place, :, _COLUMN[name]].sum(axis=1))


def _grown(record: Record, scope: Scope, place: int, name: str) -> int:
    """How much a column that counts from the start grew within the scope."""
    return int(np.diff(_sampled(record, place, name), prepend=0)[scope.samples].sum())


def _statistics(name: str, level: Integers, weights: Integers) -> dict[str, float]:
    if not len(level):
        return dict.fromkeys([f"{name}.{of}" for of in ("mean", "max", "min", "end")], np.nan)
    return {
        f"{name}.mean": float((level * weights).sum() / weights.sum()),
        f"{name}.max": float(level.max()),
        f"{name}.min": float(level.min()),
        f"{name}.end": float(level[-1]),
    }
