"""What rules ask of an engine (`model/primitives.py`), on numba's world."""

# ruff: noqa: ARG001  (numba asks for functions with given arguments)

# numba publishes types, but not complete ones.
# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, arg-type, unreachable"

from __future__ import annotations

from typing import Any

from numba.extending import overload_method, register_jitable

from poolsim.engine.compiled.agenda import put
from poolsim.engine.compiled.growth import make_longer
from poolsim.engine.compiled.layout import (
    ADDITIONS,
    ASK_DRAWS,
    KIND_SHIFT,
    SLOTS_A_LANE,
    WORKERS_A_GROUP,
)
from poolsim.engine.compiled.world_type import WorldType, ask_door, value_at
from poolsim.engine.draws import BLOCK_BITS, BLOCK_MASK
from poolsim.engine.rows import NOTE_WIDTH, REQUEST_WIDTH
from poolsim.machine_code.bits import either
from poolsim.machine_code.linking import PART

# Tables that grow ---------------------------------------------------------------------------------


def _define_addition(method: str, table: str, by_count: bool) -> None:
    """Define a method of the world that makes a table longer."""
    arguments, count = ("w, count", "count") if by_count else ("w", "1")
    source = f"""
def add({arguments}):
    return longer(w, {count})
def typed({arguments}):
    return add
"""
    scope: dict[str, Any] = {"longer": make_longer(table)}
    exec(source, scope)
    overload_method(WorldType, method, jit_options=PART)(scope["typed"])


for _method, _addition in ADDITIONS.items():
    _define_addition(_method, _addition.table, _addition.by_count)
_longer_notes = make_longer("note_values")
_longer_ends = make_longer("end_values")

# The agenda ---------------------------------------------------------------------------------------


@overload_method(WorldType, "schedule", jit_options=PART)
def _schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> Any:
    def schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> None:
        w.engine.scheduled += 1
        put(w, time, (kind << KIND_SHIFT) | order, target)

    return schedule


# Draws, rows, workers -----------------------------------------------------------------------------


@overload_method(WorldType, "draw", jit_options=PART)
def _draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
    def draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
        block = number >> BLOCK_BITS
        place = lane * SLOTS_A_LANE + (((attempt & 3) << 1) | (block & 1))
        slot = w.draw_slots[place]
        if slot.block != block or slot.attempt != attempt:
            ask_door(w, ASK_DRAWS, lane, number, attempt)
            slot = w.draw_slots[place]
        return value_at(slot.address, number & BLOCK_MASK)

    return draw


@overload_method(WorldType, "note", jit_options=PART)
def _note(
    w: Any, time: Any, kind: Any, session: Any, node: Any, connection: Any, value: Any
) -> Any:
    def note(
        w: Any, time: Any, kind: Any, session: Any, node: Any, connection: Any, value: Any
    ) -> None:
        first = _longer_notes(w, NOTE_WIDTH)
        values = w.note_values
        values[first] = time
        values[first + 1] = kind
        values[first + 2] = session
        values[first + 3] = node
        values[first + 4] = connection
        values[first + 5] = value

    return note


@overload_method(WorldType, "record_request", jit_options=PART)
def _record_request(w: Any, row: Any) -> Any:
    def record_request(w: Any, row: Any) -> None:
        first = _longer_ends(w, REQUEST_WIDTH)
        values = w.end_values
        for i in range(REQUEST_WIDTH):
            values[first + i] = row[i]

    return record_request


@register_jitable(**PART)
def _earlier(one: Any, at_one: Any, other: Any, at_other: Any) -> Any:
    """Which of two workers is free first, and when."""
    first = at_other < at_one
    return either(first, other, one), either(first, at_other, at_one)


@register_jitable(**PART)
def _earliest_of(workers: Any, k: Any) -> Any:
    """Which worker of the group that begins with worker `k` is free first, and when."""
    one, at_one = _earlier(k, workers[k], k + 1, workers[k + 1])
    two, at_two = _earlier(k + 2, workers[k + 2], k + 3, workers[k + 3])
    three, at_three = _earlier(k + 4, workers[k + 4], k + 5, workers[k + 5])
    four, at_four = _earlier(k + 6, workers[k + 6], k + 7, workers[k + 7])
    one, at_one = _earlier(one, at_one, two, at_two)
    three, at_three = _earlier(three, at_three, four, at_four)
    return _earlier(one, at_one, three, at_three)


@overload_method(WorldType, "occupy", jit_options=PART)
def _occupy(w: Any, n: Any, finish: Any) -> Any:
    def occupy(w: Any, n: Any, finish: Any) -> Any:
        workers = w.workers
        node = w.nodes[n]
        root = node.first_worker
        end = root + node.workers
        hole = root
        group = root + 1
        while group < end:
            first, at = _earliest_of(workers, group)
            if at >= finish:
                break
            workers[hole] = at
            hole = first
            group = root + 1 + WORKERS_A_GROUP * (hole - root)
        workers[hole] = finish
        return workers[root]

    return occupy


@overload_method(WorldType, "free_workers", jit_options=PART)
def _free_workers(w: Any, n: Any, now: Any) -> Any:
    def free_workers(w: Any, n: Any, now: Any) -> None:
        node = w.nodes[n]
        for k in range(node.first_worker, node.first_worker + node.workers):
            w.workers[k] = now

    return free_workers
