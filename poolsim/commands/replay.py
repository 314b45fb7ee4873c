"""`poolsim replay`: does the simulated pool decide as the real one did?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from poolsim.commands.exit_codes import FAILED, INVALID_INPUT, OK


def replay_command(traces: Sequence[Path]) -> int:
    """Replay every trace, one line each; the worst outcome is the exit code."""
    from poolsim.fidelity.replay import TraceError, replay_file

    code = OK
    for trace in traces:
        try:
            replay = replay_file(trace)
        except TraceError as error:
            typer.echo(str(error), err=True)
            code = INVALID_INPUT
            continue
        difference = replay.difference
        if difference is None:
            typer.echo(f"{trace}: all {replay.lines:,} lines agree")
            continue
        code = max(code, FAILED)
        typer.echo(
            f"{trace}:{difference.line}: {difference.operation}\n"
            f"  expected   {difference.expected}\n"
            f"  simulated  {difference.simulated}"
        )
    return code
