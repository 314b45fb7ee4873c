"""Why a choice is the choice: margins, what binds, what a step smaller breaks, what is as good."""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.planning.evaluate import Task
from poolsim.planning.execute import Executor
from poolsim.planning.recommend.answer import Margin, Setting, Step
from poolsim.planning.recommend.bottleneck import Resource, resources_of
from poolsim.planning.recommend.evidence import Evidence, Judgement
from poolsim.planning.recommend.pairing import is_as_good, paired_difference
from poolsim.planning.recommend.question import Question
from poolsim.planning.recommend.slack import margin_of
from poolsim.planning.recommend.variants import NODE_LOST, can_be_scaled, with_load
from poolsim.planning.words import value_text
from poolsim.scenario.values import numbers_of

MOST_NEAR = 12
LOAD_FACTORS = (1.1, 1.25, 1.5, 2.0)


def setting_of(question: Question, judgement: Judgement, base: Judgement) -> Setting:
    """A judged point beside a base."""
    loaded = question.loaded(judgement.number)
    labels = [parameter.label for parameter in question.space.parameters]
    return Setting(
        judgement.number,
        dict(zip(labels, loaded.point.texts, strict=True)),
        loaded.point.overrides,
        judgement.status,
        judgement.cost,
        paired_difference(judgement.costs, base.costs),
    )


def margins_of(question: Question, evidence: Evidence, number: int) -> tuple[Margin, ...]:
    """Every expectation of a point in every variant."""
    found = []
    for variant, verdicts in zip(question.variants, evidence.verdicts(number), strict=True):
        for expectation, verdict in zip(question.base.expectations, verdicts, strict=True):
            found.append(Margin(variant.name, verdict, margin_of(expectation, verdict)))
    return tuple(found)


def near_optimal(question: Question, evidence: Evidence, best: Judgement) -> tuple[Setting, ...]:
    """Points that hold and are as good as the best one, which comes first; simulated ones only."""
    judged = [evidence.judge(number) for number in evidence.simulated]
    good = [
        one
        for one in judged
        if one.status == "passed"
        and is_as_good(paired_difference(one.costs, best.costs), best.cost.mean)
    ]
    ordered = sorted(good, key=lambda one: (one.number != best.number, one.cost.mean, one.number))
    return tuple(setting_of(question, one, best) for one in ordered[:MOST_NEAR])


def smaller_numbers(question: Question, number: int) -> list[int]:
    """The points with one parameter one step smaller, by parameter; those that can be run."""
    places = question.places(number)
    found = []
    for axis in range(len(places)):
        lower = _step_down(question, axis, places[axis])
        if lower is None:
            continue
        moved = (*places[:axis], lower, *places[axis + 1 :])
        found.append(question.space.at(moved).number)
    return [one for one in found if question.loaded(one).scenario is not None]


def unchanged_numbers(question: Question, number: int) -> list[int]:
    """The points with one parameter as the file has it, by parameter; those that can be run."""
    places = question.places(number)
    found = []
    for axis, own in enumerate(question.own_places):
        if own is not None and own != places[axis]:
            moved = (*places[:axis], own, *places[axis + 1 :])
            found.append(question.space.at(moved).number)
    return [one for one in found if question.loaded(one).scenario is not None]


def _step_down(question: Question, axis: int, place: int) -> int | None:
    """The place of the next smaller value; None for the smallest, and for words."""
    numbers = numbers_of(question.space.parameters[axis].texts)
    if numbers is None:
        return None
    smaller = [one for one, number in enumerate(numbers) if number < numbers[place]]
    return max(smaller, key=lambda one: numbers[one], default=None)


def steps_of(question: Question, evidence: Evidence, best: Judgement) -> tuple[Step, ...]:
    """What one step smaller of each parameter breaks; these points must have been simulated."""
    found = []
    here = question.loaded(best.number).point
    for number in smaller_numbers(question, best.number):
        judged = evidence.judge(number)
        there = question.loaded(number).point
        (axis,) = (
            axis
            for axis, (one, other) in enumerate(zip(here.places, there.places, strict=True))
            if one != other
        )
        parameter = question.space.parameters[axis]
        found.append(
            Step(
                parameter.label,
                here.texts[axis],
                there.texts[axis],
                judged.status,
                paired_difference(best.costs, judged.costs),
                breaks_text(question, evidence, number),
            )
        )
    return tuple(found)


def breaks_text(question: Question, evidence: Evidence, number: int) -> str:
    """`rejected == 0 (it is 52) with one node lost`; "" where every expectation holds."""
    worst = []
    for variant, verdicts in zip(question.variants, evidence.verdicts(number), strict=True):
        for verdict in verdicts:
            if verdict.status == "passed":
                continue
            text = f"{verdict.text} (it is {value_text(verdict.estimate)}) {variant.name}"
            worst.append(text if verdict.status == "failed" else f"perhaps {text}")
    return "; ".join(worst[:2])


def binding_resources(
    question: Question, evidence: Evidence, best: Judgement, steps: tuple[Step, ...]
) -> list[str]:
    """What binds: of each smaller setting that breaks something, the resource that is used up
    there; where none breaks, that it is the load that would have to grow."""
    breaking = [
        number
        for number, step in zip(smaller_numbers(question, best.number), steps, strict=True)
        if step.breaks
    ]
    if not breaking:
        return ["no smaller setting breaks anything: the space ends before something binds"]
    sentences = []
    for number, step in zip(smaller_numbers(question, best.number), steps, strict=True):
        if not step.breaks:
            continue
        resource = _tightest(question, evidence, number)
        label = f"{step.label.rpartition('.')[2]} {step.to_value}"
        if resource is not None and resource.binds:
            sentences.append(f"with {label}, {resource.name} bind: {resource.sentence}")
        elif resource is not None:
            sentences.append(
                f"with {label} nothing is used up: the tightest are {resource.name}: "
                f"{resource.sentence}"
            )
    return sentences


def _tightest(question: Question, evidence: Evidence, number: int) -> Resource | None:
    found: list[Resource] = []
    for place, variant in enumerate(question.variants):
        lost = int(variant.name == NODE_LOST)
        scenario = variant.of(question.scenario(number))
        found += resources_of(scenario, evidence.outcomes[number, place], question.peak, lost)
    return max(found, key=lambda one: one.share, default=None)


@dataclass(frozen=True, slots=True)
class Bearing:
    """How much load a choice bears, in multiples of the file's. `holds_to`: the highest that was
    tried and at which it holds, None where the load cannot be scaled; `breaks_at`: the lowest at
    which it does not, None where none was found; `breaks`: what breaks there."""

    holds_to: float | None
    breaks_at: float | None = None
    breaks: str = ""


def load_it_bears(
    question: Question, evidence: Evidence, best: Judgement, executor: Executor
) -> Bearing:
    """Raise all loads by LOAD_FACTORS, one after the other, until the choice breaks."""
    if not can_be_scaled(question.base):
        return Bearing(None)
    holds = question.factor
    scenario = question.scenario(best.number)
    for factor in LOAD_FACTORS:
        tasks = [
            Task(
                place,
                variant.of(with_load(scenario, factor)),
                question.metrics,
                count=evidence.asked_replications,
            )
            for place, variant in enumerate(question.variants)
        ]
        outcomes = dict(executor.run(tasks))
        for place, variant in enumerate(question.variants):
            for verdict in outcomes[place].verdicts(question.base.expectations):
                if verdict.status != "passed":
                    text = f"{verdict.text} (it is {value_text(verdict.estimate)}) {variant.name}"
                    return Bearing(holds, _of_file(question, factor), text)
        holds = _of_file(question, factor)
    return Bearing(holds)


def _of_file(question: Question, factor: float) -> float:
    """A factor on the load that is to be borne as one on the file's load."""
    return round(factor * question.factor, 6)
