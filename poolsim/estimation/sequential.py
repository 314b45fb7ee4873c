"""How many replications: a fixed number, or until a metric is known well enough.

Replications are looked at one by one in their order, so the number does not depend on how many ran
at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolsim.estimation.intervals import CONFIDENCE, PEEKING_CONFIDENCE, estimate

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Replications


@dataclass(frozen=True, slots=True)
class Stopping:
    """When to stop. `fewest` and `most` count replications; `metric` is "" for a fixed number.

    `half_width` is a share of the metric's mean.
    """

    fewest: int
    most: int
    metric: str
    half_width: float

    @classmethod
    def of(cls, replications: Replications) -> Stopping:
        """The rule that a scenario asks for."""
        most = max(replications.maximum, replications.count) if replications.metric else 0
        return cls(
            fewest=replications.count,
            most=most or replications.count,
            metric=replications.metric,
            half_width=replications.half_width,
        )

    @property
    def confidence(self) -> float:
        """At which intervals are computed: repeated looks have their price."""
        return PEEKING_CONFIDENCE if self.metric else CONFIDENCE

    def enough(self, values: Sequence[float]) -> bool:
        """Whether the replications so far, one value of the metric each, are enough."""
        if len(values) < self.fewest:
            return False
        if len(values) >= self.most or not self.metric:
            return True
        return self.reached(values)

    def reached(self, values: Sequence[float]) -> bool:
        """Whether the metric is known to the half-width asked for."""
        found = estimate(values, "", self.confidence)
        if math.isnan(found.half_width):
            return False
        return found.half_width <= self.half_width * abs(found.mean)


def stopped_at(stopping: Stopping, values: Sequence[float]) -> int | None:
    """The number of replications at which looking one by one stops, None if not yet."""
    for count in range(stopping.fewest, len(values) + 1):
        if stopping.enough(values[:count]):
            return count
    return None


def replicate(
    stopping: Stopping,
    run: Callable[[range], None],
    value: Callable[[int], float],
    at_a_time: int,
) -> int:
    """Run replications until there are enough; gives their number.

    `run` runs the replications of a range, `value` is the metric of one of them, `at_a_time` how
    many are worth starting together. More may have run than are to be used.
    """
    run(range(stopping.fewest))
    done = stopping.fewest
    if not stopping.metric:
        return done
    values = [value(replication) for replication in range(done)]
    while (enough := stopped_at(stopping, values)) is None:
        following = range(done, min(done + at_a_time, stopping.most))
        run(following)
        values += [value(replication) for replication in following]
        done = following.stop
    return enough
