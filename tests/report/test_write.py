"""The run's directory."""

import json
from pathlib import Path

import pandas as pd
import pytest

from poolsim.estimation.results import Results
from poolsim.report import html, write
from poolsim.report.machine import summary


def test_the_files_are_those_of_the_design(staircase: Results, tmp_path: Path) -> None:
    target = write.write_run(staircase, tmp_path / "run", report=True)
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    assert names == [
        "events.parquet",
        "plots",
        "plots/client-1.svg",
        "report.html",
        "scenario.resolved.yaml",
        "summary.json",
        "timeline.parquet",
    ]
    assert json.loads((target / "summary.json").read_text()) == summary(staircase)
    assert (target / "report.html").read_text() == html.render(staircase)
    assert (target / "scenario.resolved.yaml").read_text() == staircase.resolved


def test_tables_come_back_as_they_went(node_failure: Results, tmp_path: Path) -> None:
    target = write.write_run(node_failure, tmp_path / "run", report=False)
    assert not (target / "report.html").exists()
    for name in ("timeline", "events"):
        frame = pd.read_parquet(target / f"{name}.parquet")
        assert frame["replication"].unique().tolist() == list(range(10))
        first = frame[frame["replication"] == 0].drop(columns="replication").reset_index(drop=True)
        expected = getattr(node_failure.replications[0], name).reset_index(drop=True)
        pd.testing.assert_frame_equal(first, expected, check_dtype=False)


def test_by_default_a_run_has_a_place_of_its_own(
    staircase: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = write.write_run(staircase, None, report=False)
    assert target == Path("runs/pool-staircase-3f3f3f3f3f3f")
    assert (target / "summary.json").is_file()


def test_an_earlier_run_is_replaced(
    staircase: Results, node_failure: Results, tmp_path: Path
) -> None:
    write.write_run(staircase, tmp_path / "run", report=True)
    write.write_run(node_failure, tmp_path / "run", report=False)
    assert json.loads((tmp_path / "run/summary.json").read_text())["name"] == "node-failure"
    assert not (tmp_path / "run/report.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_other_things_are_not_replaced(staircase: Results, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(FileExistsError, match="other files"):
        write.write_run(staircase, tmp_path, report=False)
    with pytest.raises(FileExistsError, match="is a file"):
        write.write_run(staircase, tmp_path / "thesis.txt", report=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_report_that_fails_leaves_nothing(
    staircase: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(results: Results) -> None:
        raise RuntimeError("no paper")

    monkeypatch.setattr(html, "report_and_plots", fails)
    with pytest.raises(RuntimeError, match="no paper"):
        write.write_run(staircase, tmp_path / "run", report=True)
    assert list(tmp_path.iterdir()) == []
