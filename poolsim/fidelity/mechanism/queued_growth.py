"""Pools that could grow while requests wait: what the real driver leaves only by a race.

A queued request asks for no connection, and neither does a release that serves one
(estimation/stalls.py). How long such a pool stands still is decided by threads that meet within a
microsecond, so nothing that follows from it has a bar: how long it stood is reported instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.compared import Compared, figure
from poolsim.fidelity.observed import Flags, Observed
from poolsim.scenario.scenario import Client

NOTE = "the pool can grow while its queue is not empty: no bar"

FEWEST_SAMPLES = 3
"""A queue seen for fewer samples in a row did not keep the pool from growing."""


def stood_still_s(observed: Observed, client: Client, sample_every_ns: int) -> float:
    """Seconds for which some pool had a queue and called for a connection that it did not get."""
    pooling = client.options.local
    if pooling.max <= pooling.core or client.options.max_queue_size == 0:
        return 0.0
    samples = 0
    for host in observed.hosts:
        limit = (host.connections - 1) * pooling.max_requests + pooling.new_connection_threshold
        flags = (host.pending > 0) & (host.connections < pooling.max) & (host.connections > 0)
        flags &= host.in_flight > limit
        samples += sum(length for length in _lengths(flags) if length >= FEWEST_SAMPLES)
    return samples * sample_every_ns / 1e9


def stood_still(runs: Sequence[Compared]) -> Check:
    """The figure, which has no bar: how long the pools stood still."""
    plan = runs[0].plan
    real, simulated = (
        [stood_still_s(observed, plan.client, plan.sample_every_ns) for observed in observeds]
        for observeds in ([one.real for one in runs], [one.simulated for one in runs])
    )
    error = median(simulated) - median(real)
    name = "stood still below its maximum, with a queue"
    return figure("stood_still", name, "s", real, simulated, error, None, note=NOTE)


def _lengths(flags: Flags) -> list[int]:
    padded = np.concatenate(([False], flags, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [int(end - begin) for begin, end in zip(edges[0::2], edges[1::2], strict=True)]
