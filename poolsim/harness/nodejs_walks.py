"""The walks that are recorded over the Node.js driver's pools, as harness/nodejs/decisions.js takes
them.

Limits are set low enough to be reached: a connection has so few stream ids, and takes fewer
requests than that, as many, or more. One walk in twelve has the driver's own values, one in twenty
none of its pool's connections.
"""

from __future__ import annotations

from typing import Any

STREAMS = (4, 6, 9, 12, 20, 128, 6, 32_768)
"""Of a connection; the last is the protocol's own from v3 on, the one of 128 that of v1 and v2."""
CORE = (1, 2, 3, 1, 5, 2, 4)
SHARES = ((1, 2), (3, 1), (1, 1), (3, 1), (2, 3))
"""max_requests as a share of the streams."""
THRESHOLDS = (0, 1, 3, 64, 5, 2)
SCHEDULES: tuple[dict[str, Any], ...] = (
    {"kind": "exponential", "base_ms": 300, "max_ms": 2_000, "start_with_no_delay": False},
    {"kind": "exponential", "base_ms": 1_000, "max_ms": 600_000, "start_with_no_delay": False},
    {"kind": "constant", "base_ms": 400, "max_ms": 400, "start_with_no_delay": False},
    {"kind": "exponential", "base_ms": 50, "max_ms": 5_000, "start_with_no_delay": True},
)
CHANCES = (0.271828, 0.500191, 0.831771, 0.000217, 0.999917)
"""What the driver gets for every random number of a walk. With none of them is a delay a whole
number of milliseconds before the driver cuts it."""
MOST_REQUESTS = 2_048
"""Of a connection with all of the protocol's ids: no walk takes as many."""
DEFAULTS_EACH = 12
NOTHING_EACH = 20
REMOTE_EACH = 6
COLD_EACH = 4


def walks(count: int, operations: int, seed: int) -> list[dict[str, Any]]:
    """So many walks, each of so many operations, with listeners of their own.

    Raises:
        ValueError: there are addresses for 250 walks.
    """
    if not 0 <= count <= 250:
        raise ValueError("there are addresses for 250 walks at most")
    return [_walk(k, operations, seed + k) for k in range(count)]


def _walk(k: int, operations: int, seed: int) -> dict[str, Any]:
    streams = STREAMS[k % len(STREAMS)]
    part, whole = SHARES[k % len(SHARES)]
    walk: dict[str, Any] = {
        "core": CORE[k % len(CORE)],
        "streams": streams,
        "max_requests": min(max(1, streams * part // whole), MOST_REQUESTS),
        "defunct_threshold": THRESHOLDS[k % len(THRESHOLDS)],
        "warmup": k % COLD_EACH != COLD_EACH - 1,
        "distance": "remote" if k % REMOTE_EACH == REMOTE_EACH - 1 else "local",
        "reconnection": SCHEDULES[k % len(SCHEDULES)],
    }
    if k % DEFAULTS_EACH == DEFAULTS_EACH - 2:
        walk |= {"core": 1, "streams": 32_768, "max_requests": MOST_REQUESTS}
        walk |= {"defunct_threshold": 64, "reconnection": SCHEDULES[1], "warmup": True}
    if k % NOTHING_EACH == NOTHING_EACH - 3:
        walk["core"] = 0
    return walk | {
        "name": f"nodejs-{k:03d}",
        "seed": seed,
        "operations": operations,
        "listen": f"127.0.5.{1 + k}:9042",
        "protocol": 3 if k % 5 == 4 else 4,
        "chance": CHANCES[k % len(CHANCES)],
    }
