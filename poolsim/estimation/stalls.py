"""Stalls: a java3 pool that needed to grow and did not.

The driver tests for growth when a borrow succeeds directly, never when a request is queued nor when
a queued one is served (datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/
core/HostConnectionPool.java:281-312, 372-440). So a load that fills every connection at once fills
the acquisition queue, and as long as the queue is not empty the pool keeps its size. A stall is
such a time, of at least three intervals of the timeline: requests wait, there are fewer connections
than the maximum, and more requests are in flight than `(n - 1) * max_requests +
new_connection_threshold` for n connections, those being made included.

Samples are sums over the instances of a client; a stall shows where they stall together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poolsim.estimation.results import Stall
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.record import Record

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Client, Scenario

FEWEST_INTERVALS = 3
_NS = 1e-9
_COLUMN = {name: place for place, name in enumerate(SAMPLE_COLUMNS)}
_DRIVER = "java3"


def stalls(scenario: Scenario, records: Sequence[Record]) -> tuple[Stall, ...]:
    """The stalls of every client and node; of the replication in which they last longest."""
    found: list[Stall] = []
    datacenters = [d.name for d in scenario.datacenters for _ in range(d.nodes)]
    for place, client in enumerate(scenario.clients):
        if client.driver != _DRIVER:
            continue
        for node in range(len(datacenters)):
            distance = "local" if datacenters[node] == client.datacenter else "remote"
            each = [_stalls_of(record, scenario, place, node, distance) for record in records]
            found += max(each, key=lambda own: sum(stall.to_s - stall.from_s for stall in own))
    return tuple(found)


def _stalls_of(
    record: Record, scenario: Scenario, place: int, node: int, distance: str
) -> list[Stall]:
    client = scenario.clients[place]
    edges = record.grid.interval_edges_ns
    sampled = record.samples_at_interval_ends()[:, place, node]
    pending, in_flight = sampled[:, _COLUMN["pending"]], sampled[:, _COLUMN["in_flight"]]
    made = sampled[:, _COLUMN["active"]] + sampled[:, _COLUMN["connecting"]]
    maximum, max_requests, threshold = (
        _option(scenario, client, f"pooling.{distance}.{name}", edges[1:]) * client.instances
        for name in ("max", "max_requests", "new_connection_threshold")
    )
    # Summed over instances: max_requests is already multiplied, connections are not yet apart.
    needs = (made / client.instances - 1) * max_requests + threshold
    stalled = (pending > 0) & (made < maximum) & (in_flight > needs) & (made > 0)
    return [
        Stall(
            client=client.name,
            node=scenario.node_names[node],
            from_s=float(edges[first]) * _NS,
            to_s=float(edges[last]) * _NS,
            active=float(sampled[first:last, _COLUMN["active"]].mean()),
            maximum=float(maximum[first]),
            pending_max=float(pending[first:last].max()),
        )
        for first, last in _runs(stalled)
        if last - first >= FEWEST_INTERVALS
    ]


def _option(
    scenario: Scenario, client: Client, path: str, times_ns: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """A pooling option at each time: as it began, then as the scenario's changes set it."""
    _, distance, name = path.split(".")
    pooling = client.options.local if distance == "local" else client.options.remote
    values = np.full(len(times_ns), getattr(pooling, name), dtype=np.int64)
    for change in sorted(scenario.changes, key=lambda change: change.at_ns):
        if change.client == client.name and change.path == path:
            values[times_ns > change.at_ns] = change.value
    return values


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last of each run of true values."""
    padded = np.concatenate(([False], flags, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[0::2], edges[1::2], strict=True))
