"""From a scenario to its results: replications, warm-up, estimates, verdicts."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import poolsim
from poolsim.estimation.intervals import estimate
from poolsim.estimation.metrics import metrics_of
from poolsim.estimation.monitor import monitored
from poolsim.estimation.orm import orm_reports
from poolsim.estimation.recovery import recoveries
from poolsim.estimation.replication import RecordedReplication
from poolsim.estimation.results import Estimate, Results, Verdict
from poolsim.estimation.sequential import Stopping, replicate
from poolsim.estimation.stalls import stalls
from poolsim.estimation.verdicts import verdict
from poolsim.estimation.warm_up import WarmUp, find_warm_up
from poolsim.estimation.workers import Done, Job, Simulate, Workers
from poolsim.recording.digest import inputs_hash, joined_digest
from poolsim.recording.fast_rows import PROGRAM
from poolsim.recording.grid import choose_interval
from poolsim.recording.record import Record
from poolsim.scenario.metrics import METRICS, full_name, parse_metric

if TYPE_CHECKING:
    from poolsim.estimation.progress import Progress
    from poolsim.machine_code.cache import Compiling
    from poolsim.scenario.scenario import Scenario

_NS = 1e-9
_DIGEST_SHOWN = 12
_WORTH_SAYING = 0.01
"""By how much of its value an estimate must change with the warm-up for the user to be told."""
_TOLD_ABOUT = ("latency.mean", "latency.p99")


def run_scenario(
    scenario: Scenario,
    *,
    source: str,
    overrides: tuple[str, ...] = (),
    engine: str = "auto",
    jobs: int | None = None,
    warnings: tuple[str, ...] = (),
    progress: Progress | None = None,
    requests_into: Path | None = None,
    simulate: Simulate | None = None,
    tell: Callable[[str], None] = lambda _: None,
    compiling: Compiling | None = None,
) -> Results:
    """Run a scenario's replications and judge its expectations.

    Args:
        scenario: complete and checked.
        source: the file it came from, as the user wrote it; for the line that reproduces the run.
        overrides: `path=value`, as given to `--set`; already applied to the scenario.
        engine: auto, simpy or compiled; the results do not depend on it.
        jobs: processes at most, 1: all in this one, None: as many as pay. The results do not
            depend on it. More than one needs a script to guard its main part.
        warnings: what is to be said already; more may be added.
        progress: is told how far each replication is.
        requests_into: a directory for a file of all request rows of each replication
            (`RecordedReplication.record.request_file`); None: they are not kept.
        simulate: what runs a replication, by default the engines; a function of a module.
        tell: is told in one line why an engine was not taken, where there is a reason to say.
        compiling: is entered before a compilation of the rules and left after it.

    Raises:
        What the engine raises: an invariant that was violated, an engine that is not there.
    """
    started = time.perf_counter()
    interval_ns = choose_interval(scenario)
    stopping = Stopping.of(scenario.replications)
    if simulate is None:
        engine = _prepared(scenario, engine, stopping.fewest, tell, compiling)
    job = Job(scenario, interval_ns, engine, simulate or _engines(), requests_into)
    with Workers(job, jobs, progress) as workers:
        run = _Run(scenario, stopping, workers)
        count = replicate(stopping, run.more, run.value, workers.at_a_time)
    done = [workers.done[replication] for replication in range(count)]
    _forget_requests([workers.done[n].record for n in workers.done if n >= count])
    records = [one.record for one in done]
    resolved = _resolved(scenario)
    replications = run.replications(records)
    estimates = _estimates([r.metrics for r in replications], stopping.confidence)
    digest = joined_digest(tuple(record.digest for record in records))
    return Results(
        scenario=scenario,
        resolved=resolved,
        inputs=inputs_hash(resolved),
        digest=digest,
        engine=done[0].engine or engine,
        replications=replications,
        warm_up_s=run.warm_up.cut_ns * _NS,
        interval_s=interval_ns * _NS,
        estimates=estimates,
        verdicts=_verdicts(scenario, [r.metrics for r in replications], stopping.confidence),
        recoveries=recoveries(scenario, records),
        stalls=stalls(scenario, records),
        warnings=warnings + run.warnings(count),
        elapsed_s=time.perf_counter() - started,
        reproduce=_reproduce(scenario, source, overrides, digest),
        monitors=monitored(scenario, records[0]),
        orm_reports=orm_reports(scenario, records[0]),
        numbers=_numbers(done),
    )


@dataclass(slots=True)
class _Run:
    """The replications of a scenario while they are made: the first block finds the warm-up."""

    scenario: Scenario
    stopping: Stopping
    workers: Workers
    _warm_up: WarmUp | None = None
    _metrics: dict[int, dict[str, float]] | None = None

    def more(self, replications: range) -> None:
        self.workers.run(replications)

    def _records(self, count: int) -> list[Record]:
        return [self.workers.done[replication].record for replication in range(count)]

    @property
    def warm_up(self) -> WarmUp:
        if self._warm_up is None:
            # Of the first block only, so that a later replication cannot move what was looked at.
            self._warm_up = find_warm_up(self.scenario, self._records(self.stopping.fewest))
        return self._warm_up

    def metrics(self, replication: int) -> dict[str, float]:
        """All metrics of a replication after the warm-up."""
        if self._metrics is None:
            self._metrics = {}
        if replication not in self._metrics:
            record = self.workers.done[replication].record
            self._metrics[replication] = metrics_of(record, self.scenario, self.warm_up.cut_ns)
        return self._metrics[replication]

    def replications(self, records: list[Record]) -> tuple[RecordedReplication, ...]:
        """All replications with their metrics."""
        return tuple(
            RecordedReplication(index, record, self.scenario, self.metrics(index))
            for index, record in enumerate(records)
        )

    def value(self, replication: int) -> float:
        return self.metrics(replication).get(self.stopping.metric, float("nan"))

    def warnings(self, count: int) -> tuple[str, ...]:
        found = list(self.warm_up.warnings)
        if self.warm_up.found and self.warm_up.cut_ns:
            found += self._both_estimates(count)
        metric = self.stopping.metric
        if metric and not self.stopping.reached([self.value(n) for n in range(count)]):
            asked = f"{self.stopping.half_width:.3g} of its mean"
            found.append(f"{metric} is not known to {asked} after {count} replications")
        return tuple(found)

    def _both_estimates(self, count: int) -> list[str]:
        """What the deletion of the warm-up changed, where it changed much."""
        whole = [metrics_of(record, self.scenario, 0) for record in self._records(count)]
        changed = []
        for name in _TOLD_ABOUT:
            after = estimate([self.metrics(n)[name] for n in range(count)], "s").mean
            before = estimate([metrics[name] for metrics in whole], "s").mean
            if abs(after - before) > _WORTH_SAYING * abs(before):
                changed.append(f"{name} {after:.4g} s, {before:.4g} s with nothing deleted")
        cut_s = self.warm_up.cut_ns * _NS
        return [f"warm-up of {cut_s:.4g} s deleted (MSER-5): {', '.join(changed)}"] * bool(changed)


def _numbers(done: list[Done]) -> dict[str, int]:
    return {
        "requests": sum(one.record.requests for one in done),
        "events": sum(one.events for one in done),
    }


def _engines() -> Simulate:
    from poolsim.engine.run import simulate

    return simulate


def _prepared(
    scenario: Scenario,
    engine: str,
    replications: int,
    tell: Callable[[str], None],
    compiling: Compiling | None,
) -> str:
    """The engine for all replications, with what it needs, wherever they run."""
    from poolsim.engine.choice import prepare

    choice = prepare(
        scenario, engine, replications=replications, also=(PROGRAM,), compiling=compiling
    )
    if choice.remark:
        tell(choice.remark)
    return choice.engine


def _resolved(scenario: Scenario) -> str:
    # Imports the YAML library.
    from poolsim.scenario.resolved import to_yaml

    return to_yaml(scenario)


def _forget_requests(records: Sequence[Record]) -> None:
    """Rows of replications that ran ahead and are not used."""
    for record in records:
        if record.request_file is not None:
            record.request_file.unlink(missing_ok=True)


def _estimates(metrics: Sequence[dict[str, float]], confidence: float) -> dict[str, Estimate]:
    return {
        name: estimate([values[name] for values in metrics], _unit(name), confidence)
        for name in metrics[0]
    }


def _unit(name: str) -> str:
    return METRICS[parse_metric(name).metric].unit


def _verdicts(
    scenario: Scenario, metrics: Sequence[dict[str, float]], confidence: float
) -> tuple[Verdict, ...]:
    return tuple(
        verdict(
            expectation,
            [values.get(full_name(expectation), float("nan")) for values in metrics],
            METRICS[expectation.metric].unit,
            confidence,
        )
        for expectation in scenario.expectations
    )


def _reproduce(scenario: Scenario, source: str, overrides: tuple[str, ...], digest: str) -> str:
    """`poolsim run s.yaml --seed 7 --replications 10  # poolsim 0.1.0, digest 8f3c12ab34cd`."""
    words = ["poolsim", "run", source, "--seed", str(scenario.seed)]
    if not scenario.replications.metric:
        words += ["--replications", str(scenario.replications.count)]
    for override in overrides:
        words += ["--set", override]
    return f"{shlex.join(words)}  # poolsim {poolsim.__version__}, digest {digest[:_DIGEST_SHOWN]}"
