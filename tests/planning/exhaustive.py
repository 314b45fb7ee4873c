"""The best setting of a small question by trying every one, and an answer beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from poolsim.planning.execute import Executor
from poolsim.planning.points import from_text
from poolsim.planning.recommend.answer import Answer
from poolsim.planning.recommend.evidence import Evidence
from poolsim.planning.recommend.question import Question, ask
from poolsim.planning.recommend.run import recommend
from tests.planning.ten_questions import TenthQuestion

LARGEST_REGRET = 0.05
LARGEST_SHARE = 0.25
FEWEST_POINTS, FEWEST_OPTIONS = 500, 3
AT_ONCE = 32
"""Points between two looks at the clock and at what is kept."""
MEETING = (0.05, 0.60)
"""Share of the points that may meet the expectations: neither a needle nor nearly all."""


def question_of(one: TenthQuestion) -> Question:
    return ask(from_text(one.text, f"{one.name}.yaml"), one.settings)


@dataclass(frozen=True, slots=True)
class Truth:
    """Costs of all points that meet the expectations, by number. `points`: how many there are that
    the driver accepts."""

    points: int
    costs: dict[int, float]

    @property
    def meeting(self) -> float:
        """Share of the points that meet them."""
        return len(self.costs) / self.points

    @property
    def best(self) -> int | None:
        return min(self.costs, key=lambda number: (self.costs[number], number), default=None)

    @property
    def best_cost(self) -> float:
        return min(self.costs.values(), default=math.inf)


Known = Mapping[int, tuple[str, float]]
"""Status and mean cost of the points that are known already, by number."""


def try_everything(
    question: Question,
    executor: Executor,
    known: Known | None = None,
    keep: Callable[[int, str, float], None] = lambda _number, _status, _cost: None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Truth:
    """Judge every point by the rules of a recommendation, none left out for its cost.

    `keep` is given each judged point; `tell` (points done, in all), before each part of the work.
    """
    judged = dict(known or {})
    possible = [n for n in range(len(question.space)) if question.loaded(n).scenario is not None]
    missing = [number for number in possible if number not in judged]
    each = len(question.variants) * question.base.replications.count
    if missing:
        executor.get_ready(question.base, len(missing) * each)
    for first in range(0, len(missing), AT_ONCE):
        tell(len(judged), len(possible))
        numbers = missing[first : first + AT_ONCE]
        evidence = Evidence(question, executor, None)
        evidence.consider(numbers, math.inf)
        for number in numbers:
            one = evidence.judge(number)
            keep(number, one.status, one.cost.mean)
            judged[number] = (one.status, one.cost.mean)
    costs = {number: cost for number, (status, cost) in judged.items() if status == "passed"}
    return Truth(len(possible), costs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer beside the truth. `best_setting`, `found_setting`: values in words."""

    name: str
    options: int
    points: int
    meeting: float
    best: float
    best_setting: str
    cost: float
    found_setting: str
    simulated: int

    @property
    def regret(self) -> float:
        """What the answer costs more than the best, as a share."""
        return (self.cost - self.best) / abs(self.best)

    @property
    def share_simulated(self) -> float:
        return self.simulated / self.points

    @property
    def is_fair(self) -> bool:
        """Whether the question is one of the kind that the proof is about."""
        enough = self.points >= FEWEST_POINTS and self.options >= FEWEST_OPTIONS
        return enough and MEETING[0] <= self.meeting <= MEETING[1]

    @property
    def is_within_bars(self) -> bool:
        is_good = self.regret <= LARGEST_REGRET and self.share_simulated < LARGEST_SHARE
        return self.is_fair and math.isfinite(self.cost) and is_good

    def __str__(self) -> str:
        return (
            f"{self.name:34} {self.points:5} settings, {self.meeting:4.0%} meet; best "
            f"{self.best:8.3f}, found {self.cost:8.3f}, regret {self.regret:5.1%}, simulated "
            f"{self.share_simulated:4.0%}"
        )


def compared(one: TenthQuestion, truth: Truth, number: int | None, simulated: int) -> Comparison:
    """The truth beside an answer: the chosen point, None for none, and how many were simulated."""
    question = question_of(one)
    return Comparison(
        name=one.name,
        options=len(question.space.parameters),
        points=truth.points,
        meeting=truth.meeting,
        best=truth.best_cost,
        best_setting=_words(question, truth.best),
        # Held against what the exhaustive simulation says of the same point.
        cost=math.inf if number is None else truth.costs.get(number, math.inf),
        found_setting=_words(question, number),
        simulated=simulated,
    )


def _words(question: Question, number: int | None) -> str:
    if number is None:
        return "none"
    texts = question.space.at(question.places(number)).texts
    pairs = zip(question.space.parameters, texts, strict=True)
    return ", ".join(f"{parameter.short_label} {text}" for parameter, text in pairs)


def compare(one: TenthQuestion, executor: Executor) -> Comparison:
    truth = try_everything(question_of(one), executor)
    answer = recommend(question_of(one), executor)
    return compared(one, truth, choice_of(answer), answer.simulated)


def choice_of(answer: Answer) -> int | None:
    return None if answer.choice is None else answer.choice.number
