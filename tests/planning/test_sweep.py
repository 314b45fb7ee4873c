from pathlib import Path

import pytest

from poolsim.estimation.run import run_scenario
from poolsim.planning.evaluate import Task, evaluate, kept_metrics
from poolsim.planning.execute import Executor
from poolsim.planning.points import from_text
from poolsim.planning.space import parse_space
from poolsim.planning.sweep import SweepResults, plan_sweep, run_sweep
from poolsim.scenario.load import load_text
from tests.planning.small_scenario import POOLING, SMALL

SPACE = [f"{POOLING}.local.max=1..3", f"{POOLING}.local.max_requests=2,4,8"]
SOURCE = from_text(SMALL, "small.yaml")


def swept(directory: Path | None = None, jobs: int = 1) -> SweepResults:
    plan = plan_sweep(SOURCE, parse_space(SPACE))
    return run_sweep(plan, Executor(jobs), directory)


def test_a_point_is_what_run_says_of_the_same_settings() -> None:
    results = swept()
    for number in (0, 5):
        overrides = results.points[number].loaded.point.overrides
        run = run_scenario(load_text(SMALL, overrides=overrides), source="small.yaml", jobs=1)
        outcome = results.points[number].outcome
        assert outcome is not None
        assert outcome.digest == run.digest
        assert results.points[number].loaded.inputs == run.inputs
        assert outcome.verdicts(run.scenario.expectations) == run.verdicts
        assert all(outcome.estimate(name) == run.estimates[name] for name in results.plan.metrics)


def test_a_warm_up_and_a_number_of_replications_from_the_data_are_those_of_run() -> None:
    text = SMALL.replace("warm_up: 0s", "warm_up: auto").replace(
        "replications: 2", "replications: {until: {metric: latency.p99, half_width: 20%}, min: 3}"
    )
    scenario = load_text(text)
    run = run_scenario(scenario, source="small.yaml", jobs=1)
    outcome = evaluate(Task(0, scenario, kept_metrics(scenario)))
    assert outcome.replications == len(run.replications) >= 3
    assert outcome.digest == run.digest
    assert outcome.warm_up_ns * 1e-9 == run.warm_up_s
    assert outcome.estimate("latency.p99") == run.estimates["latency.p99"]


def test_every_point_has_the_same_arrivals() -> None:
    assert len({point.estimate("requests").mean for point in swept().points}) == 1
    rejected = [point.estimate("wait.mean").mean for point in swept().points]
    assert len(set(rejected)) > 1, "and not the same results"


def test_the_number_of_processes_changes_nothing() -> None:
    assert swept(jobs=2).frame().equals(swept(jobs=1).frame())


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    whole = swept(tmp_path)
    journal = tmp_path / "points.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:5]) + lines[5][:40])
    again = swept(tmp_path)
    assert again.resumed == 4
    assert again.frame().equals(whole.frame())
    assert len(journal.read_bytes().splitlines()) == len(lines)


def test_the_front_leaves_out_what_fails_and_the_cost_is_the_formula_s() -> None:
    text = SMALL.replace("wait.p99 < 5ms", "wait.p99 < 1ms")
    text = text.replace("replications: 2", "replications: 5")
    text += "cost: open_connections.max * 10 + max_requests\n"
    plan = plan_sweep(from_text(text, "small.yaml"), parse_space(SPACE))
    results = run_sweep(plan, Executor(1))
    frame = results.frame()
    assert {"passed", "failed"} <= set(frame["status"])
    assert (frame.loc[frame["on_front"], "status"] == "passed").all()
    expected = frame["open_connections.max"] * 10 + frame[f"{POOLING}.local.max_requests"]
    assert frame["cost"].tolist() == pytest.approx(expected.tolist())
