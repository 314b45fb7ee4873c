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
from poolsim.fidelity.generator.events import draw_changes, draw_faults
from poolsim.fidelity.generator.outline import draw_outline
from poolsim.scenario.scenario import Replications, Scenario

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
        faults=draw_faults(
            Dice(draws, "faults"),
            outline,
            datacenters,
            harmless=is_fragile(clients[0].driver, clients[0].protocol),
        ),
        changes=draw_changes(Dice(draws, "changes"), outline, settings, clients),
    )
