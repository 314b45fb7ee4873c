"""The loads of a run through the wrapper for asyncio: one event loop issues and awaits."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from async_cassandra import AsyncSession
from cassandra.query import SimpleStatement
from run_file import Run, intended
from run_loads import payload
from run_log import Requests


def run_load(run: Run, session: Any, requests: Requests, start_ns: int) -> None:
    """Give the run's load; returns at its end, when what is under way has ended or been left."""
    asyncio.run(_Load(run, session, requests, start_ns).give())


class _Load:
    def __init__(self, run: Run, session: Any, requests: Requests, start_ns: int) -> None:
        self._run = run
        self._driver_session = session
        self._requests = requests
        self._start_ns = start_ns
        self._end_ns = start_ns + run.duration_ns
        self._statement = SimpleStatement(run.query)
        self._statement.is_idempotent = bool(run.options.get("idempotent", False))
        self._free = start_ns
        self._tasks: set[asyncio.Task[Any]] = set()

    async def give(self) -> None:
        self._session = AsyncSession(self._driver_session, self._run.max_concurrent)
        if self._run.load["kind"] == "open":
            await self._give_open()
        else:
            await self._give_closed()
        await _until(self._end_ns)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=30)

    async def _give_open(self) -> None:
        for offset in intended(self._run.load):
            due = self._start_ns + offset
            if due >= self._end_ns:
                return
            await self._turn(due)
            self._begin(self._request(due))

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turn(self, due: int) -> None:
        """Wait until a request may be issued."""
        await _until(max(due, self._free))
        self._free = time.monotonic_ns() + self._run.issue_gap_ns

    async def _request(self, due: int) -> bool:
        """One request; whether it went well."""
        number = self._requests.due(due)
        carried = payload(number) if self._run.payload else None
        try:
            _, host = await self._session.execute(
                self._statement,
                starting=lambda: self._requests.started(number),
                custom_payload=carried,
            )
        except Exception as error:
            self._requests.failed(number, error)
            return False
        self._requests.succeeded(number, host)
        return True

    async def _give_closed(self) -> None:
        self._window = 0
        self._workers = 0
        for at, window in self._run.load["phases"]:
            await _until(self._start_ns + at)
            self._window = window
            while self._workers < window:
                self._workers += 1
                self._begin(self._work(self._start_ns + at))

    async def _work(self, due: int) -> None:
        pause_ns = self._run.load.get("error_pause_ns", 1_000_000)
        while self._workers <= self._window and time.monotonic_ns() < self._end_ns:
            await self._turn(due)
            well = await self._request(due)
            due = time.monotonic_ns()
            if not well:
                due += pause_ns
                await _until(due)
        self._workers -= 1


async def _until(instant_ns: int) -> None:
    """Return at an instant or later, letting others run in any case."""
    await asyncio.sleep(0)
    while (left := instant_ns - time.monotonic_ns()) > 0:
        await asyncio.sleep(left * 1e-9)
