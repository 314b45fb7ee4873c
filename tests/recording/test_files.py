"""A run's directory is there whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from poolsim.recording import frames
from poolsim.recording.files import RunFiles, run_directory, whole_directory, write_run
from poolsim.recording.frames import Columns, Names
from poolsim.recording.parquet import write_parquet
from poolsim.recording.recorder import Recorder
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import SECOND


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_directory_is_named_after_scenario_and_inputs() -> None:
    parent = Path("runs")
    assert run_directory(parent, "node-failure", "0123456789abcdef").name == (
        "node-failure-0123456789ab"
    )
    assert run_directory(parent, "../a b/é", "0" * 12).name == "a-b-000000000000"
    assert run_directory(parent, "..", "0" * 12).name == "scenario-000000000000"


def test_a_directory_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "one"
    with whole_directory(target) as building:
        (building / "file").write_text("new")
        assert not target.exists()
    assert names_in(target.parent) == ["one"]
    assert (target / "file").read_text() == "new"


def test_what_was_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "one"
    target.mkdir()
    (target / "old").write_text("old")
    with whole_directory(target) as building:
        (building / "file").write_text("new")
        assert names_in(target) == ["old"]
    assert names_in(target) == ["file"]
    assert names_in(tmp_path) == ["one"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "one"
    target.mkdir()
    (target / "old").write_text("old")

    def fail() -> None:
        with whole_directory(target) as building:
            (building / "file").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert names_in(target) == ["old"]
    assert names_in(tmp_path) == ["one"]


def test_a_failed_replacement_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "one"
    target.mkdir()
    (target / "old").write_text("old")
    replace = __import__("os").replace

    def only_aside(source: Path, to: Path) -> None:
        if to == target and source.name != "old":
            raise OSError("no")
        replace(source, to)

    monkeypatch.setattr("poolsim.recording.files.os.replace", only_aside)
    with pytest.raises(OSError, match="no"), whole_directory(target):
        pass
    assert names_in(target) == ["old"]
    assert names_in(tmp_path) == ["one"]


def test_parquet_holds_what_the_columns_hold(tmp_path: Path) -> None:
    names = Names(np.array([1, 0, 1]), ("é", ""))
    batch: Columns = {
        "name": names,
        "count": np.array([1, -2, 2**60]),
        "time_s": np.array([0.5, np.nan, 1e300]),
    }
    strided: Columns = {
        "name": names,
        "count": np.arange(6)[::2],
        "time_s": np.zeros((3, 2))[:, 0],
    }
    write_parquet(tmp_path / "table.parquet", [batch, strided])
    found = pandas.read_parquet(tmp_path / "table.parquet")
    assert found["name"].tolist() == ["", "é", ""] * 2
    assert found["count"].tolist() == [1, -2, 2**60, 0, 2, 4]
    assert found["time_s"].fillna(7).tolist() == [0.5, 7, 1e300, 0, 0, 0]
    assert [str(kind) for kind in found.dtypes][1:] == ["int64", "float64"]


def test_a_run_has_its_files(tmp_path: Path) -> None:
    scenario = runs.scenario()
    records = []
    for replication in range(2):
        recorder = Recorder(scenario, SECOND, keep_requests=tmp_path / f"rows-{replication}")
        end = runs.simulate(scenario, replication, recorder, engine="auto", progress=None)
        records.append(recorder.finish(end.end_ns, end.unfinished))
    files = RunFiles(
        resolved="seed: 7\n",
        summary={"schema_version": 1, "value": None},
        timeline=(frames.timeline_columns(record, scenario) for record in records),
        events=(frames.events_columns(record, scenario) for record in records),
        requests=tuple(r.request_file for r in records if r.request_file is not None),
    )

    def add(directory: Path) -> None:
        assert "timeline.parquet" in names_in(directory)
        (directory / "report.html").write_text("<p>")

    target = write_run(tmp_path / "runs" / "one", scenario, files, add)
    assert names_in(target) == [
        "events.parquet",
        "report.html",
        "requests.parquet",
        "scenario.resolved.yaml",
        "summary.json",
        "timeline.parquet",
    ]
    assert json.loads((target / "summary.json").read_text())["schema_version"] == 1
    timeline = pandas.read_parquet(target / "timeline.parquet")
    assert timeline.groupby("replication").size().tolist() == [30, 30]
    expected = frames.timeline(records[1], scenario)
    own = timeline[timeline["replication"] == 1].drop(columns="replication")
    assert own["latency_p99_s"].to_numpy().tolist() == pytest.approx(
        expected["latency_p99_s"].tolist(), nan_ok=True
    )
    requests = pandas.read_parquet(target / "requests.parquet")
    assert requests.groupby("replication").size().tolist() == [r.requests for r in records]
    assert set(requests["outcome"]) == {"ok"}


def test_a_summary_that_json_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    files = RunFiles("", {"value": float("nan")}, (), ())
    with pytest.raises(ValueError, match="JSON"):
        write_run(tmp_path / "one", runs.scenario(), files)
    assert names_in(tmp_path) == []
