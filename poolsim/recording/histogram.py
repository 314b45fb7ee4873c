"""Log-linear histograms of int64 values, kept sparse: their size never follows the sample's.

Every power of two is cut into 2**bits buckets of equal width, as an HDR histogram does it, so the
middle of a bucket is within 2**-(bits + 1) of every value in it: 0.098 % for 9 bits, 0.78 % for 6.
Values below 2**bits have a bucket of their own. That cut is how a float64 is laid out, so the
bucket of a value is the front of its bit pattern: no logarithm, no table.

Many histograms live in one pair of arrays: a key holds the cell (which histogram) above the bucket.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.unsignedinteger]
Floats = npt.NDArray[np.float64]

_MANTISSA_BITS = 52
_EXPONENT_BIAS = 1023
_CELLS_AT_ONCE = 256
_FEWEST_ENTRIES = 1024
_LARGEST_BITS = 53
"""Integers up to 2**53 (104 days in nanoseconds) are exact as float64."""


class Buckets:
    """One way to cut the values into buckets."""

    __slots__ = ("bits", "key_bits")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.key_bits = ((_LARGEST_BITS << bits) + 1).bit_length()
        """Bits of a key that hold the bucket."""

    @property
    def relative_error(self) -> float:
        """The largest distance of a value from its bucket's middle, as a share of the value."""
        return 2.0 ** -(self.bits + 1)

    def of(self, values: Integers) -> Integers:
        """The bucket of each value, same shape. 0 and below share bucket 0."""
        patterns = np.asarray(values, dtype=np.float64).view(np.int64)
        patterns = patterns >> (_MANTISSA_BITS - self.bits)
        patterns -= (_EXPONENT_BIAS << self.bits) - 1
        np.maximum(patterns, 0, out=patterns)
        return patterns

    def middle(self, buckets: Integers) -> Floats:
        """The middle of the integers that fall into each bucket, same shape."""
        lowest = np.ceil(self._lower(buckets))
        highest = np.ceil(self._lower(buckets + 1)) - 1
        return np.where(buckets == 0, 0.0, (lowest + highest) / 2)

    def _lower(self, buckets: Integers) -> Floats:
        shifted = np.asarray(buckets, dtype=np.int64) + ((_EXPONENT_BIAS << self.bits) - 1)
        return (shifted << (_MANTISSA_BITS - self.bits)).view(np.float64)


class SparseCounts:
    """How often each key was added: sorted distinct keys and their counts, 8 bytes an entry.

    Keys are gathered and merged some ten thousand at a time. What is added late should have large
    keys (time in front): then a merge touches the end of the table only.
    """

    __slots__ = ("_counts", "_gathered", "_keys", "_limit", "_used", "_waiting")

    def __init__(self, keys: int, limit: int = 65_536) -> None:
        """Keys are in `0 <= key < keys`."""
        key_type = np.uint32 if keys < 1 << 32 else np.uint64
        self._limit = limit
        self._gathered: list[Unsigned] = []
        self._waiting = 0
        # The first `_used` entries of these are the table: it grows in place.
        self._used = 0
        self._keys: Unsigned = np.empty(_FEWEST_ENTRIES, dtype=key_type)
        self._counts: Unsigned = np.empty(_FEWEST_ENTRIES, dtype=np.uint32)

    def add(self, keys: Integers) -> None:
        """Count each key once more."""
        self._gathered.append(keys.astype(self._keys.dtype))
        self._waiting += len(keys)
        if self._waiting >= self._limit:
            self._merge()

    def table(self) -> tuple[Unsigned, Unsigned]:
        """All distinct keys, rising, and the count of each."""
        self._merge()
        return self._keys[: self._used], self._counts[: self._used]

    def add_counted(self, keys: Integers, counts: Integers) -> None:
        """Count distinct keys, each so often, shapes (n,)."""
        if not len(keys):
            return
        if not (keys[1:] > keys[:-1]).all():
            order = np.argsort(keys)
            keys, counts = keys[order], counts[order]
        self._merge_ordered(keys.astype(self._keys.dtype), counts.astype(np.uint32))

    def _merge(self) -> None:
        if not self._waiting:
            return
        new = np.concatenate(self._gathered)
        self._gathered.clear()
        self._waiting = 0
        new.sort()
        firsts = np.flatnonzero(begins(new))
        self._merge_ordered(new[firsts], np.diff(firsts, append=len(new)).astype(np.uint32))

    def _merge_ordered(self, keys: Unsigned, counts: Unsigned) -> None:
        front = int(np.searchsorted(self._keys[: self._used], keys[0]))
        if front == self._used:
            self._replace_from(front, keys, counts)
            return
        behind = np.concatenate((self._keys[front : self._used], keys))
        behind_counts = np.concatenate((self._counts[front : self._used], counts))
        order = np.argsort(behind, kind="stable")
        behind = behind[order]
        firsts = np.flatnonzero(begins(behind))
        merged = np.add.reduceat(behind_counts[order], firsts, dtype=np.uint32)
        self._replace_from(front, behind[firsts], merged)

    def _replace_from(self, front: int, keys: Unsigned, counts: Unsigned) -> None:
        """Keep the first entries and have others behind them."""
        self._used = front + len(keys)
        if self._used > len(self._keys):
            room = max(self._used, len(self._keys) * 3 // 2)
            self._keys, self._counts = (
                _longer(array, front, room) for array in (self._keys, self._counts)
            )
        self._keys[front : self._used] = keys
        self._counts[front : self._used] = counts


def _longer(array: Unsigned, kept: int, room: int) -> Unsigned:
    """An array of `room` entries that begins with the first ones of another."""
    longer = np.empty(room, dtype=array.dtype)
    longer[:kept] = array[:kept]
    return longer


def begins(ordered: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Where a run of equal values begins."""
    found = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=found[1:])
    return found


def quantile_ranks(shares: Floats, counts: Integers) -> Integers:
    """The rank from 1 that is the quantile of so many values: the smallest with rank/n >= share."""
    # A share such as 0.999 is a little off in binary: 0.999 * 1000 must not become rank 1000.
    ranks = np.ceil(np.multiply.outer(shares, counts) - 1e-9 * counts).astype(np.int64)
    clipped: Integers = np.clip(ranks, 1, np.maximum(counts, 1))
    return clipped


def cell_quantiles(
    keys: Unsigned, counts: Unsigned, buckets: Buckets, shares: tuple[float, ...], cells: int
) -> Floats:
    """Quantiles of every cell of a table at once: shape (len(shares), cells), NaN where empty."""
    found = np.full((len(shares), cells), np.nan)
    # Some cells at a time: the whole table as 64-bit numbers would be the peak of a run's memory.
    edges = np.append(np.arange(0, cells, _CELLS_AT_ONCE), cells) << buckets.key_bits
    places = np.searchsorted(keys, edges.astype(keys.dtype))
    for first, last in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
        if first < last:
            part = keys[first:last].astype(np.int64), counts[first:last].astype(np.int64)
            _fill_quantiles(found, *part, buckets, shares)
    return found


def _fill_quantiles(
    found: Floats, keys: Integers, counts: Integers, buckets: Buckets, shares: tuple[float, ...]
) -> None:
    cell = keys >> buckets.key_bits
    firsts = np.flatnonzero(begins(cell))
    running = np.cumsum(counts)
    before = running[firsts] - counts[firsts]
    ranks = quantile_ranks(np.asarray(shares), np.add.reduceat(counts, firsts))
    places = np.searchsorted(running, before + ranks, side="left")
    mask = (1 << buckets.key_bits) - 1
    found[:, cell[firsts]] = buckets.middle(keys[places] & mask)
