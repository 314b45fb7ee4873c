"""From a scenario to results and files: the same whatever the number of processes."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import poolsim
from poolsim.estimation import run as running
from poolsim.estimation.progress import bar
from poolsim.estimation.replication import RecordedReplication
from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.recording.recorder import Recorder
from poolsim.scenario.metrics import parse_expectation
from poolsim.scenario.scenario import Replications, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import SECOND


@pytest.fixture(autouse=True)
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """These scenarios come from no file."""
    monkeypatch.setattr(running, "_resolved", lambda scenario: f"seed: {scenario.seed}\n")


def small(**changed: Any) -> Scenario:
    complete = runs.scenario(
        node=runs.Node(1, runs.Law("exponential", mean_ns=500_000)),
        duration_ns=2 * SECOND,
        replications=Replications(4),
        expectations=(parse_expectation("latency.p50 < 10ms"), parse_expectation("errors == 0")),
    )
    return replace(complete, **changed)


def run(scenario: Scenario, **more: Any) -> Results:
    arguments: dict[str, Any] = {"source": "s.yaml", "jobs": 1, "simulate": runs.simulate}
    return run_scenario(scenario, **(arguments | more))


def test_results_say_what_the_replications_say() -> None:
    scenario = small()
    results = run(scenario, warnings=("first",), overrides=("cluster.node.workers=1",))
    assert [replication.index for replication in results.replications] == [0, 1, 2, 3]
    assert len({replication.digest for replication in results.replications}) == 4
    values = [replication.metrics["latency.p50"] for replication in results.replications]
    found = results.estimates["latency.p50"]
    assert found.mean == pytest.approx(sum(values) / 4)
    assert (found.count, found.unit) == (4, "s")
    assert results.estimates["error_rate"].unit == "share"
    assert results.estimates["api/requests"].unit == "count"
    assert [verdict.status for verdict in results.verdicts] == ["passed", "passed"]
    assert results.exit_code == 0
    assert results.warnings == ("first",)
    assert results.interval_s == 0.005
    total = sum(replication.timeline["requests"].sum() for replication in results.replications)
    assert results.numbers == {"requests": total, "events": 4 * total}
    assert results.reproduce == (
        "poolsim run s.yaml --seed 7 --replications 4 --set cluster.node.workers=1"
        f"  # poolsim {poolsim.__version__}, digest {results.digest[:12]}"
    )


def test_processes_change_nothing() -> None:
    here, there = run(small()), run(small(), jobs=2)
    assert here.digest == there.digest
    assert here.estimates == there.estimates
    assert here.verdicts == there.verdicts
    for one, other in zip(here.replications, there.replications, strict=True):
        assert one.timeline.equals(other.timeline)
        assert one.events.equals(other.events)


def test_seed_and_replication_decide_the_digest() -> None:
    assert run(small()).digest == run(small()).digest
    assert run(small()).digest != run(small(seed=8)).digest


def failing_second(
    scenario: Scenario,
    replication: int,
    recorder: Recorder,
    *,
    engine: str,
    progress: Callable[[float, int], None] | None,
) -> runs.End:
    if replication == 1:
        raise ArithmeticError("the second one fails")
    return runs.simulate(scenario, replication, recorder, engine=engine, progress=progress)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_an_engine_raises_comes_out(jobs: int) -> None:
    with pytest.raises(ArithmeticError, match="the second one fails"):
        run(small(), jobs=jobs, simulate=failing_second)


def test_replications_stop_when_the_metric_is_known(tmp_path: Path) -> None:
    until = Replications(3, metric="latency.mean", half_width=0.08, maximum=30)
    scenario = small(replications=until)
    one = run(scenario, requests_into=tmp_path)
    assert 3 < len(one.replications) < 30
    assert one.estimates["latency.mean"].half_width <= 0.08 * one.estimates["latency.mean"].mean
    assert "--replications" not in one.reproduce
    assert one.warnings == ()
    assert len(list(tmp_path.iterdir())) == len(one.replications)
    several = run(scenario, jobs=2, requests_into=tmp_path)
    assert several.digest == one.digest
    assert len(list(tmp_path.iterdir())) == len(one.replications)


def test_a_metric_that_is_not_known_at_the_maximum_is_said() -> None:
    until = Replications(2, metric="latency.mean", half_width=0.0001, maximum=3)
    results = run(small(replications=until))
    assert len(results.replications) == 3
    assert results.warnings == (
        "latency.mean is not known to 0.0001 of its mean after 3 replications",
    )


def starting_slowly(
    scenario: Scenario,
    replication: int,
    recorder: Recorder,
    *,
    engine: str,
    progress: Callable[[float, int], None] | None,
) -> runs.End:
    """All latencies of the first 300 ms are 50 ms longer."""

    class Slow:
        request_count = 0

        def requests(self, rows: runs.Rows) -> None:
            rows = rows.copy()
            early = rows[:, runs.COLUMN["intended_ns"]] < 300_000_000
            rows[early, runs.COLUMN["ended_ns"]] += 50_000_000
            recorder.requests(rows)

        def __getattr__(self, name: str) -> Any:
            return getattr(recorder, name)

    slow: Any = Slow()
    return runs.simulate(scenario, replication, slow, engine=engine, progress=progress)


def test_the_warm_up_is_deleted_and_both_estimates_are_told() -> None:
    results = run(small(warm_up_ns=None), simulate=starting_slowly)
    assert 0.3 <= results.warm_up_s <= 1.0
    assert results.estimates["latency.max"].mean < 0.05
    (warning,) = results.warnings
    assert warning.startswith(f"warm-up of {results.warm_up_s:.4g} s deleted (MSER-5)")
    assert "latency.p99" in warning
    assert "with nothing deleted" in warning
    given = run(small(warm_up_ns=0), simulate=starting_slowly)
    assert given.warm_up_s == 0
    assert given.estimates["latency.max"].mean > 0.05


def test_an_interval_that_straddles_the_limit_is_exit_4_and_a_failure_exit_1() -> None:
    mean = run(small()).estimates["latency.p99"].mean
    open_ = small(expectations=(parse_expectation(f"latency.p99 < {mean * 1e6:.0f}us"),))
    assert run(open_).exit_code == 4
    failed = (parse_expectation("errors > 0"), *open_.expectations)
    assert run(small(expectations=failed)).exit_code == 1


def test_a_replication_travels_without_its_frames() -> None:
    (replication, *_) = run(small()).replications
    frame = replication.timeline
    assert replication.timeline is frame
    copy = pickle.loads(pickle.dumps(replication))
    assert isinstance(copy, RecordedReplication)
    assert copy == replication
    assert copy.metrics == pytest.approx(replication.metrics, rel=0, abs=0, nan_ok=True)
    assert copy.timeline.equals(frame)


class Told:
    def __init__(self) -> None:
        self.updates: list[tuple[int, float, int]] = []

    def update(self, replication: int, share: float, requests: int) -> None:
        self.updates.append((replication, share, requests))


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told(jobs: int) -> None:
    told = Told()
    results = run(small(), jobs=jobs, progress=told)
    assert told.updates[:4] == [(replication, 0.0, 0) for replication in range(4)]
    for replication in results.replications:
        done = [update for update in told.updates if update[:2] == (replication.index, 1.0)]
        assert done[-1][2] == replication.timeline["requests"].sum()


def test_a_bar_shows_on_a_terminal_only() -> None:
    for terminal in (True, False):
        text = StringIO()
        console = Console(file=text, force_terminal=terminal, width=100)
        with bar(console) as shown:
            for replication in range(3):
                shown.update(replication, 0.0, 0)
            shown.update(0, 1.0, 1000)
            shown.update(0, 0.5, 10)
        assert bool(text.getvalue()) == terminal
        assert ("1/3 replications" in text.getvalue()) == terminal


def test_a_run_needs_no_pandas() -> None:
    code = (
        "import sys\n"
        "from tests.recording import synthetic_runs as runs\n"
        "from poolsim.estimation import run as running\n"
        "running._resolved = lambda scenario: ''\n"
        "scenario = runs.scenario(replications=runs.Replications(2))\n"
        "running.run_scenario(scenario, source='s.yaml', jobs=1, simulate=runs.simulate)\n"
        "heavy = {'pandas', 'scipy.stats', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env={"PYTHONPATH": "."})
