"""The reference engine: an ordinary `simpy.Environment` that executes the rules as they stand.

Time is integer nanoseconds. Events of one instant are taken in canonical order, which goes into
the priority of SimPy's queue; a process that a user attaches has SimPy's own priorities and so
goes before the model's events of the same instant.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from heapq import heappush
from typing import Any

import simpy

from poolsim.model.client.request import settle
from poolsim.model.dispatch import handlers
from poolsim.model.records import World


class Occasion:
    """An event of the model in SimPy's queue: its kind's handler and the handler's target.

    SimPy asks of what it queues only what is here; `simpy.Event` itself would cost twice as much
    to make and offers what no rule uses.
    """

    __slots__ = ("_ok", "_value", "callbacks", "handler", "target")

    def __init__(self, callbacks: tuple[Callable[[Any], None]], handler: Any, target: int) -> None:
        self.callbacks = callbacks
        self.handler = handler
        self.target = target
        self._ok = True


class Agenda:
    """The agenda of a world: SimPy's queue."""

    __slots__ = ("_callbacks", "_eid", "_queue", "environment", "events", "handlers", "world")

    def __init__(self, world: World, environment: simpy.Environment) -> None:
        self.world = world
        self.environment = environment
        self.handlers = handlers()
        self.events = 0
        self._queue = environment._queue
        self._eid: Iterator[int] = environment._eid
        self._callbacks = (self._happen,)

    def schedule(self, time: int, key: int, kind: int, target: int) -> None:
        """Queue an event; `key` is its place among those of the same instant.

        SimPy compares (time, priority, number); 2 is above its own priorities 0 and 1.
        """
        occasion = Occasion(self._callbacks, self.handlers[kind], target)
        heappush(self._queue, (time, key + 2, next(self._eid), occasion))

    def _happen(self, occasion: Occasion) -> None:
        world = self.world
        now = self.environment._now
        self.events += 1
        occasion.handler(world, occasion.target, now)
        if world.run.ready_first >= 0:
            settle(world, now)


def attach(world: World) -> simpy.Environment:
    """Give a world an agenda in a new environment."""
    environment = simpy.Environment(initial_time=0)
    world.agenda = Agenda(world, environment)
    world.notes = array("q")
    world.ends = array("q")
    return environment
