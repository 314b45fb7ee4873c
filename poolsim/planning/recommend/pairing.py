"""Differences between two points, paired by replication: both had the same draws."""

from __future__ import annotations

import math
from collections.abc import Sequence

from poolsim.estimation.intervals import CONFIDENCE, estimate
from poolsim.estimation.results import Estimate

TOLERANCE = 0.05
"""Regret that counts as none: settings that cost at most so much more are as good."""


def paired_difference(
    values: Sequence[float], base: Sequence[float], unit: str = "count"
) -> Estimate:
    """Mean of `values - base` over the replications that both have, with its 95 % interval."""
    count = min(len(values), len(base))
    pairs = zip(values[:count], base[:count], strict=True)
    return estimate([value - other for value, other in pairs], unit, CONFIDENCE)


def is_as_good(extra: Estimate, base_cost: float) -> bool:
    """Whether an extra cost is within the tolerance, or not told apart from nothing."""
    if math.isnan(extra.mean):
        return False
    if extra.mean <= TOLERANCE * abs(base_cost):
        return True
    return not math.isnan(extra.half_width) and 0 < extra.mean <= extra.half_width
