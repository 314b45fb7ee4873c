"""The loads of a run on the driver's own session: one thread issues, callbacks complete."""

from __future__ import annotations

import struct
import time
from array import array
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from cassandra.query import SimpleStatement
from run_file import Run, intended
from run_log import Requests
from run_session import sleep_until

LONGEST_PARK_S = 0.1


def payload(number: int) -> dict[str, bytes]:
    """What tells the proxy the number of a request."""
    return {"poolsim": struct.pack(">q", number)}


class Issuer:
    """Sends numbered requests through a session."""

    def __init__(self, run: Run, session: Any, requests: Requests) -> None:
        self._session = session
        self._requests = requests
        self._statement = SimpleStatement(run.query)
        self._statement.is_idempotent = bool(run.options.get("idempotent", False))
        self._payload = run.payload
        self.completed: Callable[[int, bool], None] = lambda _ended_ns, _well: None

    def issue(self, intended_ns: int) -> int:
        """Issue a request that was due at an instant; when that was."""
        number = self._requests.due(intended_ns)
        carried = payload(number) if self._payload else None
        started = self._requests.started(number)
        try:
            future = self._session.execute_async(self._statement, custom_payload=carried)
        except Exception as error:
            self._failed(error, number)
        else:
            future.add_callbacks(
                self._succeeded, self._failed, callback_args=(number, future),
                errback_args=(number,),
            )  # fmt: skip
        return started

    def _succeeded(self, rows: Any, number: int, future: Any) -> None:
        del rows
        self.completed(self._requests.succeeded(number, future.coordinator_host), True)

    def _failed(self, error: BaseException, number: int) -> None:
        self.completed(self._requests.failed(number, error), False)


def run_load(run: Run, issuer: Issuer, start_ns: int) -> None:
    """Give the run's load; returns at its end."""
    if run.load["kind"] == "open":
        run_open(intended(run.load), run.issue_gap_ns, issuer, start_ns, start_ns + run.duration_ns)
    else:
        run_closed(run, issuer, start_ns)


def run_open(times: array[int], gap_ns: int, issuer: Issuer, start_ns: int, end_ns: int) -> None:
    """Requests at given times, whatever becomes of them: never earlier, later if a call blocks."""
    free = start_ns
    for offset in times:
        due = start_ns + offset
        if due >= end_ns:
            return
        sleep_until(max(due, free))
        free = issuer.issue(due) + gap_ns


def run_closed(run: Run, issuer: Issuer, start_ns: int) -> None:
    """So many workers with one request each at a time; one whose request failed pauses first."""
    phases = deque((start_ns + at, window) for at, window in run.load["phases"])
    pause_ns = run.load.get("error_pause_ns", 1_000_000)
    end_ns = start_ns + run.duration_ns
    ended: SimpleQueue[tuple[int, bool]] = SimpleQueue()
    issuer.completed = lambda at, well: ended.put((at, well))
    paused: deque[int] = deque()
    window = workers = 0
    launched = free = start_ns
    sleep_until(start_ns)
    while (now := time.monotonic_ns()) < end_ns:
        while phases and phases[0][0] <= now:
            launched, window = phases.popleft()
        due = None
        if workers < window:
            workers += 1
            due = launched
        elif paused and paused[0] <= now:
            due = paused.popleft()
        else:
            until = min([end_ns, *[at for at, _ in list(phases)[:1]], *list(paused)[:1]])
            try:
                at, well = ended.get(timeout=min(LONGEST_PARK_S, max(0, until - now) * 1e-9))
            except Empty:
                continue
            if well:
                due = at
            else:
                paused.append(at + pause_ns)
        if due is not None and workers > window:
            workers -= 1
        elif due is not None:
            sleep_until(free)
            free = issuer.issue(due) + run.issue_gap_ns
