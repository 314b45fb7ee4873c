"""One recommendation that is going to be measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from poolsim.estimation.results import Estimate
from poolsim.estimation.verdicts import Status
from poolsim.planning.evaluate import Task
from poolsim.planning.execute import Executor
from poolsim.planning.points import from_file
from poolsim.planning.recommend.answer import Answer
from poolsim.planning.recommend.question import Question, ask
from poolsim.planning.recommend.run import recommend
from poolsim.planning.recommend.slack import margin_of
from poolsim.planning.sizing.measure import MEASURES
from poolsim.scenario.load import load_plan
from poolsim.scenario.metrics import full_name
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.scenario import Expectation, Scenario
from poolsim.scenario.units import format_duration

RECOMMENDED = "recommended"
SMALLER = "next smaller"
BARS = 2.0
"""So many fidelity bars of its metric a prediction must lie from its limit: nearer, and a
measurement would be a matter of luck."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is predicted of an expectation. `distance`: to its limit, as a share of the limit,
    negative beyond it; `needed`: the distance that a measurement can tell."""

    expectation: Expectation
    estimate: Estimate
    status: Status
    distance: float
    needed: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two settings. `values` by parameter label; `chosen`: as `PATH=VALUE`."""

    role: str
    values: dict[str, str]
    chosen: tuple[str, ...]
    predictions: tuple[Prediction, ...]

    @property
    def slug(self) -> str:
        """Names the setting in a path: `max_requests-6`."""
        words = [f"{label.rpartition('.')[2]}-{value}" for label, value in self.values.items()]
        return "-".join(words).replace("+", "-")


@dataclass(frozen=True)
class Case:
    """A scenario with its recommendation and the next smaller setting."""

    path: Path
    plan: Scenario
    answer: Answer
    recommended: Side
    smaller: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """The recommended setting, then the smaller one."""
        return self.recommended, self.smaller

    @cached_property
    def unclear(self) -> str:
        """Why a measurement would say nothing; "" where both settings are clear of the limit."""
        for one in self.recommended.predictions:
            if one.status != "passed" or one.distance < one.needed:
                return _too_near(self.recommended, one)
        broken = [one for one in self.smaller.predictions if one.status == "failed"]
        if not any(-one.distance >= one.needed for one in broken):
            return _too_near(self.smaller, min(self.smaller.predictions, key=_distance))
        return ""


def make_case(path: Path, delay_ns: int | None, executor: Executor) -> Case:
    """Recommend, and predict both settings.

    Args:
        path: a scenario with `expect`, `search` and `record`.
        delay_ns: fitted one-way network delay that replaces the file's; None: keep it.
        executor: where points are simulated.

    Raises:
        ScenarioError: for a mistake in the file, an expectation that no recording shows, and where
            nothing is recommended or no smaller setting breaks anything.
    """
    plan = load_plan(path)
    for expectation in plan.expectations:
        if full_name(expectation) not in MEASURES:
            known = ", ".join(MEASURES)
            raise _wrong(path, f"{expectation.text}: what is measured is one of {known}")
    question = ask(from_file(path), _network(plan, delay_ns))
    answer = recommend(question, executor)
    if answer.choice is None:
        raise _wrong(path, "no setting meets the expectations: there is nothing to measure")
    recommended = _side(RECOMMENDED, question, answer.choice.number, answer.replications, executor)
    smaller = [
        _side(SMALLER, question, number, answer.replications, executor)
        for number in _breaking(question, answer)
    ]
    if not smaller:
        raise _wrong(path, "no smaller setting breaks anything: there is nothing to tell apart")
    clearest = min(smaller, key=lambda side: min(_distance(one) for one in side.predictions))
    return Case(path, plan, answer, recommended, clearest)


def _network(plan: Scenario, delay_ns: int | None) -> list[str]:
    if delay_ns is None:
        return []
    delay = format_duration(delay_ns)
    return [f"cluster.datacenters.{one.name}.network.delay={delay}" for one in plan.datacenters]


def _breaking(question: Question, answer: Answer) -> list[int]:
    """The points with one parameter one step smaller that break an expectation."""
    assert answer.choice is not None, "a case has a choice"
    found = []
    for step in answer.steps:
        number = question.number_of({**answer.choice.values, step.label: step.to_value})
        if number is not None and step.status == "failed":
            found.append(number)
    return found


def _side(
    role: str, question: Question, number: int, replications: int, executor: Executor
) -> Side:
    point = question.loaded(number).point
    scenario = question.scenario(number)
    ((_, outcome),) = executor.run([Task(0, scenario, question.metrics, count=replications)])
    predictions = []
    for expectation, verdict in zip(
        scenario.expectations, outcome.verdicts(scenario.expectations), strict=True
    ):
        distance = margin_of(expectation, verdict)
        if distance is None:
            message = f"{expectation.text}: a limit of 0 has no distance, so nothing can be clear"
            raise _wrong(scenario.path or Path("scenario.yaml"), message)
        needed = BARS * MEASURES[full_name(expectation)].bar
        predictions.append(
            Prediction(expectation, verdict.estimate, verdict.status, distance, needed)
        )
    labels = [parameter.label for parameter in question.space.parameters]
    values = dict(zip(labels, point.texts, strict=True))
    chosen = point.overrides[len(question.space.fixed) :]
    return Side(role, values, chosen, tuple(predictions))


def _distance(one: Prediction) -> float:
    return one.distance


def _too_near(side: Side, one: Prediction) -> str:
    if one.status == "inconclusive":
        return (
            f"{one.expectation.text} is not decided at the {side.role} setting: more replications"
        )
    return (
        f"{one.expectation.text} is predicted {one.distance:+.0%} from its limit at the "
        f"{side.role} setting; {one.needed:.0%} are needed for a measurement to tell"
    )


def _wrong(path: Path, message: str) -> ScenarioError:
    return ScenarioError([Mistake(str(path), 1, 1, "", message)])
