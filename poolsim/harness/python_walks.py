"""The walks that are recorded over the Python driver's pools, as harness/python/decisions.py takes
them.

Limits are set low enough to be reached: an instance of the driver's connection class holds so few
requests (`max_in_flight`), and a legacy pool has small sizes. One legacy walk in ten has the
driver's own sizes, one never has a connection.
"""

from __future__ import annotations

from itertools import cycle, islice, product
from typing import Any

NEWER_STREAMS = (4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 100, 320)
"""max_in_flight of a HostConnection's connection, where the driver's own is 32,768; 320 is more
than the 300 stream ids with which a connection begins."""
LEGACY_STREAMS = (8, 12, 16, 20, 32, 6, 128)
LEGACY_CORE = (1, 2, 1, 3, 2)
LEGACY_GROWTH = (4, 1, 6, 2, 0, 3)
LEGACY_BUSY = ((1, 2), (3, 4), (1, 4), (1, 1))
"""max_requests as a share of max_in_flight."""
LEGACY_QUIET = (0, 1, 2, 4)
"""min_requests."""
EVERY_TENTH = 10
REMOTE_EACH = 5


def walks_of(name: str, count: int, operations: int, seed: int) -> list[dict[str, Any]]:
    """Walks of one kind, "python" (v3 and newer) or "python-legacy", as `walks` gives them."""
    if name == "python":
        return walks(count, 0, operations, seed=seed)
    return walks(0, count, operations, seed=seed)


def walks(
    newer: int, legacy: int, operations: int, *, seed: int = 1, backend: str | None = None
) -> list[dict[str, Any]]:
    """So many walks of each kind, each of so many operations, with listeners of their own.

    Args:
        newer: Walks over a HostConnection (v3 and newer).
        legacy: Walks over a HostConnectionPool (v1 and v2).
        operations: Of each walk.
        seed: Of the first walk; the others count on.
        backend: A node before which the proxy shall listen for them; None: it does already.
    """
    if not 0 <= newer + legacy <= 250:
        raise ValueError("there are addresses for 250 walks at most")
    found = [_newer(k) for k in range(newer)]
    found += [{"name": f"python-legacy-{k:03d}"} | sizes for k, sizes in enumerate(_legacy(legacy))]
    for k, walk in enumerate(found):
        walk["seed"] = seed + k
        walk["operations"] = operations
        walk["listen"] = f"127.0.3.{1 + k}:9042"
        walk["distance"] = "remote" if k % REMOTE_EACH == REMOTE_EACH - 1 else "local"
        if backend is not None:
            walk["backend"] = backend
    return found


def _newer(k: int) -> dict[str, Any]:
    streams = NEWER_STREAMS[k % len(NEWER_STREAMS)]
    return {"name": f"python-{k:03d}", "protocol": 4, "max_in_flight": streams}


def _legacy(count: int) -> list[dict[str, Any]]:
    combinations = product(LEGACY_BUSY, LEGACY_QUIET)
    shares = cycle(sorted(combinations, key=lambda pair: (pair[0][0] * 7 + pair[1] * 3) % 5))
    sizes = zip(cycle(LEGACY_STREAMS), cycle(LEGACY_CORE), cycle(LEGACY_GROWTH), shares)
    found: list[dict[str, Any]] = []
    for k, (streams, core, growth, ((part, whole), quiet)) in enumerate(islice(sizes, count)):
        walk: dict[str, Any] = {"protocol": 2}
        if k % EVERY_TENTH:
            walk |= {
                "max_in_flight": streams,
                "core": 0 if k == EVERY_TENTH + 1 else core,
                "max": core + growth,
                "max_requests": max(1, streams * part // whole),
                "min_requests": quiet,
            }
        found.append(walk)
    return found
