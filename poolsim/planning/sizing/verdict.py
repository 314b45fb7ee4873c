"""What the recordings say of a case: does the recommended setting hold, and the smaller one not?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from poolsim.estimation.verdicts import COMPARISONS
from poolsim.fidelity.checks import HELD, NOT_HELD, NOT_MEASURABLE
from poolsim.fidelity.performance.overhead import Overhead
from poolsim.fidelity.recordings import read_recording
from poolsim.fidelity.stalls import SMALLEST_SHARE
from poolsim.planning.sizing.case import Case
from poolsim.planning.sizing.course import Runs
from poolsim.planning.sizing.measure import Measured, measure
from poolsim.scenario.metrics import full_name

SHARE_AGREEING = 0.8
"""Of the repetitions: four of five."""


@dataclass(frozen=True, slots=True)
class MeasuredSide:
    """The repetitions of one setting. `met`: whether each meets every expectation, None where too
    little of it lies outside of stalls, or nothing succeeded, to say."""

    runs: Runs
    measured: tuple[Measured, ...]
    met: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class MeasuredCase:
    """A case with both settings measured."""

    case: Case
    recommended: MeasuredSide
    smaller: MeasuredSide

    @property
    def pairs(self) -> list[tuple[bool | None, bool | None]]:
        """By repetition: whether the recommended setting and the smaller one meet what is asked."""
        return list(zip(self.recommended.met, self.smaller.met, strict=True))

    @property
    def agreeing(self) -> int:
        """In how many repetitions the recommended setting meets what the smaller one does not."""
        return self.pairs.count((True, False))

    @property
    def repetitions(self) -> int:
        """How many there are of each setting."""
        return len(self.recommended.met)

    @property
    def verdict(self) -> str:
        """Held where enough repetitions agree; not measurable where enough might have done, had
        stalls not spoiled them."""
        enough = SHARE_AGREEING * self.repetitions
        if self.agreeing >= enough:
            return HELD
        possible = sum(met is not False and other is not True for met, other in self.pairs)
        return NOT_MEASURABLE if possible >= enough else NOT_HELD


def measure_case(recommended: Runs, smaller: Runs, overhead: Overhead) -> MeasuredCase:
    """Read and judge the recordings of both settings; raises RecordingError."""
    return MeasuredCase(
        recommended.case, _measured(recommended, overhead), _measured(smaller, overhead)
    )


def _measured(runs: Runs, overhead: Overhead) -> MeasuredSide:
    names = [full_name(one) for one in runs.case.plan.expectations]
    found = [measure(read_recording(one.directory), names, overhead) for one in runs.repetitions]
    return MeasuredSide(runs, tuple(found), tuple(_met(runs.case, one) for one in found))


def _met(case: Case, measured: Measured) -> bool | None:
    if measured.share_kept < SMALLEST_SHARE or any(map(math.isnan, measured.values.values())):
        return None
    return all(
        COMPARISONS[one.comparison](measured.values[full_name(one)], one.value)
        for one in case.plan.expectations
    )
