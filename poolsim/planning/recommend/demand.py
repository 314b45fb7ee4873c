"""How much is asked of a scenario's pools and nodes at the peak, by arithmetic alone.

Little's law: requests in flight are rate times time. No simulation; the first guess and the
explanation both start from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.scenario import Client, Datacenter, Law, Scenario

_NS = 1e-9
_CELLS = 10_000
BASE = "base"
"""The level of a load outside of its phases."""


def mean_service_s(law: Law) -> float:
    """The mean of a law of durations, over equal cells of its quantiles: within 1 % for laws whose
    tail has a mean."""
    uniforms = (np.arange(_CELLS) + 0.5) / _CELLS
    return float(quantile_ns(law)(uniforms, 0).mean()) * _NS


@dataclass(frozen=True, slots=True)
class Demand:
    """What one client entry asks for at the peak.

    `rate_per_s`: of all its instances, None for a closed load, whose rate follows from the answers;
    `in_flight`: of all instances together, by Little's law or as the load bounds it;
    `capacity_per_s`: what the workers of the client's nodes can serve.
    """

    client: Client
    nodes: int
    rate_per_s: float | None
    service_s: float
    in_flight: float
    capacity_per_s: float

    @property
    def per_pool(self) -> float:
        """Requests in flight in one pool (an instance and a host), on average."""
        return self.in_flight / (self.nodes * self.client.instances)

    @property
    def per_pool_high(self) -> float:
        """What a pool sees at most nearly always: a Poisson number's mean and three deviations."""
        return self.per_pool + 3.0 * math.sqrt(self.per_pool) + 1.0

    @property
    def utilisation(self) -> float | None:
        """Of the nodes' workers, from 0; above 1 no setting helps."""
        if self.rate_per_s is None or not self.capacity_per_s:
            return None
        return self.rate_per_s / self.capacity_per_s

    @property
    def rate_per_host(self) -> float | None:
        """Requests per second that one instance sends to one host."""
        if self.rate_per_s is None:
            return None
        return self.rate_per_s / (self.nodes * self.client.instances)


@dataclass(frozen=True, slots=True)
class Level:
    """How much a client's load asks for at some time. `name`: base, a phase's, or what it is;
    `rate_per_s`: of all instances, None for a closed load, of which `bound` requests are in flight
    at most."""

    name: str
    rate_per_s: float | None
    bound: float = 0.0


def demand_of(
    scenario: Scenario, client: Client, nodes_lost: int = 0, level: Level | None = None
) -> Demand:
    """The demand of a client at a level of its load, by default the highest."""
    if level is None:
        level = highest_level(client, scenario.duration_ns)
    home = home_of(scenario, client)
    nodes = max(home.nodes - nodes_lost, 1)
    service_s = mean_service_s(scenario.node.service)
    trip_s = service_s + 2 * home.delay_ns * _NS + client.per_request_ns * _NS
    rate = level.rate_per_s
    in_flight = rate * trip_s if rate is not None else level.bound
    if rate is not None and client.max_concurrent:
        in_flight = min(in_flight, float(client.max_concurrent * client.instances))
    capacity = nodes * scenario.node.workers / service_s if service_s else math.inf
    return Demand(client, nodes, rate, service_s, in_flight, capacity)


_ONE_THREAD = ("python", "nodejs", "cassandraorm")
"""Drivers whose application issues and whose driver answers with one thread's time."""


def busiest_thread_s(client: Client) -> float:
    """Seconds of a process's busiest thread that a request takes."""
    if client.driver in _ONE_THREAD:
        return (client.issue_ns + client.per_request_ns) * _NS
    threads = client.io_threads if client.driver == "java3" else 1
    return max(client.issue_ns, client.per_request_ns / threads) * _NS


def io_threads_in_use(client: Client, connections: float) -> float:
    """Of all instances, those I/O threads that have one of so many connections of all of them."""
    return min(client.instances * client.io_threads, connections)


def busiest_of_the_others(scenario: Scenario, client: Client) -> float:
    """How many times its usual load the busiest node has after another one of its datacenter is
    lost; with one token a node, as the model's rings have it.

    A key's requests go to its replicas in turn, or to the first of them that is up; where none is,
    or without token awareness, to all nodes that are left.
    """
    home = home_of(scenario, client)
    nodes, balancing = home.nodes, client.options.balancing
    loads = [0.0] * nodes
    for first in range(nodes):
        ring = [(first + k) % nodes for k in range(home.replication_factor)]
        alive = [node for node in ring if node] if balancing.token_aware else []
        if not balancing.shuffle_replicas:
            alive = alive[:1]
        alive = alive or list(range(1, nodes))
        for node in alive:
            loads[node] += 1.0 / len(alive)
    return max(loads[1:])


def home_of(scenario: Scenario, client: Client) -> Datacenter:
    """The client's own datacenter."""
    return next(one for one in scenario.datacenters if one.name == client.datacenter)


def highest_level(client: Client, duration_ns: int) -> Level:
    """The level at which the client's load asks for most."""
    return max(levels_of(client, duration_ns), key=lambda level: level.rate_per_s or level.bound)


def levels_of(client: Client, duration_ns: int) -> list[Level]:
    """The base and each phase of a client's load, in the order of the file; of a ramp its end."""
    load = client.load
    match load.kind:
        case "poisson" | "uniform":
            rates = [Level(phase.name, phase.value) for phase in load.phases]
            return [Level(BASE, load.rate), *rates]
        case "bursts":
            # A burst is issued one after another, cpu.issue apart, by every instance.
            return [Level("a burst", None, float(load.size))]
        case "closed" | "users":
            bounds = [Level(phase.name, None, phase.value) for phase in load.phases]
            return [Level(BASE, None, float(load.window or load.count)), *bounds]
        case _:
            return [Level("the busiest second", _busiest_second(load.times_ns, duration_ns))]


def _busiest_second(times_ns: tuple[int, ...], duration_ns: int) -> float:
    if not times_ns:
        return 0.0
    seconds = max(1, math.ceil(duration_ns * _NS))
    counts, _ = np.histogram(np.array(times_ns) * _NS, bins=seconds, range=(0, seconds))
    return float(counts.max())
