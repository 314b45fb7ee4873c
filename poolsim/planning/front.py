"""The Pareto front of some points and its knee."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pareto_front(objectives: Floats) -> list[int]:
    """Rows of which no other is better in one column and no worse in the rest, smaller is better.

    Args:
        objectives: shape (points, columns); rows with NaN take no part.

    Returns:
        Row numbers by the first column, rising; of equal rows the first only.
    """
    known = [row for row in range(len(objectives)) if not np.isnan(objectives[row]).any()]
    order = sorted(known, key=lambda row: (*objectives[row].tolist(), row))
    front: list[int] = []
    for row in order:
        # What comes before in this order is never worse in the first column.
        dominated = any((objectives[other] <= objectives[row]).all() for other in front)
        if not dominated:
            front.append(row)
    return front


def knee(first: Floats, second: Floats) -> int | None:
    """Where a falling curve bends most: the point farthest below the straight line between its
    ends, both axes from 0 to 1.

    Args:
        first: shape (points,), rising.
        second: shape (points,), what falls.

    Returns:
        The point's place, None for fewer than three points or where no point lies below the line.
    """
    if len(first) < 3:
        return None
    spans = float(np.ptp(first)), float(np.ptp(second))
    if not all(spans):
        return None
    x, y = (first - first[0]) / spans[0], (second - second.min()) / spans[1]
    line = y[0] + (y[-1] - y[0]) * x
    below = line - y
    place = int(np.argmax(below))
    return place if below[place] > 1e-9 else None
