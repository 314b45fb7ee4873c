"""Seeded settings for walks of the Java driver's decision recorder.

Each walk belongs to a family, which is what its pool is set up for; the families take turns, so any
few dozen walks have all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from poolsim.engine.draws import Draws
from poolsim.model.laws.choices import CODE_BITS, codes

Walk = dict[str, Any]
"""One walk as harness/java3 takes it (WalkPlan.java)."""

MIX = {
    "requests": 0.15,
    "cleanups": 0.05,
    "losses": 0.007,
    "refusals": 0.02,
    "timeouts": 0.03,
    "late_responses": 0.03,
    "expiries": 0.03,
    "holds": 0.13,
    "held_for": 60.0,
}
"""Weights of operations; borrow and release have 1 between them. `requests` is the share of borrows
that are real requests, `held_for` about how many operations a held handshake lasts."""

STREAMS_V2 = 128

Value = TypeVar("Value")


class Choices:
    """What one walk's settings are drawn with, in order."""

    def __init__(self, seed: int, walk: str) -> None:
        self._draws = Draws(seed, 0)
        self._lane = self._draws.add(f"walk/{walk}", codes())
        self._made = 0

    def whole(self, lowest: int, highest: int) -> int:
        """A whole number, uniform over lowest <= n <= highest."""
        code = self._draws.at(self._lane, self._made, 0)
        self._made += 1
        return lowest + (code * (highest - lowest + 1) >> CODE_BITS)

    def one_of(self, values: Sequence[Value]) -> Value:
        """One of some values; one that stands there twice is twice as likely."""
        return values[self.whole(0, len(values) - 1)]


def walks(driver: str, count: int, operations: int, seed: int) -> list[Walk]:
    """Make `count` walks of `operations` operations each for "java3" or "dse"."""
    port = {"java3": 9142, "dse": 9143}[driver]
    made = []
    for number in range(count):
        draw = Choices(seed, f"{driver}/{number}")
        family = FAMILIES[number % len(FAMILIES)]
        walk = _usual(draw)
        family(draw, walk)
        walk["name"] = f"{driver}-{seed}-{number:04}-{family.__name__.strip('_')}"
        walk["seed"] = draw.whole(0, (1 << 31) - 1)
        walk["operations"] = operations
        walk["listen"] = f"127.0.2.{1 + number % 250}:{port}"
        made.append(walk)
    return made


def _usual(draw: Choices) -> Walk:
    core = draw.one_of((1, 1, 2, 3))
    most = core + draw.whole(1, 5)
    requests = draw.whole(3, 16)
    options = {
        "core": core,
        "max": most,
        "max_requests": requests,
        "new_connection_threshold": draw.whole(1, requests - 1),
        "max_queue_size": draw.one_of((2, 4, 8, 12)),
        "pool_timeout_ms": 600_000,
        "idle_timeout_s": 120,
        "reconnection_base_ms": draw.one_of((250, 250, 400, 1000)),
        "reconnection_max_ms": draw.one_of((1000, 4000)),
    }
    return {"protocol": 4, "distance": "local", "options": options, "mix": dict(MIX)}


def _small(_draw: Choices, _walk: Walk) -> None:
    """As it was drawn."""


def _queue_off(_draw: Choices, walk: Walk) -> None:
    walk["options"]["max_queue_size"] = 0


def _pool_timeout_zero(_draw: Choices, walk: Walk) -> None:
    walk["options"]["pool_timeout_ms"] = 0


def _threshold_at(_draw: Choices, walk: Walk) -> None:
    walk["options"]["new_connection_threshold"] = walk["options"]["max_requests"]


def _threshold_above(draw: Choices, walk: Walk) -> None:
    requests = walk["options"]["max_requests"]
    walk["options"]["new_connection_threshold"] = requests + draw.whole(1, requests)


def _threshold_zero(_draw: Choices, walk: Walk) -> None:
    walk["options"]["new_connection_threshold"] = 0


def _core_zero(_draw: Choices, walk: Walk) -> None:
    walk["options"]["core"] = 0


def _core_is_max(_draw: Choices, walk: Walk) -> None:
    walk["options"]["core"] = walk["options"]["max"]


def _remote(_draw: Choices, walk: Walk) -> None:
    walk["distance"] = "remote"


def _protocol_3(_draw: Choices, walk: Walk) -> None:
    walk["protocol"] = 3


def _short_idle(draw: Choices, walk: Walk) -> None:
    """Trash that can no longer be resurrected, and is closed by a cleanup on the real clock."""
    walk["options"]["idle_timeout_s"] = draw.one_of((0, 1))


def _much_trash(draw: Choices, walk: Walk) -> None:
    """Pools that breathe, and break in the trash."""
    walk["options"]["core"] = draw.one_of((0, 1))
    walk["options"]["max"] = draw.whole(4, 8)
    walk["options"]["max_requests"] = draw.whole(2, 5)
    walk["options"]["new_connection_threshold"] = 1
    walk["mix"] |= {"cleanups": 0.2, "losses": 0.006, "holds": 0.08, "held_for": 20.0}


def _many_losses(_draw: Choices, walk: Walk) -> None:
    walk["options"] |= {"reconnection_base_ms": 250, "reconnection_max_ms": 1000}
    walk["mix"] |= {"losses": 0.03, "refusals": 0.06}


def _timeouts(_draw: Choices, walk: Walk) -> None:
    walk["mix"] |= {"requests": 0.7, "timeouts": 0.2, "late_responses": 0.15}


def _large(_draw: Choices, walk: Walk) -> None:
    """A common setting on v4."""
    walk["options"] |= {
        "core": 2,
        "max": 8,
        "max_requests": 128,
        "new_connection_threshold": 100,
        "max_queue_size": 256,
    }
    walk["mix"] |= {"requests": 0.05, "holds": 0.3}


def _defaults(draw: Choices, walk: Walk) -> None:
    """The driver's defaults on v3 and newer."""
    remote = draw.one_of((False, True))
    walk["distance"] = "remote" if remote else "local"
    walk["options"] |= {
        "core": 1,
        "max": 1,
        "max_requests": 256 if remote else 1024,
        "new_connection_threshold": 200 if remote else 800,
        "max_queue_size": 256,
    }
    walk["mix"] |= {"losses": 0.03}


def _v2_starved(draw: Choices, walk: Walk) -> None:
    """Connections of 128 stream ids that orphans take away until they are replaced."""
    walk["protocol"] = 2
    walk["options"] |= {
        "core": draw.one_of((0, 1, 1, 2)),
        "max": draw.whole(2, 4),
        "max_requests": draw.whole(100, STREAMS_V2),
        "new_connection_threshold": draw.whole(60, STREAMS_V2),
        "max_queue_size": draw.one_of((4, 8, 20)),
    }
    # Only what is written takes a stream id, and ids run out here: all are real requests.
    walk["mix"] |= {
        "requests": 1.0,
        "timeouts": 0.3,
        "late_responses": 0.005,
        "losses": 0.001,
        "cleanups": 0.02,
        "refusals": 0.005,
    }


def _v2(draw: Choices, walk: Walk) -> None:
    walk["protocol"] = 2
    walk["distance"] = draw.one_of(("local", "remote"))
    walk["mix"] |= {"requests": 1.0, "timeouts": 0.05}


def _v2_defaults(draw: Choices, walk: Walk) -> None:
    """The driver's defaults on v1 and v2, local and remote."""
    walk["protocol"] = 2
    remote = draw.one_of((False, True))
    walk["distance"] = "remote" if remote else "local"
    walk["options"] |= {
        "core": 1 if remote else 2,
        "max": 2 if remote else 8,
        "max_requests": STREAMS_V2,
        "new_connection_threshold": 100,
        "max_queue_size": 256,
    }
    walk["mix"] |= {"requests": 1.0, "timeouts": 0.1, "late_responses": 0.02, "holds": 0.3}


def _no_requests(draw: Choices, walk: Walk) -> None:
    """max_requests 0: nothing is served, and the cleanup divides by it."""
    walk["options"] |= {"max_requests": 0, "new_connection_threshold": draw.one_of((0, 1))}


FAMILIES = (
    _small, _v2_starved, _much_trash, _queue_off, _many_losses, _core_zero, _timeouts,
    _threshold_at, _v2, _short_idle, _core_is_max, _large, _small, _threshold_above, _remote,
    _v2_starved, _much_trash, _v2_defaults, _many_losses, _protocol_3, _threshold_zero,
    _core_zero, _defaults, _pool_timeout_zero, _timeouts, _no_requests,
)  # fmt: skip
