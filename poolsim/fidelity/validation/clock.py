"""How long a validation still takes: what is left, at the pace so far."""

from __future__ import annotations

import time
from collections.abc import Sequence

PREPARATION_S = 15.0
"""What a recording takes besides its plan, until one has been made."""
OPERATIONS_PER_SECOND = 2_500.0
"""What a driver's walks reach, until some have been made."""


class Clock:
    """Adds up what was expected and what it took."""

    def __init__(self, expected_s: Sequence[float]) -> None:
        """`expected_s`: of each step that is to come, in seconds."""
        self._left_s = sum(expected_s)
        self._done_s = 0.0
        self._took_s = 0.0
        self._began = time.monotonic()

    def begin(self) -> None:
        """A step begins."""
        self._began = time.monotonic()

    def end(self, expected_s: float) -> None:
        """A step has ended."""
        self._took_s += time.monotonic() - self._began
        self._done_s += expected_s
        self._left_s = max(0.0, self._left_s - expected_s)

    @property
    def left(self) -> str:
        """Such as `about 1 h 20 min left`."""
        pace = self._took_s / self._done_s if self._done_s else 1.0
        minutes = round(self._left_s * pace / 60)
        if minutes < 1:
            return "less than a minute left"
        hours, minutes = divmod(minutes, 60)
        return f"about {f'{hours} h ' if hours else ''}{minutes} min left"
