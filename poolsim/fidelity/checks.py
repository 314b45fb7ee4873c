"""One figure of a comparison: what was measured, what was simulated, and what follows from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HELD = "held"
NOT_HELD = "not held"
NOT_MEASURABLE = "not measurable here"
NO_BAR = "no bar"
VERDICTS = (HELD, NOT_HELD, NOT_MEASURABLE, NO_BAR)

SPREAD_LIMIT = 2.0
"""A figure whose identical real runs differ by more than so many bars cannot be held to it."""


@dataclass(frozen=True, slots=True)
class Check:
    """A figure of one plan.

    tier: T1, T2 or T3. key: names the figure within its plan, for causes and counts. unit: ms,
    count, 1/s or share. real, simulated: one value a recording. error: in the bar's unit: relative
    where `is_relative`, otherwise in `unit`. bar: the error allowed; None: the figure is reported
    only. spread: by how much identical real runs differ, the largest minus the smallest, like
    `error`.
    """

    tier: str
    key: str
    figure: str
    unit: str
    real: tuple[float, ...]
    simulated: tuple[float, ...]
    error: float
    bar: float | None
    is_relative: bool
    spread: float
    verdict: str
    note: str = ""


def median(values: Sequence[float]) -> float:
    """The median of the values that are numbers; nan where there are none."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def spread_of(values: Sequence[float], *, relative: bool) -> float:
    """Largest minus smallest; relative to the median where asked. 0 for fewer than two values."""
    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return 0.0
    width = max(known) - min(known)
    if not relative or width == 0:
        return width
    middle = statistics.median(known)
    return width / abs(middle) if middle else math.inf


def relative_error(real: float, simulated: float) -> float:
    """Of simulated against real, with its sign; nan where one of them is missing."""
    if math.isnan(real) or math.isnan(simulated):
        return math.nan
    if real == 0:
        return 0.0 if simulated == 0 else math.inf
    return (simulated - real) / real


def judged(error: float, bar: float | None, spread: float) -> str:
    """The verdict on an error against its bar, given how real runs differ from each other.

    A bar of 0 asks for equality of a count: there the median stands for the repetitions, whatever
    their spread.
    """
    if bar is None:
        return NO_BAR
    if math.isnan(error) or (bar > 0 and spread > SPREAD_LIMIT * bar):
        return NOT_MEASURABLE
    return HELD if abs(error) <= bar else NOT_HELD


def relative_check(
    tier: str,
    key: str,
    figure: str,
    unit: str,
    real: Sequence[float],
    simulated: Sequence[float],
    bar: float | None,
    note: str = "",
) -> Check:
    """A check of medians by their relative error."""
    error = relative_error(median(real), median(simulated))
    spread = spread_of(real, relative=True)
    return Check(
        tier=tier,
        key=key,
        figure=figure,
        unit=unit,
        real=tuple(real),
        simulated=tuple(simulated),
        error=error,
        bar=bar,
        is_relative=True,
        spread=spread,
        verdict=judged(error, bar, spread),
        note=note,
    )
