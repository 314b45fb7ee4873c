"""Datacenters and nodes of a random scenario."""

from __future__ import annotations

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.laws import draw_law
from poolsim.fidelity.generator.outline import (
    DISTANCE,
    EXHAUSTION,
    SILENCE,
    STARVATION,
    STORM,
    Outline,
)
from poolsim.scenario.scenario import Datacenter, Law, Node

MICROSECOND_NS = 1_000
MILLISECOND_NS = 1_000_000

_DELAYS_NS = (
    0,
    50 * MICROSECOND_NS,
    250 * MICROSECOND_NS,
    250 * MICROSECOND_NS,
    1 * MILLISECOND_NS,
    12 * MILLISECOND_NS,
    40 * MILLISECOND_NS,
    150 * MILLISECOND_NS,
)
_LARGE_PERCENT = 2
"""Of scenarios have more nodes than a bit mask of one field holds."""


def draw_datacenters(dice: Dice, outline: Outline) -> tuple[Datacenter, ...]:
    """One to three datacenters of few nodes, rarely one of many."""
    if EXHAUSTION in outline.themes:
        count = 1
    elif DISTANCE in outline.themes:
        count = dice.one_of((2, 2, 3))
    else:
        count = dice.one_of((1, 1, 1, 1, 2))
    names = tuple(f"dc{k + 1}" for k in range(count))
    found = []
    for name in names:
        if EXHAUSTION in outline.themes:
            nodes = 1
        elif STARVATION in outline.themes:
            nodes = dice.one_of((1, 1, 2))
        elif count == 1 and dice.yes(_LARGE_PERCENT):
            nodes = dice.whole(63, 72)
        elif SILENCE in outline.themes:
            nodes = dice.one_of((2, 3, 3, 3, 4, 6))
        else:
            nodes = dice.one_of((1, 2, 3, 3, 4, 6))
        others = [other for other in names if other != name and dice.yes(30)]
        found.append(
            Datacenter(
                name=name,
                nodes=nodes,
                replication_factor=_replication(dice, outline, nodes),
                racks=dice.whole(1, min(nodes, 4)),
                delay_ns=dice.one_of(_DELAYS_NS),
                delays_from_ns=tuple((other, dice.one_of(_DELAYS_NS)) for other in others),
            )
        )
    return tuple(found)


def _replication(dice: Dice, outline: Outline, nodes: int) -> int:
    most = min(nodes, 4)
    if dice.yes(90 if SILENCE in outline.themes else 30):
        return most
    return dice.whole(1, most)


def draw_node(dice: Dice, outline: Outline, datacenters: tuple[Datacenter, ...]) -> Node:
    """Workers enough for the load if the smallest datacenter takes it all, or not quite."""
    load_percent = dice.one_of((5, 20, 40, 60, 80))
    if STORM in outline.themes:
        load_percent = dice.one_of((60, 90, 110, 130))
    smallest = min(datacenter.nodes for datacenter in datacenters)
    workers = -(-outline.under_way_percent // (load_percent * smallest))
    return Node(
        workers=max(1, workers),
        service=_service(dice, outline),
        accepts_per_second=dice.one_of((0.0, 0.0, 0.0, 2.0, 10.0, 50.0)),
    )


def _service(dice: Dice, outline: Outline) -> Law:
    if EXHAUSTION in outline.themes:
        return Law("constant", mean_ns=outline.service_ns)
    return draw_law(dice, outline.service_ns)
