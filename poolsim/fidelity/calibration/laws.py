"""Which law of service times fits measured ones best.

Three candidates: lognormal and gamma by their moments of the logarithm and of the value, and
percentiles read off. Each is fitted to every second value and judged by the others: the largest
difference between the share that the law puts below a value and the share that lies there
(Kolmogorov's distance). The smallest distance wins; where two differ by less than 0.005, the law
with fewer parameters does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.observed import Integers
from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.scenario import Law
from poolsim.scenario.units import format_duration

SCORE_99 = 2.3263478740408408
POINTS = (0.1, 0.5, 0.9, 0.99, 0.999)
TIE = 0.005
_PARAMETERS = {"lognormal": 2, "gamma": 2, "percentiles": len(POINTS)}
_GRID = (np.arange(999) + 1.0) / 1000


@dataclass(frozen=True, slots=True)
class FittedLaw:
    """A law and its Kolmogorov distance to values that it was not fitted to (0: none, 1: all)."""

    law: Law
    distance: float


def fit_laws(values_ns: Integers) -> list[FittedLaw]:
    """All candidates, the best first.

    Args:
        values_ns: measured durations, at least 4.
    """
    fitted_to, judged_by = values_ns[::2].astype(np.float64), np.sort(values_ns[1::2])
    candidates = [
        FittedLaw(law, distance(law, judged_by))
        for law in (_lognormal(fitted_to), _gamma(fitted_to), _percentiles(fitted_to))
    ]
    smallest = min(candidate.distance for candidate in candidates)
    return sorted(
        candidates,
        key=lambda candidate: (
            candidate.distance > smallest + TIE,
            _PARAMETERS[candidate.law.kind] if candidate.distance <= smallest + TIE else 0,
            candidate.distance,
        ),
    )


def distance(law: Law, sorted_ns: Integers) -> float:
    """Kolmogorov's distance of a law from sorted values, over 999 of the law's quantiles."""
    shares = np.searchsorted(sorted_ns, quantile_ns(law)(_GRID), side="right") / len(sorted_ns)
    return float(np.abs(shares - _GRID).max())


def law_text(law: Law) -> str:
    """The law as a scenario has it."""
    if law.kind == "lognormal":
        parameters = f"median: {_short(law.median_ns)}, p99: {_short(law.p99_ns)}"
    elif law.kind == "gamma":
        parameters = f"mean: {_short(law.mean_ns)}, shape: {law.shape:.4g}"
    else:
        parameters = ", ".join(
            f"p{share * 100:g}: {_short(duration)}" for share, duration in law.points
        )
    return f"{{{law.kind}: {{{parameters}}}}}"


def _short(duration_ns: int) -> str:
    """Four digits are more than a calibration knows."""
    digits = max(0, len(str(duration_ns)) - 4)
    return format_duration(round(duration_ns, -digits))


def _lognormal(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Law:
    logs = np.log(np.maximum(values, 1.0))
    middle, width = float(logs.mean()), float(logs.std())
    return Law(
        "lognormal",
        median_ns=max(1, round(math.exp(middle))),
        p99_ns=max(1, round(math.exp(middle + SCORE_99 * width))),
    )


def _gamma(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Law:
    mean, variance = float(values.mean()), float(values.var())
    return Law("gamma", mean_ns=max(1, round(mean)), shape=mean * mean / max(variance, 1e-9))


def _percentiles(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Law:
    read = np.maximum.accumulate(np.quantile(values, POINTS))
    points = zip(POINTS, (max(1, round(value)) for value in read.tolist()), strict=True)
    return Law("percentiles", points=tuple(points))
