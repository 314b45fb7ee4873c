"""A sweep: every point of a space, evaluated once, kept when done, in a table at the end."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poolsim.estimation.results import Estimate
from poolsim.planning.evaluate import Outcome, Task, kept_metrics, overall
from poolsim.planning.execute import Executor
from poolsim.planning.front import knee, pareto_front
from poolsim.planning.journal import Journal
from poolsim.planning.points import Load, LoadedPoint, load_points
from poolsim.planning.space import Space
from poolsim.scenario.cost import Cost, default_cost, parse_cost
from poolsim.scenario.metrics import METRICS, parse_metric, with_defaults

if TYPE_CHECKING:
    import pandas

    from poolsim.scenario.scenario import Scenario

JOURNAL = "points.journal"
DEFAULT_OBJECTIVES = ("cost", "latency.p99")
_LARGER_IS_BETTER = ("throughput",)


@dataclass(frozen=True, slots=True)
class SweptPoint:
    """A point and what it came to. `outcome`: None where the driver refuses its values."""

    loaded: LoadedPoint
    outcome: Outcome | None
    cost: Estimate

    @property
    def status(self) -> str:
        """passed, failed, inconclusive; none where nothing is expected; refused."""
        if self.outcome is None or self.loaded.scenario is None:
            return "refused"
        return overall(self.outcome.verdicts(self.loaded.scenario.expectations)) or "none"

    def estimate(self, name: str) -> Estimate:
        """A metric, or the cost under the name `cost`; no value where the point is refused."""
        if name == "cost":
            return self.cost
        if self.outcome is None:
            return Estimate(math.nan, math.nan, 0, METRICS[parse_metric(name).metric].unit)
        return self.outcome.estimate(name)


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep is to do, complete: two with the same `identity` give the same results."""

    space: Space
    points: tuple[LoadedPoint, ...]
    base: Scenario
    cost: Cost
    metrics: tuple[str, ...]
    objectives: tuple[str, str]

    @property
    def identity(self) -> str:
        """32 hexadecimal digits over every point's inputs and the metrics that are kept."""
        parts = [one.inputs or one.refusal for one in self.points]
        text = "\n".join([*parts, *self.metrics, self.cost.text])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class SweepResults:
    """All points in the space's order."""

    plan: SweepPlan
    points: tuple[SweptPoint, ...]
    resumed: int
    """How many points were there from an earlier, interrupted run."""

    def column(self, name: str) -> list[float]:
        """Mean of a metric, or `cost`, at each point; NaN where there is none."""
        return [point.estimate(name).mean for point in self.points]

    @property
    def front(self) -> tuple[int, ...]:
        """Points of the Pareto front of the objectives, by the first of them. Where some point
        meets every expectation, those that do not, or may not, take no part."""
        columns = [self._smaller_is_better(name) for name in self.plan.objectives]
        table = np.array(columns, dtype=np.float64).T
        outside = [point.status in ("failed", "inconclusive") for point in self.points]
        if not all(outside):
            table[outside] = np.nan
        return tuple(pareto_front(table))

    @property
    def knee(self) -> int | None:
        """The point of the front beyond which the first objective buys little of the second."""
        front = list(self.front)
        first, second = (
            np.array(self._smaller_is_better(name), dtype=np.float64)[front]
            for name in self.plan.objectives
        )
        place = knee(first, second)
        return None if place is None else front[place]

    def _smaller_is_better(self, name: str) -> list[float]:
        metric = "" if name == "cost" else parse_metric(name).metric
        sign = -1.0 if metric in _LARGER_IS_BETTER else 1.0
        return [sign * value for value in self.column(name)]

    def columns(self) -> dict[str, list[Any]]:
        """The table by column, a row a point: `point`, the parameters (numbers in SI units where
        they are quantities), `status`, `cost`, then mean and half-width of each metric."""
        table: dict[str, list[Any]] = {"point": [one.loaded.point.number for one in self.points]}
        for place, parameter in enumerate(self.plan.space.parameters):
            values: Sequence[Any] = parameter.numbers or parameter.texts
            if parameter.numbers and all(number.is_integer() for number in parameter.numbers):
                values = [int(number) for number in parameter.numbers]
            chosen = [values[one.loaded.point.places[place]] for one in self.points]
            table[parameter.label] = chosen
        table["status"] = [one.status for one in self.points]
        table["refusal"] = [one.loaded.refusal for one in self.points]
        front = set(self.front)
        table["on_front"] = [number in front for number in range(len(self.points))]
        table["is_knee"] = [number == self.knee for number in range(len(self.points))]
        for name in ("cost", *self.plan.metrics):
            estimates = [one.estimate(name) for one in self.points]
            table[name] = [one.mean for one in estimates]
            table[f"{name} half_width"] = [one.half_width for one in estimates]
        outcomes = [one.outcome for one in self.points]
        table["replications"] = [one.replications if one else 0 for one in outcomes]
        table["inputs"] = [one.loaded.inputs for one in self.points]
        table["digest"] = [one.digest if one else "" for one in outcomes]
        return table

    def frame(self) -> pandas.DataFrame:
        """The table as a frame, a row a point."""
        import pandas

        return pandas.DataFrame(self.columns())


def plan_sweep(
    source: Load,
    space: Space,
    metrics: Sequence[str] = (),
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
) -> SweepPlan:
    """Load every point and settle what is kept of it.

    Raises ScenarioError for mistakes of the scenario, ExpressionError for metrics that do not
    exist.
    """
    points = load_points(source, space)
    base = next(one.scenario for one in points if one.scenario is not None)
    cost = parse_cost(base.plan.cost or default_cost(peak_of(base)))
    named = [with_defaults(name) for name in metrics]
    first, second = (name if name == "cost" else with_defaults(name) for name in objectives)
    wanted = [*named, *(name for name in (first, second) if name != "cost"), *cost.metrics]
    return SweepPlan(space, tuple(points), base, cost, kept_metrics(base, wanted), (first, second))


def peak_of(scenario: Scenario) -> str:
    """The phase that the scenario names as its peak, or the one with the highest level; "" where
    no load has phases."""
    if scenario.plan.peak:
        return scenario.plan.peak
    phases = [phase for client in scenario.clients for phase in client.load.phases]
    return max(phases, key=lambda phase: phase.value).name if phases else ""


Told = Callable[[int, int], None]
"""(points done, points in all)."""


def run_sweep(
    plan: SweepPlan,
    executor: Executor,
    directory: Path | None = None,
    engine: str = "auto",
    told: Told | None = None,
) -> SweepResults:
    """Evaluate what is not yet in the journal of `directory`; None: keep nothing on disk.

    Raises JournalError where the directory holds another sweep.
    """
    if directory is None:
        return _run(plan, executor, {}, lambda _key, _entry: None, engine, told)
    about = {"sweep": plan.identity, "points": len(plan.points)}
    with Journal(directory / JOURNAL, about) as journal:
        return _run(plan, executor, dict(journal.entries), journal.append, engine, told)


def _run(
    plan: SweepPlan,
    executor: Executor,
    known: Mapping[str, Any],
    keep: Callable[[str, Any], None],
    engine: str,
    told: Told | None,
) -> SweepResults:
    outcomes = {int(key): outcome_from(entry) for key, entry in known.items()}
    resumed = len(outcomes)
    tasks = [
        Task(one.point.number, one.scenario, plan.metrics, engine=engine)
        for one in plan.points
        if one.scenario is not None and one.point.number not in outcomes
    ]
    total = resumed + len(tasks)
    if tasks and engine == "auto":
        executor.get_ready(plan.base, len(tasks) * plan.base.replications.count)
    if told is not None:
        told(resumed, total)
    for number, outcome in executor.run(tasks):
        keep(str(number), outcome_to(outcome))
        outcomes[number] = outcome
        if told is not None:
            told(len(outcomes), total)
    points = [_swept(one, outcomes.get(one.point.number), plan.cost) for one in plan.points]
    return SweepResults(plan, tuple(points), resumed)


def _swept(loaded: LoadedPoint, outcome: Outcome | None, cost: Cost) -> SweptPoint:
    if outcome is None or loaded.scenario is None:
        return SweptPoint(loaded, None, Estimate(math.nan, math.nan, 0, "count"))
    return SweptPoint(loaded, outcome, outcome.cost(cost, loaded.scenario))


def outcome_to(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain JSON: floats come back bit by bit, NaN is null."""
    return {
        "values": {
            name: [None if math.isnan(value) else value for value in values]
            for name, values in outcome.values.items()
        },
        "digests": list(outcome.digests),
        "warm_up_ns": outcome.warm_up_ns,
        "requests": outcome.requests,
        "confidence": outcome.confidence,
    }


def outcome_from(entry: Mapping[str, Any]) -> Outcome:
    """The outcome that `outcome_to` wrote."""
    return Outcome(
        {
            name: tuple(math.nan if value is None else value for value in values)
            for name, values in entry["values"].items()
        },
        tuple(entry["digests"]),
        entry["warm_up_ns"],
        entry["requests"],
        entry["confidence"],
    )
