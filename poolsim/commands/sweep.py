"""`poolsim sweep`: load every point, evaluate what is missing, write, show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import OK, UsageError

if TYPE_CHECKING:
    from poolsim.planning.sweep import SweepPlan


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What the user typed."""

    scenario: Path
    settings: tuple[str, ...]
    metrics: tuple[str, ...]
    objectives: tuple[str, ...]
    seed: int | None
    replications: int | None
    engine: str
    jobs: int | None
    dask: str
    out: Path | None
    as_json: bool
    plots: bool


def sweep_command(request: SweepRequest) -> int:
    """Run a sweep or what is left of it. The expectations of single points do not decide the exit
    code: a sweep asks where they hold."""
    from poolsim.commands.compiling import show_compiling
    from poolsim.planning.execute import Executor
    from poolsim.planning.points import from_file
    from poolsim.planning.progress import points_bar
    from poolsim.planning.space import parse_space
    from poolsim.planning.sweep import DEFAULT_OBJECTIVES, plan_sweep, run_sweep
    from poolsim.report.planning.sweep_files import summary, sweep_directory, write_sweep

    if request.jobs is not None and request.dask:
        raise UsageError("--jobs and --dask at once: a cluster has its own number of processes")
    objectives = request.objectives or DEFAULT_OBJECTIVES
    if len(objectives) != 2:
        raise UsageError("--objectives takes two metrics, such as cost,latency.p99")
    settings = [*request.settings]
    if request.seed is not None:
        settings.append(f"seed={request.seed}")
    if request.replications is not None:
        settings.append(f"replications={request.replications}")
    space = parse_space(settings)
    if not space.parameters:
        raise UsageError("nothing varies: write --set PATH=VALUES with several, such as max=1..8")
    source = from_file(request.scenario)
    source(())  # mistakes of the file itself, before those of its points
    plan = _named(lambda: plan_sweep(source, space, request.metrics, objectives))
    directory = request.out or sweep_directory(plan.base.name, plan.identity)
    if directory.is_file():
        raise UsageError(f"--out {directory}: it is a file; name a directory")
    executor = Executor(request.jobs, request.dask, show_compiling)
    try:
        with points_bar() as told:
            results = run_sweep(plan, executor, directory, request.engine, told)
    except KeyboardInterrupt:
        typer.echo(f"what is done is kept in {directory}: the same command continues", err=True)
        raise
    if results.resumed:
        typer.echo(f"{results.resumed:,} points were there already", err=True)
    write_sweep(results, directory, plots=request.plots)
    if request.as_json:
        typer.echo(json.dumps(summary(results), indent=2, ensure_ascii=False))
        typer.echo(f"written to {directory}", err=True)
    else:
        from rich.console import Console

        from poolsim.report.planning.sweep_text import show_sweep

        show_sweep(results, Console(), directory)
    return OK


def _named(plan: Callable[[], SweepPlan]) -> SweepPlan:
    """A metric that does not exist was typed, not written in the file."""
    from poolsim.scenario.metrics import ExpressionError

    try:
        return plan()
    except ExpressionError as error:
        raise UsageError(str(error)) from None
