"""Commands over runs that are there: `compare`, `explain`, `export`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import typer

from poolsim.commands.exit_codes import OK, UsageError


def compare_command(
    run_a: Path, run_b: Path, metrics: tuple[str, ...], show_all: bool, as_json: bool
) -> int:
    """Compare two runs; a difference is no failure."""
    from poolsim.planning.comparing.compare import compare_runs
    from poolsim.planning.run_directory import read_run
    from poolsim.scenario.metrics import ExpressionError, with_defaults

    try:
        names = [with_defaults(name) for name in metrics]
    except ExpressionError as error:
        raise UsageError(str(error)) from None
    comparison = compare_runs(read_run(run_a), read_run(run_b), names)
    if as_json:
        differences = [
            {
                "metric": one.name,
                "unit": one.unit,
                "a": _finite(one.mean_a),
                "b": _finite(one.mean_b),
                "change": _finite(one.change.mean),
                "half_width": _finite(one.change.half_width),
                "p_value": _finite(one.p_value),
                "significant": one.is_significant,
            }
            for one in comparison.differences
        ]
        document = {"schema_version": 1, "paired": comparison.is_paired, "metrics": differences}
        typer.echo(json.dumps(document, indent=2))
    else:
        from rich.console import Console

        from poolsim.report.planning.comparison_text import show_comparison

        show_comparison(comparison, Console(), show_all=show_all or bool(names))
    return OK


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def explain_command(run: Path, which: str, replication: int) -> int:
    """Tell one request's life."""
    from poolsim.planning.lives.find import find_request
    from poolsim.planning.lives.story import story_of
    from poolsim.planning.lives.watch import watch
    from poolsim.planning.run_directory import read_run

    directory = read_run(run)
    row = find_request(directory, which, replication)
    life = watch(directory, replication, row)
    for line in story_of(life, directory.scenario, replication):
        typer.echo(line)
    return OK


def export_command(run: Path, hdr: Path | None, trace: Path | None, replication: int) -> int:
    """Write a run in other tools' formats."""
    from poolsim.planning.run_directory import read_run
    from poolsim.recording.whole_file import write_whole

    if hdr is None and trace is None:
        raise UsageError("nothing to write: --hdr FILE, --trace FILE or both")
    directory = read_run(run)
    if hdr is not None:
        from poolsim.planning.exports.hdr_log import hdr_log

        write_whole(hdr, hdr_log(directory, replication))
        typer.echo(f"{hdr}: latencies by second and client; HdrHistogram log readers open it")
    if trace is not None:
        from poolsim.planning.exports.chrome_trace import chrome_trace

        write_whole(trace, chrome_trace(directory, replication))
        typer.echo(f"{trace}: open it in ui.perfetto.dev or chrome://tracing")
    return OK
