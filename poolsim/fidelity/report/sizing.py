"""The report's section on measured recommendations, made of the sizing.json beside results.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poolsim.fidelity.checks import HELD
from poolsim.fidelity.report.words import CLASSES, MARKS, quantity
from poolsim.fidelity.results import read

FORMAT = "poolsim.sizing/1"
SIZING = "sizing.json"

_MET = {True: "✓", False: "✗", None: "?"}


def read_sizing(directory: Path) -> dict[str, Any] | None:
    """What `poolsim validate --sizing` left in a directory, None where it was not run.

    Raises:
        RecordingError: the file cannot be read.
    """
    path = directory / SIZING
    return read(path, FORMAT) if path.is_file() else None


def headline(document: dict[str, Any]) -> str:
    """What holds, in a sentence."""
    cases = document["cases"]
    held = sum(case["verdict"] == HELD for case in cases)
    return (
        f"Sizing: of {len(cases)} recommendations, measured on real nodes, {held} hold where the "
        "next smaller setting does not."
    )


def section(document: dict[str, Any]) -> dict[str, Any]:
    """What the templates show."""
    overhead = document["overhead"]
    return {
        "date": document["date"],
        "command": document["command"],
        "overhead": f"{overhead['fixed_ns'] / 1e6:.3f} ms",
        "calibration": overhead["recording"],
        "cases": [_case(case) for case in document["cases"]],
    }


def _case(case: dict[str, Any]) -> dict[str, Any]:
    verdict = case["verdict"]
    return case | {
        "mark": MARKS[verdict],
        "class": CLASSES[verdict],
        "rows": [row for side in case["sides"] for row in _rows(side)],
    }


def _rows(side: dict[str, Any]) -> list[dict[str, str]]:
    """A line an expectation."""
    return [
        {
            "role": side["role"],
            "setting": ", ".join(
                f"{label.rpartition('.')[2]} {value}" for label, value in side["values"].items()
            ),
            "expectation": one["expectation"],
            "predicted": _value(one["value"], one["unit"]),
            "distance": f"{one['distance']:+.0%}",
            "needed": f"{one['needed']:.0%}",
            "measured": " · ".join(
                f"{_MET[met]} {_value(values[one['metric']], one['unit'])}"
                for values, met in zip(side["measured"], side["met"], strict=True)
            ),
            "kept": " · ".join(f"{share:.0%}" for share in side["shares_kept"]),
        }
        for one in side["predictions"]
    ]


def _value(value: float | None, unit: str) -> str:
    """Seconds in milliseconds, as in the rest of the report."""
    if unit == "s":
        return quantity(None if value is None else value * 1e3, "ms")
    return quantity(value, unit)
