"""What the drivers' own documents would say to a choice: one sentence each, with the number.

Java driver: "Monitoring and tuning the pool" of its manual (pooling), which looks at the load
beside the maximum load. Asynchronous connections on the Python driver: more than 10,000 requests
per second and host ask for more than settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from poolsim.planning.evaluate import Outcome
from poolsim.planning.recommend.bottleneck import Levels
from poolsim.planning.recommend.demand import Demand, demand_of
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.parameters import Parameter
from poolsim.scenario.scenario import Client, Scenario
from poolsim.scenario.units import format_duration

_NEAR_MAX_LOAD = 0.8
_NEAR_IO_LIMIT = 0.8
_PYTHON_RATE_PER_HOST = 10_000
_LEGACY = 2
_LEGACY_STREAMS = 128
_MANY_CONNECTIONS = 8
_SHORT_NS = 2_000_000_000
_COUNTS_OF_THREADS = ("instances", "core", "max", "coreConnectionsPerHost", "maxConnectionsPerHost")


def advice_of(
    scenario: Scenario, outcome: Outcome, peak: str, chosen: Sequence[Parameter] = ()
) -> list[str]:
    """All that applies, in the order of the clients; `chosen`: what was chosen among."""
    found: list[str] = []
    for client in scenario.clients:
        demand = demand_of(scenario, client)
        levels = Levels(outcome, client, peak)
        sentences = _sentences(scenario, client, demand, levels)
        found += [f"{client.name}: {sentence}" for sentence in sentences]
    return found + advice_before(scenario, chosen)


def advice_before(scenario: Scenario, chosen: Sequence[Parameter]) -> list[str]:
    """What can be said to a choice among `chosen` before anything is simulated."""
    found = []
    for client in scenario.clients:
        counted = _of_threads(scenario, client, chosen)
        if counted and not client.per_request_ns:
            found.append(
                f"{client.name}: {' and '.join(counted)} {'are' if len(counted) > 1 else 'is'} "
                "chosen without knowing what a request costs an I/O thread (cpu.per_request is 0): "
                "no I/O thread ever limits a connection or a process; say what a request costs, "
                "such as cpu: {per_request: 50us} (a profile of the service tells)"
            )
    return found


def _of_threads(scenario: Scenario, client: Client, chosen: Sequence[Parameter]) -> list[str]:
    """Last parts of the client's paths that say how many I/O threads there are, or how many
    connections these have."""
    prefixes = (f"clients.{client.name}.", f"clients[{scenario.clients.index(client)}].")
    found = []
    for parameter in chosen:
        for path in parameter.paths:
            words = [word for word in path.split(".") if not word.isdigit()]
            if path.startswith(prefixes) and words[-1] in _COUNTS_OF_THREADS:
                found.append(words[-1])
    return list(dict.fromkeys(found))


def _sentences(scenario: Scenario, client: Client, demand: Demand, levels: Levels) -> Iterator[str]:
    yield from _load(client, demand, levels)
    yield from _threads(client, demand, levels)
    yield from _overload(client, demand)
    yield from _accepts(scenario, client)
    yield from _over_configured(client, demand)


def _load(client: Client, demand: Demand, levels: Levels) -> Iterator[str]:
    local = client.options.local
    mean, most = levels.mean("in_flight.mean"), levels.mean("in_flight.max")
    open_now = levels.mean("open_connections.mean")
    max_load = open_now * local.max_requests
    if client.driver == "java3" and max_load and mean / max_load > _NEAR_MAX_LOAD:
        more = "raise max"
        if client.protocol > _LEGACY:  # before, max_requests is at its most already
            more += ", or max_requests if the nodes bear it"
        yield (
            f"load is near max load all the time ({mean:,.0f} of {max_load:,.0f} at the peak, on "
            f"average): {more}"
        )
    pools = client.instances * demand.nodes
    if client.protocol <= _LEGACY and local.core > 1 and pools:
        held = local.core * _LEGACY_STREAMS
        fewer = max(1, math.ceil(most / pools / _LEGACY_STREAMS))
        if fewer < local.core:
            yield (
                f"load stays under core x {_LEGACY_STREAMS} ({most / pools:,.0f} of {held:,} "
                f"in a pool): {fewer} core connection{'s' * (fewer > 1)} would do"
            )


def _threads(client: Client, demand: Demand, levels: Levels) -> Iterator[str]:
    rate = demand.rate_per_s if demand.rate_per_s is not None else levels.mean("throughput")
    connections = math.ceil(levels.mean("open_connections.max") / client.instances)
    if client.per_request_ns and connections:
        yield from _busiest_thread(client, rate / client.instances, connections)
    # Of a load whose rate is not given: what it came to, of all instances at all nodes.
    per_host = rate / (demand.nodes * client.instances)
    if client.driver == "python" and per_host > _PYTHON_RATE_PER_HOST:
        yield (
            f"{per_host:,.0f} requests/s per process and host are more than one connection of the "
            f"Python driver is made for ({_PYTHON_RATE_PER_HOST:,}/s): more instances, more nodes, "
            "or sharding"
        )


def _busiest_thread(client: Client, rate: float, connections: int) -> Iterator[str]:
    """The I/O thread with the most connections of an instance: it deals them out in turn."""
    threads = _io_threads(client, connections)
    on_one = math.ceil(connections / threads)
    served = rate * on_one / connections
    busy = served * client.per_request_ns * 1e-9
    if busy <= _NEAR_IO_LIMIT:
        return
    cost = format_duration(client.per_request_ns)
    if on_one == 1:
        yield (
            f"one connection's I/O thread is {busy:.0%} busy ({served:,.0f} requests/s at {cost}): "
            "more connections, as long as there are I/O threads for them"
        )
    else:
        fixed = DRIVERS[client.driver].io_threads_fixed
        more = "more instances" if fixed else "more I/O threads"
        yield (
            f"an I/O thread with {on_one:,} connections is {busy:.0%} busy ({served:,.0f} "
            f"requests/s at {cost}): {more}"
        )


def _io_threads(client: Client, connections: int) -> int:
    """Of an instance; the generic driver's threading models have their own number."""
    own = client.options.generic
    if own is None or own.threading == "thread_pool":
        return client.io_threads
    if own.threading == "hybrid":
        return math.ceil(connections / own.connections_per_io_thread)
    return 1


def _overload(client: Client, demand: Demand) -> Iterator[str]:
    share = demand.utilisation
    if share is not None and share >= 1 and client.driver == "java3":
        yield (
            f"the nodes are asked for {share:.0%} of what they can serve at the peak: an "
            "acquisition queue only hides that for as long as it is not full, and adds its length "
            "to every latency; add nodes"
        )


def _accepts(scenario: Scenario, client: Client) -> Iterator[str]:
    accepts = scenario.node.accepts_per_second
    if not accepts:
        return
    connections = client.instances * client.options.local.core
    seconds = connections / accepts
    timeout_s = client.options.connect_timeout_ns * 1e-9
    if seconds > timeout_s:
        yield (
            f"{connections:,} connections come back to a node that accepts {accepts:,.0f}/s: it "
            f"takes {seconds:,.1f}s, longer than connect_timeout "
            f"{format_duration(client.options.connect_timeout_ns)}, so some fail and try again; "
            "fewer core connections or jitter"
        )


def _over_configured(client: Client, demand: Demand) -> Iterator[str]:
    options = client.options
    if client.driver != "java3" or client.protocol < 3:
        return
    needed = demand.per_pool_high / max(options.local.max_requests, 1)
    if options.local.max > max(_MANY_CONNECTIONS, 8 * needed):
        yield (
            f"max {options.local.max} is over-configured: the peak needs "
            f"{max(1, math.ceil(needed))} connection{'s' * (needed > 1)} a pool; each more costs "
            "the node memory and a handshake at every restart"
        )
    if 0 < options.heartbeat_interval_ns < _SHORT_NS:
        yield (
            f"heartbeat_interval {format_duration(options.heartbeat_interval_ns)} is too frequent: "
            "it probes connections that are merely between two requests"
        )
    if 0 < options.idle_timeout_ns < _SHORT_NS:
        yield (
            f"idle_timeout {format_duration(options.idle_timeout_ns)} is too short: connections "
            "are closed that the next wave opens again"
        )
