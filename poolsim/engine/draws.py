"""Addressed random draws: a value belongs to (stream, request number, attempt number).

Nothing is consumed, so nothing that a run decides can shift what a later request draws: two
scenarios that differ in a pool's setting see the same arrivals, service times and query plans
(common random numbers), and both engines read the same values in whatever order they like.

A stream is cut into blocks of 4096 numbers. A block comes from a PCG64 generator of its own, seeded
by numpy's SeedSequence with the seed and the replication as entropy, and a hash of the stream's
name, the attempt and the number of the block as spawn key. Only raw 64-bit outputs are used: numpy
promises to keep those of a bit generator, but not what its distributions make of them (NEP 19).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from poolsim.model.laws.arrivals import START, ArrivalTimes, Carry
from poolsim.model.laws.choices import Transform

BLOCK_BITS = 12
BLOCK = 1 << BLOCK_BITS
"""Numbers in a block."""

BLOCK_MASK = BLOCK - 1
"""What of a number is its place in its block."""

BLOCKS_KEPT = 64
"""Blocks kept besides the current one of each lane (32 KiB each)."""

_NOWHERE = -(1 << 62)


Fill = Callable[[tuple[int, ...]], NDArray[np.float64]]
"""Makes the uniforms of a block, shape (4096,), of the words of its seed."""


def uniforms_of(words: tuple[int, ...]) -> NDArray[np.float64]:
    """Make the uniforms of a block: a SeedSequence of words of 32 bits seeds a PCG64.

    Four words of entropy (that is what SeedSequence pads them to) and then those of a spawn key
    give what `SeedSequence(entropy, spawn_key=...)` gives, in half the time.
    """
    seed = np.random.SeedSequence(np.array(words, dtype=np.uint32))
    raw = np.random.PCG64(seed).random_raw(BLOCK)
    raw >>= np.uint64(12)
    # The middles of 2**52 equal cells: exact in a float, symmetric, and never 0 or 1.
    uniforms: NDArray[np.float64] = raw.astype(np.float64)
    uniforms += 0.5
    uniforms *= 2.0**-52
    return uniforms


@dataclass(slots=True)
class _Lane:
    """A stream and what makes values of its uniforms.

    A sequential lane remembers its carries, one a block and attempt: about 0.03 bytes a number.
    """

    name: str
    words: tuple[int, ...]
    transform: Transform | None
    sequential: ArrivalTimes | None
    carries: dict[int, list[Carry]] = field(default_factory=dict)


class Draws:
    """All draws of one replication.

    Memory is bounded by one current block a lane and BLOCKS_KEPT others.
    """

    __slots__ = ("_blocks", "_entropy", "_fill", "_lanes", "currents", "firsts")

    def __init__(self, seed: int, replication: int) -> None:
        """Prepare the streams of a seed.

        Args:
            seed: 0 <= seed < 2**64.
            replication: 0 <= replication < 2**32.

        Raises:
            ValueError: one of them is out of its range.
        """
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"the seed must be from 0 to 2**64 - 1, not {seed}")
        if not 0 <= replication < 1 << 32:
            raise ValueError(f"the replication must be from 0 to 2**32 - 1, not {replication}")
        # Always three words: SeedSequence joins words, so that a seed of two words and replication
        # 0 would otherwise be the same as its lower word with its upper word as replication.
        self._entropy = (seed & 0xFFFFFFFF, seed >> 32, replication)
        self._lanes: list[_Lane] = []
        self.firsts: list[int] = []
        self.currents: list[memoryview] = []
        self._blocks: OrderedDict[tuple[int, int, int], NDArray[np.int64]] = OrderedDict()
        self._fill: Fill = uniforms_of

    def fill_with(self, fill: Fill) -> None:
        """Make the uniforms of a block with another function than `uniforms_of`, which gives the
        same ones."""
        self._fill = fill

    def add(self, name: str, transform: Transform) -> int:
        """Add a stream whose values are independent of each other.

        Args:
            name: what causes the draw, such as "service/api".
            transform: (uniforms in (0, 1) of shape (4096,), number of the first) -> int64 values
                of the same shape.

        Returns:
            The index of its lane.

        Raises:
            ValueError: the name is taken.
        """
        return self._add(name, transform, None)

    def add_sequential(self, name: str, transform: ArrivalTimes) -> int:
        """Add a stream each of whose blocks depends on the one before, such as arrival times.

        Asking for a block makes all earlier ones that were not yet made.

        Args:
            name: what causes the draw, such as "arrivals/api".
            transform: (uniforms, number of the first, carry of the block before) ->
                (int64 values, carry).

        Returns:
            The index of its lane.

        Raises:
            ValueError: the name is taken.
        """
        return self._add(name, None, transform)

    @property
    def lanes(self) -> int:
        """How many streams there are."""
        return len(self._lanes)

    def at(self, lane: int, number: int, attempt: int) -> int:
        """Return one value. Numbers and attempts count from 0."""
        offset = number - self.firsts[lane]
        if 0 <= offset < BLOCK and attempt == 0:
            return self.currents[lane][offset]
        return self.elsewhere(lane, number, attempt)

    def block(self, lane: int, block_number: int, attempt: int) -> NDArray[np.int64]:
        """Return the values of numbers `4096 * block_number` on, shape (4096,), read-only.

        Raises:
            ValueError: the block number or the attempt is not in 0..2**32 - 1.
            TypeError: the lane's transform returned something else than 4096 int64 values.
        """
        key = (lane, attempt, block_number)
        kept = self._blocks.get(key)
        if kept is not None:
            self._blocks.move_to_end(key)
            return kept
        stream = self._lanes[lane]
        if stream.transform is not None:
            uniforms = self._uniforms(stream, block_number, attempt)
            values = stream.transform(uniforms, block_number * BLOCK)
        else:
            values = self._sequential_block(stream, block_number, attempt)
        if values.dtype != np.int64 or values.shape != (BLOCK,):
            raise TypeError(f"stream {stream.name!r} made {values.shape} {values.dtype} of a block")
        # Several readers share a block; none may change it.
        values.setflags(write=False)
        self._blocks[key] = values
        if len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return values

    def _add(self, name: str, transform: Transform | None, sequential: ArrivalTimes | None) -> int:
        if any(lane.name == name for lane in self._lanes):
            raise ValueError(f"there is already a stream {name!r}")
        self._lanes.append(_Lane(name, _words(name), transform, sequential))
        self.firsts.append(_NOWHERE)
        self.currents.append(memoryview(b""))
        return len(self._lanes) - 1

    def elsewhere(self, lane: int, number: int, attempt: int) -> int:
        """Return a value that is not in its lane's current block."""
        block_number, offset = divmod(number, BLOCK)
        values = self.block(lane, block_number, attempt)
        if attempt == 0:
            # Indexing a memoryview gives a Python int at about the speed of a list, in a fifth of
            # its memory.
            self.firsts[lane] = block_number * BLOCK
            self.currents[lane] = values.data
        return values.item(offset)

    def _sequential_block(
        self, stream: _Lane, block_number: int, attempt: int
    ) -> NDArray[np.int64]:
        assert stream.sequential is not None
        carries = stream.carries.setdefault(attempt, [START])
        for missing in range(len(carries) - 1, block_number):
            uniforms = self._uniforms(stream, missing, attempt)
            carries.append(stream.sequential(uniforms, missing * BLOCK, carries[missing])[1])
        uniforms = self._uniforms(stream, block_number, attempt)
        values, carry = stream.sequential(uniforms, block_number * BLOCK, carries[block_number])
        if len(carries) == block_number + 1:
            carries.append(carry)
        return values

    def _uniforms(self, stream: _Lane, block_number: int, attempt: int) -> NDArray[np.float64]:
        if not (0 <= block_number < 1 << 32 and 0 <= attempt < 1 << 32):
            raise ValueError(
                f"stream {stream.name!r} has no block {block_number} of attempt {attempt}"
            )
        return self._fill((*self._entropy, 0, *stream.words, attempt, block_number))


def _words(name: str) -> tuple[int, ...]:
    """Four 32-bit words that stand for a name; Python's own hash differs between processes."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return tuple(int.from_bytes(digest[k : k + 4], "little") for k in range(0, 16, 4))
