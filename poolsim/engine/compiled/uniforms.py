"""A block of uniform numbers as machine code: the bits of numpy's SeedSequence and PCG64.

`engine/draws.py` says what a block is and makes it with numpy, in five times the time, most of
which are the generator's construction and a pass over the block for each step of the arithmetic.
The algorithms are numpy's (M. O'Neill, PCG, 2014, and her seed sequence with numpy's constants),
which it promises not to change; a test compares the blocks.
"""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="arg-type, call-arg, no-untyped-call, unreachable, untyped-decorator"
# mypy: disable-error-code="var-annotated"

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from poolsim.engine.draws import BLOCK
from poolsim.machine_code.linking import PART
from poolsim.machine_code.wide import multiply_add, rotated_right, shifted_right
from poolsim.machine_code.words import pattern_of, words_at

_MASK_32 = 0xFFFFFFFF
_POOL_WORDS = 4
_ENTROPY_HASH, _ENTROPY_FACTOR = 0x43B0D7E5, 0x931E8875
_STATE_HASH, _STATE_FACTOR = 0x8B51F9DD, 0x58F38DED
_MIX_LEFT, _MIX_RIGHT = 0xCA01F9DD, 0x4973F715
"""Of the seed sequence: where a hash begins, what it is multiplied by, and how two words mix."""

_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""Of the generator: state = state * multiplier + increment, modulo 2**128."""

_MIDDLE_BITS = 12
"""Raw bits that a uniform leaves out, see `Draws`."""


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _pair(number: int) -> tuple[int, int]:
    return _signed(number >> 64 & (1 << 64) - 1), _signed(number & (1 << 64) - 1)


_STEP = _pair(_MULTIPLIER)
_FOUR_STEPS = _pair(pow(_MULTIPLIER, 4, 1 << 128))


@register_jitable(**PART)
def _folded(word: Any) -> Any:
    word &= _MASK_32
    return word ^ (word >> 16)


@register_jitable(**PART)
def _mixed(one: Any, other: Any) -> Any:
    return _folded(_MIX_LEFT * one - _MIX_RIGHT * other)


@register_jitable(**PART)
def _seed(words: Any, count: Any, pool: Any) -> None:
    """Mix `count` words of 32 bits, four at least, into a pool of four."""
    constant = _ENTROPY_HASH
    for k in range(_POOL_WORDS):
        following = constant * _ENTROPY_FACTOR & _MASK_32
        pool[k] = _folded((words[k] ^ constant) * following)
        constant = following
    for source in range(count):
        for k in range(_POOL_WORDS):
            if source != k:
                following = constant * _ENTROPY_FACTOR & _MASK_32
                word = pool[source] if source < _POOL_WORDS else words[source]
                pool[k] = _mixed(pool[k], _folded((word ^ constant) * following))
                constant = following


@register_jitable(**PART)
def _seed_words(pool: Any, state: Any) -> None:
    """Four words of 64 bits made of a pool."""
    constant = _STATE_HASH
    for k in range(2 * _POOL_WORDS):
        following = constant * _STATE_FACTOR & _MASK_32
        half = _folded((pool[k & (_POOL_WORDS - 1)] ^ constant) * following)
        constant = following
        if k & 1 == 0:
            state[k >> 1] = half
        else:
            state[k >> 1] |= half << 32


@register_jitable(**PART)
def _uniform(state: Any) -> Any:
    """The bit pattern of the uniform that a state of the generator makes."""
    high, low = state
    raw = rotated_right(high ^ low, shifted_right(high, 58))
    return pattern_of((shifted_right(raw, _MIDDLE_BITS) + 0.5) * 2.0**-52)


def fill(words_address: int, count: int, scratch_address: int, block_address: int) -> int:
    """Make the block of a seed.

    Args:
        words_address: of the seed's words of 32 bits, as int64.
        count: how many they are, four at least.
        scratch_address: of eight int64.
        block_address: of BLOCK float64.
    """
    pool = words_at(scratch_address)
    seeds = words_at(scratch_address + 32)
    block = words_at(block_address)
    _seed(words_at(words_address), count, pool)
    _seed_words(pool, seeds)
    # The increment is odd. From 0 it takes one step, the seed is added, and every number comes
    # after a step.
    increment = ((seeds[2] << 1) | shifted_right(seeds[3], 63), (seeds[3] << 1) | 1)
    one = multiply_add(increment, (0, 1), (seeds[0], seeds[1]))
    one = multiply_add(one, _STEP, increment)
    one = multiply_add(one, _STEP, increment)
    two = multiply_add(one, _STEP, increment)
    three = multiply_add(two, _STEP, increment)
    four = multiply_add(three, _STEP, increment)
    # Four numbers at a time: each state waits for the one four steps before, not for the last one.
    addend = increment
    for _ in range(3):
        addend = multiply_add(addend, _STEP, increment)
    for k in range(0, BLOCK, 4):
        block[k] = _uniform(one)
        block[k + 1] = _uniform(two)
        block[k + 2] = _uniform(three)
        block[k + 3] = _uniform(four)
        one = multiply_add(one, _FOUR_STEPS, addend)
        two = multiply_add(two, _FOUR_STEPS, addend)
        three = multiply_add(three, _FOUR_STEPS, addend)
        four = multiply_add(four, _FOUR_STEPS, addend)
    return 0
