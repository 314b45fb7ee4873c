"""The figures of one run, real or simulated."""

from __future__ import annotations

import math

import numpy as np

from poolsim.fidelity.observed import REJECTED, SUCCEEDED, Flags, Integers, Requests
from poolsim.fidelity.recordings import NodeLog
from poolsim.fidelity.stalls import SECOND


def latencies_ns(requests: Requests, counted: Flags, *, from_start: bool) -> Integers:
    """Latencies of the counted requests that succeeded.

    `from_start`: from when the driver got the request; otherwise from when it should have been
    issued, so that a late issuer cannot hide a queue.
    """
    kept = counted & (requests.outcome == SUCCEEDED)
    since = requests.started_ns if from_start else requests.intended_ns
    latencies: Integers = requests.ended_ns[kept] - since[kept]
    return latencies


def quantile_ms(values_ns: Integers, share: float) -> float:
    """A quantile in milliseconds; nan of nothing."""
    return float(np.quantile(values_ns, share)) / 1e6 if len(values_ns) else math.nan


def throughput(requests: Requests, seconds: Integers) -> float:
    """Requests per second that ended well in the seconds that count."""
    if not len(seconds):
        return math.nan
    ended = requests.ended_ns[requests.outcome == SUCCEEDED]
    return float(np.isin(ended // SECOND, seconds).sum() / len(seconds))


def rejected_share(requests: Requests, counted: Flags) -> float:
    """Share of the counted requests that the pools refused."""
    total = int(counted.sum())
    return float((counted & (requests.outcome == REJECTED)).sum() / total) if total else math.nan


def mean_wait_ms(waits_ns: Integers, requests: Requests, counted: Flags) -> float:
    """Mean time in the acquisition queue of the counted requests that succeeded."""
    kept = counted & (requests.outcome == SUCCEEDED)
    return float(waits_ns[kept].mean()) / 1e6 if kept.any() else math.nan


def waiting_share(waits_ns: Integers, requests: Requests, counted: Flags) -> float:
    """Share of the counted requests that succeeded and waited at all (simulated runs only)."""
    kept = counted & (requests.outcome == SUCCEEDED)
    return float((waits_ns[kept] > 0).mean()) if kept.any() else 0.0


def way_to_node_ns(requests: Requests, node: NodeLog) -> tuple[Integers, Flags]:
    """From each request's start to its first arrival at a node, and which of them arrived."""
    arrived = node.request >= 0
    order = np.lexsort((node.arrived_ns[arrived], node.request[arrived]))
    numbers, first = np.unique(node.request[arrived][order], return_index=True)
    at = node.arrived_ns[arrived][order][first]
    if not len(numbers):
        return np.zeros(len(requests), dtype=np.int64), np.zeros(len(requests), dtype=bool)
    place = np.minimum(np.searchsorted(numbers, requests.number), len(numbers) - 1)
    has = numbers[place] == requests.number
    return np.where(has, at[place] - requests.started_ns, 0), has
