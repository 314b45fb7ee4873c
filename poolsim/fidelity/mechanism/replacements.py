"""At how many unanswered timeouts a connection was replaced, where the recorder tells it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.compared import Compared, figure
from poolsim.fidelity.mechanism.pools import value
from poolsim.fidelity.observed import Observed

REAL = "timed_out"
SIMULATED = "value"
"""What the count is called in the details of either side's `replaced`."""


def fewest_timeouts(observed: Observed, name: str) -> float:
    """The fewest unanswered timeouts of a connection that was replaced; nan where none was."""
    counts = [
        int(value(event.detail, name))
        for event in observed.events_of("replaced")
        if 0 <= event.at_ns < observed.duration_ns and value(event.detail, name)
    ]
    return float(min(counts, default=math.nan))


def replacements(runs: Sequence[Compared]) -> list[Check]:
    """The figure; none where no recording tells of a replacement. A recording that has one where
    its simulation has none, or the other way round, is out of order as well (order.py)."""
    real = [fewest_timeouts(one.real, REAL) for one in runs]
    simulated = [fewest_timeouts(one.simulated, SIMULATED) for one in runs]
    if all(math.isnan(count) for count in real):
        return []
    return [
        figure(
            "replacement",
            "unanswered timeouts of a replaced connection",
            "count",
            real,
            simulated,
            abs(median(simulated) - median(real)),
            0.0,
            note="values are the fewest of a recording's replacements",
        )
    ]
