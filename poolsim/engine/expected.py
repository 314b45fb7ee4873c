"""How many requests a scenario will make, roughly: enough to choose an engine."""

from __future__ import annotations

from poolsim.model.laws.arrivals import CumulativeRate
from poolsim.model.laws.durations import mean_ns
from poolsim.model.laws.levels import level_changes
from poolsim.scenario.scenario import Client, Scenario


def expected_requests(scenario: Scenario) -> float:
    """Requests of one replication, of all clients together."""
    return sum(_of_client(scenario, client) for client in scenario.clients)


def _of_client(scenario: Scenario, client: Client) -> float:
    load, duration_ns = client.load, scenario.duration_ns
    if load.kind in ("poisson", "uniform"):
        return float(CumulativeRate(load, duration_ns).knots[-1])
    if load.kind == "bursts":
        left_ns = duration_ns - load.first_ns
        bursts = -(-left_ns // load.every_ns) if load.every_ns else 1
        return float(load.size * max(0, bursts))
    if load.kind == "trace":
        return float(sum(at < duration_ns for at in load.times_ns))
    return _of_closed_loop(scenario, client)


def _of_closed_loop(scenario: Scenario, client: Client) -> float:
    """As many as the window makes when nobody waits, and no more than the workers can serve."""
    service_ns = mean_ns(scenario.node.service)
    delay_ns = min(datacenter.delay_ns for datacenter in scenario.datacenters)
    think = client.load.think
    turn_ns = service_ns + 2 * delay_ns + (mean_ns(think) if think is not None else 0.0)
    changes = level_changes(client.load, scenario.duration_ns)
    ends = [at for at, _ in changes[1:]] + [scenario.duration_ns]
    turns = sum(
        level * (end - at) / turn_ns for (at, level), end in zip(changes, ends, strict=True)
    )
    workers = scenario.node.workers * len(scenario.node_names)
    return min(turns, workers * scenario.duration_ns / service_ns)
