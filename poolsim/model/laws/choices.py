"""Whole numbers made from uniforms: codes of query plans, yes or no, jitter, recorded values.

Each function returns a transform `(u, first_number) -> int64 array` as `engine.draws` takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Transform = Callable[[NDArray[np.float64], int], NDArray[np.int64]]
"""(uniforms in (0, 1), number of the first request of the block) -> values of the same shape."""

CODE_BITS = 52
"""A uniform has 52 random bits, so a code is below 2**52: a rule can take several remainders of it
without overflow."""


def codes() -> Transform:
    """Whole numbers, uniform over 0 <= n < 2**52. All bits are random, the low ones too."""
    return integers_between(0, (1 << CODE_BITS) - 1)


def integers_between(lowest: int, highest: int) -> Transform:
    """Whole numbers, uniform over lowest <= n <= highest.

    Raises:
        ValueError: the range is empty or wider than the 52 bits of a uniform.
    """
    count = highest - lowest + 1
    if not 1 <= count <= 1 << CODE_BITS:
        raise ValueError(f"no uniform whole numbers from {lowest} to {highest}")
    return lambda u, _first_number: lowest + (u * count).astype(np.int64)


def yes_with(share: float) -> Transform:
    """1 with probability `share`, else 0. A larger share keeps every 1 of a smaller one."""
    return lambda u, _first_number: (u < share).astype(np.int64)


def listed(values: Sequence[int], beyond: int) -> Transform:
    """Value n of a list for request n (a recorded trace), `beyond` after its end."""
    padded = np.append(np.array(values, dtype=np.int64), beyond)

    def transform(u: NDArray[np.float64], first_number: int) -> NDArray[np.int64]:
        numbers = np.arange(first_number, first_number + u.size, dtype=np.int64)
        return padded[np.minimum(numbers, padded.size - 1)]

    return transform
