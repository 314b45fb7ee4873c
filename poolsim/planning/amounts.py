"""What the numbers of a scenario amount to, by arithmetic, before anything is simulated.

The same demand from which `recommend` makes its first guess, at every level of each load: a wrong
unit or a forgotten node shows here in a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from poolsim.engine.expected import expected_requests
from poolsim.planning.recommend.demand import (
    Demand,
    Level,
    busiest_of_the_others,
    busiest_thread_s,
    demand_of,
    home_of,
    io_threads_in_use,
    levels_of,
)
from poolsim.planning.recommend.variants import NODE_LOST, Variant, variants_of
from poolsim.scenario.scenario import Client, Scenario


@dataclass(frozen=True, slots=True)
class Amount:
    """What one client's load at one level comes to.

    Rates are per second; None where the load is closed and its rate follows from the answers.
    `utilisation`: of the workers of the client's nodes, `utilisation_with_one_lost` of the busiest
    of the others when one is lost (None for a single node), `io_utilisation` of the I/O threads
    that have a connection at the start (None where `cpu.per_request` is 0), `process_utilisation`
    of a process's busiest thread (of the drivers with one thread: issuing and answering together).
    `in_flight_per_pool`: requests of one instance on one host, by Little's law with nothing
    waiting; `streams_per_pool`: what a pool takes at most.
    """

    client: str
    level: str
    rate: float | None
    rate_per_instance: float | None
    rate_per_host: float | None
    rate_per_pool: float | None
    in_flight: float
    in_flight_per_pool: float
    streams_per_pool: int
    utilisation: float | None
    utilisation_with_one_lost: float | None
    io_utilisation: float | None
    process_utilisation: float | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """A scenario in numbers. `problems`: what cannot be, a sentence each; those of a lost node only
    where it is asked about (`node_loss`); `requests`: of one replication, roughly; `datacenters`:
    utilisation by name with all clients at their highest."""

    name: str
    amounts: tuple[Amount, ...]
    datacenters: dict[str, float]
    requests: float
    replications: int
    problems: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)


def amounts_of(scenario: Scenario) -> Amounts:
    """The numbers of a scenario."""
    found: list[Amount] = []
    problems: list[str] = []
    is_lost_asked = Variant(NODE_LOST) in variants_of(scenario)
    for client in scenario.clients:
        times = None
        if home_of(scenario, client).nodes > 1:
            times = busiest_of_the_others(scenario, client)
        for level in levels_of(client, scenario.duration_ns):
            demand = demand_of(scenario, client, level=level)
            found.append(_amount(client, level, demand, times))
            problems += _problems(found[-1], demand, is_lost_asked)
    datacenters = _datacenters(scenario)
    if len(scenario.clients) > 1:
        problems += [
            f"the nodes cannot do this: with all clients at their highest, {name} is asked for "
            f"{share:.0%} of what its workers serve"
            for name, share in datacenters.items()
            if share >= 1
        ]
    return Amounts(
        scenario.name,
        tuple(found),
        datacenters,
        expected_requests(scenario),
        scenario.replications.count,
        tuple(problems),
    )


def _amount(client: Client, level: Level, demand: Demand, times: float | None) -> Amount:
    """`times`: as high as usual is the load of the busiest of the others with one node lost."""
    rate, utilisation = level.rate_per_s, demand.utilisation
    local = client.options.local
    return Amount(
        client=client.name,
        level=level.name,
        rate=rate,
        rate_per_instance=None if rate is None else rate / client.instances,
        rate_per_host=None if rate is None else rate / demand.nodes,
        rate_per_pool=demand.rate_per_host,
        in_flight=demand.in_flight,
        in_flight_per_pool=demand.per_pool,
        streams_per_pool=local.max * local.max_requests,
        utilisation=utilisation,
        utilisation_with_one_lost=(
            None if utilisation is None or times is None else utilisation * times
        ),
        io_utilisation=_io_utilisation(client, demand),
        process_utilisation=(
            None if rate is None else rate * busiest_thread_s(client) / client.instances
        ),
    )


def _io_utilisation(client: Client, demand: Demand) -> float | None:
    if not client.per_request_ns or demand.rate_per_s is None:
        return None
    connections = client.instances * max(client.options.local.core, 1) * demand.nodes
    threads = io_threads_in_use(client, connections)
    return demand.rate_per_s * client.per_request_ns * 1e-9 / threads


def _datacenters(scenario: Scenario) -> dict[str, float]:
    found: dict[str, float] = {}
    for client in scenario.clients:
        share = demand_of(scenario, client).utilisation
        if share is not None:
            found[client.datacenter] = found.get(client.datacenter, 0.0) + share
    return found


def _problems(amount: Amount, demand: Demand, is_lost_asked: bool) -> Iterator[str]:
    where = f"{amount.client}, {amount.level}"
    share, lost = amount.utilisation, amount.utilisation_with_one_lost
    if amount.rate is not None and share is not None and share >= 1:
        yield (
            f"the nodes cannot do this: {where}: {amount.rate:,.0f}/s are {share:.0%} of the "
            f"{demand.capacity_per_s:,.0f}/s that {demand.nodes} node{'s' * (demand.nodes > 1)} "
            "serve: no setting of a pool helps"
        )
    elif is_lost_asked and amount.rate is not None and lost is not None and lost >= 1:
        yield (
            f"the nodes cannot do this: {where}, with one node lost: {amount.rate:,.0f}/s are "
            f"{lost:.0%} of what the busiest of the others serves: no setting of a pool helps"
        )
    if amount.io_utilisation is not None and amount.io_utilisation >= 1:
        yield (
            f"the I/O threads cannot do this: {where}: they are {amount.io_utilisation:.0%} busy "
            "with what cpu.per_request says: more instances, or more connections where there are "
            "I/O threads for them"
        )
    if amount.process_utilisation is not None and amount.process_utilisation >= 1:
        yield (
            f"the processes cannot do this: {where}: each is asked for "
            f"{amount.process_utilisation:.0%} of the time of its busiest threads (cpu.issue, "
            "cpu.per_request): more instances"
        )
    if amount.in_flight_per_pool >= amount.streams_per_pool > 0:
        yield (
            f"the pools cannot hold this: {where}: {amount.in_flight_per_pool:,.1f} requests are "
            f"in flight in a pool on average, and it takes {amount.streams_per_pool:,} (max x "
            "max_requests)"
        )
