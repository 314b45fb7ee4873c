"""Evaluates many tasks: in this process, in others on this machine, or on a dask cluster.

joblib does the work. A task is addressed by all that decides it, so neither the number of processes
nor the order in which they end changes an outcome.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from poolsim.engine.choice import prepare
from poolsim.engine.compiled.rules import drivers_of
from poolsim.engine.run import NotReady
from poolsim.machine_code.cache import Compiling
from poolsim.planning.evaluate import Outcome, Task, evaluate_with_key
from poolsim.recording.digest import inputs_hash
from poolsim.recording.fast_rows import PROGRAM
from poolsim.scenario.scenario import Scenario

_log = logging.getLogger(__name__)

_WORTH_PROCESSES_S = 4.0
"""Work that takes less here is done here: other processes take some seconds to begin."""
_CONNECT_TIMEOUT_S = 10


class Executor:
    """Where tasks run.

    `jobs`: processes at most, 1: all in this one, None: as many as there are processors once the
    first tasks have shown that it pays. `dask`: the address of a scheduler, "" for none.
    """

    def __init__(
        self, jobs: int | None = None, dask: str = "", compiling: Compiling | None = None
    ) -> None:
        """`compiling`: is entered before a compilation of the rules and left after it."""
        self.jobs = jobs
        self.dask = dask
        self._compiling = compiling
        self._engines: dict[tuple[str, ...], str] = {}

    def get_ready(self, scenario: Scenario, runs: int) -> None:
        """Choose the engine that pays for so many runs of scenarios like this one, and have it
        ready: each of them alone may be too short for machine code, all together are not. The
        workers of a dask cluster choose by themselves, run by run."""
        if self.dask:
            return
        choice = prepare(
            scenario, "auto", replications=runs, also=(PROGRAM,), compiling=self._compiling
        )
        if choice.remark:
            _log.warning("%s", choice.remark)
        self._engines[drivers_of(scenario)] = choice.engine

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Outcome]]:
        """Key and outcome of each task, in the order in which they are done."""
        if self.dask:
            with _dask_client(self.dask):
                yield from _parallel(tasks, None)
            return
        remaining = [self._with_engine(task) for task in tasks]
        started = time.perf_counter()
        done = 0
        while remaining and not self._worth_processes(done, len(remaining), started):
            yield evaluate_with_key(remaining.pop(0))
            done += 1
        if remaining:
            yield from _parallel(remaining, self.jobs or processors())

    def _with_engine(self, task: Task) -> Task:
        if task.engine != "auto":
            return task
        return replace(task, engine=self._engines.get(drivers_of(task.scenario), "auto"))

    def _worth_processes(self, done: int, left: int, started: float) -> bool:
        if self.jobs is not None:
            return self.jobs > 1 and left > 1
        if not done or processors() == 1 or left < 2:
            return False
        seconds_each = (time.perf_counter() - started) / done
        return seconds_each * left > _WORTH_PROCESSES_S


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parallel(tasks: Sequence[Task], jobs: int | None) -> Iterator[tuple[int, Outcome]]:
    from joblib import Parallel, delayed, parallel_config

    backend = {} if jobs is not None else {"backend": "dask", "n_jobs": -1}
    with parallel_config(**backend):
        # One by one: an outcome that is ready must not wait for its neighbours to be kept.
        parallel = Parallel(
            n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
        )
        yield from parallel(delayed(evaluate_with_key)(task) for task in tasks)


@contextmanager
def _dask_client(address: str) -> Iterator[None]:
    """A connection to a scheduler whose workers have this very model."""
    try:
        from distributed import Client
    except ImportError:
        raise NotReady("--dask needs dask.distributed: pip install 'poolsim[dask]'") from None
    try:
        client = Client(  # type: ignore[no-untyped-call]
            address, timeout=_CONNECT_TIMEOUT_S
        )
    except (OSError, ValueError) as error:
        raise NotReady(f"no dask scheduler answers at {address}: {error}") from None
    with client:
        models = client.run(inputs_hash, "")
        if not models:
            raise NotReady(f"the scheduler at {address} has no worker: start dask worker {address}")
        other = sorted(worker for worker, model in models.items() if model != inputs_hash(""))
        if other:
            raise NotReady(
                f"{len(other)} of {len(models)} workers at {address} have another version of "
                f"poolsim or numpy, first {other[0]}: results would differ"
            )
        yield
