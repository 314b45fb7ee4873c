"""`recommend` from question to answer."""

from __future__ import annotations

from collections.abc import Callable

from poolsim.fidelity.validity import outside_validity
from poolsim.planning.amounts import amounts_of
from poolsim.planning.execute import Executor
from poolsim.planning.recommend.advice import advice_of
from poolsim.planning.recommend.answer import Answer, AnswerStatus
from poolsim.planning.recommend.evidence import Evidence, Judgement
from poolsim.planning.recommend.nagle import nagle_advice
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.reasons import (
    binding_resources,
    load_it_bears,
    margins_of,
    near_optimal,
    setting_of,
    smaller_numbers,
    steps_of,
    unchanged_numbers,
)
from poolsim.planning.recommend.search import (
    SLACK_DIGITS,
    Found,
    expected_runs,
    search,
    told_of_budget,
)
from poolsim.recording.digest import joined_digest
from poolsim.scenario.warnings import warnings_of

MOST_UNDECIDED = 5


def recommend(
    question: Question,
    executor: Executor,
    told: Callable[[int, int], None] | None = None,
    first: tuple[int, ...] = (),
) -> Answer:
    """Search and explain.

    Args:
        question: what is asked.
        executor: where points are simulated; the answer does not depend on it.
        told: is told (points simulated, how many there will be at most).
        first: numbers of points to begin with.
    """
    executor.get_ready(question.base, expected_runs(question))
    evidence = Evidence(question, executor, told_of_budget(told))
    found = search(question, evidence, first)
    if found.best is None:
        return _without_choice(question, evidence, found, executor)
    best = _settled(question, evidence, found.best)
    steps = steps_of(question, evidence, best)
    bearing = load_it_bears(question, evidence, best, executor)
    normal = evidence.outcomes[best.number, 0]
    scenario = question.scenario(best.number)
    return Answer(
        question=question,
        status="found",
        choice=setting_of(question, best, best),
        nearest=None,
        margins=margins_of(question, evidence, best.number),
        near_optimal=near_optimal(question, evidence, best),
        steps=steps,
        undecided=tuple(setting_of(question, one, best) for one in _cheapest(found.undecided)),
        holds_to=bearing.holds_to,
        breaks_at=bearing.breaks_at,
        breaks=bearing.breaks,
        reasons=tuple(binding_resources(question, evidence, best, steps)),
        advice=tuple(advice_of(scenario, normal, question.peak, question.space.parameters)),
        warnings=(*warnings_of(scenario), *outside_validity(scenario)),
        simulated=len(evidence.simulated),
        replications=best.replications,
        digest=_digest(question, evidence, best.number),
    )


def _settled(question: Question, evidence: Evidence, best: Judgement) -> Judgement:
    """The best point with those beside it simulated, which may turn out better: one parameter a
    step smaller, or left as the file has it."""
    while True:
        numbers = [
            *smaller_numbers(question, best.number),
            *unchanged_numbers(question, best.number),
        ]
        evidence.consider(numbers, best.cost.mean)
        judged = map(evidence.judge, numbers)
        better = [
            one for one in judged if one.status == "passed" and _is_better(question, one, best)
        ]
        if not better:
            return evidence.judge(best.number)
        best = min(
            better, key=lambda one: (one.cost.mean, question.changes(one.number), one.number)
        )


def _is_better(question: Question, one: Judgement, best: Judgement) -> bool:
    """Cheaper; or as cheap, about as far from its limits, and with less changed."""
    cost, best_cost = round(one.cost.mean, 9), round(best.cost.mean, 9)
    if cost != best_cost:
        return cost < best_cost
    is_as_far = round(one.slack, SLACK_DIGITS) >= round(best.slack, SLACK_DIGITS)
    return is_as_far and question.changes(one.number) < question.changes(best.number)


def _without_choice(
    question: Question, evidence: Evidence, found: Found, executor: Executor
) -> Answer:
    judged = [evidence.judge(number) for number in evidence.simulated]
    nearest = max(judged, key=lambda one: (round(one.slack, 3), -one.number))
    status: AnswerStatus = "undecided" if found.undecided else "none"
    if found.undecided:
        nearest = _cheapest(found.undecided)[0]
    scenario = question.scenario(nearest.number)
    normal = evidence.outcomes[nearest.number, 0]
    advice = advice_of(scenario, normal, question.peak, question.space.parameters)
    if status == "none":
        advice = [*nagle_advice(question, evidence, nearest.number, executor), *advice]
    return Answer(
        question=question,
        status=status,
        choice=None,
        nearest=setting_of(question, nearest, nearest),
        margins=margins_of(question, evidence, nearest.number),
        near_optimal=(),
        steps=(),
        undecided=tuple(setting_of(question, one, nearest) for one in _cheapest(found.undecided)),
        holds_to=None,
        breaks_at=None,
        breaks="",
        reasons=amounts_of(scenario).problems,
        advice=tuple(advice),
        warnings=(*warnings_of(scenario), *outside_validity(scenario)),
        simulated=len(evidence.simulated),
        replications=nearest.replications,
        digest=_digest(question, evidence, nearest.number),
    )


def _cheapest(judgements: tuple[Judgement, ...]) -> list[Judgement]:
    return sorted(judgements, key=lambda one: (one.cost.mean, one.number))[:MOST_UNDECIDED]


def _digest(question: Question, evidence: Evidence, number: int) -> str:
    """Of all replications of a point in all variants."""
    each = [evidence.outcomes[number, place] for place in range(len(question.variants))]
    return joined_digest(tuple(one.digest for one in each))
