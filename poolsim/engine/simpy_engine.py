"""The reference engine: an ordinary `simpy.Environment` that executes the rules as they stand.

Time is integer nanoseconds. Events of one instant are taken in canonical order, which goes into
the priority of SimPy's queue; a process that a user attaches has SimPy's own priorities and so
goes before the model's events of the same instant.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

import simpy

from poolsim.engine.draws import BLOCK, Draws
from poolsim.model.client.request import settle
from poolsim.model.dispatch import handlers
from poolsim.model.primitives import World as AnyWorld
from poolsim.model.records import World

Callbacks = tuple[Callable[["Occasion"], None]]


class Occasion:
    """An event of the model in SimPy's queue: its kind's callback and the handler's target.

    SimPy asks of what it queues only `callbacks` and `_ok`. Occasions are used again and again:
    making a `simpy.Event` for each would take as long as the rules that it leads to.
    """

    __slots__ = ("callbacks", "target")

    _ok = True

    callbacks: Callbacks
    target: int


def _callback(
    handler: Callable[[AnyWorld, int, int], None],
    world: World,
    environment: simpy.Environment,
    idle: list[Occasion],
) -> Callable[[Occasion], None]:
    """What SimPy calls for an event of one kind: the handler, then what it left ready."""
    run = world.run

    def happen(occasion: Occasion) -> None:
        now: int = environment._now  # type: ignore[assignment]  # integers stay integers
        handler(world, occasion.target, now)
        if run.ready_first >= 0:
            settle(world, now)
        idle.append(occasion)

    return happen


def attach(world: World, draws: Draws) -> simpy.Environment:
    """Give a world its agenda, in a new environment, and its draws.

    The world becomes an instance of a class of its own, because a method is what the interpreter
    calls fastest and what it needs here are variables of this function.
    """
    environment = simpy.Environment(initial_time=0)
    queue: list[Any] = environment._queue
    numbers = environment._eid
    idle: list[Occasion] = []
    by_kind: list[tuple[Callbacks, int]] = [
        ((_callback(handler, world, environment, idle),), (kind << 56) + 2)
        for kind, handler in enumerate(handlers())
    ]
    firsts = draws.firsts
    currents = draws.currents
    elsewhere = draws.elsewhere

    class AttachedWorld(World):
        __slots__ = ()

        def schedule(self, time: int, kind: int, order: int, target: int) -> None:
            # SimPy compares (time, priority, number) and has priorities 0 and 1 itself.
            occasion = idle.pop() if idle else Occasion()
            occasion.callbacks, base = by_kind[kind]
            occasion.target = target
            heappush(queue, (time, base + order, next(numbers), occasion))

        def draw(self, lane: int, number: int, attempt: int) -> int:
            if attempt == 0:
                offset = number - firsts[lane]
                if 0 <= offset < BLOCK:
                    return currents[lane][offset]
            return elsewhere(lane, number, attempt)

    world.__class__ = AttachedWorld
    return environment
