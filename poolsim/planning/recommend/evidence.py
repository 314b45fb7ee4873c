"""What is known of each point so far: outcomes by variant, and the judgement that follows.

Replications are added in steps. A point that clearly fails after the first few is looked at no
more; one that does not gets all that the scenario asks for; one that is still undecided and would
be the cheapest gets up to MORE times as many. Looking again and again has its price, so intervals
are computed at 97.5 % throughout and spoken of as 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from poolsim.estimation.intervals import PEEKING_CONFIDENCE, estimate
from poolsim.estimation.results import Estimate, Verdict
from poolsim.estimation.verdicts import Status
from poolsim.planning.evaluate import Outcome, Task, overall
from poolsim.planning.execute import Executor
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.slack import slack_of

FIRST_REPLICATIONS = 3
MORE = 4
"""Times as many replications as the scenario asks for, where a verdict needs them."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A point as far as it is known. `slacks`: by (variant, expectation), see slack.py."""

    number: int
    status: Status
    slacks: tuple[float, ...]
    cost: Estimate
    costs: tuple[float, ...]
    """One a replication, in normal operation."""
    replications: int

    @property
    def slack(self) -> float:
        """Of the expectation that is nearest to its limit, or farthest beyond it."""
        return min(self.slacks)


class Evidence:
    """Outcomes of the points that were simulated."""

    def __init__(
        self, question: Question, executor: Executor, told: Callable[[int, int], None] | None
    ) -> None:
        self.question = question
        self.outcomes: dict[tuple[int, int], Outcome] = {}
        self._executor = executor
        self._told = told
        self._judgements: dict[int, Judgement] = {}

    @property
    def simulated(self) -> list[int]:
        """Numbers of the points with any outcome, rising."""
        return sorted({number for number, _ in self.outcomes})

    @property
    def asked_replications(self) -> int:
        """What the scenario asks for, at the least."""
        return self.question.base.replications.count

    @property
    def most_replications(self) -> int:
        """What a point gets at most."""
        return max(self.question.base.replications.maximum, MORE * self.asked_replications)

    def need(self, numbers: Iterable[int], replications: int) -> None:
        """Simulate what is missing of some points, in all variants."""
        wanted = [
            (number, variant)
            for number in dict.fromkeys(numbers)
            for variant in range(len(self.question.variants))
        ]
        tasks: list[Task] = []
        keys: list[tuple[int, int]] = []
        for number, variant in wanted:
            known = self.outcomes.get((number, variant))
            first = known.replications if known else 0
            if first >= replications:
                continue
            scenario = self.question.variants[variant].of(self.question.scenario(number))
            warm_up_ns = known.warm_up_ns if known else None
            tasks.append(
                Task(len(tasks), scenario, self.question.metrics, first, replications - first,
                     warm_up_ns)
            )  # fmt: skip
            keys.append((number, variant))
        for place, outcome in self._executor.run(tasks):
            key = keys[place]
            known = self.outcomes.get(key)
            joined = known.joined(outcome) if known else outcome
            self.outcomes[key] = replace(joined, confidence=PEEKING_CONFIDENCE)
        for number, _ in keys:
            self._judgements.pop(number, None)
        if self._told is not None and keys:
            self._told(len(self.simulated), len(self.question.space))

    def consider(self, numbers: Iterable[int], cost_limit: float) -> None:
        """Simulate points until each is decided, or not worth more: what costs more than
        `cost_limit` is not."""
        chosen = list(numbers)
        few = min(FIRST_REPLICATIONS, self.asked_replications)
        self.need(chosen, few)
        chosen = [number for number in chosen if self.judge(number).status != "failed"]
        self.need(chosen, self.asked_replications)
        self.decide([n for n in chosen if self.judge(n).cost.mean <= cost_limit])

    def decide(self, numbers: Iterable[int]) -> None:
        """Give more replications to those that are undecided with what the scenario asks for."""
        undecided = list(numbers)
        replications = self.asked_replications
        while replications < self.most_replications:
            undecided = [n for n in undecided if self.judge(n).status == "inconclusive"]
            if not undecided:
                return
            replications = min(2 * replications, self.most_replications)
            self.need(undecided, replications)

    def judge(self, number: int) -> Judgement:
        """What a simulated point comes to."""
        if number not in self._judgements:
            self._judgements[number] = self._judged(number)
        return self._judgements[number]

    def verdicts(self, number: int) -> list[tuple[Verdict, ...]]:
        """Of each variant's expectations."""
        expectations = self.question.base.expectations
        return [
            tuple(_settled(one) for one in self.outcomes[number, variant].verdicts(expectations))
            for variant in range(len(self.question.variants))
        ]

    def _judged(self, number: int) -> Judgement:
        verdicts = self.verdicts(number)
        status = overall([one for each in verdicts for one in each])
        assert status is not None, "a question has expectations"
        expectations = self.question.base.expectations
        slacks = [
            slack_of(expectation, one)
            for each in verdicts
            for expectation, one in zip(expectations, each, strict=True)
        ]
        normal = self.outcomes[number, 0]
        costs = normal.costs(self.question.cost, self.question.scenario(number))
        return Judgement(
            number,
            status,
            tuple(slacks),
            estimate(costs, "count", PEEKING_CONFIDENCE),
            costs,
            normal.replications,
        )


def _settled(verdict: Verdict) -> Verdict:
    """Where no replication has a value (no request was answered in time to count), more of them
    would not have one either: such a setting does not hold."""
    if verdict.status == "inconclusive" and not verdict.estimate.count:
        return replace(verdict, status="failed")
    return verdict
