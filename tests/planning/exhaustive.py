"""The best setting of a small question by trying every one, and an answer beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from poolsim.planning.execute import Executor
from poolsim.planning.points import from_text
from poolsim.planning.recommend.evidence import Evidence
from poolsim.planning.recommend.question import Question, ask
from poolsim.planning.recommend.run import recommend
from tests.planning.ten_questions import TenthQuestion


def question_of(one: TenthQuestion) -> Question:
    return ask(from_text(one.text, f"{one.name}.yaml"), one.settings)


@dataclass(frozen=True, slots=True)
class Truth:
    """All points that meet the expectations, with their costs."""

    points: int
    refused: int
    costs: dict[int, float]

    @property
    def meeting(self) -> float:
        """Share of the points that meet them."""
        return len(self.costs) / (self.points - self.refused)

    @property
    def best(self) -> float:
        return min(self.costs.values(), default=math.inf)


def try_everything(question: Question, executor: Executor) -> Truth:
    """Judge every point by the rules of a recommendation, none left out for its cost."""
    numbers = list(range(len(question.space)))
    possible = [n for n in numbers if question.loaded(n).scenario is not None]
    evidence = Evidence(question, executor, None)
    evidence.consider(possible, math.inf)
    judged = [evidence.judge(number) for number in possible]
    costs = {one.number: one.cost.mean for one in judged if one.status == "passed"}
    return Truth(len(numbers), len(numbers) - len(possible), costs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer beside the truth."""

    name: str
    points: int
    meeting: float
    best: float
    cost: float
    simulated: int

    @property
    def regret(self) -> float:
        """What the answer costs more than the best, as a share."""
        return (self.cost - self.best) / abs(self.best)

    @property
    def share_simulated(self) -> float:
        return self.simulated / self.points

    def __str__(self) -> str:
        return (
            f"{self.name:34} {self.points:5} settings, {self.meeting:4.0%} meet; best "
            f"{self.best:8.3f}, found {self.cost:8.3f}, regret {self.regret:5.1%}, simulated "
            f"{self.share_simulated:4.0%}"
        )


def compare(one: TenthQuestion, executor: Executor) -> Comparison:
    question = question_of(one)
    truth = try_everything(question, executor)
    answer = recommend(question_of(one), executor)
    cost = math.inf
    if answer.choice is not None:
        # Held against what the exhaustive simulation says of the same point.
        cost = truth.costs.get(answer.choice.number, math.inf)
    return Comparison(one.name, truth.points, truth.meeting, truth.best, cost, answer.simulated)
