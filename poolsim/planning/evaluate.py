"""What one point comes to: the values of its metrics, one a replication.

Replication k of every point has the draws of seed and k, whatever its settings, so two points are
compared under the same arrivals, keys and service times (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from poolsim.estimation.intervals import CONFIDENCE, estimate
from poolsim.estimation.metrics import metrics_of
from poolsim.estimation.results import Estimate, Verdict
from poolsim.estimation.sequential import Stopping, replicate
from poolsim.estimation.verdicts import Status, verdict
from poolsim.estimation.warm_up import find_warm_up
from poolsim.estimation.workers import Job, run_one
from poolsim.recording.digest import joined_digest
from poolsim.recording.grid import choose_interval
from poolsim.scenario.metrics import METRICS, full_name, parse_metric

if TYPE_CHECKING:
    from poolsim.recording.record import Record
    from poolsim.scenario.cost import Cost
    from poolsim.scenario.scenario import Expectation, Scenario

USUAL_METRICS = (
    "latency.mean",
    "latency.p50",
    "latency.p99",
    "latency.p99.9",
    "wait.mean",
    "wait.p99",
    "service.p99",
    "throughput",
    "requests",
    "rejected",
    "rejection_rate",
    "errors",
    "error_rate",
    "open_connections.mean",
    "open_connections.max",
    "connections_opened",
    "in_flight.max",
    "request_queue_depth.max",
)
"""Kept of every point, besides what the expectations name."""


@dataclass(frozen=True, slots=True)
class Task:
    """Replications of one scenario to run: `count` from number `first` on; a `count` of 0 asks for
    as many as the scenario says. `warm_up_ns`: None asks for it to be found from them."""

    key: int
    scenario: Scenario
    metrics: tuple[str, ...]
    first: int = 0
    count: int = 0
    warm_up_ns: int | None = None
    engine: str = "auto"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What some replications came to. `values`: a value per replication by metric, SI units, NaN
    where there is none; `digests`: one per replication; `warm_up_ns`: what was not measured."""

    values: Mapping[str, tuple[float, ...]]
    digests: tuple[str, ...]
    warm_up_ns: int
    requests: int
    confidence: float = field(default=CONFIDENCE)

    @property
    def replications(self) -> int:
        """How many."""
        return len(self.digests)

    @property
    def digest(self) -> str:
        """Of all replications together, as `poolsim run` prints it."""
        return joined_digest(self.digests)

    def estimate(self, metric: str) -> Estimate:
        """Mean and interval of a metric."""
        unit = METRICS[parse_metric(metric).metric].unit
        return estimate(self.values[metric], unit, self.confidence)

    def costs(self, cost: Cost, scenario: Scenario) -> tuple[float, ...]:
        """What the scenario's settings cost by a formula, a value per replication."""
        rows = range(self.replications)
        metrics = [{name: self.values[name][row] for name in cost.metrics} for row in rows]
        return tuple(cost.value(scenario, values) for values in metrics)

    def cost(self, cost: Cost, scenario: Scenario) -> Estimate:
        """Mean and interval of `costs`, in the formula's own unit."""
        return estimate(self.costs(cost, scenario), "count", self.confidence)

    def verdicts(self, expectations: Sequence[Expectation]) -> tuple[Verdict, ...]:
        """How each expectation ended, at the outcome's own confidence."""
        return tuple(
            verdict(
                one,
                self.values.get(full_name(one), (math.nan,)),
                METRICS[one.metric].unit,
                self.confidence,
            )
            for one in expectations
        )

    def joined(self, more: Outcome) -> Outcome:
        """With the replications that follow."""
        return Outcome(
            {name: values + more.values[name] for name, values in self.values.items()},
            self.digests + more.digests,
            self.warm_up_ns,
            self.requests + more.requests,
            self.confidence,
        )


def overall(verdicts: Sequence[Verdict]) -> Status | None:
    """The status of all expectations together, None where there is none."""
    statuses = {one.status for one in verdicts}
    worst_first: tuple[Status, ...] = ("failed", "inconclusive", "passed")
    return next((status for status in worst_first if status in statuses), None)


def kept_metrics(scenario: Scenario, more: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the metrics that are kept of a point, without repetition."""
    expected = [full_name(one) for one in scenario.expectations]
    stopping = [scenario.replications.metric] if scenario.replications.metric else []
    return tuple(dict.fromkeys([*USUAL_METRICS, *expected, *stopping, *more]))


def evaluate(task: Task) -> Outcome:
    """Run a task's replications in this process."""
    from poolsim.engine.run import simulate

    scenario = task.scenario
    job = Job(scenario, choose_interval(scenario), task.engine, simulate)
    stopping = Stopping.of(scenario.replications)
    records: dict[int, Record] = {}
    found: dict[int, dict[str, float]] = {}
    warm_up_ns = task.warm_up_ns

    def run(numbers: range) -> None:
        for number in numbers:
            records[number] = run_one(job, number).record

    def metrics(number: int) -> dict[str, float]:
        nonlocal warm_up_ns
        if warm_up_ns is None:
            warm_up_ns = find_warm_up(scenario, list(records.values())).cut_ns
        if number not in found:
            found[number] = metrics_of(records[number], scenario, warm_up_ns)
        return found[number]

    if task.count:
        numbers = range(task.first, task.first + task.count)
        run(numbers)
    else:
        count = replicate(stopping, run, lambda n: metrics(n)[stopping.metric], 1)
        numbers = range(count)
    rows = [metrics(number) for number in numbers]
    assert warm_up_ns is not None, "it was found with the first metrics"
    return Outcome(
        {name: tuple(row.get(name, math.nan) for row in rows) for name in task.metrics},
        tuple(records[number].digest for number in numbers),
        warm_up_ns,
        sum(records[number].requests for number in numbers),
        CONFIDENCE if task.count else stopping.confidence,
    )


def evaluate_with_key(task: Task) -> tuple[int, Outcome]:
    """A task's key and outcome; what executors hand to other processes."""
    return task.key, evaluate(task)
