"""What a recorder drives of the Python driver, and how it sees that the driver is at rest.

The driver's own code makes every decision. What it leaves to the operating system is put into the
recorder's hands, so that a walk is one operation at a time and the same seed gives the same walk:

- the clock that its pools read (`DrivenClock` in place of the module `time`),
- when a waiting thread goes on, because it was notified or has waited for its whole timeout
  (`DrivenCondition`),
- when a thread that waits by looking again and again, as a borrow does while its exhausted
  connection is dead, looks next time (`DrivenClock`, which each look reads),
- when a thread of its executor takes the next task (`DrivenExecutor`),
- when a thread comes back from a handshake that is over (`Handshakes`),
- when its scheduler finds a task to be due (`DrivenScheduler`).

Each of these may happen at any time in life. The recorder lets them happen one after another, in
the order in which they were asked for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from queue import SimpleQueue
from typing import Any

PATIENCE_S = 20.0
"""How long the recorder waits for something that the driver is about to do."""

ORIGIN_S = 1 << 20
"""The driven clock's reading at 0 ms: large, as clocks are, and exact in a float."""


class Stuck(Exception):
    """The driver did not come to rest."""


class Changes:
    """Wakes the recorder whenever something in the driver has changed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def note(self) -> None:
        """Something has changed (any thread)."""
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until `reached` says so (the recorder's thread).

        Raises:
            Stuck: it did not within 20 s.
        """
        with self._condition:
            if not self._condition.wait_for(reached, PATIENCE_S):
                raise Stuck(f"waited in vain for {what}")


class DrivenClock:
    """Stands in for the module `time` inside `cassandra.pool`; moves when the recorder says so."""

    def __init__(self) -> None:
        self.now_ms = 0

    def time(self) -> float:
        """What the driver reads, in seconds."""
        borrow: Borrow | None = getattr(_own, "borrow", None)
        if borrow is not None:
            borrow.read_clock()
        return ORIGIN_S + self.now_ms / 1000

    def ms_of(self, reading: float) -> float:
        """A reading that the driver keeps, in ms of this clock."""
        return (reading - ORIGIN_S) * 1000


# Borrows that block -------------------------------------------------------------------------------


READS_TO_BLOCK = 2
"""Of the clock, by a borrow before it first blocks; after a wait it is one."""


class Borrow:
    """One borrow on a thread of its own."""

    def __init__(self, request: int, changes: Changes) -> None:
        self.request = request
        self.condition: DrivenCondition | None = None
        self.waiter: Any = None
        self.deadline_ms = 0
        self.waits = False
        """It is among a condition's waiters."""
        self.notified = 0
        """Its place among those that a condition has woken; 0 if it was not."""
        self.spins = False
        """It is about to look again."""
        self.looked_at = -1
        """When it last looked, in the recorder's count of what has happened."""
        self.returned = 0
        """Its place among those that came back to their callers; 0 if it has not."""
        self._changes = changes
        self._turn = threading.Semaphore(0)
        self._reads_left = READS_TO_BLOCK

    @property
    def rests(self) -> bool:
        """Whether its thread does nothing without the recorder's word."""
        return bool(self.waits or self.notified or self.spins or self.returned)

    def read_clock(self) -> None:
        """A look at the clock (its own thread): one too many means that it waits by looking."""
        if self._reads_left > 0:
            self._reads_left -= 1
            return
        self.spins = True
        self._changes.note()
        self._turn.acquire()
        self._reads_left = 1  # one more before it waits, if it finds a connection to wait for

    def wait_for(self, waiter: Any) -> None:
        """Sleep until notified and told to go on (its own thread)."""
        waiter.acquire()
        self._turn.acquire()
        self._reads_left = 1

    def go_on(self) -> None:
        """Let its thread go on: it was notified, or looks again."""
        self.notified = 0
        self.spins = False
        self._turn.release()

    def expire(self) -> None:
        """Let its wait end as one whose timeout has passed; the clock was put beyond it before."""
        if not self.spins:
            assert self.condition is not None
            with self.condition:
                self.condition.waiters.remove(self.waiter)
                self.waiter.release()
        self.go_on()


_own = threading.local()
_places = count(1)


class _Waiters(deque[Any]):
    """The waiters of a condition, oldest first; each one's borrow knows whether it is in here."""

    def __init__(self, changes: Changes) -> None:
        super().__init__()
        self._changes = changes
        self._borrows: dict[int, Borrow] = {}

    def append(self, waiter: Any) -> None:
        super().append(waiter)
        borrow: Borrow | None = getattr(_own, "borrow", None)
        if borrow is not None:
            self._borrows[id(waiter)] = borrow
            borrow.waiter = waiter
            borrow.waits = True
            self._changes.note()

    def remove(self, waiter: Any) -> None:
        super().remove(waiter)
        borrow = self._borrows.pop(id(waiter), None)
        if borrow is not None:
            borrow.notified = next(_places)
            borrow.waits = False


class DrivenCondition(threading.Condition):
    """A condition whose waits end when the recorder says so: never by time, and after a
    notification not before the recorder has seen it."""

    changes = Changes()
    """Shared by all: set by the recorder before it makes a pool."""

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.waiters = _Waiters(self.changes)
        self._waiters = self.waiters

    def wait(self, timeout: float | None = None) -> bool:
        """As `threading.Condition.wait`; the driver ignores what it returns and reads the clock."""
        borrow: Borrow | None = getattr(_own, "borrow", None)
        if borrow is None:
            return super().wait(timeout)
        borrow.condition = self
        waiter = threading.Lock()
        waiter.acquire()
        self.waiters.append(waiter)
        held = self._release_save()
        try:
            borrow.wait_for(waiter)
        finally:
            self._acquire_restore(held)
        return True


class BorrowThreads:
    """Threads for borrows, one for each that is under way; they are used again."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._idle: list[SimpleQueue[Any]] = []

    def run(self, borrow: Borrow, work: Callable[[], None]) -> None:
        """Run `work` on a thread of the borrow's own."""
        if self._idle:
            work_of = self._idle.pop()
        else:
            work_of = SimpleQueue()
            threading.Thread(target=self._serve, args=(work_of,), daemon=True).start()
        work_of.put((borrow, work))

    def _serve(self, work_of: SimpleQueue[Any]) -> None:
        while True:
            borrow, work = work_of.get()
            _own.borrow = borrow
            work()
            _own.borrow = None
            self._idle.append(work_of)
            borrow.returned = next(_places)
            self._changes.note()


# Handshakes and tasks -----------------------------------------------------------------------------


class Handshake:
    """One connection that is being made by a thread of the driver."""

    def __init__(self) -> None:
        self.is_over = False
        self.failed = False
        self._may_go_on = threading.Event()

    def go_on(self) -> None:
        """Let its thread come back from it."""
        self._may_go_on.set()

    def wait_for_turn(self) -> None:
        """Wait for the recorder's word (the driver's thread)."""
        if not self._may_go_on.wait(60):
            raise Stuck("a handshake was never taken up")


class Handshakes:
    """The handshakes under way, in the order in which they were begun."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self.under_way: list[Handshake] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around the making of a connection: its thread comes back when the recorder says so."""
        handshake = Handshake()
        self.under_way.append(handshake)
        self._changes.note()
        try:
            yield
        except BaseException:
            handshake.failed = True
            raise
        finally:
            handshake.is_over = True
            self._changes.note()
            handshake.wait_for_turn()

    def let_go(self, handshake: Handshake) -> None:
        """A handshake's thread goes on."""
        self.under_way.remove(handshake)
        handshake.go_on()


class DrivenExecutor:
    """In place of the cluster's thread pool: so many threads before a FIFO of tasks.

    A free thread takes the next task when the recorder says so; at once while `automatic`.
    """

    def __init__(self, changes: Changes, threads: int = 2) -> None:
        self._changes = changes
        self._lock = threading.Lock()
        self._tasks: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._work: SimpleQueue[Any] = SimpleQueue()
        self.threads = threads
        self.busy = 0
        self.automatic = True
        for _ in range(threads):
            threading.Thread(target=self._serve, daemon=True).start()

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        """As `concurrent.futures.Executor.submit`."""
        future: Future[Any] = Future()
        with self._lock:
            self._tasks.append((future, lambda: function(*args, **kwargs)))
        if self.automatic:
            self.start_next()
        self._changes.note()
        return future

    @property
    def can_start(self) -> bool:
        """Whether a task waits and a thread is free."""
        return bool(self._tasks) and self.busy < self.threads

    def start_next(self) -> None:
        """A free thread, if there is one, takes the next task, if there is one."""
        with self._lock:
            if self._tasks and self.busy < self.threads:
                self.busy += 1
                self._work.put(self._tasks.popleft())

    def _serve(self) -> None:
        while True:
            task = self._work.get()
            if task is None:
                return
            future, function = task
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
            with self._lock:
                self.busy -= 1
            if self.automatic:
                self.start_next()
            self._changes.note()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads once they are idle."""
        del wait, cancel_futures
        for _ in range(self.threads):
            self._work.put(None)


class DrivenScheduler:
    """In place of the cluster's scheduler: submits what is due when the recorder looks."""

    is_shutdown = False

    def __init__(self, executor: DrivenExecutor, clock: DrivenClock) -> None:
        self._executor = executor
        self._clock = clock
        self._tasks: list[tuple[float, Callable[[], Any]]] = []

    def schedule(self, delay: float, function: Callable[..., Any], *args: Any, **kw: Any) -> None:
        """Keep a task for `delay` seconds from now."""
        due_ms = self._clock.now_ms + 1000 * delay
        self._tasks.append((due_ms, lambda: function(*args, **kw)))

    schedule_unique = schedule

    @property
    def next_due_ms(self) -> float | None:
        """When the first task is due."""
        return min((due for due, _ in self._tasks), default=None)

    def look(self) -> None:
        """Submit what is due."""
        due = [task for task in self._tasks if task[0] <= self._clock.now_ms]
        self._tasks = [task for task in self._tasks if task[0] > self._clock.now_ms]
        for _, function in sorted(due, key=lambda task: task[0]):
            self._executor.submit(function)

    def shutdown(self) -> None:
        """Forget everything."""
        self.is_shutdown = True
        self._tasks.clear()
