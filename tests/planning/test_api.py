"""poolsim from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import poolsim
from poolsim.estimation.run import run_scenario
from poolsim.scenario.load import load_text
from poolsim.scenario.mistakes import ScenarioError
from tests.planning.small_scenario import POOLING, SMALL


def test_a_run_is_what_the_command_runs() -> None:
    run = poolsim.load(SMALL).run()
    expected = run_scenario(load_text(SMALL), source="scenario.yaml", jobs=1)
    assert run.results.digest == expected.digest
    assert run["latency.p99"] == expected.estimates["latency.p99"]
    assert run["latency"] == expected.estimates["latency.mean"]
    assert list(run.metrics.columns) == ["mean", "half_width", "count", "unit"]
    assert set(run.timeline["client"]) == {"app"}
    assert "✓ passed" in run._repr_html_()
    assert run.plot("in_flight").axes[0].get_ylabel() == "in flight"


def test_values_make_another_scenario(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    scenario = poolsim.load(file)
    other = scenario.with_values({f"{POOLING}.local.max": 3}).with_values({"seed": 4})
    assert other.scenario.clients[0].options.local.max == 3
    assert other.scenario.seed == 4
    assert scenario.scenario.clients[0].options.local.max == 2
    run = other.run(seed=5, replications=1)
    assert run.results.scenario.seed == 5
    assert run.results.reproduce.startswith(f"poolsim run {file} --seed 5 --replications 1")
    assert "small" in scenario._repr_html_()
    with pytest.raises(ScenarioError, match="unknown key"):
        scenario.with_values({f"{POOLING}.local.maxx": 3})


def test_a_sweep_has_frames_and_figures() -> None:
    swept = poolsim.load(SMALL).sweep(
        {f"{POOLING}.local.max": range(1, 4), f"{POOLING}.local.max_requests": "2,8"}
    )
    assert swept.points.shape[0] == 6
    assert swept.points[f"{POOLING}.local.max"].tolist() == [1, 1, 2, 2, 3, 3]
    assert 1 <= len(swept.front) <= 6
    assert swept.plot("wait.p99").axes
    assert swept.plot_front().axes
    assert "<table" in swept._repr_html_()


def test_a_recommendation_has_a_choice_and_reasons() -> None:
    scenario = poolsim.load(SMALL.replace("replications: 2", "replications: 3"))
    found = scenario.recommend({f"{POOLING}.local.core+max": "1..3"})
    assert found.choice is not None
    assert set(found.choice) == {f"{POOLING}.local.core+max"}
    assert set(found.margins["when"]) == {"in normal operation", "with one node lost"}
    assert found.near_optimal["extra_cost"].iloc[0] == 0
    assert found.reasons
    assert "The cheapest setting" in found.text()
    assert "chosen" in found._repr_html_()


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'save'"):
        _ = poolsim.save  # type: ignore[attr-defined]
