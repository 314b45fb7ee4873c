"""The reference engine: an ordinary `simpy.Environment` that executes the rules as they stand.

Time is integer nanoseconds. Events of one instant are taken in canonical order, which goes into
the priority of SimPy's queue; a process that a user attaches has SimPy's own priorities and so
goes before the model's events of the same instant.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

import simpy

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


def _scheduler(
    world: World, environment: simpy.Environment
) -> Callable[[int, int, int, int], None]:
    """The world's `schedule`: SimPy's queue, with the canonical order as priority.

    SimPy compares (time, priority, number); 2 and above is behind its own priorities 0 and 1.
    """
    queue = environment._queue
    numbers = environment._eid
    idle: list[Occasion] = []
    by_kind: list[tuple[Callbacks, int]] = [
        ((_callback(handler, world, environment, idle),), (kind << 56) + 2)
        for kind, handler in enumerate(handlers())
    ]

    def schedule(time: int, kind: int, order: int, target: int) -> None:
        occasion = idle.pop() if idle else Occasion()
        occasion.callbacks, base = by_kind[kind]
        occasion.target = target
        heappush(queue, (time, base + order, next(numbers), occasion))

    return schedule


def _callback(
    handler: Callable[[AnyWorld, int, int], None],
    world: World,
    environment: simpy.Environment,
    idle: list[Occasion],
) -> Callable[[Occasion], None]:
    """What SimPy calls for an event of one kind: the handler, then what it left ready."""
    run = world.run

    def happen(occasion: Occasion) -> None:
        now = environment._now
        handler(world, occasion.target, now)
        if run.ready_first >= 0:
            settle(world, now)
        idle.append(occasion)

    return happen


def attach(world: World) -> simpy.Environment:
    """Give a world an agenda in a new environment."""
    environment = simpy.Environment(initial_time=0)
    world.schedule = _scheduler(world, environment)
    return environment
