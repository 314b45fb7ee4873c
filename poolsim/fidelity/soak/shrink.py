"""Makes a scenario that fails smaller as long as it fails, so that a person can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.scenario import Client, Scenario

MOST_TRIES = 400
SHORTEST_NS = 1_000_000


def shrink(
    scenario: Scenario, fails: Callable[[Scenario], bool], most_tries: int = MOST_TRIES
) -> Scenario:
    """The smallest scenario found that still fails.

    Takes away or simplifies one thing at a time, keeps what still fails, and begins again until
    nothing more can go or `most_tries` runs are spent.
    """
    tries = 0
    while True:
        for smaller in _smaller(scenario):
            if tries == most_tries:
                return scenario
            tries += 1
            if fails(smaller):
                scenario = smaller
                break
        else:
            return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Scenarios with one thing less, the largest things first."""
    if len(scenario.clients) > 1:
        for client in scenario.clients:
            yield _without(scenario, client)
    for duration_ns in _shorter(scenario):
        yield _cut(scenario, duration_ns)
    for k in range(len(scenario.faults)):
        yield replace(scenario, faults=scenario.faults[:k] + scenario.faults[k + 1 :])
    for k in range(len(scenario.changes)):
        yield replace(scenario, changes=scenario.changes[:k] + scenario.changes[k + 1 :])
    for k, client in enumerate(scenario.clients):
        for simpler in _simpler(client):
            clients = (*scenario.clients[:k], simpler, *scenario.clients[k + 1 :])
            yield replace(scenario, clients=clients)
    if scenario.node.accepts_per_second:
        yield replace(scenario, node=replace(scenario.node, accepts_per_second=0.0))


def _without(scenario: Scenario, client: Client) -> Scenario:
    return replace(
        scenario,
        clients=tuple(other for other in scenario.clients if other is not client),
        changes=tuple(change for change in scenario.changes if change.client != client.name),
    )


def _shorter(scenario: Scenario) -> Iterator[int]:
    """Earlier ends at which each client's load has begun."""
    begun_ns = max(client.load.first_ns for client in scenario.clients)
    for percent in (50, 75, 90, 97):
        duration_ns = scenario.duration_ns * percent // 100
        if duration_ns > max(begun_ns, SHORTEST_NS):
            yield duration_ns


def _cut(scenario: Scenario, duration_ns: int) -> Scenario:
    """The scenario until an earlier end; what would begin after it is gone."""
    clients = []
    for client in scenario.clients:
        phases = tuple(phase for phase in client.load.phases if phase.at_ns < duration_ns)
        clients.append(replace(client, load=replace(client.load, phases=phases)))
    return replace(
        scenario,
        duration_ns=duration_ns,
        clients=tuple(clients),
        faults=tuple(fault for fault in scenario.faults if fault.at_ns < duration_ns),
        changes=tuple(change for change in scenario.changes if change.at_ns < duration_ns),
    )


def _simpler(client: Client) -> Iterator[Client]:
    """The client with one setting at its plain value."""
    if client.instances > 1:
        yield replace(client, instances=1)
    if client.load.phases:
        yield replace(client, load=replace(client.load, phases=client.load.phases[:-1]))
    if client.load.services_ns:
        yield replace(client, load=replace(client.load, services_ns=()))
    if client.max_concurrent:
        yield replace(client, max_concurrent=0)
    if client.per_request_ns:
        yield replace(client, per_request_ns=0)
    if client.idempotent:
        yield replace(client, idempotent=0.0)
    driver = DRIVERS[client.driver]
    defaults = driver.defaults(client.protocol)
    if client.options.reconnection != defaults.reconnection:
        options = replace(client.options, reconnection=defaults.reconnection)
        yield replace(client, options=options)
    for option in driver.options:
        plain = option.value(defaults)
        if option.path.startswith("reconnection.") or option.value(client.options) == plain:
            continue
        options = driver.complete(option.set_to(client.options, plain))
        if not driver.refusals(options, client.protocol):
            yield replace(client, options=options)
