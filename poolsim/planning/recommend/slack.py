"""How far a point is from the limits of its expectations, on one scale for all of them.

The slack is the logarithm of limit by value, the other way round for `>`: 0 at the limit, positive
where the expectation holds. Its sign always agrees with the verdict, so that a mean on the right
side of the limit whose interval straddles it does not count as holding.
"""

from __future__ import annotations

import math

from poolsim.estimation.results import Verdict
from poolsim.scenario.scenario import Expectation

LARGEST = 3.0
_HELD, _NEARLY, _MISSED = 0.05, 0.02, 0.05
_HELD_AT_ZERO = 0.3
"""`rejected == 0` holds with nothing rejected: how far from the limit no value tells."""


def slack_of(expectation: Expectation, verdict: Verdict) -> float:
    """Dimensionless, within -LARGEST and LARGEST."""
    distance = _distance(expectation, verdict.estimate.mean)
    match verdict.status:
        case "passed":
            least = _HELD_AT_ZERO if expectation.value == 0 else _HELD
            return min(max(distance, least), LARGEST)
        case "failed":
            return max(min(distance, -_MISSED), -LARGEST)
        case _:
            return -_NEARLY


def margin_of(expectation: Expectation, verdict: Verdict) -> float | None:
    """The distance to the limit as a share of the limit, negative beyond it; None where the limit
    is 0, the comparison is for equality, or there is no value."""
    mean, limit = verdict.estimate.mean, expectation.value
    if not limit or expectation.comparison == "==" or math.isnan(mean):
        return None
    share = (limit - mean) / abs(limit)
    return share if expectation.comparison in ("<", "<=") else -share


def _distance(expectation: Expectation, mean: float) -> float:
    if math.isnan(mean):
        return -LARGEST
    limit = expectation.value
    # Keeps the logarithm finite; small against limits, one where a limit of 0 counts things.
    soft = 0.01 * abs(limit) if limit else 1.0
    ratio = math.log((limit + soft) / (max(mean, 0.0) + soft))
    if expectation.comparison == "==":
        return -abs(ratio)
    return ratio if expectation.comparison in ("<", "<=") else -ratio
