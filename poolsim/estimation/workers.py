"""Runs replications, here or in other processes; what comes out is the same.

Each replication is addressed by its number, so neither the process nor the order in which they end
matters. Processes are spawned, not forked: they begin from nothing on every platform, which asks of
a script that it guards its main part (`if __name__ == "__main__":`), as multiprocessing does.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

    from poolsim.estimation.progress import Progress
    from poolsim.scenario.scenario import Scenario

_WORTH_PROCESSES_S = 3.0
"""Work that takes less in this process is done here: starting others takes about a second."""
_LOOK_EVERY_S = 0.1
_STEPS = 100
"""How many times a replication in another process tells how far it is."""


class SimulationEnd(Protocol):
    """How an engine says that a run ended."""

    @property
    def end_ns(self) -> int:
        """The run's end."""

    @property
    def unfinished(self) -> tuple[int, ...]:
        """Requests without an end, per client."""

    @property
    def events(self) -> int:
        """Events of the agenda."""


class Simulate(Protocol):
    """What runs one replication (`poolsim.engine.run.simulate`)."""

    def __call__(
        self,
        scenario: Scenario,
        replication: int,
        recorder: Recorder,
        *,
        engine: str,
        progress: Callable[[float, int], None] | None,
    ) -> SimulationEnd:
        """Run replication number `replication` (from 0) and feed the recorder."""


@dataclass(frozen=True, slots=True)
class Job:
    """All that a replication needs but its number. `requests_into`: a directory for request rows,
    None: they are not kept."""

    scenario: Scenario
    interval_ns: int
    engine: str
    simulate: Simulate
    requests_into: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A replication that has run. `engine` is what the engine calls itself, "" if it does not."""

    record: Record
    events: int
    engine: str


class Stopped(Exception):
    """The parent process wants no more."""


def run_one(
    job: Job, replication: int, progress: Callable[[float, int], None] | None = None
) -> Done:
    """Run one replication in this process."""
    keep: bool | Path = False
    if job.requests_into is not None:
        keep = job.requests_into / f"requests-{replication}.int64"
    recorder = Recorder(job.scenario, job.interval_ns, keep)
    end = job.simulate(job.scenario, replication, recorder, engine=job.engine, progress=progress)
    record = recorder.finish(end.end_ns, end.unfinished)
    return Done(record, end.events, str(getattr(end, "engine", "")))


class Workers:
    """Runs the replications of one job, over processes where that pays.

    `jobs`: processes at most; 1: all in this process; None: as many as there are processors, once
    the first replication has shown that it is worth it.
    """

    def __init__(self, job: Job, jobs: int | None, progress: Progress | None) -> None:
        self._job = job
        self._jobs = jobs
        self._progress = progress
        self._pool: _Pool | None = None
        self._seconds_each: float | None = None
        self.done: dict[int, Done] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.close()

    @property
    def at_a_time(self) -> int:
        """How many replications are worth starting together."""
        return self._jobs if self._jobs is not None else _processors()

    def run(self, replications: range) -> None:
        """Run some replications; their results are in `done`."""
        if self._progress is not None:
            for replication in replications:
                self._progress.update(replication, 0.0, 0)
        missing = list(replications)
        while missing and not self._worth_processes(len(missing)):
            self._run_here(missing.pop(0))
        if missing:
            if self._pool is None:
                self._pool = _Pool(self._job, self.at_a_time, self._progress)
            self.done |= self._pool.run(missing)

    def _worth_processes(self, count: int) -> bool:
        if self._pool is not None:
            return True
        if self._jobs is not None:
            return self._jobs > 1 and count > 1
        if self._seconds_each is None or _processors() == 1:
            return False
        return count > 1 and count * self._seconds_each > _WORTH_PROCESSES_S

    def _run_here(self, replication: int) -> None:
        started = time.perf_counter()
        tell = None
        if self._progress is not None:
            tell = _for_replication(self._progress, replication)
        self.done[replication] = done = run_one(self._job, replication, tell)
        if tell is not None:
            tell(1.0, done.record.requests)
        self._seconds_each = time.perf_counter() - started


def _for_replication(progress: Progress, replication: int) -> Callable[[float, int], None]:
    def tell(share: float, requests: int) -> None:
        progress.update(replication, share, requests)

    return tell


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Message = tuple[int, float, int]


class _Pool:
    """Processes that run replications and tell how far they are."""

    def __init__(self, job: Job, processes: int, progress: Progress | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._progress = progress
        self._messages: Queue[Message] = context.Queue()
        self._stop: Event = context.Event()
        self._executor = ProcessPoolExecutor(
            processes, context, _begin, (job, self._messages, self._stop)
        )

    def run(self, replications: list[int]) -> dict[int, Done]:
        """Run some replications; an exception of one of them is raised here."""
        futures = {self._executor.submit(_run, number): number for number in replications}
        done: dict[int, Done] = {}
        waiting: set[Future[Done]] = set(futures)
        while waiting:
            finished, waiting = wait(waiting, timeout=_LOOK_EVERY_S)
            self._tell()
            # In the order of their numbers: of several failures the first is raised.
            for future in sorted(finished, key=futures.__getitem__):
                number = futures[future]
                done[number] = future.result()
                if self._progress is not None:
                    self._progress.update(number, 1.0, done[number].record.requests)
        return done

    def _tell(self) -> None:
        while True:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return
            if self._progress is not None:
                self._progress.update(*message)

    def close(self) -> None:
        """End the processes, after what they are at if nothing is waited for."""
        self._stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._messages.close()
        self._messages.cancel_join_thread()


# What a process of the pool holds; set once, when it begins.
_own: dict[str, Any] = {}


def _begin(job: Job, messages: Queue[Message], stop: Event) -> None:
    # Ctrl-C reaches the whole group; the parent says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _own.update(job=job, messages=messages, stop=stop)


def _run(replication: int) -> Done:
    messages, stop = _own["messages"], _own["stop"]
    told = 0

    def tell(share: float, requests: int) -> None:
        nonlocal told
        if stop.is_set():
            raise Stopped
        if share * _STEPS >= told + 1:
            told = int(share * _STEPS)
            messages.put((replication, share, requests))

    return run_one(_own["job"], replication, tell)
