"""Means over replications and how sure they are.

Replications are independent (each has draws of its own), so a t-interval over their values holds.
Quantiles are treated alike: each replication's p99 is one value; requests of one run depend on one
another and are never pooled into an interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from poolsim.estimation.results import Estimate

CONFIDENCE = 0.95
PEEKING_CONFIDENCE = 0.975
"""Where one looks again and again whether the interval is narrow enough, the run stops on a lucky
look. Half the error rate is the price: an interval found that way is computed at 97.5 % and shown
as one of 95 %."""


@lru_cache
def t_quantile(confidence: float, degrees: int) -> float:
    """The two-sided quantile of Student's t for a confidence in 0..1."""
    # scipy.stats says the same and takes a second to import.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1.0 + confidence) / 2.0))


def estimate(values: Sequence[float], unit: str, confidence: float = CONFIDENCE) -> Estimate:
    """Mean and half-width over one value per replication; values that are NaN are left out.

    `count` says how many were taken; with one the half-width is NaN, with none the mean too.
    """
    known = [value for value in values if not math.isnan(value)]
    count = len(known)
    if not count:
        return Estimate(math.nan, math.nan, 0, unit)
    mean = math.fsum(known) / count
    if count == 1:
        return Estimate(mean, math.nan, 1, unit)
    if min(known) == max(known):
        # Not a rounding error's width around a value that every replication agrees on.
        return Estimate(known[0], 0.0, count, unit)
    variance = math.fsum((value - mean) ** 2 for value in known) / (count - 1)
    half_width = t_quantile(confidence, count - 1) * math.sqrt(variance / count)
    return Estimate(mean, half_width, count, unit)
