"""Choices of a part of a random scenario, addressed like all draws of the project.

Every part of a scenario has a stream of its own and takes its values in order, so a choice added
to one part leaves the other parts of the same seed as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from poolsim.engine.draws import Draws
from poolsim.model.laws.choices import CODE_BITS, codes

Value = TypeVar("Value")


class Dice:
    """What one part of a scenario is drawn with. Whole numbers only: the same on every machine."""

    __slots__ = ("_draws", "_lane", "_thrown")

    def __init__(self, draws: Draws, part: str) -> None:
        self._draws = draws
        self._lane = draws.add(f"scenario/{part}", codes())
        self._thrown = 0

    def whole(self, lowest: int, highest: int) -> int:
        """A whole number, uniform over lowest <= n <= highest."""
        code = self._draws.at(self._lane, self._thrown, 0)
        self._thrown += 1
        return lowest + (code * (highest - lowest + 1) >> CODE_BITS)

    def spread(self, lowest: int, highest: int) -> int:
        """A whole number >= 1 whose order of magnitude is uniform: each factor of two between
        lowest and highest is as likely as the next."""
        power = self.whole(lowest.bit_length() - 1, highest.bit_length() - 1)
        octave_lowest = max(lowest, 1 << power)
        return self.whole(octave_lowest, min(highest, (2 << power) - 1))

    def one_of(self, values: Sequence[Value]) -> Value:
        """One of some values; a value that stands there twice is twice as likely."""
        return values[self.whole(0, len(values) - 1)]

    def yes(self, percent: int) -> bool:
        """True with this chance."""
        return self.whole(0, 99) < percent
