"""Options that only the generic driver has, drawn by what they mean.

Times and sizes are drawn around what the scenario has: a callback that keeps its threads busy for
part of the time, a network interface that is, buffers for a few responses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poolsim.fidelity.generator.dice import Dice
from poolsim.fidelity.generator.outline import (
    GROWTH,
    RESTARTS,
    SECOND_NS,
    SILENCE,
    STARVATION,
    STORM,
)
from poolsim.model.drivers.generic.fields import (
    RESPONSE_NAMES,
    SELECTION_NAMES,
    WARMING_NAMES,
)

if TYPE_CHECKING:
    from poolsim.fidelity.generator.options import Setting

MILLISECOND_NS = 1_000_000
_RESPONSE = 1_000
"""Bytes, about: sizes are drawn around it."""
_BITS = 8


def _spacing_ns(setting: Setting) -> int:
    """From one request to the next, on average."""
    return setting.outline.duration_ns // setting.outline.requests


def _streams(dice: Dice, setting: Setting) -> int:
    """So few that they are used again and again, and may run out."""
    if dice.yes(35):
        return 0
    enough = setting.per_pool * 2 + 2
    few = enough // 4 + 1 if setting.minor or setting.about(STORM) else enough
    return min(dice.one_of((few, enough, 4 * enough)), setting.streams)


def _high_watermark(dice: Dice, _setting: Setting) -> float:
    return dice.one_of((1.0, 0.8, 0.8, 0.5))


def _low_watermark(dice: Dice, _setting: Setting) -> float:
    return dice.one_of((0.5, 0.5, 0.3, 0.0))


def _batch_requests(dice: Dice, _setting: Setting) -> int:
    return dice.one_of((0, 0, 2, 5))


def _batch_delay(dice: Dice, setting: Setting) -> int:
    spacing_ns = _spacing_ns(setting)
    return dice.one_of((0, 0, spacing_ns // 10, spacing_ns, 4 * spacing_ns))


def _buffer(dice: Dice, _setting: Setting) -> int:
    return dice.one_of((_RESPONSE, _RESPONSE, _RESPONSE, 3 * _RESPONSE, 64_000))


def _frame(dice: Dice, _setting: Setting) -> int:
    return dice.one_of((100, _RESPONSE, _RESPONSE, 2 * _RESPONSE))


def _bandwidth(dice: Dice, setting: Setting) -> int:
    """The network interface is busy for part of the time: frames may be twice as large."""
    if dice.yes(50):
        return 0
    percent = dice.one_of((2, 10, 25))
    return max(2 * _RESPONSE * _BITS * SECOND_NS * 100 // (_spacing_ns(setting) * percent), 1_000)


def _cost(dice: Dice, setting: Setting) -> int:
    """Of an I/O thread, for one of some things that it does for a request."""
    return dice.one_of((0, 500, 5_000, min(_spacing_ns(setting) // 60, 20 * MILLISECOND_NS)))


def _callback(dice: Dice, setting: Setting) -> int:
    """A single thread that runs callbacks is busy nearly all the time, or has too much to do."""
    if dice.yes(15):
        return 0
    percents = (60, 120, 300) if setting.minor else (5, 60, 90, 90)
    return _spacing_ns(setting) * dice.one_of(percents) // 100


def _gc_every(dice: Dice, setting: Setting) -> int:
    shortest_ns = max(setting.period_ns(setting.pools), SECOND_NS)
    return dice.one_of((0, 0, shortest_ns, 10 * shortest_ns))


def _gc_after(dice: Dice, setting: Setting) -> int:
    """After what about two seconds' requests allocate: a pause is at most a tenth of that."""
    requests = 2 * SECOND_NS // max(_spacing_ns(setting), 1) + 1
    return dice.one_of((0, 0, 6 * _RESPONSE * requests))


def _gc_pause(dice: Dice, _setting: Setting) -> int:
    return dice.one_of((1, 50, 200)) * MILLISECOND_NS


def _idle_check(dice: Dice, setting: Setting) -> int:
    return max(setting.period_ns(setting.pools), dice.one_of((1, 1, 5, 10)) * SECOND_NS)


def _pipelining(dice: Dice, setting: Setting) -> bool:
    """Without it a connection carries one request at a time: too few for a scenario's load."""
    return not (setting.minor and dice.yes(30))


def _max_retries(dice: Dice, setting: Setting) -> int:
    if setting.about(SILENCE, RESTARTS, STARVATION):
        return dice.one_of((1, 1, 2, 5))
    return dice.one_of((0, 1, 1, 5))


def _policy(dice: Dice, setting: Setting) -> str:
    return dice.one_of(("queue", "queue", "reject") if setting.about(GROWTH) else _POLICIES)


_POLICIES = ("queue", "reject")


def _one_of(*values: Any) -> Callable[[Dice, Setting], Any]:
    return lambda dice, _setting: dice.one_of(values)


def _yes(percent: int) -> Callable[[Dice, Setting], bool]:
    return lambda dice, _setting: dice.yes(percent)


GENERIC_FIELDS: dict[str, Callable[[Dice, Setting], Any]] = {
    "generic.selection": _one_of("least_loaded", *SELECTION_NAMES),
    "generic.shards": _one_of(0, 1, 2, 3),
    "generic.idle_check_ns": _idle_check,
    "generic.idle_jitter": _one_of(0.0, 0.2, 1.0),
    "generic.warming": _one_of("before_start", *WARMING_NAMES),
    "generic.stream_allocation": _one_of("pooled", "sequential"),
    "generic.streams": _streams,
    "generic.high_watermark": _high_watermark,
    "generic.low_watermark": _low_watermark,
    "generic.policy": _policy,
    "generic.busy": _one_of("throw", "next_host"),
    "generic.responses": _one_of(*RESPONSE_NAMES, "pause", "pause", "pause"),
    "generic.heartbeat_mechanism": _one_of("options", "ping"),
    "generic.max_retries": _max_retries,
    "generic.pipelining": _pipelining,
    "generic.batch_requests": _batch_requests,
    "generic.batch_delay_ns": _batch_delay,
    "generic.read_buffer": _buffer,
    "generic.write_buffer": _buffer,
    "generic.request_size": _frame,
    "generic.response_size": _frame,
    "generic.bandwidth": _bandwidth,
    "generic.stream_allocation_ns": _cost,
    "generic.encoding_ns": _cost,
    "generic.prepared_encoding_ns": _cost,
    "generic.prepared_statements": _yes(50),
    "generic.copy_ns": _cost,
    "generic.zero_copy": _yes(30),
    "generic.syscall_ns": _cost,
    "generic.threading": _one_of("event_loop", "thread_pool", "thread_pool", "hybrid"),
    "generic.connections_per_io_thread": _one_of(1, 2, 5),
    "generic.callback_threads": _one_of(0, 1, 1, 2, 4),
    "generic.callback_ns": _callback,
    "generic.gc_every_ns": _gc_every,
    "generic.context_switch_ns": _cost,
    "generic.gc_after": _gc_after,
    "generic.gc_pause_ns": _gc_pause,
    "generic.pools_frames": _yes(50),
    "generic.pools_byte_buffers": _yes(20),
    "generic.pools_futures": _yes(50),
    "generic.pools_row_objects": _yes(20),
}
"""How each field of `GenericOptions` is drawn; what is for the report only keeps its default."""
