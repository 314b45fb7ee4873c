"""Starts the harness's processes so that none outlives it, whatever ends it.

Three nets, each for what slips through the one before: `started` ends a process and its group on
every way out of a block; the kernel kills a process whose starter dies, by SIGKILL too
(PR_SET_PDEATHSIG); and every process carries the harness's name in its environment, which
descendants inherit, so that `kill_all` finds what is left, from any later program. Linux only.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

from poolsim.harness.place import current

MARK = "POOLSIM_HARNESS"
"""Environment variable of every process of a harness: the harness's name."""

STARTER = "POOLSIM_HARNESS_STARTER"
"""Environment variable beside it: process id and start time of the process that started it."""

# Executed before the program itself, under the same process id: asks the kernel for the signal,
# then makes sure that the starter had not died before it did. Not `preexec_fn`: that runs Python
# between fork and exec, which is not safe once the starter has threads. Python ignores SIGPIPE for
# itself, and the program shall not inherit that.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""

Output = int | IO[str] | IO[bytes] | None


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    stdin: Output = subprocess.DEVNULL,
    stdout: Output = None,
    stderr: Output = None,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a program as a process of this harness, in a process group of its own.

    The process lives no longer than the *thread* that calls this: the kernel's rule. Call it from
    a thread that stays, usually the main one.

    Args:
        arguments: The program, looked up on PATH, and its arguments.
        stdin: As for `subprocess.Popen`; by default nothing to read. Pipes are UTF-8 text.
        stdout: As for `subprocess.Popen`.
        stderr: As for `subprocess.Popen`.
        directory: Where it runs; by default here.
        environment: Variables added to this process's own.

    Raises:
        FileNotFoundError: There is no such program.
    """
    program = os.fspath(arguments[0])
    if shutil.which(program) is None:
        raise FileNotFoundError(f"there is no program {program!r} on PATH")
    variables = {**os.environ, **(environment or {})}
    variables[MARK] = current().name
    variables[STARTER] = _identity(os.getpid())
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
    return subprocess.Popen(
        launch + [os.fspath(argument) for argument in arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=directory,
        env=variables,
        text=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    )


def end(process: subprocess.Popen[str], grace_s: float = 5.0) -> int:
    """End a started process and its group: SIGTERM, then SIGKILL after `grace_s` seconds.

    Gives its exit status as `subprocess.Popen.returncode`. May be called again.
    """
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    # Its children may live on in the group when the process itself is gone.
    _signal_group(process.pid, signal.SIGKILL)
    status = process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    return status


@contextmanager
def started(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    stdin: Output = subprocess.DEVNULL,
    stdout: Output = None,
    stderr: Output = None,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    grace_s: float = 5.0,
) -> Iterator[subprocess.Popen[str]]:
    """`start`, and `end` on every way out of the block."""
    process = start(
        arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        directory=directory,
        environment=environment,
    )
    try:
        yield process
    finally:
        end(process, grace_s)


Which = Literal["all", "orphans", "own"]


def kill_all(*, which: Which = "all", within_s: float = 10.0) -> list[int]:
    """Kill the processes of the harness of this name, but neither the caller nor its ancestors.

    Args:
        which: All; only those whose starter is gone; or only those that this process started,
            descendants of either included.
        within_s: How long to go on looking for what they start meanwhile, in seconds.

    Returns:
        The ids of the processes that were killed.

    Raises:
        TimeoutError: Some were still there after `within_s`.
    """
    name = current().name
    spared = _ancestors()
    deadline = time.monotonic() + within_s
    killed: set[int] = set()
    while found := _kill_once(name, spared, which):
        killed.update(found)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes of the harness cannot be killed: {sorted(found)}")
    return sorted(killed)


def running() -> list[int]:
    """The ids of all processes of the harness of this name, the caller's ancestors excepted."""
    name = current().name
    spared = _ancestors()
    return sorted(
        pid for pid in _all_processes() if pid not in spared and _environment(pid).get(MARK) == name
    )


def _kill_once(name: str, spared: set[int], which: Which) -> list[int]:
    """Kill what is there now and wait for it; gives the ids."""
    handles: dict[int, int] = {}
    try:
        for pid in _all_processes():
            if pid in spared:
                continue
            # The handle first: should the id be given to another process after its environment
            # was read, the signal still reaches nobody else.
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            variables = _environment(pid)
            if variables.get(MARK) != name or not _is_meant(variables.get(STARTER, ""), which):
                os.close(handle)
                continue
            handles[pid] = handle
        for handle in handles.values():
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        _wait(list(handles.values()), 2.0)
    finally:
        for handle in handles.values():
            os.close(handle)
    return list(handles)


def _wait(handles: list[int], within_s: float) -> None:
    """Wait until these processes have ended; a handle can be read once its process has."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    left = len(handles)
    deadline = time.monotonic() + within_s
    while left and (remaining := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(remaining * 1000):
            poll.unregister(handle)
            left -= 1


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _environment(pid: int) -> dict[str, str]:
    """The environment a process was started with; empty when it ended or is another user's."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in os.fsdecode(content).split("\0"))
    return {key: value for key, equals, value in pairs if equals}


def _status(pid: int) -> tuple[int, str] | None:
    """Parent's id and start time (clock ticks since boot) of a process, None when it ended."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, and may hold anything.
    fields = content.rpartition(")")[2].split()
    return int(fields[1]), fields[19]


def _identity(pid: int) -> str:
    """A process's id and start time: together they are never given twice."""
    status = _status(pid)
    return f"{pid}.{status[1] if status is not None else ''}"


def _is_meant(starter: str, which: Which) -> bool:
    """Whether a process with this starter is among those to be killed."""
    if which == "orphans":
        return not is_alive(starter)
    return which == "all" or starter == identity()


def identity() -> str:
    """What names this very process to `is_alive`, in any later program."""
    return _identity(os.getpid())


def is_alive(identity: str) -> bool:
    """Whether the process of an `identity` still runs."""
    pid = identity.partition(".")[0]
    return pid.isdigit() and _status(int(pid)) is not None and _identity(int(pid)) == identity


def _ancestors() -> set[int]:
    """The caller's id and those of all processes above it."""
    found: set[int] = set()
    pid = os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        status = _status(pid)
        if status is None:
            break
        pid = status[0]
    return found
