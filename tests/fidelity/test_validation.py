"""What a validation records, and that it goes on where it was."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from poolsim.fidelity.validation import course
from poolsim.fidelity.validation import programme as programmes
from poolsim.fidelity.validation.clock import Clock
from poolsim.fidelity.validation.programme import Programme, Walks, programme
from poolsim.harness.not_ready import NotReady
from poolsim.harness.recording.record import Plan, Repetition, repetitions
from poolsim.scenario.load import load_text
from tests.fidelity import synthetic_recordings as synthetic

TRACE = Path(__file__).parent / "traces" / "java3-2.jsonl"


def test_the_quick_programme(tmp_path: Path) -> None:
    wanted = programme(tmp_path, quick=True)
    assert [walks.driver for walks in wanted.walks] == ["java3", "python"]
    assert all(walks.walks * walks.operations >= 10_000 for walks in wanted.walks)
    assert [(one.plan.name, one.plan.nodes) for one in wanted.repetitions] == [
        ("trash", 1),
        ("kill-one-of-two", 2),
    ]
    assert wanted.sizes == [1, 2]


def test_the_full_programme(tmp_path: Path) -> None:
    wanted = programme(tmp_path, quick=False)
    assert sum(walks.walks for walks in wanted.walks) >= 300
    assert sum(walks.walks * walks.operations for walks in wanted.walks) >= 500_000
    assert {walks.driver for walks in wanted.walks} == {
        "java3",
        "dse",
        "python",
        "python-legacy",
        "nodejs",
    }
    bare = [one.plan for one in wanted.repetitions if one.plan.name.endswith("-bare")]
    assert {plan.name for plan in bare} == {f"{name}-bare" for name in programmes.BARE}
    for plan in bare:
        assert plan.scenario.recording is not None
        assert plan.scenario.recording.nodes == "bare"
    five = [one.number for one in wanted.repetitions if one.plan.name == "growth"]
    assert five == [1, 2, 3, 4, 5]


class Harness:
    """Stands for the cluster, the recorders and the drivers."""

    def __init__(self) -> None:
        self.clusters: list[int] = []
        self.recorded: list[str] = []
        self.walked: list[str] = []
        self.spoiled = 0

    @contextmanager
    def running_cluster(self, nodes: int, **_said: Any) -> Iterator[Any]:
        self.clusters.append(nodes)
        yield SimpleNamespace(contact_points=("127.0.0.1:9042",))

    def record(self, repetition: Repetition, _cluster: Any, *, command: str) -> None:
        self.recorded.append(f"{repetition.plan.name}/{repetition.number}")
        spoil = [synthetic.stall_at(second) for second in range(0, 11, 2)] if self.spoiled else []
        self.spoiled = max(0, self.spoiled - 1)
        parent = repetition.directory.parent.parent
        synthetic.write(parent, repetition.plan.text, *spoil, repetition=repetition.number)

    def record_decisions(
        self, driver: str, walks: int, _operations: int, out: Path, progress: Any, **_rest: Any
    ) -> list[Path]:
        self.walked.append(driver)
        out.mkdir(parents=True, exist_ok=True)
        files = [out / f"{number}.jsonl" for number in range(walks)]
        for file in files:
            shutil.copy(TRACE, file)
            progress({"walk": file.stem})
        return files


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Harness:
    fake = Harness()
    for name in ("running_cluster", "record", "record_decisions"):
        monkeypatch.setattr(course, name, getattr(fake, name))
    return fake


def _plan(text: str) -> Plan:
    return Plan(load_text(text), text)


def _programme(recordings: Path) -> Programme:
    plans = [_plan(synthetic.STEADY_PLAN), _plan(synthetic.LOSS_PLAN)]
    return Programme((Walks("java3", 2, 100),), tuple(repetitions(plans, recordings, 2)))


def _silent(_line: str) -> None:
    pass


def test_what_is_missing_is_recorded_once(tmp_path: Path, harness: Harness) -> None:
    traces = course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", _silent)
    assert len(traces) == 2
    assert harness.clusters == [1, 2]
    assert harness.recorded == ["steady/1", "steady/2", "loss/1", "loss/2"]
    shutil.rmtree(tmp_path / "loss" / "2")
    again = course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", _silent)
    assert again == traces
    assert harness.clusters == [1, 2, 2]
    assert harness.recorded[4:] == ["loss/2"]
    assert harness.walked == ["java3"]


def test_a_spoiled_repetition_is_made_again(tmp_path: Path, harness: Harness) -> None:
    said: list[str] = []
    harness.spoiled = 1
    course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", said.append)
    assert harness.recorded[:2] == ["steady/1", "steady/1"]
    assert any("made again" in line for line in said)
    assert any("left" in line for line in said)


def test_a_repetition_is_not_made_for_ever(tmp_path: Path, harness: Harness) -> None:
    said: list[str] = []
    harness.spoiled = 3
    course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", said.append)
    assert harness.recorded[:4] == ["steady/1"] * 3 + ["steady/2"]
    assert any("kept as it is after 3 attempts" in line for line in said)


def test_another_version_of_a_plan_is_not_mixed_in(tmp_path: Path, harness: Harness) -> None:
    course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", _silent)
    (tmp_path / "steady" / "1" / "plan.yaml").write_text(synthetic.STEADY_PLAN + "\n")
    with pytest.raises(course.StaleRecording, match="another version of its plan"):
        course.record_all(_programme(tmp_path), tmp_path, "poolsim validate", _silent)


def test_the_command_from_recordings_to_exit_code(
    tmp_path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        programmes, "programme", lambda recordings, **_quick: _programme(recordings)
    )
    out = tmp_path / "report"
    arguments = ["validate", "--quick", "--out", str(out)]
    arguments += ["--recordings", str(tmp_path / "recordings")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert (out / "index.html").is_file()
    assert (out / "report.md").is_file()


def test_a_missing_engine_is_said(
    tmp_path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_engine(*_: Any, **__: Any) -> Any:
        raise NotReady("no container engine answers")

    monkeypatch.setattr(course, "running_cluster", no_engine)
    arguments = ["validate", "--quick", "--out", str(tmp_path / "report")]
    result = CliRunner().invoke(app, [*arguments, "--recordings", str(tmp_path / "recordings")])
    assert result.exit_code == 6
    assert "no container engine answers" in result.output
    assert not (tmp_path / "report" / "index.html").exists()


def test_the_time_that_is_left() -> None:
    clock = Clock([3600.0, 3600.0, 600.0])
    assert clock.left == "about 2 h 10 min left"
    clock.begin()
    clock.end(7200.0)
    # Nothing took any time: what is left takes none either.
    assert clock.left == "less than a minute left"
