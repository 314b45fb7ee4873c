"""What rules ask of an engine (`model/primitives.py`), on numba's world."""

# ruff: noqa: ARG001  (numba asks for functions with given arguments)

# numba publishes types, but not complete ones.
# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, arg-type, unreachable"

from __future__ import annotations

from typing import Any

from numba.extending import overload_method, register_jitable

from poolsim.engine.compiled.layout import ASK_DRAWS, ASK_ROOM, SLOTS_A_LANE, TABLE_NAMES
from poolsim.engine.compiled.world_type import WorldType, ask_door, room_of, set_length, value_at
from poolsim.engine.draws import BLOCK
from poolsim.engine.rows import NOTE_WIDTH, REQUEST_WIDTH
from poolsim.machine_code.linking import PART

_BLOCK_BITS = BLOCK.bit_length() - 1
_BLOCK_MASK = BLOCK - 1
assert 1 << _BLOCK_BITS == BLOCK

_KIND_SHIFT = 56

# Tables that grow ---------------------------------------------------------------------------------


def _make_longer(table: str) -> Any:
    """A function that makes a table longer; free rows have their initial values already. Where
    there is no room to be had, the run has failed, and row 0 is as good as any until it stops."""
    source = f"""
def longer(w, count):
    rows = w.{table}
    first = len(rows)
    if first + count > room_of(rows):
        ask_door(w, {ASK_ROOM}, {TABLE_NAMES.index(table)}, first + count, 0)
        if first + count > room_of(rows):
            return 0
    set_length(rows, first + count)
    return first
"""
    scope: dict[str, Any] = {"ask_door": ask_door, "room_of": room_of, "set_length": set_length}
    exec(source, scope)
    return register_jitable(**PART)(scope["longer"])


def _define_add(method: str, table: str, arguments: str, count: str) -> None:
    """Define a method of the world that makes a table longer."""
    source = f"""
def add({arguments}):
    return longer(w, {count})
def typed({arguments}):
    return add
"""
    scope: dict[str, Any] = {"longer": _make_longer(table)}
    exec(source, scope)
    overload_method(WorldType, method, jit_options=PART)(scope["typed"])


_define_add("add_request", "requests", "w", "1")
_define_add("add_attempt", "attempts", "w", "1")
_define_add("add_connection", "connections", "w", "1")
_define_add("add_task", "tasks", "w", "1")
_define_add("add_streams", "streams", "w, count", "count")
_define_add("add_rotation_nodes", "rotation_nodes", "w, count", "count")
_longer_agenda = _make_longer("agenda")
_longer_notes = _make_longer("note_values")
_longer_ends = _make_longer("end_values")

# The agenda ---------------------------------------------------------------------------------------
#
# A binary heap. The place of the entry that is being handled is filled by the first entry that its
# handler makes, which saves one way up and one down. Which of two entries goes before is computed
# without a jump where nobody could guess it.


@register_jitable(**PART)
def _copy(entry: Any, to: Any) -> None:
    to.time = entry.time
    to.rank = entry.rank
    to.target = entry.target


@register_jitable(**PART)
def _is_before(time: Any, rank: Any, other: Any) -> Any:
    at = other.time
    if time == at:
        return rank < other.rank
    return time < at


@register_jitable(**PART)
def _goes_before(agenda: Any, one: Any, other: Any) -> Any:
    entry = agenda[one]
    return _is_before(entry.time, entry.rank, agenda[other])


@register_jitable(**PART)
def _sink(w: Any, time: Any, rank: Any, target: Any, size: Any) -> None:
    """Put an entry into the free first place of a heap, which is so large with it."""
    agenda = w.agenda
    hole = 0
    child = 1
    while child < size:
        first = child
        if child + 1 < size:
            first += _goes_before(agenda, child + 1, child)
        entry = agenda[first]
        if _is_before(time, rank, entry):
            break
        _copy(entry, agenda[hole])
        hole = first
        child = 2 * hole + 1
    place = agenda[hole]
    place.time = time
    place.rank = rank
    place.target = target


@overload_method(WorldType, "schedule", jit_options=PART)
def _schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> Any:
    def schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> None:
        engine = w.engine
        engine.scheduled += 1
        rank = (kind << _KIND_SHIFT) | order
        if engine.taken == 1:
            engine.taken = 0
            _sink(w, time, rank, target, len(w.agenda))
            return
        hole = _longer_agenda(w, 1)
        agenda = w.agenda
        while hole > 0:
            above = (hole - 1) >> 1
            entry = agenda[above]
            if not _is_before(time, rank, entry):
                break
            _copy(entry, agenda[hole])
            hole = above
        place = agenda[hole]
        place.time = time
        place.rank = rank
        place.target = target

    return schedule


@register_jitable(**PART)
def close_gap(w: Any) -> None:
    """The first entry was handled and made no other: the last one takes its place."""
    w.engine.taken = 0
    agenda = w.agenda
    size = len(agenda) - 1
    set_length(agenda, size)
    if size > 0:
        last = agenda[size]
        _sink(w, last.time, last.rank, last.target, size)


# Draws, rows, workers -----------------------------------------------------------------------------


@overload_method(WorldType, "draw", jit_options=PART)
def _draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
    def draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
        block = number >> _BLOCK_BITS
        place = lane * SLOTS_A_LANE + (((attempt & 3) << 1) | (block & 1))
        slot = w.draw_slots[place]
        if slot.block != block or slot.attempt != attempt:
            ask_door(w, ASK_DRAWS, lane, number, attempt)
            slot = w.draw_slots[place]
        return value_at(slot.address, number & _BLOCK_MASK)

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


@overload_method(WorldType, "occupy", jit_options=PART)
def _occupy(w: Any, n: Any, finish: Any) -> Any:
    def occupy(w: Any, n: Any, finish: Any) -> Any:
        workers = w.workers
        node = w.nodes[n]
        root = node.first_worker
        count = node.workers
        hole = 0
        child = 1
        while child < count:
            first = child
            if child + 1 < count:
                first += workers[root + child + 1] < workers[root + child]
            if workers[root + first] >= finish:
                break
            workers[root + hole] = workers[root + first]
            hole = first
            child = 2 * hole + 1
        workers[root + hole] = finish
        return workers[root]

    return occupy


@overload_method(WorldType, "free_workers", jit_options=PART)
def _free_workers(w: Any, n: Any, now: Any) -> Any:
    def free_workers(w: Any, n: Any, now: Any) -> None:
        node = w.nodes[n]
        for k in range(node.first_worker, node.first_worker + node.workers):
            w.workers[k] = now

    return free_workers
