"""The request log: ten int64 a request, in memory while the run goes on, one file at its end."""

from __future__ import annotations

import os
import tempfile
from array import array
from pathlib import Path

LOG_COLUMNS = (
    "request",  # the number in its custom payload, -1 without
    "attempt",  # how often the same number was read before, or what the payload says
    "listener",  # the node's number as `listen` gave it
    "client_port",
    "stream",
    "arrived_ns",  # its frame was read from the client
    "service_ns",  # -1 where the node is not paced
    "due_ns",  # its end in the virtual FIFO
    "backend_ns",  # the real node's response was read
    "sent_ns",  # the response was written to the client
)
"""Columns of the file, raw little-endian int64; times count from the log's start; -1: did not
happen."""


class Numbered:
    """One request under way that is paced or logged."""

    __slots__ = (
        "arrived_ns",
        "attempt",
        "backend_ns",
        "due_ns",
        "is_logged",
        "number",
        "service_ns",
        "stream",
    )

    def __init__(self, number: int, attempt: int, stream: int, arrived_ns: int) -> None:
        """A request that was read just now."""
        self.number = number
        self.attempt = attempt
        self.stream = stream
        self.arrived_ns = arrived_ns
        self.service_ns = -1
        self.due_ns = -1
        self.backend_ns = -1
        self.is_logged = False


class RequestLog:
    """Rows of one recording."""

    def __init__(self, path: Path, start_ns: int) -> None:
        """Begin a log that `write` puts to `path`."""
        self._path = path
        self._start_ns = start_ns
        self._rows = array("q")

    def add(self, request: Numbered, listener: int, client_port: int, sent_ns: int) -> None:
        """Add a request whose response was sent, or (-1) will never be."""
        start = self._start_ns
        due_ns, backend_ns = request.due_ns, request.backend_ns
        self._rows.extend(
            (
                request.number,
                request.attempt,
                listener,
                client_port,
                request.stream,
                request.arrived_ns - start,
                request.service_ns,
                due_ns - start if due_ns >= 0 else -1,
                backend_ns - start if backend_ns >= 0 else -1,
                sent_ns - start if sent_ns >= 0 else -1,
            )
        )

    def write(self) -> int:
        """Write the file, whole or not at all; how many rows it has.

        Raises:
            OSError: it cannot be written.
        """
        descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._rows.tofile(file)
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise
        return len(self._rows) // len(LOG_COLUMNS)
