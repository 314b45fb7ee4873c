"""Figures of the comparison as people read them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from poolsim.fidelity.checks import HELD, NO_BAR, NOT_HELD, NOT_MEASURABLE

NONE = "–"
NOTHING = "Nothing was compared."
UNKNOWN_CAUSE = "cause not known yet"
MARKS = {HELD: "✓", NOT_HELD: "✗", NOT_MEASURABLE: "?", NO_BAR: "·"}
CLASSES = {HELD: "held", NOT_HELD: "missed", NOT_MEASURABLE: "unmeasured", NO_BAR: "free"}


def quantity(value: float | None, unit: str) -> str:
    """A value in its unit.

    >>> quantity(4.6293, "ms"), quantity(0.2355, "share"), quantity(1146.2, "1/s")
    ('4.63 ms', '23.6 %', '1,146/s')
    """
    if value is None:
        return NONE
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit == "1/s":
        return f"{value:,.0f}/s"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}"


def median_text(values: Sequence[float | None], unit: str) -> str:
    """The median of the recordings' values, and how far they reach."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    middle = quantity(statistics.median(known), unit)
    if min(known) == max(known):
        return middle
    low, high = (quantity(end, unit) for end in (min(known), max(known)))
    return f"{middle} ({low} – {high})"


def deviation(value: float | None, check: dict[str, Any], *, signed: bool = False) -> str:
    """An error, a bar or a spread: a percentage where the figure is judged by one."""
    if value is None:
        return NONE
    if check["is_relative"]:
        return f"{100 * value:+.1f} %" if signed else f"{100 * value:.1f} %"
    return quantity(value, check["unit"])


def row(plan: str, check: dict[str, Any], causes: dict[str, str]) -> dict[str, str]:
    """One line of a plan's table."""
    verdict = check["verdict"]
    cause = ""
    if verdict == NOT_HELD:
        cause = causes.get(f"{plan}/{check['key']}", "").strip() or UNKNOWN_CAUSE
    return {
        "tier": check["tier"],
        "figure": check["figure"],
        "real": median_text(check["real"], check["unit"]),
        "simulated": median_text(check["simulated"], check["unit"]),
        "error": deviation(check["error"], check, signed=True),
        "bar": deviation(check["bar"], check),
        "spread": deviation(check["spread"], check),
        "verdict": verdict,
        "mark": MARKS[verdict],
        "class": CLASSES[verdict],
        "note": check["note"],
        "cause": cause,
        "key": f"{plan}/{check['key']}",
    }


def headline(document: dict[str, Any]) -> list[str]:
    """What holds, in a sentence each; nothing of what was not compared."""
    summary = document["summary"]
    lines = []
    decisions = summary["T1"]
    if decisions["walks"]:
        same = (
            "every line identical"
            if decisions["identical"] == decisions["walks"]
            else f"{decisions['walks'] - decisions['identical']} walks differ"
        )
        lines.append(
            f"Decisions (T1): {decisions['operations']:,} operations of real pools in "
            f"{decisions['walks']} walks replayed, {same}."
        )
    mechanism = summary["T2"]
    total = sum(mechanism.values())
    if total:
        lines.append(f"Mechanism (T2): {mechanism[HELD]} of {total} plans held{_rest(mechanism)}.")
    for key, counts in summary["T3"].items():
        lines.append(
            f"Performance (T3), {key}: {counts[HELD]} of {sum(counts.values())} predictions "
            f"held{_rest(counts)}."
        )
    return lines


def _rest(counts: dict[str, int]) -> str:
    rest = [
        f"{counts[verdict]} {verdict}" for verdict in (NOT_HELD, NOT_MEASURABLE) if counts[verdict]
    ]
    return f", {', '.join(rest)}" if rest else ""
