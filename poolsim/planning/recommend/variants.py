"""The circumstances in which settings must hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poolsim.scenario.scenario import Fault, Load, Scenario

NORMAL = "in normal operation"
NODE_LOST = "with one node lost"


@dataclass(frozen=True, slots=True)
class Variant:
    """A scenario's circumstances, by name."""

    name: str

    def of(self, scenario: Scenario) -> Scenario:
        """The scenario in these circumstances."""
        return with_node_lost(scenario) if self.name == NODE_LOST else scenario


def variants_of(scenario: Scenario) -> tuple[Variant, ...]:
    """Normal operation, and one node lost where the file asks for it.

    By default it does where the clients' datacenter can lose a node and the scenario has no faults
    of its own, which say then what is to be survived.
    """
    asked = scenario.plan.node_loss
    if asked is None:
        asked = not scenario.faults and _home_nodes(scenario) > 1
    return (Variant(NORMAL), *([Variant(NODE_LOST)] if asked else []))


def with_node_lost(scenario: Scenario) -> Scenario:
    """`lost_node` is gone from the start to the end.

    What the loss itself costs is a matter of faults within the run; here the others carry its
    load. It stops before the first request, so none is lost with it.
    """
    node, name = lost_node(scenario)
    fault = Fault(0, 0, node, name, "stop")
    return replace(scenario, faults=(fault, *scenario.faults))


def lost_node(scenario: Scenario) -> tuple[int, str]:
    """Index and name of the first node of the first client's datacenter."""
    home = scenario.clients[0].datacenter
    node = 0
    for datacenter in scenario.datacenters:
        if datacenter.name == home:
            break
        node += datacenter.nodes
    return node, scenario.node_names[node]


def with_load(scenario: Scenario, factor: float) -> Scenario:
    """Every load so many times as high; recorded arrivals stay as they are."""
    clients = tuple(
        replace(client, load=_scaled(client.load, factor)) for client in scenario.clients
    )
    return replace(scenario, clients=clients)


def with_headroom(scenario: Scenario) -> Scenario:
    """Under the load that settings must bear, the scenario's headroom included."""
    headroom = scenario.plan.headroom
    return with_load(scenario, 1.0 + headroom) if headroom else scenario


def can_be_scaled(scenario: Scenario) -> bool:
    """Whether `with_load` changes every load."""
    return all(client.load.kind != "trace" for client in scenario.clients)


def _home_nodes(scenario: Scenario) -> int:
    home = scenario.clients[0].datacenter
    return next(one.nodes for one in scenario.datacenters if one.name == home)


def _scaled(load: Load, factor: float) -> Load:
    phases = tuple(
        replace(
            phase,
            value=phase.value * factor
            if phase.kind in ("rate", "ramp")
            else float(round(phase.value * factor)),
        )
        for phase in load.phases
    )
    return replace(
        load,
        rate=load.rate * factor,
        size=round(load.size * factor),
        window=round(load.window * factor),
        count=round(load.count * factor),
        phases=phases,
    )
