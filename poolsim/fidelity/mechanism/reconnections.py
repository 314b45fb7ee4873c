"""From the end of a failed reconnection attempt to the start of the next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.alignment import Pair
from poolsim.fidelity.mechanism.compared import Compared, figure, spread_by_place, without_pairs
from poolsim.fidelity.mechanism.pools import value
from poolsim.fidelity.mechanism.transitions import ATTEMPT, ATTEMPT_FAILED, HOST_DOWN, HOST_UP
from poolsim.fidelity.observed import Observed
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.policies.reconnection import (
    EXPONENTIAL,
    MILLIONTHS,
    reconnection_delay,
    spread_of,
)
from poolsim.scenario.scenario import Client

BAR_MS = 50.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A real and a simulated gap, in milliseconds, before the attempt of a number from 1."""

    real_ms: float
    simulated_ms: float
    attempt: int


def gaps(pairs: Sequence[Pair]) -> list[Gap]:
    """The gaps between pairs that follow each other at a host."""
    found = []
    for failed, again in itertools.pairwise(pairs):
        if (
            failed.real.host == again.real.host
            and failed.real.kind == ATTEMPT_FAILED
            and again.real.kind == ATTEMPT
        ):
            real = again.real.at_ns - failed.real.at_ns
            simulated = again.simulated.at_ns - failed.simulated.at_ns
            found.append(
                Gap(real / 1e6, simulated / 1e6, int(value(again.simulated.detail, "value")))
            )
    return found


def gap_error_ms(gap: Gap, client: Client) -> float:
    """By how much a gap is off.

    A driver that multiplies its delays by a random percentage draws another one than the model
    does: its gap may lie anywhere within what the percentages make of the delay.
    """
    policy = client.options.reconnection
    bounds = _jitter(client, gap.attempt) if policy.kind == "exponential" else None
    if bounds is None:
        return abs(gap.real_ms - gap.simulated_ms)
    low, high = bounds
    return max(0.0, low - gap.real_ms, gap.real_ms - high)


def _jitter(client: Client, attempt: int) -> tuple[float, float] | None:
    """The shortest and the longest delay in ms that the driver's jitter makes before an attempt of
    a number from 1; None for a driver without jitter."""
    policy = client.options.reconnection
    rules = DRIVERS[client.driver]
    base, longest = policy.base_ns, policy.max_ns
    place = attempt - 1 - int(policy.start_with_no_delay)
    delay = reconnection_delay(EXPONENTIAL, base, longest, max(place, 0))
    if hasattr(rules, "JITTER_SPREAD"):
        if place < 0:
            return 0.0, 1.0
        least, width = spread_of(delay, base, longest, int(policy.start_with_no_delay))
        return delay / 1e6 * least / MILLIONTHS, delay / 1e6 * (least + width) / MILLIONTHS
    percent = getattr(rules, "JITTER_PERCENT", None)
    if percent is None:
        return None
    low, high = (float(min(max(delay * share / 100, base), longest)) / 1e6 for share in percent)
    return low, high


def reconnections(runs: Sequence[Compared]) -> list[Check]:
    """The figures: the gaps, and how long the driver took to notice a loss and a return."""
    return [_gaps(runs), *_noticed(runs)]


def _gaps(runs: Sequence[Compared]) -> Check:
    name = "gap between a failed attempt and the next"
    found = [gaps(one.alignment.pairs) for one in runs]
    if not any(found):
        return without_pairs(runs, ATTEMPT_FAILED, "reconnection", name, "ms", BAR_MS)
    client = runs[0].plan.client
    errors = [max((gap_error_ms(gap, client) for gap in own), default=math.nan) for own in found]
    return figure(
        "reconnection",
        name,
        "ms",
        [median([gap.real_ms for gap in own]) for own in found],
        [median([gap.simulated_ms for gap in own]) for own in found],
        median(errors),
        BAR_MS,
        spread_by_place([[gap_error_ms(gap, client) for gap in own] for own in found]),
        f"values are the median of a recording's gaps ({len(found[0])} in the first); error and "
        "spread are those of the worst",
    )


def _noticed(runs: Sequence[Compared]) -> list[Check]:
    checks = []
    for kind, key, name, of_end in (
        (HOST_DOWN, "down", "host down after the fault was seen", False),
        (HOST_UP, "up", "host up after the node was back", True),
    ):
        real = [_after_fault_ms(one, one.real, kind, of_end) for one in runs]
        simulated = [_after_fault_ms(one, one.simulated, kind, of_end) for one in runs]
        if not all(math.isnan(value) for value in real):
            error = median(simulated) - median(real)
            checks.append(figure(key, name, "ms", real, simulated, error, None))
    return checks


def _after_fault_ms(one: Compared, observed: Observed, kind: str, of_end: bool) -> float:
    """Time from the first fault (or its end) to the host's next event of a kind."""
    for fault in one.recording.faults:
        since = fault.to_ns if of_end else fault.from_ns
        for event in observed.events_of(kind, host=fault.host):
            if event.at_ns >= since:
                return (event.at_ns - since) / 1e6
    return math.nan
