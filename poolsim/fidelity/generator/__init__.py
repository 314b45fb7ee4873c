"""Random scenarios: `generate(seed)`, the same scenario for the same seed everywhere.

Each is complete and valid, serves at least 1,000 requests (and mostly few thousand, so that many
scenarios can be run), and mixes what the vocabulary of scenarios has: drivers, protocols, loads
and phases, laws, policies, pools, faults, changes. What is registered somewhere (drivers and their
options, policies, kinds of fault) is taken from there, so what is added later is drawn too.
"""

from __future__ import annotations

from poolsim.engine.draws import Draws
from poolsim.fidelity.generator.clients import draw_clients, is_fragile
from poolsim.fidelity.generator.cluster import draw_datacenters, draw_node
from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.events import (
    draw_breaks,
    draw_changes,
    draw_faults,
    draw_members,
    draw_middleboxes,
)
from poolsim.fidelity.generator.outline import Outline, draw_outline
from poolsim.scenario.scenario import Client, Datacenter, Fault, Replications, Scenario

FEWEST_ENDS = 1_000
"""Requests of each scenario that end within the run, whatever their outcome."""


def generate(seed: int) -> Scenario:
    """The scenario of a seed, which is also the scenario's own seed.

    Args:
        seed: 0 <= seed < 2**62.
    """
    draws = Draws(seed, 0)
    outline = draw_outline(Dice(draws, "outline"))
    datacenters = draw_datacenters(Dice(draws, "datacenters"), outline)
    clients, settings = draw_clients(draws, outline, datacenters)
    return Scenario(
        name=f"random-{seed}",
        question=f"Does poolsim keep its own rules ({', '.join(sorted(set(outline.themes)))})?",
        seed=seed,
        duration_ns=outline.duration_ns,
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=datacenters,
        node=draw_node(Dice(draws, "node"), outline, datacenters),
        clients=clients,
        faults=_faults(draws, outline, datacenters, clients[0]),
        changes=draw_changes(Dice(draws, "changes"), outline, settings, clients),
    )


def _faults(
    draws: Draws, outline: Outline, datacenters: tuple[Datacenter, ...], client: Client
) -> tuple[Fault, ...]:
    """What befalls nodes, what lies before them, and who joins and leaves, in the order of time."""
    harmless = is_fragile(client.driver, client.protocol)
    faults = draw_faults(Dice(draws, "faults"), outline, datacenters, harmless)
    faults += draw_breaks(Dice(draws, "breaks"), outline, datacenters, client, faults)
    # What a middlebox swallows ends by the driver's own timeout, if it does.
    timeout_ns = client.options.read_timeout_ns
    hangs = not 0 < timeout_ns <= outline.duration_ns // 4
    faults += draw_middleboxes(Dice(draws, "middleboxes"), outline, datacenters, harmless or hangs)
    faults += draw_members(Dice(draws, "members"), outline, datacenters, faults, harmless)
    return tuple(sorted(faults, key=lambda fault: (fault.at_ns, fault.node)))
