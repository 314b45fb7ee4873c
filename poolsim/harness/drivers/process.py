"""A recorder as the harness sees it: a program that gets ready, agrees on time zero and runs.

Every recorder speaks the same few JSON lines. It prints `{"ready": true, ...}` once its session is
connected and warm, reads `{"start_ns": T}`, runs, writes its files, prints `{"done": true, ...}`
and exits 0. Exit status 3 means that the run cannot be made as it was asked for.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from poolsim.harness import processes

READY_WITHIN_S = 90.0
DONE_MARGIN_S = 60.0
"""Beyond the run itself: requests under way at its end, and writing the files."""
TAIL_LINES = 20
STATUS_BAD_RUN = 3
_READ_BYTES = 65_536
_COMPILER = "Compiler"
"""In the names of the threads that compile for a Java machine ("C2 CompilerThread0")."""


class RecorderFailed(Exception):
    """A recorder ended early, said something else than expected, or was too slow.

    The message has the tail of its stderr.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        """`status` is its exit status, None while it runs."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Ready:
    """What a recorder says when it is ready."""

    driver_version: str
    start_ns_proposed: int | None
    """The next tick of the driver's own clock that leaves time enough to begin; None: any time."""
    cleanup_origin_ns: int | None
    """When the driver scheduled its periodic cleanup; None for drivers that have none."""
    said: Mapping[str, Any]
    """All of it."""


class RecorderProcess:
    """A recorder that was started. Leaving its `with` block ends it, whatever it is doing.

    The calls come in the order of a run: `ready`, perhaps `take_precedence`, `begin`, `done`. Each
    raises RecorderFailed.
    """

    def __init__(self, name: str, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        """Take over a process with pipes for stdin and stdout.

        Args:
            name: What messages call it.
            process: As `processes.start` gave it.
            errors: The file that its stderr goes to.
        """
        if process.stdin is None or process.stdout is None:
            raise ValueError("a recorder needs pipes for stdin and stdout")
        self.name = name
        self._process = process
        self._stdin = process.stdin
        self._out = process.stdout.fileno()
        self._errors = errors
        self._said = b""
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The recorder's process id."""
        return self._process.pid

    def ready(self, timeout_s: float = READY_WITHIN_S) -> Ready:
        """Wait until it is connected and warm."""
        said = self._hear("ready", timeout_s)
        try:
            return Ready(
                driver_version=str(said["driver_version"]),
                start_ns_proposed=_optional_whole(said, "start_ns_proposed"),
                cleanup_origin_ns=_optional_whole(said, "cleanup_origin_ns"),
                said=said,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._failure(f"said {said} for ready ({error!r})") from None

    def take_precedence(self) -> bool:
        """Let its threads run before other programs, from now on; for runs on paced nodes.

        Real-time scheduling, in turns, of what may have no delay; the compiler threads of a virtual
        machine are left as they are. On nodes that are not paced this would take from them the
        processors that they share with the driver.

        Returns:
            Whether this user may; if not, nothing has changed.
        """
        try:
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                self._put_first(thread)
        except PermissionError:
            return False
        except FileNotFoundError:
            raise self._failure("ended before the run") from None
        return True

    def _put_first(self, thread: str) -> None:
        with suppress(ProcessLookupError, FileNotFoundError):
            name = Path(f"/proc/{self.pid}/task/{thread}/comm").read_text()
            if _COMPILER not in name:
                os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))

    def begin(self, start_ns: int) -> None:
        """Tell it the time zero of the run, CLOCK_MONOTONIC, still to come."""
        if self._begun:
            raise RuntimeError("the run was begun before")
        self._begun = True
        try:
            self._stdin.write(json.dumps({"start_ns": start_ns}) + "\n")
            self._stdin.flush()
        except OSError:
            raise self._failure("ended before the run") from None

    def done(self, timeout_s: float) -> Mapping[str, Any]:
        """Wait until it has written its files and ended; gives what it says of itself.

        Args:
            timeout_s: From now; `DONE_MARGIN_S` beyond what is left of the run is a good value.
        """
        deadline = time.monotonic() + timeout_s
        said = self._hear("done", timeout_s)
        try:
            status = self._process.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._failure("said that it was done, but did not end") from None
        if status != 0:
            raise self._failure(f"said that it was done and ended with status {status}")
        return said

    def stop(self) -> None:
        """End it if it still runs. May be called again."""
        processes.end(self._process)
        self._errors.close()

    def stderr_tail(self) -> str:
        """The last lines of what it wrote to stderr; empty once it was stopped."""
        if self._errors.closed:
            return ""
        size = os.fstat(self._errors.fileno()).st_size
        begin = max(0, size - _READ_BYTES)
        text = os.pread(self._errors.fileno(), size - begin, begin).decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def _hear(self, key: str, timeout_s: float) -> dict[str, Any]:
        """The next line, which must be an object with a true `key`."""
        line = self._line(key, timeout_s)
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or said.get(key) is not True:
            raise self._failure(f"said {line!r} where {{{json.dumps(key)}: true, ...}} was due")
        return said

    def _line(self, key: str, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while b"\n" not in self._said:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise self._failure(f"was not {key} within {timeout_s:g} s")
                # Not through the text file: what that keeps back, select does not see.
                read = os.read(self._out, _READ_BYTES)
                if not read:
                    raise self._failure(f"ended before it was {key}")
                self._said += read
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace")

    def _failure(self, what: str) -> RecorderFailed:
        """The error, with the exit status where it ended, and the tail of stderr."""
        try:
            # One that closed its output is about to end.
            status = self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            status = None
        tail = self.stderr_tail()
        message = f"{self.name} {what}"
        if status is not None:
            message += f" (exit status {status})"
        if tail:
            message += f":\n{tail}"
        return RecorderFailed(message, status)


def start(
    name: str,
    arguments: Sequence[str | os.PathLike[str]],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> RecorderProcess:
    """Start a recorder program; call it from a thread that stays (`processes.start`).

    Args:
        name: What messages call it: "the recorder of the Java driver".
        arguments: The program and its arguments.
        directory: Where it runs; by default here.
        environment: Variables added to this process's own.

    Raises:
        FileNotFoundError: There is no such program.
    """
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by RecorderProcess.stop
    try:
        process = processes.start(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            directory=directory,
            environment=environment,
        )
    except BaseException:
        errors.close()
        raise
    return RecorderProcess(name, process, errors)


def _optional_whole(said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    return None if value is None else int(value)
