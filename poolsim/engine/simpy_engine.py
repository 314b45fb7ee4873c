"""The reference engine: an ordinary `simpy.Environment` that executes the rules as they stand.

Time is integer nanoseconds. Events of one instant are taken in canonical order, which goes into
the priority of SimPy's queue; a process that a user attaches has SimPy's own priorities and so
goes before the model's events of the same instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from heapq import heappush
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from poolsim.engine.draws import BLOCK, Draws
from poolsim.engine.rows import ENDED, INTENDED, NOTE_WIDTH, REQUEST_WIDTH
from poolsim.engine.sampling import count_unfinished, sample_table, take_sample
from poolsim.invariants.checks import check
from poolsim.model.build import start
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


class SimpyRun:
    """A replication under way on SimPy."""

    engine = "simpy"

    def __init__(
        self, world: World, draws: Draws, attachments: Sequence[Callable[[Any, World], None]] = ()
    ) -> None:
        """Attach a world that `model.build.build` made to a new environment and do what happens
        before time zero; then each of `attachments` gets the environment and the world."""
        self.world = world
        self._environment = attach(world, draws)
        self._slices = 0
        self._asked = 0
        start(world)
        for attachment in attachments:
            attachment(self._environment, world)

    def advance(self, until_ns: int, _between: Callable[[], None]) -> None:
        """Handle every event before `until_ns`."""
        self._environment.run(until=until_ns)
        self._slices += 1

    def sample(self) -> NDArray[np.int64]:
        """The state of all pools, shape (clients * nodes, SAMPLE_WIDTH)."""
        take_sample(self.world)
        return sample_table(np.array(self.world.samples, dtype=np.int64))

    def check(self, now_ns: int, label: str) -> None:
        """Check every invariant (see `invariants.checks.check`)."""
        check(self.world, now_ns, label)

    def take_requests(self) -> NDArray[np.int64]:
        """The requests that ended since the last time, in order."""
        world = self.world
        rows = np.frombuffer(bytes(world.ends), dtype=np.int64).reshape(-1, REQUEST_WIDTH)
        world.ends.clear()
        world.run.requests_ended += len(rows)
        world.run.system_sum += int((rows[:, ENDED] - rows[:, INTENDED]).sum())
        return rows

    def take_notes(self) -> NDArray[np.int64]:
        """The events noted since the last time."""
        rows = np.array(self.world.notes, dtype=np.int64).reshape(-1, NOTE_WIDTH)
        del self.world.notes[:]
        return rows

    @property
    def requests_waiting(self) -> int:
        """How many rows `take_requests` would give."""
        return len(self.world.ends) // (REQUEST_WIDTH * 8)

    @property
    def requests_ended(self) -> int:
        """Requests taken so far."""
        ended: int = self.world.run.requests_ended
        return ended

    @property
    def events(self) -> int:
        """Entries that were put on the agenda so far, those that end a slice excepted."""
        asked = self._asked
        self._asked += 1  # asking takes a number, too
        return next(self._environment._eid) - asked - self._slices * _numbers_a_slice()

    def unfinished(self) -> tuple[int, ...]:
        """Requests under way per client."""
        count_unfinished(self.world)
        return tuple(self.world.samples[: len(self.world.clients)])


@cache
def _numbers_a_slice() -> int:
    """How many entries SimPy itself puts on the agenda to stop at an instant."""
    environment = simpy.Environment()
    environment.run(until=1)
    return next(environment._eid)
