"""Trash and close at the same run of the periodic cleanup; and what came back from the trash."""

from __future__ import annotations

import math
from collections.abc import Sequence

from poolsim.fidelity.checks import Check, median
from poolsim.fidelity.mechanism.compared import Compared, figure, without_pairs
from poolsim.fidelity.mechanism.transitions import CLOSED, RESURRECTED, TRASHED, Tick

CLEANUP_DRIVER = "java3"
"""The driver whose pools shrink by a periodic cleanup."""

_FIGURES = {
    TRASHED: ("trash", "trashed at another cleanup tick"),
    CLOSED: ("close", "closed at another cleanup tick"),
}


def ticks(runs: Sequence[Compared], kind: str) -> list[Check]:
    """How many transitions of a kind, trashed or closed, happened at another run of the cleanup or
    have no partner; in the median of the recordings. Nothing for a driver without a cleanup."""
    key, name = _FIGURES[kind]
    if runs[0].plan.client.driver != CLEANUP_DRIVER:
        return []
    numbers = []
    for one in runs:
        if one.tick is None:
            note = "the recordings do not tell when the cleanup ticked (meta: cleanup_origin_ns)"
            return [figure(key, name, "count", [], [], math.nan, 0.0, note=note)]
        numbers.append(_numbers(one, one.tick, kind))
    if not any(numbers):
        return [without_pairs(runs, kind, key, name, "count", 0.0)]
    real = sorted({own for pairs in numbers for own, _ in pairs})
    simulated = sorted({other for pairs in numbers for _, other in pairs})
    return [
        figure(
            key,
            name,
            "count",
            [float(one.count(one.real_transitions, kind)) for one in runs],
            [float(one.count(one.simulated_transitions, kind)) for one in runs],
            median(
                [_elsewhere(one, pairs, kind) for one, pairs in zip(runs, numbers, strict=True)]
            ),
            0.0,
            note=f"values are how many there are; at ticks {real} real, {simulated} simulated",
        )
    ]


def _elsewhere(one: Compared, pairs: Sequence[tuple[int, int]], kind: str) -> float:
    return float(sum(a != b for a, b in pairs) + one.alignment.alone(kind))


def _numbers(one: Compared, tick: Tick, kind: str) -> list[tuple[int, int]]:
    """At which run of the cleanup each pair happened."""
    return [
        (tick.number(pair.real.at_ns), tick.number(pair.simulated.at_ns))
        for pair in one.pairs(kind)
    ]


def resurrection(runs: Sequence[Compared]) -> Check:
    """How many connections were taken back from the trash."""
    real = [float(one.count(one.real_transitions, RESURRECTED)) for one in runs]
    simulated = [float(one.count(one.simulated_transitions, RESURRECTED)) for one in runs]
    name = "connections resurrected"
    if not any(real) and not any(simulated):
        return without_pairs(runs, RESURRECTED, "resurrection", name, "count", 0.0)
    error = median([abs(a - b) for a, b in zip(real, simulated, strict=True)])
    return figure("resurrection", name, "count", real, simulated, error, 0.0)
