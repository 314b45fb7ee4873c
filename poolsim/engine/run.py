"""Runs one replication of a scenario and hands everything that happens to a recorder."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.choice import NotReady, choose, library_for
from poolsim.engine.draws import Draws
from poolsim.engine.rows import REQUEST_WIDTH
from poolsim.engine.sampling import sample_values
from poolsim.model.build import build
from poolsim.model.records import World
from poolsim.scenario.scenario import Scenario

__all__ = ["Attachment", "NotReady", "Recorder", "SimulationEnd", "simulate"]

_log = logging.getLogger("poolsim")

FLUSH_ROWS = 8192
"""So many requests that ended are handed over at the next sample."""
CHECKS = 8
"""How often the invariants that read all tables are checked during a run; and at its end."""


class Recorder(Protocol):
    """What takes a run's rows.

    Samples are taken every `interval_ns` and at the end; a recorder that has `sample_times_ns`,
    rising, the last at the run's duration, says itself when. A recorder that has `go_faster()` is
    told by it that machine code is at hand, and gets rows that are valid during the call only.
    """

    @property
    def interval_ns(self) -> int:
        """Nanoseconds from one sample to the next."""

    def requests(self, rows: NDArray[np.int64]) -> None:
        """Take requests that ended, shape (n, 12)."""

    def notes(self, rows: NDArray[np.int64]) -> None:
        """Take events, shape (n, 6)."""

    def sample(self, time_ns: int, table: NDArray[np.int64]) -> None:
        """Take the state of all pools, shape (clients * nodes, 14)."""


class Run(Protocol):
    """A replication under way on one of the engines."""

    @property
    def engine(self) -> str:
        """What the engine is called."""

    @property
    def events(self) -> int:
        """Entries that were put on the agenda so far."""

    @property
    def requests_ended(self) -> int:
        """Requests taken so far."""

    @property
    def requests_waiting(self) -> int:
        """How many rows `take_requests` would give."""

    def advance(self, until_ns: int, between: Callable[[], None]) -> None:
        """Handle every event before an instant; `between` may be called now and then."""

    def sample(self) -> NDArray[np.int64]:
        """The state of all pools, shape (clients * nodes, 14)."""

    def check(self, now_ns: int, label: str) -> None:
        """Check every invariant; raises InvariantViolation."""

    def take_requests(self) -> NDArray[np.int64]:
        """Requests that ended since the last time, shape (n, 12), valid until the run goes on."""

    def take_notes(self) -> NDArray[np.int64]:
        """Events noted since the last time, shape (n, 6)."""

    def unfinished(self) -> tuple[int, ...]:
        """Requests under way per client."""


@dataclass(frozen=True, slots=True)
class SimulationEnd:
    """How a run ended: its time, requests without an end per client, events scheduled, and the
    engine that ran it."""

    end_ns: int
    unfinished: tuple[int, ...]
    events: int
    engine: str


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
        engine: auto, simpy or compiled; the rows do not depend on it.
        progress: called now and then with the share done and the requests so far.
        attachments: see Attachment. They need SimPy, whatever engine is asked for.

    Raises:
        NotReady: the engine asked for is not there.
        InvariantViolation: the run broke a rule of its own.
    """
    choice = choose(scenario, engine, attached=bool(attachments))
    if choice.remark:
        _log.warning("%s", choice.remark)
    label = f"seed {scenario.seed}, replication {replication}"
    # Neither the model nor its rules make cycles, so looking for some is time lost; a user's own
    # code may need it.
    with _collector(off=not attachments):
        run = _begin(scenario, replication, choice.engine, attachments)
        if run.engine == "compiled" and hasattr(recorder, "go_faster"):
            recorder.go_faster()
        _advance(run, recorder, _sample_times(recorder, scenario.duration_ns), label, progress)
        return SimulationEnd(scenario.duration_ns, run.unfinished(), run.events, run.engine)


def _begin(
    scenario: Scenario, replication: int, engine: str, attachments: Sequence[Attachment]
) -> Run:
    draws = Draws(scenario.seed, replication)
    world = build(scenario, draws)
    world.samples = [0] * sample_values(world)
    if engine == "compiled":
        from poolsim.engine.compiled.executor import CompiledRun

        return CompiledRun(world, draws, library_for(scenario))
    from poolsim.engine.simpy_engine import SimpyRun

    return SimpyRun(world, draws, attachments)


@contextmanager
def _collector(*, off: bool) -> Iterator[None]:
    """Python's collector of cycles, switched off or left as it is."""
    if not off or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _advance(
    run: Run,
    recorder: Recorder,
    instants: list[int],
    label: str,
    progress: Callable[[float, int], None] | None,
) -> None:
    """Run from sample to sample, and check the invariants at some of them."""
    end = instants[-1]
    checked = max(1, len(instants) // CHECKS)
    before = 0

    def between() -> None:
        _hand_over(run, recorder)
        if progress is not None:
            progress(before / end, run.requests_ended)

    recorder.sample(0, run.sample())
    for i, instant in enumerate(instants):
        run.advance(instant, between)
        recorder.sample(instant, run.sample())
        checks_now = i % checked == 0 or instant == end
        if checks_now or run.requests_waiting >= FLUSH_ROWS:
            _hand_over(run, recorder)
        if checks_now:
            run.check(instant, label)
        before = instant
        if progress is not None:
            progress(instant / end, run.requests_ended)


def _sample_times(recorder: Recorder, end_ns: int) -> list[int]:
    asked = getattr(recorder, "sample_times_ns", None)
    if asked is None:
        return [*range(recorder.interval_ns, end_ns, recorder.interval_ns), end_ns]
    return [int(at) for at in asked]


def _hand_over(run: Run, recorder: Recorder) -> None:
    """Hand over the rows gathered since the last time."""
    requests = run.take_requests()
    if len(requests):
        assert requests.shape[1] == REQUEST_WIDTH
        recorder.requests(requests if hasattr(recorder, "go_faster") else requests.copy())
    notes = run.take_notes()
    if len(notes):
        recorder.notes(notes)
