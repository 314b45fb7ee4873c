"""Measures recommendations: recommend, record, judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poolsim.fidelity.validation.course import Say
from poolsim.planning.execute import Executor
from poolsim.planning.sizing.case import Case, make_case
from poolsim.planning.sizing.course import record_calibration, record_runs, runs_of
from poolsim.planning.sizing.document import document_of
from poolsim.planning.sizing.verdict import measure_case


class TooNear(Exception):
    """A prediction lies too near to its limit to be measured; the message says which."""


def measure_recommendations(
    paths: Sequence[Path], recordings: Path, *, command: str, date: str, say: Say
) -> dict[str, Any]:
    """The document of some scenarios' recommendations (document.py).

    Args:
        paths: scenarios with `expect`, `search` and `record`.
        recordings: where recordings are kept, and found again.
        command: the command line, kept beside each recording.
        date: when, in UTC.
        say: gets a line for each step.

    Raises:
        ScenarioError: a scenario has a mistake, or nothing that can be measured.
        TooNear: before anything of the cases is recorded.
        StaleRecording, NotReady, RecordingError: as the recordings go.
    """
    overhead = record_calibration(recordings, command, say)
    say(f"fixed overhead {overhead.fixed_ns / 1e6:.3f} ms, from {overhead.recording}")
    executor = Executor(1)
    cases = []
    for path in paths:
        case = make_case(path, overhead.delay_ns, executor)
        say(_said(case))
        cases.append(case)
    unclear = [f"{one.path.name}: {one.unclear}" for one in cases if one.unclear]
    if unclear:
        raise TooNear("; ".join(unclear))
    runs = runs_of(cases, recordings)
    record_runs(runs, recordings, command, say)
    pairs = zip(runs[::2], runs[1::2], strict=True)
    measured = [measure_case(recommended, smaller, overhead) for recommended, smaller in pairs]
    return document_of(measured, overhead, command=command, date=date)


def _said(case: Case) -> str:
    sides = []
    for side in case.sides:
        distances = ", ".join(
            f"{one.expectation.text}: {one.distance:+.0%} from the limit"
            for one in side.predictions
        )
        sides.append(f"{side.role} {side.slug} ({distances})")
    return f"{case.plan.name}: {'; '.join(sides)}"
