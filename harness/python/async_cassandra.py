"""A session for asyncio over the driver's own: futures bridged to the event loop, and a limit.

What async-cassandra's documents describe: `execute` gives a request to the driver's
`execute_async`, whose callbacks come on the driver's thread, and awaits a future of the event loop
that they complete; an application limits its requests by a semaphore before that. The pools below
are the driver's: one connection a host. `execute_async` still borrows from them on the caller's
thread, so a pool without a free stream blocks the event loop, for up to 2 s a host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class AsyncSession:
    """Awaitable requests over a session of the driver; belongs to one event loop."""

    def __init__(self, session: Any, max_concurrent: int | None = None) -> None:
        """Wrap a session; at most `max_concurrent` requests are with the driver, None: no limit."""
        self.session = session
        self._semaphore = None if max_concurrent is None else asyncio.Semaphore(max_concurrent)

    async def execute(
        self,
        query: Any,
        parameters: Any = None,
        *,
        starting: Callable[[], object] = lambda: None,
        **options: Any,
    ) -> tuple[Any, Any]:
        """Execute a statement; its rows and the host that answered.

        Args:
            query: As for the driver's `execute_async`.
            parameters: As for the driver's `execute_async`.
            starting: Called when the limit lets the request through.
            options: As for the driver's `execute_async`.

        Raises:
            Exception: whatever the driver ends the request with.
        """
        if self._semaphore is None:
            return await self._execute(query, parameters, starting, options)
        async with self._semaphore:
            return await self._execute(query, parameters, starting, options)

    async def _execute(
        self, query: Any, parameters: Any, starting: Callable[[], object], options: dict[str, Any]
    ) -> tuple[Any, Any]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Any] = loop.create_future()
        starting()
        response = self.session.execute_async(query, parameters, **options)

        def settle(result: Any, error: BaseException | None) -> None:
            if outcome.done():
                return  # cancelled meanwhile
            if error is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(error)

        response.add_callbacks(
            lambda rows: loop.call_soon_threadsafe(settle, rows, None),
            lambda error: loop.call_soon_threadsafe(settle, None, error),
        )
        rows = await outcome
        return rows, response.coordinator_host
