"""Which point to simulate next, and when to stop.

Points are taken where an improvement is likeliest: what they would save of the cost of the best
point so far, times the probability that all expectations hold there, both as the surrogate
predicts. It ends when nothing promises to save GAIN, and all neighbours of the best point that
might be cheaper have been looked at. Batches have a fixed size, so nothing depends on the number of
processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poolsim.planning.recommend.evidence import Evidence, Judgement
from poolsim.planning.recommend.first_guess import guessed_points
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.surrogate import Prediction, Surrogate, normal_share

Floats = npt.NDArray[np.float64]
Told = Callable[[int, int], None]
"""Is told (points simulated, how many there will be at most)."""

BATCH = 4
GAIN = 0.002
"""Of the cost; less is not searched for."""
SHARE_OF_SPACE = 0.2
FEWEST_POINTS, MOST_POINTS = 40, 400
"""How many points are simulated at most: a share of the space, within these bounds."""
_FIRST_SHARE = 0.03
_FIRST_FEWEST = 6
_GOLDEN_RATIOS = (0.7548776662466927, 0.5698402909980532, 0.4302597090019468)
_EPSILON = 1e-9
SLACK_DIGITS = 1
"""Of the logarithm of the distance: a tenth of it tells nobody anything."""
_IMPROBABLE = 1e-4
_DEAR = 1e12
"""Stands for the cost of what no driver accepts."""


@dataclass(frozen=True, slots=True)
class Found:
    """How a search ended. `best`: the choice, None where no point holds; `undecided`: points that
    may hold and would be cheaper (or the only ones)."""

    best: Judgement | None
    undecided: tuple[Judgement, ...]


def budget(points: int) -> int:
    """How many points of a space a search simulates at most."""
    return min(max(int(SHARE_OF_SPACE * points), FEWEST_POINTS), MOST_POINTS, points)


def expected_runs(question: Question) -> int:
    """How many replications a search makes, roughly: some points fail after a few."""
    each = len(question.variants) * question.base.replications.count
    return budget(len(question.space)) * each // 2


def told_of_budget(told: Told | None) -> Told | None:
    """Progress towards the budget instead of the whole space."""
    if told is None:
        return None
    return lambda done, points: told(done, max(done, budget(points)))


def search(question: Question, evidence: Evidence, first: tuple[int, ...] = ()) -> Found:
    """Find the cheapest point that holds; `first` are points to begin with."""
    return _Search(question, evidence).run(first)


class _Search:
    def __init__(self, question: Question, evidence: Evidence) -> None:
        self.question = question
        self.evidence = evidence
        shape = question.space.shape
        spans = np.array([max(size - 1, 1) for size in shape], dtype=np.float64)
        places = np.array([question.places(n) for n in range(len(question.space))], dtype=np.int64)
        self.places = places
        self.scaled: Floats = places / spans
        self.refused: set[int] = set()
        expected = len(question.variants) * len(question.base.expectations)
        self.slacks = [Surrogate() for _ in range(expected)]
        self.costs = Surrogate()
        self.budget = budget(len(question.space))

    def run(self, first: tuple[int, ...]) -> Found:
        begin = [*first, *guessed_points(self.question), *self._corners(), *self._spread()]
        self._simulate(begin)
        while self._left() > 0:
            batch = self._promising() or self._neighbours() or self._cheaper()
            if not batch:
                break
            self._simulate(batch)
        best = self.best
        limit = best.cost.mean * (1 - GAIN) if best else math.inf
        undecided = [one for one in self._judged("inconclusive") if one.cost.mean < limit]
        return Found(best, tuple(undecided))

    @property
    def best(self) -> Judgement | None:
        """The cheapest that holds. Of equals the one farther from its limits; where they are about
        as far, the one that changes least of what the file has."""
        return min(self._judged("passed"), key=self._order, default=None)

    def _order(self, one: Judgement) -> tuple[float, float, int, int]:
        changes = self.question.changes(one.number)
        return round(one.cost.mean, 9), -round(one.slack, SLACK_DIGITS), changes, one.number

    def _judged(self, status: str) -> list[Judgement]:
        found = [self.evidence.judge(number) for number in self.evidence.simulated]
        return [one for one in found if one.status == status]

    def _left(self) -> int:
        return self.budget - len(self.evidence.simulated)

    def _simulate(self, numbers: list[int]) -> None:
        """Those that no driver refuses, as many as the budget has left."""
        known = set(self.evidence.simulated)
        fresh = [n for n in dict.fromkeys(numbers) if n not in known and self._is_possible(n)]
        best = self.best
        limit = best.cost.mean if best else math.inf
        self.evidence.consider(fresh[: max(self._left(), 0)], limit)

    def _is_possible(self, number: int) -> bool:
        if number in self.refused:
            return False
        if self.question.loaded(number).scenario is None:
            self.refused.add(number)
            return False
        return True

    def _corners(self) -> list[int]:
        """The least, the most and the middle of everything."""
        shape = self.question.space.shape
        middle = tuple(size // 2 for size in shape)
        least, most = tuple(0 for _ in shape), tuple(size - 1 for size in shape)
        return [self.question.space.at(places).number for places in (least, most, middle)]

    def _spread(self) -> list[int]:
        """Points that leave no part of the space empty: multiples of irrational steps."""
        count = max(_FIRST_FEWEST, int(_FIRST_SHARE * len(self.question.space)))
        shape = self.question.space.shape
        numbers = []
        for turn in range(1, min(count, self.budget // 2) + 1):
            places = []
            for axis, size in enumerate(shape):
                ratio = _GOLDEN_RATIOS[axis % 3] ** (1 + axis // 3)
                places.append(int((0.5 + turn * ratio) % 1.0 * size))
            numbers.append(self.question.space.at(places).number)
        return numbers

    def _promising(self) -> list[int]:
        """The unknown points that most probably improve on the best one, apart from each other."""
        unknown = self._unknown()
        if not len(unknown):
            return []
        holds = self._probability(unknown)
        best = self.best
        if best is None:
            # First of all a point that holds, whatever it costs.
            worth = holds
        else:
            costs = self._cost(unknown)
            spread = np.maximum(costs.deviation, _EPSILON)
            z = (best.cost.mean - costs.mean) / spread
            density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
            saved = spread * (z * normal_share(z) + density)
            worth = holds * saved / max(abs(best.cost.mean), _EPSILON)
            worth[worth < GAIN] = 0.0
        return self._apart(unknown, np.round(worth, 6))

    def _apart(self, unknown: npt.NDArray[np.int64], worth: npt.NDArray[np.floating]) -> list[int]:
        chosen: list[int] = []
        # A stable sort: of equals the lower number.
        for place in np.argsort(-worth, kind="stable").tolist():
            number = int(unknown[place])
            if worth[place] <= 0 or len(chosen) == BATCH:
                break
            near = [np.abs(self.places[number] - self.places[one]).max() <= 1 for one in chosen]
            if not any(near) and self._is_possible(number):
                chosen.append(number)
        return chosen

    def _unknown(self) -> npt.NDArray[np.int64]:
        known = np.zeros(len(self.places), dtype=np.bool_)
        known[self.evidence.simulated] = True
        known[sorted(self.refused)] = True
        return np.flatnonzero(~known)

    def _probability(self, wanted: npt.NDArray[np.int64]) -> Floats:
        """That every expectation holds in every variant: of the least probable one."""
        judged = [self.evidence.judge(number) for number in self.evidence.simulated]
        known = self.scaled[[one.number for one in judged]]
        table = np.array([one.slacks for one in judged], dtype=np.float64)
        least = np.ones(len(wanted))
        for surrogate, column in zip(self.slacks, table.T, strict=True):
            found = surrogate.predict(known, column, self.scaled[wanted])
            share = normal_share(found.mean / np.maximum(found.deviation, 0.02))
            least = np.minimum(least, share)
        return least

    def _cost(self, wanted: npt.NDArray[np.int64]) -> Prediction:
        """Exact where it is made of settings only, otherwise interpolated."""
        if not self.question.cost.metrics:
            exact = [self._exact_cost(int(number)) for number in wanted]
            return Prediction(np.array(exact), np.full(len(wanted), _EPSILON))
        judged = [self.evidence.judge(number) for number in self.evidence.simulated]
        known = self.scaled[[one.number for one in judged]]
        costs = np.array([one.cost.mean for one in judged], dtype=np.float64)
        return self.costs.predict(known, costs, self.scaled[wanted])

    def _exact_cost(self, number: int) -> float:
        if not self._is_possible(number):
            return _DEAR
        return self.question.cost.value(self.question.scenario(number), {})

    def _cheaper(self) -> list[int]:
        """Unknown points that would be cheaper, the most probable first: the surrogate is a guess,
        and what is left of the budget is there to prove it wrong."""
        best = self.best
        unknown = self._unknown()
        if best is None or not len(unknown):
            return []
        costs = self._cost(unknown)
        holds = self._probability(unknown)
        is_cheaper = costs.mean < best.cost.mean * (1 - GAIN)
        worth = np.where(is_cheaper & (holds > _IMPROBABLE), holds, 0.0)
        return self._apart(unknown, np.round(worth, 6))

    def _neighbours(self) -> list[int]:
        """Unknown points next to the best one, diagonals too, that may be cheaper."""
        best = self.best
        unknown = self._unknown()
        if best is None or not len(unknown):
            return []
        distance = np.abs(self.places[unknown] - self.places[best.number]).max(axis=1)
        near = unknown[distance == 1]
        if not len(near):
            return []
        costs = self._cost(near)
        holds = self._probability(near)
        may_be_cheaper = costs.mean - 2 * costs.deviation < best.cost.mean * (1 - GAIN)
        worth = np.where(may_be_cheaper & (holds > 0.05), holds, 0.0)
        order = np.argsort(-np.round(worth, 6), kind="stable")
        chosen = [int(near[place]) for place in order if worth[place] > 0]
        return [number for number in chosen if self._is_possible(number)][:BATCH]
