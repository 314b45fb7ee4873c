"""`poolsim validate`: real drivers on a real cluster against the simulation, and the report."""

from __future__ import annotations

import datetime
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from poolsim.commands.exit_codes import UsageError


@dataclass(frozen=True, slots=True)
class Request:
    """What the user typed."""

    quick: bool
    sizing: bool
    out: Path
    recordings: Path
    only_report: bool


def validate_command(request: Request) -> int:
    """Record what is missing, compare, write the report; gives the exit code."""
    from poolsim.fidelity.report.write import RESULTS, write_report
    from poolsim.fidelity.results import read
    from poolsim.fidelity.validation.judgement import exit_code

    if request.out.exists() and not request.out.is_dir():
        raise UsageError(f"--out {request.out}: it is a file; name a directory")
    if request.sizing and (request.quick or request.only_report):
        raise UsageError("--sizing goes with neither --quick nor --report-only")
    if request.sizing:
        return _sizing_command(request)
    if not request.only_report:
        _record_and_compare(request)
    written = write_report(request.out)
    document = read(request.out / RESULTS)
    _show(document)
    typer.echo(f"report: {written[0]}")
    return exit_code(document, quick=request.quick)


def _record_and_compare(request: Request) -> None:
    from poolsim.fidelity.decisions import replay_all
    from poolsim.fidelity.recordings import read_recording
    from poolsim.fidelity.report.write import RESULTS
    from poolsim.fidelity.results import build, write
    from poolsim.fidelity.validation.course import StaleRecording, record_all
    from poolsim.fidelity.validation.programme import programme

    command = _command()
    wanted = programme(request.recordings, quick=request.quick)
    request.recordings.mkdir(parents=True, exist_ok=True)
    request.out.mkdir(parents=True, exist_ok=True)
    try:
        traces = record_all(wanted, request.recordings, command, _say)
    except StaleRecording as error:
        raise UsageError(str(error)) from None
    _say(f"replaying {len(traces)} walks")
    decisions = replay_all(traces, _every_tenth)
    recordings = [read_recording(one.directory) for one in wanted.repetitions]
    document = build(
        recordings,
        decisions,
        command=command,
        date=_now(),
        progress=lambda plan: _say(f"comparing {plan}"),
    )
    write(document, request.out / RESULTS)


def _sizing_command(request: Request) -> int:
    """Measure recommendations, add them to the report; gives the exit code."""
    from poolsim.fidelity.report.sizing import SIZING, headline
    from poolsim.fidelity.report.write import RESULTS, write_report
    from poolsim.fidelity.results import build, write
    from poolsim.fidelity.validation.course import StaleRecording
    from poolsim.planning.sizing.course import scenarios
    from poolsim.planning.sizing.document import exit_code
    from poolsim.planning.sizing.run import TooNear, measure_recommendations

    request.recordings.mkdir(parents=True, exist_ok=True)
    request.out.mkdir(parents=True, exist_ok=True)
    command, date = _command(), _now()
    try:
        document = measure_recommendations(
            scenarios(), request.recordings, command=command, date=date, say=_say
        )
    except (StaleRecording, TooNear) as error:
        raise UsageError(str(error)) from None
    write(document, request.out / SIZING)
    if not (request.out / RESULTS).is_file():
        # The report of a folder without a validation has this section alone.
        write(build([], [], command=command, date=date), request.out / RESULTS)
    written = write_report(request.out)
    for case in document["cases"]:
        agreeing = f"{case['agreeing']} of {case['repetitions']} repetitions agree"
        typer.echo(f"{case['name']}: {case['verdict']}, {agreeing}")
    typer.echo(headline(document))
    typer.echo(f"report: {written[0]}")
    return exit_code(document)


def _command() -> str:
    return shlex.join(["poolsim", *sys.argv[1:]])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _every_tenth(done: int, total: int) -> None:
    if done % max(1, total // 10) == 0:
        _say(f"    {done} of {total}")


def _show(document: dict[str, object]) -> None:
    from poolsim.fidelity.report.words import MARKS, NOTHING, headline
    from poolsim.fidelity.results import plan_verdict

    plans = document["plans"]
    assert isinstance(plans, list)
    width = max((len(plan["name"]) for plan in plans), default=0)
    for plan in plans:
        verdicts = [(tier, plan_verdict(plan, tier)) for tier in plan["tiers"]]
        shown = [f"{tier} {MARKS[one]} {one}" for tier, one in verdicts if one is not None]
        typer.echo(f"{plan['name']:{width}}  {', '.join(shown) or 'no bar'}")
    for line in headline(document) or [NOTHING]:
        typer.echo(line)


def _say(line: str) -> None:
    typer.echo(line, err=True)
