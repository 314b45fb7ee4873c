"""Measured recommendations as JSON: what the fidelity report shows of them. SI units throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from poolsim import __version__
from poolsim.fidelity.checks import NOT_HELD, NOT_MEASURABLE
from poolsim.fidelity.performance.overhead import Overhead
from poolsim.fidelity.report.sizing import FORMAT
from poolsim.fidelity.results import machine
from poolsim.planning.sizing.case import Prediction
from poolsim.planning.sizing.verdict import MeasuredCase, MeasuredSide
from poolsim.scenario.metrics import METRICS, full_name


def document_of(
    cases: Sequence[MeasuredCase], overhead: Overhead, *, command: str, date: str
) -> dict[str, Any]:
    """The whole document.

    Args:
        cases: measured.
        overhead: fitted on the calibration recording.
        command: the command line.
        date: when, in UTC.
    """
    return {
        "format": FORMAT,
        "poolsim": __version__,
        "date": date,
        "command": command,
        "machine": machine(),
        "overhead": asdict(overhead) | {"delay_ns": overhead.delay_ns},
        "cases": [_case(one) for one in cases],
    }


def exit_code(document: dict[str, Any]) -> int:
    """0: every case held; 1: one did not; 4: none missed, and one could not be measured."""
    verdicts = {case["verdict"] for case in document["cases"]}
    if NOT_HELD in verdicts:
        return 1
    return 4 if NOT_MEASURABLE in verdicts else 0


def _case(measured: MeasuredCase) -> dict[str, Any]:
    case = measured.case
    sides = (measured.recommended, measured.smaller)
    return {
        "name": case.plan.name,
        "question": case.plan.question,
        "scenario": case.path.name,
        "driver": case.plan.clients[0].driver,
        "settings": list(case.answer.question.settings),
        "cost": case.answer.question.cost.text,
        "simulated": case.answer.simulated,
        "points": len(case.answer.question.space),
        "repetitions": measured.repetitions,
        "agreeing": measured.agreeing,
        "verdict": measured.verdict,
        "sides": [_side(one) for one in sides],
    }


def _side(measured: MeasuredSide) -> dict[str, Any]:
    side = measured.runs.side
    return {
        "role": side.role,
        "values": dict(side.values),
        "predictions": [_prediction(one) for one in side.predictions],
        "measured": [dict(one.values) for one in measured.measured],
        "met": list(measured.met),
        "recordings": [one.recording for one in measured.measured],
        "shares_kept": [one.share_kept for one in measured.measured],
    }


def _prediction(one: Prediction) -> dict[str, Any]:
    return {
        "expectation": one.expectation.text,
        "metric": full_name(one.expectation),
        "unit": METRICS[one.expectation.metric].unit,
        "value": one.estimate.mean,
        "half_width": one.estimate.half_width,
        "distance": one.distance,
        "needed": one.needed,
    }
