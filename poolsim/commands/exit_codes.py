"""How a command ends: its exit code, and one plain message instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import typer

OK = 0
FAILED = 1
USAGE = 2
INVALID_INPUT = 3
INCONCLUSIVE = 4
BUG = 5
NOT_READY = 6
INTERRUPTED = 130


class UsageError(Exception):
    """What was typed cannot be done; the message says what can."""


_KNOWN = (
    ("poolsim.commands.exit_codes", "UsageError", USAGE),
    ("poolsim.scenario.mistakes", "ScenarioError", INVALID_INPUT),
    ("poolsim.fidelity.replay", "TraceError", INVALID_INPUT),
    ("poolsim.fidelity.recordings", "RecordingError", INVALID_INPUT),
    ("poolsim.planning.journal", "JournalError", INVALID_INPUT),
    ("poolsim.invariants.violation", "InvariantViolation", BUG),
    ("poolsim.engine.run", "NotReady", NOT_READY),
    ("poolsim.harness.not_ready", "NotReady", NOT_READY),
    ("poolsim.harness.decisions", "RecordingFailed", NOT_READY),
)
"""Errors that say all there is to say, by module and name: nothing is imported to catch them."""


def exit_code_of(error: BaseException) -> int | None:
    """The exit code of an error; None for one that nobody expects."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    for module, name, code in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return code
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return NOT_READY
    return None


def finish(command: Callable[[], int]) -> NoReturn:
    """Do a command's work and leave with its exit code."""
    try:
        code = command()
    except (Exception, KeyboardInterrupt) as error:
        known = exit_code_of(error)
        if known is None:
            raise
        message = str(error) or type(error).__name__
        if known == INTERRUPTED:
            message = "interrupted"
        if known == BUG:
            message = f"a bug in poolsim: {message}"
        typer.echo(message, err=True)
        code = known
    raise typer.Exit(code)
