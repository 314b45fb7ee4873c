"""The proxy: its listeners, the releases that are due, its log and its events."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop
from time import monotonic_ns

from poolsim.harness.proxy.listener import Listener
from poolsim.harness.proxy.log import Numbered, RequestLog
from poolsim.harness.proxy.loop import Loop
from poolsim.harness.proxy.pair import Pair

MOST_EVENTS = 1_000_000
"""Kept until somebody asks for them; then the older half is dropped."""

Event = tuple[int, str, str, int]
"""Time in ns, listener, kind, the client's port (-1: none)."""


class Proxy:
    """Everything of one process. `on_turn` is called after each round of the loop."""

    def __init__(self, on_turn: Callable[[], None]) -> None:
        """No listener yet."""
        self.loop = Loop(self._release, self._tick, on_turn)
        self.listeners: dict[str, Listener] = {}
        self.events: list[Event] = []
        self.log: RequestLog | None = None
        self.sendings: dict[int, int] = {}
        """How often each request number was read, over all listeners."""
        self.order = 0

    def add_row(self, request: Numbered, listener: Listener, pair: Pair, sent_ns: int) -> None:
        """Log a request that has ended, unless the log has."""
        if self.log is not None:
            self.log.add(request, listener.number, pair.client_port, sent_ns)

    def unanswered(self) -> list[tuple[Numbered, Listener, Pair]]:
        """The logged requests that are under way."""
        found = [
            (request, listener, pair)
            for listener in self.listeners.values()
            for pair in listener.pairs.values()
            for request in pair.paced.values()
        ]
        found += [(entry[3], entry[2].listener, entry[2]) for entry in self.loop.due]
        return [item for item in found if item[0].is_logged]

    def _release(self, now: int) -> None:
        """Send what is due, what goes to one client together."""
        due = self.loop.due
        outgoing: dict[Pair, list[tuple[Numbered, bytes]]] = {}
        while due and due[0][0] <= now:
            _, _, pair, request, frame = heappop(due)
            if pair.is_closed:
                if request.is_logged:
                    self.add_row(request, pair.listener, pair, -1)
                continue
            outgoing.setdefault(pair, []).append((request, frame))
        for pair, items in outgoing.items():
            pair.client.write(
                items[0][1] if len(items) == 1 else b"".join(frame for _, frame in items)
            )
            sent = monotonic_ns()
            for request, _ in items:
                if request.is_logged:
                    self.add_row(request, pair.listener, pair, sent)

    def _tick(self, now: int) -> None:
        for listener in self.listeners.values():
            listener.tick(now)
        if len(self.events) > MOST_EVENTS:
            del self.events[: MOST_EVENTS // 2]
