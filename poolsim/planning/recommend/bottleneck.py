"""What a point is short of: streams, queue places, an I/O thread, the nodes.

Each resource is judged by how much of it is taken at the peak, as simulated; the nodes and I/O
threads by arithmetic, since what they can do is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from poolsim.planning.evaluate import Outcome
from poolsim.planning.recommend.demand import Demand, demand_of, home_of, io_threads_in_use
from poolsim.scenario.scenario import Client, Scenario

TIGHT = 0.9
"""Share of a resource in use from which it binds."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one client: the share of it in use at the peak, and a sentence about it."""

    name: str
    client: str
    share: float
    sentence: str

    @property
    def binds(self) -> bool:
        """Whether it is (nearly) all in use."""
        return self.share >= TIGHT


def resources_of(
    scenario: Scenario, outcome: Outcome, peak: str, nodes_lost: int = 0
) -> list[Resource]:
    """All resources of all clients, the tightest first."""
    found: list[Resource] = []
    for client in scenario.clients:
        demand = demand_of(scenario, client, nodes_lost)
        levels = Levels(outcome, client, peak)
        found += _limit(client, levels)
        found += _streams(scenario, client, demand, levels)
        found += _io_thread(client, demand, levels)
        found += _node(client, demand)
    return sorted(found, key=lambda one: -one.share)


class Levels:
    """A client's metrics at the peak."""

    def __init__(self, outcome: Outcome, client: Client, peak: str) -> None:
        self._outcome = outcome
        own = peak if peak in [phase.name for phase in client.load.phases] else ""
        self._suffix = f"@{own}" if own else ""
        self._client = client.name

    def mean(self, name: str) -> float:
        """The mean over replications."""
        values = self._outcome.values.get(f"{self._client}/{name}{self._suffix}", ())
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else 0.0


def _limit(client: Client, levels: Levels) -> list[Resource]:
    if not client.max_concurrent:
        return []
    most = client.instances * client.max_concurrent
    in_flight = levels.mean("in_flight.max") + levels.mean("request_queue_depth.max")
    sentence = (
        f"{client.name}: up to {in_flight:,.0f} of the {most:,} requests that the application's "
        "own limit lets through are under way"
    )
    return [Resource("places of the limit", client.name, min(in_flight / most, 1.0), sentence)]


def _streams(scenario: Scenario, client: Client, demand: Demand, levels: Levels) -> list[Resource]:
    options = client.options
    pools = client.instances * demand.nodes
    most = pools * options.local.max * options.local.max_requests
    if client.driver == "python" and client.protocol > 2:
        most = pools * 32_768
    in_flight, waiting = levels.mean("in_flight.max"), levels.mean("request_queue_depth.max")
    found = []
    if most:
        sentence = (
            f"{client.name}: at the peak up to {in_flight:,.0f} requests are in flight on pools "
            f"that take {most:,} ({pools:,} x max {options.local.max} x max_requests "
            f"{options.local.max_requests})"
        )
        found.append(Resource("streams", client.name, in_flight / most, sentence))
    home = home_of(scenario, client)
    places = client.instances * home.nodes * options.max_queue_size
    if places and client.driver == "java3":
        sentence = (
            f"{client.name}: up to {waiting:,.0f} requests wait in acquisition queues of "
            f"{places:,} places"
        )
        found.append(Resource("places of the queue", client.name, waiting / places, sentence))
    return found


def _io_thread(client: Client, demand: Demand, levels: Levels) -> list[Resource]:
    if not client.per_request_ns:
        return []
    rate = demand.rate_per_s if demand.rate_per_s is not None else levels.mean("throughput")
    connections = max(levels.mean("open_connections.max"), 1.0)
    threads = io_threads_in_use(client, connections)
    share = rate * client.per_request_ns * 1e-9 / threads
    sentence = (
        f"{client.name}: {rate:,.0f} requests/s at {client.per_request_ns / 1_000:g}us each keep "
        f"the {threads:,.0f} I/O threads in use {share:.0%} busy"
    )
    return [Resource("I/O threads", client.name, share, sentence)]


def _node(client: Client, demand: Demand) -> list[Resource]:
    share = demand.utilisation
    if share is None:
        return []
    sentence = (
        f"{client.name}: its {demand.rate_per_s:,.0f} requests/s are {share:.0%} of what "
        f"{demand.nodes} nodes serve ({demand.capacity_per_s:,.0f}/s)"
    )
    return [Resource("nodes", client.name, share, sentence)]
