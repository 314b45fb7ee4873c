"""Growth: from the load's call for a connection to the connection; and how large pools became.

The load calls when the requests in flight rise above the pool's threshold. In flight is counted
from the requests themselves, to the nanosecond: started and not ended. While nothing waits in the
acquisition queue, as it must not for a pool to grow, that is what the driver counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.compared import Compared, figure, spread_by_place, without_pairs
from poolsim.fidelity.mechanism.transitions import GROWTH, Transition
from poolsim.fidelity.observed import Integers, Observed, Requests
from poolsim.scenario.scenario import Pooling

BAR_MS = 100.0
NAME = "growth after the load's crossing"


@dataclass(frozen=True, slots=True)
class InFlight:
    """Requests under way over time: `count[i]` from `at_ns[i]` on."""

    at_ns: Integers
    count: Integers

    def first_above(self, limit: int, from_ns: int, to_ns: int) -> int | None:
        """When the count first exceeds a limit within a time; None where it does not."""
        first = int(np.searchsorted(self.at_ns, from_ns, side="right"))
        if first > 0 and self.count[first - 1] > limit:
            return from_ns
        last = int(np.searchsorted(self.at_ns, to_ns, side="right"))
        above = np.flatnonzero(self.count[first:last] > limit)
        return int(self.at_ns[first + above[0]]) if len(above) else None


def in_flight(requests: Requests, host: int, hosts: int) -> InFlight:
    """Requests under way at a host. With one host those that nobody answered are its own too."""
    own = (requests.host == host) if hosts > 1 else np.ones(len(requests), dtype=bool)
    starts, ends = requests.started_ns[own], requests.ended_ns[own]
    ends = ends[ends >= 0]
    at = np.concatenate((starts, ends))
    step = np.concatenate((np.ones_like(starts), -np.ones_like(ends)))
    # In one instant an end comes first: its stream is free for the request that starts.
    order = np.lexsort((step, at))
    return InFlight(at[order], np.cumsum(step[order]))


def delay_ms(growth: Transition, under_way: InFlight, pooling: Pooling) -> float:
    """Time from the load's crossing of the threshold to the connection; nan: it never crossed.

    The threshold of a pool of n connections is (n - 1) * max_requests + new_connection_threshold
    (model/drivers/java3.py); it counts from when the pool came to have n.
    """
    limit = (growth.before - 1) * pooling.max_requests + pooling.new_connection_threshold
    crossed = under_way.first_above(limit, growth.since_ns, growth.at_ns)
    return (growth.at_ns - crossed) / 1e6 if crossed is not None else math.nan


def growth(runs: Sequence[Compared]) -> Check:
    """The figure: by how much the delays of real and simulated growth differ, at the worst of a
    recording, in the median of the recordings."""
    if not any(one.pairs(GROWTH) for one in runs):
        return without_pairs(runs, GROWTH, "growth", NAME, "ms", BAR_MS)
    delays = [_delays_ms(one) for one in runs]
    real = [[own for own, _ in pairs] for pairs in delays]
    simulated = [[other for _, other in pairs] for pairs in delays]
    errors = [
        math.inf if one.alignment.alone(GROWTH) else _largest_difference(pairs)
        for one, pairs in zip(runs, delays, strict=True)
    ]
    return figure(
        "growth",
        NAME,
        "ms",
        [median(own) for own in real],
        [median(other) for other in simulated],
        median(errors),
        BAR_MS,
        spread_by_place(real),
        f"values are the median of a recording's growths ({len(real[0])} in the first); the error "
        "is that of the worst",
    )


def _delays_ms(one: Compared) -> list[tuple[float, float]]:
    """Real and simulated delay of each growth."""
    pooling = one.plan.client.options.local
    hosts = range(len(one.real.hosts))
    real, simulated = (
        [in_flight(observed.requests, host, len(hosts)) for host in hosts]
        for observed in (one.real, one.simulated)
    )
    return [
        (
            delay_ms(pair.real, real[pair.real.host], pooling),
            delay_ms(pair.simulated, simulated[pair.real.host], pooling),
        )
        for pair in one.pairs(GROWTH)
    ]


def _largest_difference(delays: Sequence[tuple[float, float]]) -> float:
    """Nan where there is none, or where one side never crossed the threshold."""
    differences = [abs(real - simulated) for real, simulated in delays]
    if not differences or any(math.isnan(difference) for difference in differences):
        return math.nan
    return max(differences)


def peak(runs: Sequence[Compared], note: str) -> Check:
    """Most connections of a host at once; without a bar where a note says why."""
    real = [_peaks(one.real) for one in runs]
    simulated = [_peaks(one.simulated) for one in runs]
    errors = [
        max(abs(a - b) for a, b in zip(own, other, strict=True))
        for own, other in zip(real, simulated, strict=True)
    ]
    return figure(
        "peak",
        "most connections of a host",
        "count",
        [max(own) for own in real],
        [max(other) for other in simulated],
        median(errors),
        None if note else 0.0,
        note=note,
    )


def _peaks(observed: Observed) -> list[float]:
    return [float(host.connections.max()) for host in observed.hosts]
