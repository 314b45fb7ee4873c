"""Reads the state of all pools at an instant, summed over the instances of each client."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poolsim.model.drivers.ports import needed
from poolsim.model.records import IGNORED, POOL_USABLE, World


def sample(w: World, columns: int) -> NDArray[np.int64]:
    """The table of `recording.columns.SAMPLE_COLUMNS`, shape (clients * nodes, columns)."""
    nodes = w.run.nodes
    rows = [[0] * columns for _ in range(len(w.clients) * nodes)]
    for p, pool in enumerate(w.pools):
        host = w.hosts[p]
        if host.distance == IGNORED:
            continue
        row = rows[w.sessions[pool.session].client * nodes + pool.node]
        usable = pool.phase == POOL_USABLE
        row[0] += pool.active
        row[1] += pool.trashed
        row[2] += pool.connecting
        row[3] += pool.in_flight
        options = w.options[pool.options]
        row[4] += pool.active * options.max_requests
        row[5] += pool.pending
        row[6] += pool.orphans
        row[7] += pool.rejected
        row[8] += pool.sent
        row[9] += not usable or pool.active < min(needed(w, p, pool.in_flight), options.max)
        row[10] += not host.up
    return np.array(rows, dtype=np.int64)
