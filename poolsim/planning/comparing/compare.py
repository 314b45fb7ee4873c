"""Two runs, metric by metric, with significance.

Where both had the same seed, replication k of one and replication k of the other had the same
draws: their differences are paired (Student's t over the differences), which tells much smaller
ones apart. Otherwise the replications are two independent samples (Welch's t).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.estimation.intervals import CONFIDENCE, t_quantile
from poolsim.estimation.results import Estimate
from poolsim.planning.recommend.pairing import paired_difference
from poolsim.planning.run_directory import RunDirectory
from poolsim.scenario.metrics import METRICS, parse_metric

LEVEL = 1.0 - CONFIDENCE
FEWEST = 5
"""Replications below which a comparison is warned of: an interval of two or three says little."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of both runs. `change`: B - A with its 95 % interval; `p_value`: of the hypothesis
    that there is none, NaN where it cannot be told."""

    name: str
    unit: str
    mean_a: float
    mean_b: float
    change: Estimate
    p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is more than chance at the 5 % level; `~` stands for no."""
        return not math.isnan(self.p_value) and self.p_value < LEVEL and self.change.mean != 0

    @property
    def share(self) -> float:
        """The change as a share of A; NaN where A is 0."""
        return self.change.mean / abs(self.mean_a) if self.mean_a else math.nan


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs and how each metric differs."""

    run_a: RunDirectory
    run_b: RunDirectory
    is_paired: bool
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]

    @property
    def significant(self) -> tuple[Difference, ...]:
        """Those that are more than chance."""
        return tuple(one for one in self.differences if one.is_significant)


def compare_runs(
    run_a: RunDirectory, run_b: RunDirectory, names: Sequence[str] = ()
) -> RunComparison:
    """Compare some metrics, by default all that both runs have over all clients and no phase."""
    paired = run_a.summary["seed"] == run_b.summary["seed"]
    metrics_a, metrics_b = (run.summary["replications"][0]["metrics"] for run in (run_a, run_b))
    common = [name for name in metrics_a if name in metrics_b]
    chosen = list(names) or [name for name in common if "/" not in name and "@" not in name]
    differences = tuple(
        _difference(name, run_a.metrics(name), run_b.metrics(name), paired) for name in chosen
    )
    return RunComparison(
        run_a, run_b, paired, differences, tuple(_warnings(run_a, run_b, len(chosen)))
    )


def _warnings(run_a: RunDirectory, run_b: RunDirectory, metrics: int) -> list[str]:
    found = []
    fewest = min(run_a.replications, run_b.replications)
    if fewest < FEWEST:
        found.append(f"{fewest} replications tell only large differences apart: use 10 or more")
    if run_a.summary["warm_up_s"] != run_b.summary["warm_up_s"]:
        found.append(
            f"the warm-ups differ ({run_a.summary['warm_up_s']:g} s and "
            f"{run_b.summary['warm_up_s']:g} s): counts are not of the same time"
        )
    if metrics > 20:
        found.append(
            f"of {metrics} metrics without any difference about {metrics * LEVEL:.0f} would look "
            "significant by chance"
        )
    return found


def _difference(
    name: str, values_a: Sequence[float], values_b: Sequence[float], paired: bool
) -> Difference:
    unit = METRICS[parse_metric(name).metric].unit
    mean_a, mean_b = _mean(values_a), _mean(values_b)
    if paired:
        change = paired_difference(values_b, values_a, unit)
        p_value = _p_value(change.mean, change.half_width, change.count - 1)
    else:
        change, p_value = _welch(values_a, values_b, unit)
    return Difference(name, unit, mean_a, mean_b, change, p_value)


def _p_value(mean: float, half_width: float, degrees: float) -> float:
    """Two-sided, of a mean whose 95 % half-width is known."""
    if math.isnan(half_width) or degrees < 1:
        return math.nan
    if half_width == 0:
        # Every replication agrees: nothing of it is chance.
        return 1.0 if mean == 0 else 0.0
    from scipy.special import stdtr

    error = half_width / t_quantile(CONFIDENCE, int(degrees))
    return float(2 * stdtr(degrees, -abs(mean) / error))


def _welch(
    values_a: Sequence[float], values_b: Sequence[float], unit: str
) -> tuple[Estimate, float]:
    known_a, known_b = ([v for v in values if not math.isnan(v)] for values in (values_a, values_b))
    count = min(len(known_a), len(known_b))
    if count < 2:
        return Estimate(_mean(values_b) - _mean(values_a), math.nan, count, unit), math.nan
    mean = _mean(known_b) - _mean(known_a)
    parts = [_variance(known) / len(known) for known in (known_a, known_b)]
    variance = sum(parts)
    if variance == 0:
        return Estimate(mean, 0.0, count, unit), 1.0 if mean == 0 else 0.0
    degrees = variance**2 / sum(
        part**2 / (len(known) - 1) for part, known in zip(parts, (known_a, known_b), strict=True)
    )
    from scipy.special import stdtr, stdtrit

    error = math.sqrt(variance)
    half_width = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * error
    return Estimate(mean, half_width, count, unit), float(2 * stdtr(degrees, -abs(mean) / error))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
