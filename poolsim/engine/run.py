"""Runs one replication of a scenario and hands everything that happens to a recorder."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import simpy
from numpy.typing import NDArray

from poolsim.engine.draws import Draws
from poolsim.engine.sampling import sample
from poolsim.engine.simpy_engine import attach
from poolsim.invariants.checks import check
from poolsim.model.build import build, start
from poolsim.model.records import World
from poolsim.scenario.scenario import Scenario

REQUEST_WIDTH = 12
NOTE_WIDTH = 6
SAMPLE_WIDTH = 11
"""Columns of the rows that a recorder takes (recording/columns.py)."""

INTENDED = 5
ENDED = 9

FLUSH_BYTES = 8192 * REQUEST_WIDTH * 8
CHECKS = 8
"""How often the invariants that read all tables are checked during a run; and at its end."""


class Recorder(Protocol):
    """What takes a run's rows.

    Samples are taken every `interval_ns` and at the end; a recorder that has `sample_times_ns`,
    rising, the last at the run's duration, says itself when.
    """

    @property
    def interval_ns(self) -> int:
        """Nanoseconds from one sample to the next."""

    def requests(self, rows: NDArray[np.int64]) -> None:
        """Take requests that ended, shape (n, 12)."""

    def notes(self, rows: NDArray[np.int64]) -> None:
        """Take events, shape (n, 6)."""

    def sample(self, time_ns: int, table: NDArray[np.int64]) -> None:
        """Take the state of all pools, shape (clients * nodes, 11)."""


@dataclass(frozen=True, slots=True)
class SimulationEnd:
    """How a run ended: its time, requests without an end per client, events scheduled, and the
    engine that ran it."""

    end_ns: int
    unfinished: tuple[int, ...]
    events: int
    engine: str


class NotReady(Exception):
    """The environment lacks what the run needs (exit 6)."""


Attachment = Callable[[Any, World], None]
"""A user's own code: gets the `simpy.Environment` and the world before the run starts, and may
start processes there."""


def simulate(
    scenario: Scenario,
    replication: int,
    recorder: Recorder,
    *,
    engine: str = "auto",
    progress: Callable[[float, int], None] | None = None,
    attachments: Sequence[Attachment] = (),
) -> SimulationEnd:
    """Run one replication.

    Args:
        scenario: complete and checked.
        replication: number from 0; with the scenario's seed it decides every draw.
        recorder: takes the rows, in order.
        engine: auto or simpy.
        progress: called now and then with the share done and the requests so far.
        attachments: see Attachment.

    Raises:
        NotReady: the engine asked for is not there.
        InvariantViolation: the run broke a rule of its own.
    """
    if engine not in ("auto", "simpy"):
        raise NotReady(f"engine {engine!r} is not in this version; use --engine simpy")
    draws = Draws(scenario.seed, replication)
    world = build(scenario, draws)
    environment = attach(world, draws)
    start(world)
    for attachment in attachments:
        attachment(environment, world)
    end = scenario.duration_ns
    label = f"seed {scenario.seed}, replication {replication}"
    instants = _sample_times(recorder, end)
    checked = max(1, len(instants) // CHECKS)
    recorder.sample(0, sample(world, SAMPLE_WIDTH))
    with _no_collector(needed=bool(attachments)):
        _advance(world, environment, recorder, instants, checked, label, progress)
    return SimulationEnd(end, unfinished(world), next(environment._eid), "simpy")


@contextmanager
def _no_collector(needed: bool) -> Iterator[None]:
    """Rules make no cycles, so looking for some is time lost; a user's own code may need it."""
    if needed or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _advance(
    world: World,
    environment: simpy.Environment,
    recorder: Recorder,
    instants: list[int],
    checked: int,
    label: str,
    progress: Callable[[float, int], None] | None,
) -> None:
    """Run from sample to sample, and check the invariants at every `checked`-th."""
    end = instants[-1]
    for i, instant in enumerate(instants):
        environment.run(until=instant)
        recorder.sample(instant, sample(world, SAMPLE_WIDTH))
        checks_now = i % checked == 0 or instant == end
        if checks_now or len(world.ends) >= FLUSH_BYTES:
            _flush(world, recorder)
        if checks_now:
            check(world, instant, label)
        if progress is not None:
            progress(instant / end, world.run.requests_ended)


def _sample_times(recorder: Recorder, end_ns: int) -> list[int]:
    asked = getattr(recorder, "sample_times_ns", None)
    if asked is None:
        return [*range(recorder.interval_ns, end_ns, recorder.interval_ns), end_ns]
    return [int(at) for at in asked]


def unfinished(world: World) -> tuple[int, ...]:
    """Requests under way per client."""
    free = set()
    r = world.run.free_request
    while r >= 0:
        free.add(r)
        r = world.requests[r].next
    counts = [0] * len(world.clients)
    for r, request in enumerate(world.requests):
        if r not in free:
            counts[request.client] += 1
    return tuple(counts)


def _flush(world: World, recorder: Recorder) -> None:
    """Hand over the rows gathered since the last time."""
    if world.ends:
        rows = np.frombuffer(bytes(world.ends), dtype=np.int64).reshape(-1, REQUEST_WIDTH)
        world.ends.clear()
        world.run.requests_ended += len(rows)
        world.run.system_sum += int((rows[:, ENDED] - rows[:, INTENDED]).sum())
        recorder.requests(rows)
    if world.notes:
        recorder.notes(np.array(world.notes, dtype=np.int64).reshape(-1, NOTE_WIDTH))
        del world.notes[:]
