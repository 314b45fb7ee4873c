"""Rounds in which every program runs once, one after the other, in CPU time; only the ratio within
a round travels between machines."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.programs import Program, programs
from benchmarks.workload import S, Summary, W, Workload
from poolsim.fidelity import theory

SEED = 20261122
WARM_UP_REQUESTS = 2_000
"""Of an uncounted run before the first round: imports and compilations are not what is compared."""

SERVED_SHARE_OF_S = 0.84
"""Of the requests of S, within 0.02."""


@dataclass(slots=True)
class Measured:
    """A program's rounds: CPU nanoseconds a request, and what the last run said."""

    program: Program
    ns: list[float] = field(default_factory=list)
    summary: Summary | None = None

    @property
    def median_ns(self) -> float:
        """CPU nanoseconds a request."""
        return statistics.median(self.ns)


def compare(
    workload: Workload, rounds: int, tell: Callable[[str], None], share: float = 1.0
) -> list[Measured]:
    """Run every program that can express a workload, `rounds` times in turn.

    `share` of their requests each, for a quick look. The first one is the yardstick.
    """
    measured = [Measured(one) for one in programs() if workload == W or one.does_s]
    for one in measured:
        one.program.run(workload, WARM_UP_REQUESTS, SEED)
    for number in range(rounds):
        for one in measured:
            count = max(WARM_UP_REQUESTS, int(one.program.requests * share))
            started = time.process_time()
            one.summary = one.program.run(workload, count, SEED + number)
            one.ns.append((time.process_time() - started) / count * 1e9)
            tell(f"round {number + 1} of {rounds}: {one.program.name}: {one.ns[-1]:,.0f} ns")
    return measured


def ratios(one: Measured, yardstick: Measured) -> list[float]:
    """How many times as fast as the yardstick, in each round."""
    return [theirs / own for theirs, own in zip(yardstick.ns, one.ns, strict=True)]


def disagreement(workload: Workload, summary: Summary) -> str:
    """What in a program's results contradicts theory, "" if nothing: the mean of an M/M/8 queue for
    W, the shares served for S."""
    total = summary.served + summary.rejected + summary.timed_out
    if workload == S:
        share = summary.served / total
        if abs(share - SERVED_SHARE_OF_S) > 0.02:
            return f"{share:.3f} of the requests were served"
        return ""
    service_rate = 1 / workload.mean_service_s
    wait_s = theory.mmc_mean_wait_s(workload.rate, service_rate, workload.workers)
    expected_s = wait_s + workload.mean_service_s + 2 * workload.network_s
    # Latencies deviate by 0.7 of their mean and stay correlated over some 200 requests at this load
    # so the standard error of a mean is about 14 / sqrt(requests) of it. Four of those are allowed.
    allowed = 4 * 14 / math.sqrt(total)
    if total != summary.served:
        return f"{total - summary.served} requests were not served"
    if abs(summary.mean_s - expected_s) > allowed * expected_s:
        return f"a mean of {summary.mean_s * 1e3:.3f} ms, not {expected_s * 1e3:.3f}"
    return ""
