"""Executors of a session: so many threads before one unbounded FIFO of tasks.

A task is started by an agenda entry of its own (at the same instant where a thread is free), as in
the drivers, where `submit` returns before the task runs. A task that waits for a handshake keeps
its thread until `release_thread`.
"""

from __future__ import annotations

from poolsim.model.kinds import EXECUTOR
from poolsim.model.primitives import World
from poolsim.model.rule import rule
from poolsim.model.slots import new_task


@rule
def submit(w: World, e: int, kind: int, p: int, now: int) -> None:
    """Queue a task of a kind (the driver's own number) for pool `p`."""
    executor = w.executors[e]
    t = new_task(w)
    task = w.tasks[t]
    task.kind = kind
    task.pool = p
    task.generation = w.pools[p].generation
    if executor.last < 0:
        executor.first = t
    else:
        w.tasks[executor.last].next = t
    executor.last = t
    if executor.busy < executor.threads:
        w.schedule(now, EXECUTOR, e, e)


RETRY = -1
"""Kind of the task in which a request goes on to its next host; all others are the drivers'."""


@rule
def submit_retry(w: World, e: int, a: int, now: int) -> None:
    """Queue a request that goes on with attempt `a`, which was at a pool of the executor's
    session."""
    submit(w, e, RETRY, w.attempts[a].pool, now)
    w.tasks[w.executors[e].last].attempt = a
    w.attempts[a].holds += 1


@rule
def take_task(w: World, e: int) -> int:
    """The next task, now on a thread, or -1 where there is none or no thread is free.

    The caller frees its slot with `free_task` once it has read it.
    """
    executor = w.executors[e]
    if executor.busy >= executor.threads or executor.first < 0:
        return -1
    t = executor.first
    executor.first = w.tasks[t].next
    if executor.first < 0:
        executor.last = -1
    executor.busy += 1
    return t


@rule
def release_thread(w: World, e: int, now: int) -> None:
    """A task has ended; the next one starts at this instant."""
    executor = w.executors[e]
    executor.busy -= 1
    if executor.first >= 0:
        w.schedule(now, EXECUTOR, e, e)
