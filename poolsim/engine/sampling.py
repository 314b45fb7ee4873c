"""Reads the state of all pools, and which requests are under way, at an instant.

Written like rules (docs/writing-rules.md), because both engines run these functions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.rows import SAMPLE_WIDTH
from poolsim.model.drivers.ports import needed
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, POOL_USABLE
from poolsim.model.wrappers.looks import FIRST_CHECK


def sample_values(w: World) -> int:
    """How many values of the table `samples` a sample fills."""
    values: int = len(w.clients) * w.run.nodes * SAMPLE_WIDTH
    return values


def take_sample(w: World) -> None:
    """Fill the table `samples` with `SAMPLE_COLUMNS`, summed over the instances of each client;
    the row of client c and node n is c * nodes + n."""
    values = w.samples
    for i in range(len(values)):
        values[i] = 0
    for p in range(len(w.pools)):
        host = w.hosts[p]
        if host.distance != IGNORED:
            pool = w.pools[p]
            options = w.options[pool.options]
            row = (w.sessions[pool.session].client * w.run.nodes + pool.node) * SAMPLE_WIDTH
            values[row] += pool.active
            values[row + 1] += pool.trashed
            values[row + 2] += pool.connecting
            values[row + 3] += pool.in_flight
            values[row + 4] += pool.active * options.max_requests
            values[row + 5] += pool.pending
            values[row + 6] += pool.orphans
            values[row + 7] += pool.rejected
            values[row + 8] += pool.sent
            if host.known == 1:
                if pool.phase != POOL_USABLE or pool.active < min(
                    needed(w, p, pool.in_flight), options.max
                ):
                    values[row + 9] += 1
                if host.up == 0:
                    values[row + 10] += 1
            values[row + 11] += pool.buffered
            values[row + 12] += pool.busy
            values[row + 13] += pool.syscalls


def count_unfinished(w: World) -> None:
    """Fill the beginning of the table `samples` with the requests under way of each client."""
    counts = w.samples
    for k in range(len(w.clients)):
        counts[k] = 0
    for r in range(len(w.requests)):
        if w.requests[r].number < FIRST_CHECK:
            counts[w.requests[r].client] += 1
    r = w.run.free_request
    while r >= 0:
        if w.requests[r].number < FIRST_CHECK:
            counts[w.requests[r].client] -= 1
        r = w.requests[r].next


def sample_table(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """A copy of the table `samples`, shape (clients * nodes, SAMPLE_WIDTH)."""
    return np.array(values, dtype=np.int64).reshape(-1, SAMPLE_WIDTH)
