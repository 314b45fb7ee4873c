"""The answer to a question: the choice with its evidence, or that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from poolsim.estimation.results import Estimate, Verdict
from poolsim.planning.recommend.question import Question

AnswerStatus = Literal["found", "none", "undecided"]
EXIT_CODES: dict[AnswerStatus, int] = {"found": 0, "none": 1, "undecided": 4}


@dataclass(frozen=True, slots=True)
class Setting:
    """A point and what it costs. `values` by parameter label, as a file would hold them."""

    number: int
    values: Mapping[str, str]
    overrides: tuple[str, ...]
    status: str
    cost: Estimate
    extra_cost: Estimate
    """Over the choice's, paired by replication."""


@dataclass(frozen=True, slots=True)
class Margin:
    """One expectation of the choice in one variant: `share` of the limit that is left, None where
    there is no such share."""

    variant: str
    verdict: Verdict
    share: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One parameter one step smaller, all else as chosen, and what that breaks ("" for nothing)."""

    label: str
    from_value: str
    to_value: str
    status: str
    saves: Estimate
    breaks: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What `recommend` says. Without a choice, `nearest` is the point that fails least."""

    question: Question
    status: AnswerStatus
    choice: Setting | None
    nearest: Setting | None
    margins: tuple[Margin, ...]
    """Of the choice, or of the nearest point."""
    near_optimal: tuple[Setting, ...]
    steps: tuple[Step, ...]
    undecided: tuple[Setting, ...]
    holds_to: float | None
    """The highest factor on all loads that was tried and at which the choice still holds."""
    breaks_at: float | None
    """The lowest one at which it does not."""
    breaks: str
    """What breaks there."""
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    simulated: int
    replications: int
    digest: str
    """Of the choice's replications in all variants."""

    @property
    def exit_code(self) -> int:
        """0 a choice, 1 nothing meets the expectations, 4 undecided."""
        return EXIT_CODES[self.status]
