"""Laws of durations: from uniforms to whole nanoseconds, by inverse transform.

One uniform makes one duration, and a larger uniform never makes a shorter one. Two scenarios that
differ only in a law therefore stay positively correlated, and those that do not differ in it get
the same durations. A value is rounded once, here, and is at least 1 ns.

**percentiles.** Between two given points the logarithm of the value is a straight line in the
normal score of the share: two points are a lognormal law, more are lognormal laws joined together.
Below the first point the first line goes on. Above the last point the value stays what it was
there: no tail is invented that nobody measured, and who wants a longer one states p99.99 or p100.
A share of 0 or 1 counts as one in 10^9 from the end, because its own score is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from poolsim.model.laws.normal import normal_quantile, normal_share
from poolsim.scenario.scenario import Law

LONGEST_NS = 1 << 61
"""No duration is longer (73 years); it keeps sums of a few durations within int64."""

_SCORE_99 = 2.3263478740408408
_END_SHARE = 1e-9

_Shares = NDArray[np.float64]


class Quantile(Protocol):
    """Maps uniforms in (0, 1), any shape, to durations in ns of the same shape.

    The second argument, the number of the first request of a block, is ignored: it makes a
    quantile a transform that `engine.draws.Draws.add` accepts as it is.
    """

    def __call__(self, u: NDArray[np.float64], first_number: int = 0, /) -> NDArray[np.int64]:
        """Return the durations."""
        ...


def quantile_ns(law: Law) -> Quantile:
    """Return the inverse distribution function of a law.

    Raises:
        ValueError: the law's kind is unknown or a parameter is out of its range.
    """
    values = _value_function(law)

    def quantile(u: NDArray[np.float64], _first_number: int = 0) -> NDArray[np.int64]:
        found = np.rint(values(u))
        np.clip(found, 1.0, float(LONGEST_NS), out=found)
        return found.astype(np.int64)

    return quantile


def mean_ns(law: Law) -> float:
    """Return the mean of a law before rounding, exact for every kind."""
    if law.kind in ("constant", "exponential", "gamma"):
        return float(law.mean_ns)
    if law.kind == "lognormal":
        return law.median_ns * math.exp(_lognormal_sigma(law) ** 2 / 2)
    if law.kind == "empirical":
        return math.fsum(law.samples_ns) / len(law.samples_ns)
    if law.kind == "percentiles":
        return _percentiles_mean(law)
    raise ValueError(f"unknown law of durations: {law.kind!r}")


def _value_function(law: Law) -> Callable[[_Shares], NDArray[np.float64]]:
    if law.kind == "constant":
        return lambda u: np.full(u.shape, float(law.mean_ns))
    if law.kind == "exponential":
        return lambda u: -law.mean_ns * np.log1p(-u)
    if law.kind == "lognormal":
        sigma = _lognormal_sigma(law)
        return lambda u: law.median_ns * np.exp(sigma * normal_quantile(u))
    if law.kind == "gamma":
        return _gamma_values(law)
    if law.kind == "percentiles":
        return _percentiles_values(law)
    if law.kind == "empirical":
        samples = np.array(law.samples_ns, dtype=np.float64)
        if samples.size == 0:
            raise ValueError("an empirical law needs at least one sample")
        return lambda u: samples[(u * samples.size).astype(np.int64)]
    raise ValueError(f"unknown law of durations: {law.kind!r}")


def _lognormal_sigma(law: Law) -> float:
    if law.median_ns <= 0 or law.p99_ns < law.median_ns:
        raise ValueError("a lognormal law needs 0 < median <= p99")
    return math.log(law.p99_ns / law.median_ns) / _SCORE_99


def _gamma_values(law: Law) -> Callable[[_Shares], NDArray[np.float64]]:
    if law.shape <= 0:
        raise ValueError("a gamma law needs a positive shape")
    # Imported here: it costs 0.4 s that other laws need not pay.
    from scipy.special import gammaincinv

    scale = law.mean_ns / law.shape
    return lambda u: scale * np.asarray(gammaincinv(law.shape, u))


def _percentiles_lines(law: Law) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Scores and log values of the points, and the slope of the first line."""
    if not law.points or min(value for _, value in law.points) < 0:
        raise ValueError("a percentiles law needs at least one point and no negative value")
    shares = np.array([share for share, _ in law.points], dtype=np.float64)
    scores = normal_quantile(np.clip(shares, _END_SHARE, 1.0 - _END_SHARE))
    logs = np.log([max(1.0, float(value)) for _, value in law.points])
    if (np.diff(scores) <= 0).any() or (np.diff(logs) < 0).any():
        raise ValueError("the points of a percentiles law must rise")
    slope = float((logs[1] - logs[0]) / (scores[1] - scores[0])) if logs.size > 1 else 0.0
    return scores, logs, slope


def _percentiles_values(law: Law) -> Callable[[_Shares], NDArray[np.float64]]:
    scores, logs, first_slope = _percentiles_lines(law)

    def values(u: _Shares) -> NDArray[np.float64]:
        score = normal_quantile(u)
        below = first_slope * np.minimum(score - scores[0], 0.0)
        return np.asarray(np.exp(np.interp(score, scores, logs) + below))

    return values


def _percentiles_mean(law: Law) -> float:
    scores, logs, first_slope = _percentiles_lines(law)
    parts = [_line_mean(float(scores[0]), float(logs[0]), first_slope, -math.inf, float(scores[0]))]
    for k in range(len(scores) - 1):
        begin, end = float(scores[k]), float(scores[k + 1])
        slope = float(logs[k + 1] - logs[k]) / (end - begin)
        parts.append(_line_mean(begin, float(logs[k]), slope, begin, end))
    parts.append(math.exp(logs[-1]) * normal_share(-float(scores[-1])))
    return math.fsum(parts)


def _line_mean(score: float, log: float, slope: float, begin: float, end: float) -> float:
    """Mean of exp(log + slope (Z - score)) where begin < Z <= end, for a standard normal Z."""
    if slope > 30.0:
        # exp(slope^2 / 2) would overflow. So steep a line is short, unless it spans orders of
        # magnitude that no duration has, and the density over it is all but constant.
        begin = max(begin, end - 60.0 / slope)
        share = normal_share(end) - normal_share(begin)
        rise = slope * (end - begin)
        return share * math.exp(log + slope * (begin - score)) * math.expm1(rise) / rise
    upper = normal_share(end - slope) - normal_share(begin - slope)
    return math.exp(log - slope * score + slope * slope / 2) * upper
