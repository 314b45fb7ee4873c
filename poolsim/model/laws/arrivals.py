"""When the requests of an open load are due: blocks of absolute times in whole nanoseconds.

Poisson arrivals come by time rescaling: the sum of the first n unit-rate exponentials, mapped
through the inverse of the cumulative rate, is the n-th arrival of a Poisson process of that rate
(E. Cinlar, Introduction to Stochastic Processes, 1975, section 4.7). The exponentials do not know
the rate, so a load with a spike and one without share every arrival up to the spike, and request n
is request n in both. The cumulative rate is linear within a step and quadratic within a ramp, so
its inverse is a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from poolsim.model.laws.levels import pieces
from poolsim.scenario.scenario import Load

NEVER = 1 << 62
"""The time of a request that is not due before the end of the run."""

Carry = tuple[float, int]
"""What a block hands to the next: the cumulative rate used up and the last time in ns."""

START: Carry = (0.0, 0)

ArrivalTimes = Callable[
    [NDArray[np.float64], int, Carry],
    tuple[NDArray[np.int64], Carry],
]
"""(uniforms in (0, 1), number of the first request, carry of the block before) -> (times, carry).

Times are shaped like the uniforms, never decreasing, in 0 <= t < duration and then NEVER.
"""


def arrival_times(load: Load, duration_ns: int) -> ArrivalTimes:
    """Return the function that makes the arrival times of an open load, block by block.

    poisson: see above. uniform: request n is due where the cumulative rate reaches n + 0.5, the
    middle of its share. bursts: `size` requests at each multiple of `every_ns` from `first_ns` on
    (one burst if `every_ns` is 0). trace: the times of the file. Phases shape poisson and uniform.

    Raises:
        ValueError: the load is not an open one, or the times of a trace decrease.
    """
    if load.kind == "poisson":
        return _poisson(CumulativeRate(load, duration_ns))
    if load.kind == "uniform":
        return _by_number(_uniform(CumulativeRate(load, duration_ns)), duration_ns)
    if load.kind == "bursts":
        return _by_number(_bursts(load), duration_ns)
    if load.kind == "trace":
        return _by_number(_trace(load.times_ns), duration_ns)
    raise ValueError(f"a load of kind {load.kind!r} has no arrival times of its own")


class CumulativeRate:
    """Requests that a load's rate adds up to, as a function of time, and its inverse.

    `knots`: that number at the beginning of each piece of the rate and at the end of the last,
    shape (pieces + 1,).
    """

    def __init__(self, load: Load, duration_ns: int) -> None:
        """Integrate the rate of `load` over 0 <= t < duration."""
        parts = pieces(load.rate, load.phases, duration_ns)
        self.begins_ns = np.array([part.begin_ns for part in parts], dtype=np.int64)
        self.ends_ns = np.array([part.end_ns for part in parts], dtype=np.int64)
        self.rates = np.array([part.level for part in parts], dtype=np.float64)
        self.slopes = np.array([part.slope_per_ns * 1e9 for part in parts], dtype=np.float64)
        lengths_s = (self.ends_ns - self.begins_ns) * 1e-9
        amounts = (self.rates + self.slopes * lengths_s / 2) * lengths_s
        self.knots = np.concatenate(([0.0], np.cumsum(np.maximum(amounts, 0.0))))

    def inverse_ns(self, amounts: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return when the cumulative rate reaches `amounts` (positive, never decreasing), NEVER
        where it does not."""
        if amounts.size and self.knots.size and amounts[-1] <= self.knots[-1]:
            first, last = np.searchsorted(self.knots, amounts[[0, -1]], side="left") - 1
            if first == last:
                # All within one piece, as mostly: the same formula with numbers for arrays.
                times = self._within(int(first), amounts)
                if times.max() >= self.ends_ns[-1]:
                    times[times >= self.ends_ns[-1]] = NEVER
                return times
        times = np.full(amounts.shape, NEVER, dtype=np.int64)
        reached = amounts <= self.knots[-1]
        wanted = amounts[reached]
        # "left" finds the piece in which an amount is reached, never one that adds nothing.
        times[reached] = self._within(np.searchsorted(self.knots, wanted, side="left") - 1, wanted)
        times[times >= (self.ends_ns[-1] if self.ends_ns.size else 0)] = NEVER
        return times

    def _within(
        self, k: int | NDArray[np.int64], amounts: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """When amounts are reached that are reached within piece `k`, one for all or one each."""
        remaining = amounts - self.knots[k]
        rate, slope = self.rates[k], self.slopes[k]
        # This form of the quadratic's root loses no digits where the slope is 0 or small.
        if np.ndim(k) == 0 and slope == 0.0:
            root = np.sqrt(rate * rate)
        else:
            root = np.sqrt(np.maximum(rate * rate + 2.0 * slope * remaining, 0.0))
        remaining *= 2e9
        remaining /= rate + root
        times: NDArray[np.int64] = np.rint(remaining, out=remaining).astype(np.int64)
        times += self.begins_ns[k]
        return np.minimum(times, self.ends_ns[k], out=times)


def _poisson(cumulative: CumulativeRate) -> ArrivalTimes:
    def times(
        u: NDArray[np.float64], _first_number: int, carry: Carry
    ) -> tuple[NDArray[np.int64], Carry]:
        used, last_ns = carry
        amounts = np.negative(u)
        np.negative(np.log1p(amounts, out=amounts), out=amounts)
        amounts[:1] += used
        np.cumsum(amounts, out=amounts)
        due = cumulative.inverse_ns(amounts)
        # Two amounts that agree to the last bits may come out of the formula the wrong way round.
        if due.size and (due[0] < last_ns or (due[1:] < due[:-1]).any()):
            due = np.maximum(np.maximum.accumulate(due), last_ns)
        return due, ((float(amounts[-1]), int(due[-1])) if due.size else carry)

    return times


def _by_number(
    time_of: Callable[[NDArray[np.int64]], NDArray[np.int64]], duration_ns: int
) -> ArrivalTimes:
    def times(
        u: NDArray[np.float64], first_number: int, carry: Carry
    ) -> tuple[NDArray[np.int64], Carry]:
        due = time_of(np.arange(first_number, first_number + u.size, dtype=np.int64))
        due[due >= duration_ns] = NEVER
        return due, carry

    return times


def _uniform(cumulative: CumulativeRate) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    return lambda numbers: np.maximum.accumulate(
        cumulative.inverse_ns(numbers.astype(np.float64) + 0.5)
    )


def _bursts(load: Load) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    if load.size <= 0:
        raise ValueError("a burst needs at least one request")
    size, every_ns, first_ns = load.size, load.every_ns, load.first_ns
    last_burst = (NEVER - first_ns) // every_ns if every_ns > 0 else 0

    def due(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        burst = numbers // size
        times = first_ns + np.minimum(burst, last_burst) * every_ns
        times[burst > last_burst] = NEVER
        return times

    return due


def _trace(times_ns: Sequence[int]) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    recorded = np.array(times_ns, dtype=np.int64)
    if (np.diff(recorded) < 0).any():
        raise ValueError("the times of a trace must not decrease")
    padded = np.append(recorded, NEVER)
    return lambda numbers: padded[np.minimum(numbers, recorded.size)]
