"""The agenda: what is due next, in the order of (time, rank), at a cost that does not grow with it.

Two parts. The *front* holds the entries before some horizon, sorted, in the middle of a table: to
take the first one is an addition, and a new entry is put in its place from the nearer end, which
moves a few others by one. Everything at or behind the horizon is *later*: a radix heap. An entry
lies there under the highest digit (of 64) in which its key differs from a reference that no entry
goes before, and under that digit's value. So the lowest level in use has the first entries,
unsorted, and when the front is empty they move to it; where they are too many the reference moves
to where they begin, and they are dealt out over the levels below. No width has to be chosen, an
entry moves a few times at most, and entries that are used together lie together.

Entries that agree in time and rank have the same target too, so nothing else has to decide.
"""


# numba publishes types, but not complete ones.
# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
# mypy: disable-error-code="unreachable, var-annotated"

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from poolsim.engine.compiled.growth import make_longer
from poolsim.engine.compiled.layout import (
    CHUNK_ENTRIES,
    CHUNK_WORDS,
    DIGIT_BITS,
    ENTRY_WORDS,
    FRONT_ENTRIES,
    FRONT_ROWS,
    LATEST,
    RANK_DIGITS,
)
from poolsim.engine.compiled.world_type import prefetch
from poolsim.machine_code.bits import leading_zeros, trailing_zeros
from poolsim.machine_code.linking import PART

_VALUES = 1 << DIGIT_BITS
_VALUE_MASK = _VALUES - 1
_LAST_ENTRY = CHUNK_ENTRIES - 1
_MIDDLE = (FRONT_ROWS - FRONT_ENTRIES) // 2

FILL = 24
"""So many entries the front gets when it is empty, if there are as many and they need not be dealt
out first: twice as many would make new ones move further, half as many would come twice as often.
"""

_longer_chunks = make_longer("chunks")


@register_jitable(**PART)
def _is_before(time: Any, rank: Any, other_time: Any, other_rank: Any) -> Any:
    """Whether a key goes before another."""
    if time == other_time:
        return rank < other_rank
    return time < other_time


@register_jitable(**PART)
def _set(entry: Any, time: Any, rank: Any, target: Any) -> None:
    entry.time = time
    entry.rank = rank
    entry.target = target


@register_jitable(**PART)
def put(w: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry on the agenda. It is not due before the one that is being handled."""
    engine = w.engine
    if not _is_before(time, rank, engine.horizon_time, engine.horizon_rank):
        _put_later(w, time, rank, target)
        return
    first = engine.first
    end = engine.end
    front = w.front
    place = first
    if first < end:
        middle = front[(first + end) >> 1]
        if _is_before(time, rank, middle.time, middle.rank):
            place -= 1
            while True:
                entry = front[place + 1]
                if _is_before(time, rank, entry.time, entry.rank):
                    break
                _set(front[place], entry.time, entry.rank, entry.target)
                place += 1
            engine.first = first - 1
            _set(front[place], time, rank, target)
            if first == 1:
                _make_way(w)
            return
        place = end
        while True:
            entry = front[place - 1]
            if not _is_before(time, rank, entry.time, entry.rank):
                break
            _set(front[place], entry.time, entry.rank, entry.target)
            place -= 1
    engine.end = end + 1
    _set(front[place], time, rank, target)
    if end == FRONT_ROWS - 1:
        _make_way(w)


@register_jitable(**PART)
def _make_way(w: Any) -> None:
    """The front has come to an end of its table: it moves to the middle, and what are too many
    entries for it are later from now on."""
    engine = w.engine
    front = w.front
    first = engine.first
    end = engine.end
    if end - first > FRONT_ENTRIES:
        border = front[first + FRONT_ENTRIES]
        if border.time == engine.reference_time and border.rank < engine.reference_rank:
            _lower_reference(w)
        engine.horizon_time = border.time
        engine.horizon_rank = border.rank
        for place in range(first + FRONT_ENTRIES, end):
            entry = front[place]
            _put_later(w, entry.time, entry.rank, entry.target)
        end = first + FRONT_ENTRIES
    engine.first = _MIDDLE
    engine.end = _MIDDLE + end - first
    if first < _MIDDLE:
        for k in range(end - first - 1, -1, -1):
            entry = front[first + k]
            _set(front[_MIDDLE + k], entry.time, entry.rank, entry.target)
    else:
        for k in range(end - first):
            entry = front[first + k]
            _set(front[_MIDDLE + k], entry.time, entry.rank, entry.target)


# Later --------------------------------------------------------------------------------------------


@register_jitable(**PART)
def _highest_digit(difference: Any) -> Any:
    """The number of the highest digit that is not 0, for a positive number."""
    return (63 - leading_zeros(difference)) // DIGIT_BITS


@register_jitable(**PART)
def _put_later(w: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry that is not before the reference under its highest digit that differs."""
    engine = w.engine
    difference = time ^ engine.reference_time
    if difference > 0:
        digit = _highest_digit(difference)
        level = RANK_DIGITS + digit
        value = (time >> (digit * DIGIT_BITS)) & _VALUE_MASK
    else:
        level = _highest_digit((rank ^ engine.reference_rank) | 1)
        value = (rank >> (level * DIGIT_BITS)) & _VALUE_MASK
    slot = w.slots[level * _VALUES + value]
    count = slot.entries
    chunk = slot.chunk
    if count & _LAST_ENTRY == 0:
        fresh = engine.free_chunk
        if fresh >= 0:
            engine.free_chunk = w.chunks[fresh]
        else:
            fresh = _longer_chunks(w, CHUNK_WORDS)
        w.chunks[fresh] = chunk
        chunk = fresh
        slot.chunk = chunk
        engine.levels |= 1 << level
        w.values_used[level] |= 1 << value
    first = chunk + 1 + ENTRY_WORDS * (count & _LAST_ENTRY)
    words = w.chunks
    words[first] = time
    words[first + 1] = rank
    words[first + 2] = target
    slot.entries = count + 1
    engine.later += 1


@register_jitable(**PART)
def _empty_slot(w: Any, level: Any, value: Any) -> None:
    slot = w.slots[level * _VALUES + value]
    slot.entries = 0
    slot.chunk = -1
    left = w.values_used[level] & ~(1 << value)
    w.values_used[level] = left
    if left == 0:
        w.engine.levels &= ~(1 << level)


@register_jitable(**PART)
def _take_entry(w: Any, s: Any) -> Any:
    """Take an entry out of a slot that has one; its first word. It stays readable until the next
    one is put later."""
    engine = w.engine
    slot = w.slots[s]
    place = slot.entries - 1
    slot.entries = place
    engine.later -= 1
    chunk = slot.chunk
    place &= _LAST_ENTRY
    if place == 0:
        slot.chunk = w.chunks[chunk]
        w.chunks[chunk] = engine.free_chunk
        engine.free_chunk = chunk
    return chunk + 1 + ENTRY_WORDS * place


@register_jitable(**PART)
def _begin_of(w: Any, level: Any, value: Any) -> Any:
    """The first key that lies under a value of a level, as (time, rank)."""
    engine = w.engine
    if level >= RANK_DIGITS:
        shift = (level - RANK_DIGITS) * DIGIT_BITS
        above = engine.reference_time >> shift >> DIGIT_BITS << DIGIT_BITS
        return (above | value) << shift, 0
    shift = level * DIGIT_BITS
    above = engine.reference_rank >> shift >> DIGIT_BITS << DIGIT_BITS
    return engine.reference_time, (above | value) << shift


@register_jitable(**PART)
def _deal_out(w: Any, level: Any, value: Any) -> None:
    """Move the entries of a slot to lower levels: the reference is where they begin."""
    s = level * _VALUES + value
    count = w.slots[s].entries
    chunk = w.slots[s].chunk
    _empty_slot(w, level, value)
    w.engine.later -= count
    place = (count - 1) & _LAST_ENTRY
    while count > 0:
        first = chunk + 1 + ENTRY_WORDS * place
        words = w.chunks
        _put_later(w, words[first], words[first + 1], words[first + 2])
        count -= 1
        place -= 1
        if place < 0:
            place = _LAST_ENTRY
            chunk = _free(w, chunk)


@register_jitable(**PART)
def _lower_reference(w: Any) -> None:
    """Entries of the reference's instant that go before it are to be later: deal out anew those of
    that instant."""
    engine = w.engine
    engine.reference_rank = 0
    for level in range(RANK_DIGITS):
        left = w.values_used[level]
        while left != 0:
            # Those that come to lie under a value still to be looked at stay there then.
            _deal_out(w, level, trailing_zeros(left))
            left &= left - 1


@register_jitable(**PART)
def _free(w: Any, chunk: Any) -> Any:
    """Give a chunk back; the one that it pointed at."""
    after = w.chunks[chunk]
    w.chunks[chunk] = w.engine.free_chunk
    w.engine.free_chunk = chunk
    return after


@register_jitable(**PART)
def refill(w: Any) -> None:
    """The front is empty and there are entries later: the first ones move to it."""
    engine = w.engine
    while True:
        lowest = trailing_zeros(engine.levels)
        value = trailing_zeros(w.values_used[lowest])
        engine.reference_time, engine.reference_rank = _begin_of(w, lowest, value)
        if lowest == 0 or w.slots[lowest * _VALUES + value].entries <= FILL:
            break
        _deal_out(w, lowest, value)
    level = lowest
    end = _MIDDLE
    while True:
        end = _move(w, level * _VALUES + value, end)
        if w.slots[level * _VALUES + value].entries == 0:
            _empty_slot(w, level, value)
        if engine.later == 0:
            engine.horizon_time = LATEST
            engine.horizon_rank = LATEST
            break
        level = trailing_zeros(engine.levels)
        value = trailing_zeros(w.values_used[level])
        count = w.slots[level * _VALUES + value].entries
        # What is so much later would only be in the way.
        if end + count > _MIDDLE + FILL or level > lowest + 1:
            engine.horizon_time, engine.horizon_rank = _begin_of(w, level, value)
            break
    engine.first = _MIDDLE
    engine.end = end
    _sort(w, _MIDDLE, end)


@register_jitable(**PART)
def _move(w: Any, s: Any, end: Any) -> Any:
    """Append the entries of a slot to the front, FILL at most (of the lowest level, whose keys are
    all the same, there may be more); where it ends then."""
    front = w.front
    words = w.chunks
    most = w.slots[s].entries
    if most > FILL:
        most = FILL
    for _ in range(most):
        entry = _take_entry(w, s)
        target = words[entry + 2]
        _set(front[end], words[entry], words[entry + 1], target)
        end += 1
        # What the entry will touch, if it is a response, as most are.
        prefetch(w.attempts, target)
        prefetch(w.requests, target)
    return end


@register_jitable(**PART)
def _sort(w: Any, first: Any, end: Any) -> None:
    """Sort the front, which holds slot after slot, so nearly sorted."""
    front = w.front
    for k in range(first + 1, end):
        entry = front[k]
        time, rank, target = entry.time, entry.rank, entry.target
        place = k
        while place > first:
            before = front[place - 1]
            if not _is_before(time, rank, before.time, before.rank):
                break
            _set(front[place], before.time, before.rank, before.target)
            place -= 1
        _set(front[place], time, rank, target)
