"""Whether an expectation holds, as far as the replications can tell.

* A value that every replication agrees on (no variance), `==`, and a count held against 0
  (`rejected <= 0`) are decided by every replication: passed where it holds in all of them, failed
  as soon as it does not hold in one. No interval is needed to know that a rejection happened.
* Otherwise the 95 % interval of the mean over replications decides: passed or failed where it lies
  wholly on one side of the limit, inconclusive where it straddles the limit.
* One replication has no interval. The rules of the first kind still decide it, but the agreement
  of one value with itself does not count: of random runs, one says nothing about the next, so the
  verdict is inconclusive. `rejected == 0` after one replication is passed or failed.
* A fault duration that is NaN did not happen: longer than any limit, in that replication. Then
  `<` and `<=` fail. Other values that do not exist (the latency of no request) leave a verdict
  inconclusive.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from poolsim.estimation.intervals import CONFIDENCE, estimate
from poolsim.estimation.results import Estimate, Verdict

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Expectation

Status = Literal["passed", "failed", "inconclusive"]

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
DID_NOT_HAPPEN = {
    "detect": "no session marked the host down",
    "fail_over": "there was no fault",
    "recover": "things were not as before for 10 s until the end of the run",
}
"""By fault duration: what NaN means."""


def verdict(
    expectation: Expectation,
    values: Sequence[float],
    unit: str,
    confidence: float = CONFIDENCE,
) -> Verdict:
    """The verdict on one value per replication, in the expectation's unit (SI)."""
    found = estimate(values, unit, confidence)
    status, reason = _decided(expectation, values, found)
    return Verdict(expectation.text, status, found, expectation.value, reason)


def _decided(
    expectation: Expectation, values: Sequence[float], found: Estimate
) -> tuple[Status, str]:
    missing = sum(math.isnan(value) for value in values)
    if missing:
        return _decided_without(expectation, missing, len(values))
    holds = COMPARISONS[expectation.comparison]
    if _every_replication_decides(expectation, found):
        failing = sum(not holds(value, expectation.value) for value in values)
        if not failing:
            return "passed", ""
        return "failed", f"not so in {failing} of {_replications(len(values))}"
    if math.isnan(found.half_width):
        return "inconclusive", "one replication gives no interval: run more"
    low, high = found.mean - found.half_width, found.mean + found.half_width
    if holds(low, expectation.value) and holds(high, expectation.value):
        return "passed", ""
    if not holds(low, expectation.value) and not holds(high, expectation.value):
        return "failed", ""
    return "inconclusive", "the interval straddles the limit: run more replications"


def _every_replication_decides(expectation: Expectation, found: Estimate) -> bool:
    if expectation.comparison == "==" or found.half_width == 0:
        return True
    return found.unit == "count" and expectation.value == 0 and found.mean >= 0


def _decided_without(expectation: Expectation, missing: int, count: int) -> tuple[Status, str]:
    """Some replications have no value."""
    where = f"in {missing} of {_replications(count)}"
    if expectation.metric not in DID_NOT_HAPPEN:
        return "inconclusive", f"there is no {expectation.metric} {where}"
    reason = f"{where}, {DID_NOT_HAPPEN[expectation.metric]}"
    if expectation.comparison in (">", ">="):
        return ("passed" if missing == count else "inconclusive"), reason
    return "failed", reason


def _replications(count: int) -> str:
    return f"{count} replication" + ("s" if count != 1 else "")
