"""The agenda: what is due next, in the order of (time, rank), at a cost that does not grow with it.

Two parts. The *front* holds the entries before some horizon: a small binary heap. Everything at or
behind the horizon is *later*: a radix heap. An entry lies there under the highest digit (of 64) in
which its key differs from a reference that no entry goes before, and under that digit's value. So
the lowest level in use has the first entries, unsorted, and when the front is empty they move to
it; where they are too many the reference moves to where they begin, and they are dealt out over the
levels below. No width has to be chosen, an entry moves a few times at most, and entries that are
used together lie together.

Entries that agree in time and rank have the same target too, so nothing else has to decide.
"""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="call-arg, no-untyped-call, unreachable, untyped-decorator"
# mypy: disable-error-code="var-annotated"

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
    LATEST,
    RANK_DIGITS,
)
from poolsim.engine.compiled.world_type import prefetch, prefetch_second
from poolsim.machine_code.bits import leading_zeros, trailing_zeros
from poolsim.machine_code.linking import PART

_VALUES = 1 << DIGIT_BITS
_VALUE_MASK = _VALUES - 1
_LAST_ENTRY = CHUNK_ENTRIES - 1

MOST_TO_SORT = 24
"""Entries of a slot that are dealt out rather than sorted are more than this."""

FILL = 32
"""So many entries the front gets when it is empty and many are later."""

FEW = 128
"""So many entries it gets if these are all."""

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


# The front ----------------------------------------------------------------------------------------
#
# The first entry is in row 1, those below row k in 2 k and 2 k + 1. The place of the entry that is
# being handled is filled by the first entry that its handler puts there, which saves one way up and
# one down. Which of two entries goes before is computed without a jump where nobody could guess it.


@register_jitable(**PART)
def put(w: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry on the agenda. It is not due before the one that is being handled."""
    engine = w.engine
    if not _is_before(time, rank, engine.horizon_time, engine.horizon_rank):
        _put_back(w, time, rank, target)
    elif engine.taken == 1:
        engine.taken = 0
        _sink(w, time, rank, target)
    elif engine.last < FRONT_ENTRIES:
        engine.last += 1
        _rise(w, engine.last, time, rank, target)
    else:
        _put_off(w, time, rank, target)


@register_jitable(**PART)
def _first_below(front: Any, place: Any) -> Any:
    """The first of the two entries below a place that has two."""
    left = front[2 * place]
    right = front[2 * place + 1]
    return 2 * place + _is_before(right.time, right.rank, left.time, left.rank)


@register_jitable(**PART)
def _rise(w: Any, place: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry into a free place or above it."""
    front = w.front
    while place > 1:
        above = front[place >> 1]
        if not _is_before(time, rank, above.time, above.rank):
            break
        _set(front[place], above.time, above.rank, above.target)
        place >>= 1
    _set(front[place], time, rank, target)


@register_jitable(**PART)
def _sink(w: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry into the free first place or below it."""
    front = w.front
    last = w.engine.last
    place = 1
    while 2 * place < last:
        below = _first_below(front, place)
        entry = front[below]
        if _is_before(time, rank, entry.time, entry.rank):
            break
        _set(front[place], entry.time, entry.rank, entry.target)
        place = below
    else:
        # At most one place is below, and nothing below that.
        if 2 * place == last:
            entry = front[last]
            if not _is_before(time, rank, entry.time, entry.rank):
                _set(front[place], entry.time, entry.rank, entry.target)
                place = last
    _set(front[place], time, rank, target)


@register_jitable(**PART)
def close_gap(w: Any) -> None:
    """The first entry was handled and none took its place: the last one does."""
    engine = w.engine
    engine.taken = 0
    last = engine.last
    engine.last = last - 1
    if last > 1:
        entry = w.front[last]
        _sink(w, entry.time, entry.rank, entry.target)


@register_jitable(**PART)
def _put_off(w: Any, time: Any, rank: Any, target: Any) -> None:
    """The front is full: all its entries and a new one are later, until the next `refill`."""
    engine = w.engine
    front = w.front
    engine.last = 0
    engine.horizon_time = 0
    engine.horizon_rank = 0
    _put_back(w, time, rank, target)
    for place in range(1, FRONT_ENTRIES + 1):
        entry = front[place]
        _put_back(w, entry.time, entry.rank, entry.target)


@register_jitable(**PART)
def _put_back(w: Any, time: Any, rank: Any, target: Any) -> None:
    """Put an entry later. It may go before the reference, though not before its instant."""
    engine = w.engine
    if time == engine.reference_time and rank < engine.reference_rank:
        _lower_reference(w)
    _put_later(w, time, rank, target)


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
        if lowest == 0 or w.slots[lowest * _VALUES + value].entries <= MOST_TO_SORT:
            break
        _deal_out(w, lowest, value)
    most = FILL if engine.later > FEW else FEW
    level = lowest
    last = 0
    while True:
        last = _move(w, level * _VALUES + value, last)
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
        if last + count > most or count > MOST_TO_SORT or level > lowest + 1:
            engine.horizon_time, engine.horizon_rank = _begin_of(w, level, value)
            break
    engine.last = last
    _sort(w, last)


@register_jitable(**PART)
def _move(w: Any, s: Any, last: Any) -> Any:
    """Append the entries of a slot to the front, of the lowest level's, whose keys are all the
    same, MOST_TO_SORT at most; how many it has then."""
    front = w.front
    words = w.chunks
    most = w.slots[s].entries
    if most > MOST_TO_SORT:
        most = MOST_TO_SORT
    for _ in range(most):
        entry = _take_entry(w, s)
        target = words[entry + 2]
        last += 1
        _set(front[last], words[entry], words[entry + 1], target)
        # What the entry will touch, if it is a response, as most are.
        prefetch(w.attempts, target)
        prefetch(w.requests, target)
        prefetch_second(w.attempts, target)
        prefetch_second(w.requests, target)
    return last


@register_jitable(**PART)
def _sort(w: Any, last: Any) -> None:
    """Sort the front, which holds slot after slot, so nearly sorted; sorted it is a heap."""
    front = w.front
    for k in range(2, last + 1):
        entry = front[k]
        time, rank, target = entry.time, entry.rank, entry.target
        place = k
        while place > 1:
            before = front[place - 1]
            if not _is_before(time, rank, before.time, before.rank):
                break
            _set(front[place], before.time, before.rank, before.target)
            place -= 1
        _set(front[place], time, rank, target)
