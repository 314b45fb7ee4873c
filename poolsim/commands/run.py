"""`poolsim run`: load, warn, simulate, write, show."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import OK, UsageError

if TYPE_CHECKING:
    from poolsim.estimation.progress import Progress
    from poolsim.estimation.results import Results
    from poolsim.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Request:
    """What the user typed."""

    scenario: Path
    seed: int | None
    replications: int | None
    engine: str
    overrides: tuple[str, ...]
    out: Path | None
    as_json: bool
    report: bool
    jobs: int | None
    requests: bool
    dry_run: bool = False


def run_command(request: Request) -> int:
    """Run a scenario; gives the exit code of its verdicts."""
    from poolsim.fidelity.validity import outside_validity
    from poolsim.scenario.load import load
    from poolsim.scenario.warnings import warnings_of

    scenario = load(request.scenario, _all_overrides(request))
    _check_out(request.out)
    warnings = (*warnings_of(scenario), *outside_validity(scenario))
    _warn(warnings)
    if request.dry_run:
        return _show_amounts(request, scenario, warnings)

    with _place_for_requests(request.requests) as requests_into:
        results = _results(request, scenario, warnings, requests_into)
        _warn(warning for warning in results.warnings if warning not in warnings)

        from poolsim.report.write import write_run

        directory = write_run(results, request.out, report=request.report)
    if request.as_json:
        from poolsim.report.machine import summary

        typer.echo(json.dumps(summary(results), indent=2, ensure_ascii=False, allow_nan=False))
        typer.echo(f"written to {directory}", err=True)
    else:
        from rich.console import Console

        from poolsim.report.terminal import show

        show(results, Console(), directory)
    return results.exit_code


def _show_amounts(request: Request, scenario: Scenario, warnings: tuple[str, ...]) -> int:
    """What the numbers amount to; nothing is simulated and nothing written."""
    from poolsim.planning.amounts import amounts_of

    found = amounts_of(scenario)
    if request.as_json:
        document = {**found.document(), "warnings": list(warnings)}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return OK
    from rich.console import Console

    from poolsim.report.planning.amounts_text import show_amounts

    show_amounts(found, Console(), request.scenario)
    return OK


def _results(
    request: Request, scenario: Scenario, warnings: tuple[str, ...], requests_into: Path | None
) -> Results:
    from poolsim.commands.compiling import show_compiling
    from poolsim.estimation.run import run_scenario

    with _progress() as progress:
        return run_scenario(
            scenario,
            source=str(request.scenario),
            overrides=request.overrides,
            engine=request.engine,
            jobs=request.jobs,
            warnings=warnings,
            progress=progress,
            requests_into=requests_into,
            tell=lambda line: typer.echo(line, err=True),
            compiling=show_compiling,
        )


@contextmanager
def _place_for_requests(wanted: bool) -> Iterator[Path | None]:
    """Where all request rows lie until they are written: a hundred bytes each."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="poolsim-") as folder:
        yield Path(folder)


def _all_overrides(request: Request) -> tuple[str, ...]:
    """What replaces values of the file; an option of its own is stronger than a `--set`."""
    overrides = list(request.overrides)
    if request.seed is not None:
        overrides.append(f"seed={request.seed}")
    if request.replications is not None:
        overrides.append(f"replications={request.replications}")
    return tuple(overrides)


def _check_out(out: Path | None) -> None:
    """Refuse a place that holds other things before the run, not after it."""
    if out is None or not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"--out {out}: it is a file; name a directory")
    if any(out.iterdir()) and not (out / "summary.json").is_file():
        raise UsageError(f"--out {out}: it holds other files than those of a run; name another")


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A live bar where somebody can see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from poolsim.estimation.progress import bar

    with bar() as progress:
        yield progress
