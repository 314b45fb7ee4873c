"""How many workers a node has: the number whose queue explains the measured latencies best."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from poolsim.fidelity.observed import Integers

CANDIDATES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
ENOUGH = 0.01
"""Where more workers fit no better than by this, there are as many as explain it."""


def finishes(arrivals_ns: Integers, services_ns: Integers, workers: int) -> Integers:
    """When each request leaves a node that serves first come first served; arrivals rise."""
    free = [0] * workers
    done = []
    for arrived, service in zip(arrivals_ns.tolist(), services_ns.tolist(), strict=True):
        finish = max(free[0], arrived) + service
        heapq.heapreplace(free, finish)
        done.append(finish)
    return np.array(done, dtype=np.int64)


def misfit(
    nodes: Sequence[tuple[Integers, Integers]], latencies_ns: Integers, workers: int, fixed_ns: int
) -> float:
    """Mean relative error of the latencies' quantiles, with so many workers at each node.

    Args:
        nodes: of each node its arrivals, rising, and its service times.
        latencies_ns: measured, of all of them.
        workers: at each node.
        fixed_ns: what every latency has besides queue and service.
    """
    predicted = np.concatenate(
        [finishes(arrivals, services, workers) - arrivals for arrivals, services in nodes]
    )
    own = np.quantile(predicted + fixed_ns, QUANTILES)
    real = np.quantile(latencies_ns, QUANTILES)
    return float(np.abs(own / np.maximum(real, 1.0) - 1.0).mean())


def fit_workers(
    nodes: Sequence[tuple[Integers, Integers]], latencies_ns: Integers, fixed_ns: int
) -> tuple[int, float]:
    """The smallest number of workers that fits as well as any, and its misfit."""
    fits = {workers: misfit(nodes, latencies_ns, workers, fixed_ns) for workers in CANDIDATES}
    best = min(fits.values())
    chosen = min(workers for workers, fit in fits.items() if fit <= best + ENOUGH)
    return chosen, fits[chosen]
