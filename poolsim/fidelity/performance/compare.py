"""Holds the figures of a plan's recordings against their simulations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from poolsim.fidelity.checks import Check, median, relative_check
from poolsim.fidelity.observed import Flags, Requests
from poolsim.fidelity.performance import figures
from poolsim.fidelity.performance.kept import Kept, kept
from poolsim.fidelity.performance.overhead import Overhead
from poolsim.fidelity.plans import Plan
from poolsim.fidelity.recordings import Recording
from poolsim.fidelity.simulated import PREDICTED, TRACE_DRIVEN, Simulated
from poolsim.fidelity.stalls import SMALLEST_SHARE, find_stalls
from poolsim.model.laws.durations import mean_ns

TIER = "T3"
P50_BAR = 0.05
P99_BAR = 0.10
THROUGHPUT_BAR = 0.05
REJECTIONS_BAR = 0.10
WAIT_BAR = 0.10

MOST_UTILISATION = 0.80
"""Above it no bar on latencies: queues there multiply every difference."""
FEWEST_REJECTED = 0.05
"""Rarer rejections are made by stalls."""
FEWEST_WAITING = 1 / 3

Runs = Sequence[tuple[Recording, Simulated]]


@dataclass(frozen=True, slots=True)
class Performance:
    """The figures of a plan, the share of requests kept of each recording, the recordings of which
    too little was kept (to be made again), and the utilisation of the nodes."""

    checks: tuple[Check, ...]
    shares: tuple[float, ...]
    to_repeat: tuple[str, ...]
    utilisation: float


@dataclass(frozen=True, slots=True)
class _Run:
    """One recording and its simulation, and what counts of them."""

    recording: Recording
    simulation: Simulated
    kept: Kept

    @property
    def real(self) -> Requests:
        return self.recording.observed.requests

    @property
    def simulated(self) -> Requests:
        return self.simulation.observed.requests


def compare_performance(runs: Runs, overhead: Overhead | None) -> Performance:
    """The figures of the third tier that a plan asks for, over its recordings.

    Args:
        runs: every recording with one simulation; all of one plan and one mode.
        overhead: the fitted constant, for the wait in the acquisition queue of real runs.
    """
    taken = [
        _Run(recording, simulation, kept(recording, simulation, find_stalls(recording)))
        for recording, simulation in runs
    ]
    shares = tuple(run.kept.share for run in taken)
    to_repeat = tuple(run.recording.name for run in taken if run.kept.share < SMALLEST_SHARE)
    usable = [run for run in taken if run.kept.share >= SMALLEST_SHARE]
    plan = runs[0][0].plan
    use = utilisation(plan, median([simulation.utilisation for _, simulation in runs]))
    if not usable:
        return Performance((), shares, to_repeat, use)
    checks: list[Check] = []
    if "latency" in plan.compare:
        checks += _latency(usable, plan, use)
    if "throughput" in plan.compare:
        checks.append(_throughput(usable, plan))
    if "rejections" in plan.compare:
        checks.append(_rejections(usable))
    if "wait" in plan.compare:
        checks += _wait(usable, overhead)
    if plan.nodes == "bare":
        checks = [_without_bar(check) for check in checks]
    return Performance(tuple(checks), shares, to_repeat, use)


def predicted_from_plan(performance: Performance) -> tuple[Check, ...]:
    """The figures of a second, purely predicted simulation: reported beside the others, no bar."""
    return tuple(
        replace(
            check,
            key=f"{check.key}.{PREDICTED}",
            figure=f"{check.figure}, predicted from the plan alone",
            bar=None,
            verdict="no bar",
            note="arrivals and service times drawn, not replayed",
        )
        for check in performance.checks
    )


def utilisation(plan: Plan, carried: float) -> float:
    """Of the nodes' workers, by construction: what is offered, or less where pools refuse some.

    Args:
        plan: gives rates, workers and mean service time.
        carried: share of the workers' time that the simulated successful requests took.
    """
    scenario, load = plan.scenario, plan.client.load
    if load.kind not in ("poisson", "uniform"):
        return carried
    highest = max([load.rate, *(phase.value for phase in load.phases)])
    workers = scenario.node.workers * len(scenario.node_names)
    offered = highest * mean_ns(scenario.node.service) / 1e9 / workers
    return min(offered, carried) if not load.phases else offered


def _latency(runs: Sequence[_Run], plan: Plan, use: float) -> list[Check]:
    is_measured = runs[0].simulation.mode == TRACE_DRIVEN or not plan.is_open
    checks = []
    for key, share, bar in (("p50", 0.5, P50_BAR), ("p99", 0.99, P99_BAR)):

        def value(requests: Requests, counted: Flags, share: float = share) -> float:
            latencies = figures.latencies_ns(requests, counted, from_start=is_measured)
            return figures.quantile_ms(latencies, share)

        has_bar = use <= MOST_UTILISATION
        note = "" if has_bar else f"utilisation {use:.0%}: no bar above {MOST_UTILISATION:.0%}"
        name = f"latency {key}"
        checks.append(_check(runs, key, name, "ms", value, bar if has_bar else None, note))
    return checks


def _throughput(runs: Sequence[_Run], plan: Plan) -> Check:
    real = [figures.throughput(run.real, run.kept.seconds) for run in runs]
    simulated = [figures.throughput(run.simulated, run.kept.seconds) for run in runs]
    bar = None if plan.is_open else THROUGHPUT_BAR
    note = "an open loop's throughput is what was offered: no evidence" if plan.is_open else ""
    return relative_check(TIER, "throughput", "throughput", "1/s", real, simulated, bar, note)


def _rejections(runs: Sequence[_Run]) -> Check:
    check = _check(
        runs,
        "rejections",
        "share rejected",
        "share",
        figures.rejected_share,
        REJECTIONS_BAR,
        "",
    )
    if median(check.real) >= FEWEST_REJECTED:
        return check
    return _without_bar(check, f"below {FEWEST_REJECTED:.0%} rejections come from stalls: no bar")


def _wait(runs: Sequence[_Run], overhead: Overhead | None) -> list[Check]:
    """Mean wait in the acquisition queue. The real one is what the way to the node took longer
    than it takes an unqueued request."""
    if overhead is None or any(run.recording.node is None for run in runs):
        return []
    real, simulated, waiting = [], [], []
    for run in runs:
        assert run.recording.node is not None
        way, arrived = figures.way_to_node_ns(run.real, run.recording.node)
        counted = run.kept.real & arrived
        real.append(figures.mean_wait_ms(way - overhead.base_ns, run.real, counted))
        waits, own = run.simulation.wait_ns, run.kept.simulated
        simulated.append(figures.mean_wait_ms(waits, run.simulated, own))
        waiting.append(figures.waiting_share(waits, run.simulated, own))
    share = median(waiting)
    bar = WAIT_BAR if share >= FEWEST_WAITING else None
    note = f"{share:.0%} of the simulated requests wait"
    if bar is None:
        note += ", less than a third: no bar"
    name = "mean wait in the acquisition queue"
    return [relative_check(TIER, "wait", name, "ms", real, simulated, bar, note)]


def _check(
    runs: Sequence[_Run],
    key: str,
    name: str,
    unit: str,
    value: Callable[[Requests, Flags], float],
    bar: float | None,
    note: str,
) -> Check:
    real = [value(run.real, run.kept.real) for run in runs]
    simulated = [value(run.simulated, run.kept.simulated) for run in runs]
    return relative_check(TIER, key, name, unit, real, simulated, bar, note)


def _without_bar(check: Check, note: str = "bare nodes: no bar on shared cores") -> Check:
    return replace(check, bar=None, verdict="no bar", note=note)
