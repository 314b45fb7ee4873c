"""One thread that waits for sockets and for due times, to a few microseconds.

epoll waits in whole milliseconds, select in microseconds. So where something is due soon, select
waits for the epoll descriptor itself, which is readable when one of its sockets is; the kernel is
asked for exact timers (by default it may be 50 µs late to save power).
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns
from typing import Any

TICK_NS = 20_000_000
"""How often what is not due at a certain time is looked after."""
MOST_BACKLOG = 64 << 20
"""Bytes kept for a peer that does not read; then its connection is given up."""

_READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_PR_SET_TIMERSLACK = 29
_RECEIVE = 65_536


class Loop:
    """Sockets, what is due, and a tick.

    `due` is a heap of tuples that begin with a time in ns; `on_due` is called with the clock when
    the first of them has come, and takes out what is due.
    """

    def __init__(
        self,
        on_due: Callable[[int], None],
        on_tick: Callable[[int], None],
        on_turn: Callable[[], None],
    ) -> None:
        """`on_turn` is called after each round of events and each tick."""
        self.due: list[Any] = []
        self.is_running = True
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._on_due = on_due
        self._on_tick = on_tick
        self._on_turn = on_turn

    def watch(self, descriptor: int, events: int, handler: Callable[[int], None]) -> None:
        """Call `handler` with the events that come."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Wait for other events of a socket that is watched."""
        self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Watch no longer; also for what is not watched."""
        if self._handlers.pop(descriptor, None) is not None:
            with suppress(OSError, ValueError):
                self._epoll.unregister(descriptor)

    def run(self) -> None:
        """Go on until `is_running` is False."""
        _exact_timers()
        gc.disable()
        poll, wait, only = self._epoll.poll, select.select, [self._epoll.fileno()]
        nothing: list[int] = []
        due, handlers = self.due, self._handlers
        tick_at = monotonic_ns()
        while self.is_running:
            now = monotonic_ns()
            if due and due[0][0] <= now:
                self._on_due(now)
            if now >= tick_at:
                self._on_tick(now)
                self._on_turn()
                tick_at = now + TICK_NS
            until = due[0][0] if due and due[0][0] < tick_at else tick_at
            left = until - monotonic_ns()
            if until < tick_at:
                if left > 0 and not wait(only, nothing, nothing, left * 1e-9)[0]:
                    continue
                events = poll(0)
            else:
                events = poll(max(0, left // 1_000_000) * 1e-3)
            for descriptor, happened in events:
                handler = handlers.get(descriptor)
                if handler is not None:
                    handler(happened)
            self._on_turn()
        self._epoll.close()


def take_precedence() -> bool:
    """Run before all other programs whenever there is something to do; whether that was granted.

    A proxy needs little time but needs it at once: what it waits for a core, the driver would take
    for the node's doing.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        return False
    return True


def _exact_timers() -> None:
    """Ask the kernel to be late by no more than it must; without effect where it cannot be."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


class Channel:
    """A connected socket of the loop: what is written goes out at once or when there is room."""

    __slots__ = (
        "_backlog",
        "_loop",
        "_on_readable",
        "_send",
        "fd",
        "is_open",
        "is_watched",
        "sock",
    )

    def __init__(self, loop: Loop, sock: socket.socket, on_readable: Callable[[], None]) -> None:
        """Take a socket that is connected or being connected; `resume` begins to watch it."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.fd = sock.fileno()
        self.is_open = True
        self.is_watched = False
        self._loop = loop
        self._send = sock.send
        self._backlog = bytearray()
        self._on_readable = on_readable

    def resume(self) -> None:
        """Watch it (again)."""
        if self.is_open and not self.is_watched:
            self.is_watched = True
            self._loop.watch(self.fd, self._events(), self._on_events)

    def pause(self) -> None:
        """Let the kernel keep what comes."""
        if self.is_watched:
            self.is_watched = False
            self._loop.forget(self.fd)

    def read(self) -> bytes | None:
        """What has come; b"" where the peer has closed or reset; None where nothing is there."""
        try:
            return self.sock.recv(_RECEIVE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Send, now as much as goes. A peer that is gone shows when reading."""
        if self._backlog:
            self._backlog += data
            if len(self._backlog) > MOST_BACKLOG:
                self.sock.shutdown(socket.SHUT_RDWR)
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._backlog += data[sent:]
            if self.is_watched:
                self._loop.change(self.fd, self._events())

    def close(self, *, reset: bool = False) -> None:
        """Close, with a reset where asked for."""
        if not self.is_open:
            return
        self.is_watched = False
        self.is_open = False
        # Also where somebody else watches it, as while it is being connected.
        self._loop.forget(self.fd)
        if reset:
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _events(self) -> int:
        return select.EPOLLIN | (select.EPOLLOUT if self._backlog else 0)

    def _on_events(self, events: int) -> None:
        if events & select.EPOLLOUT and self._backlog:
            waiting = bytes(self._backlog)
            self._backlog.clear()
            self.write(waiting)
            if not self._backlog and self.is_watched:
                self._loop.change(self.fd, self._events())
        if events & _READABLE:
            self._on_readable()
