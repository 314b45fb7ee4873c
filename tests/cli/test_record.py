"""`poolsim record`: what it refuses, what it skips, what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from poolsim.cli import app

PLAN = """\
name: tiny
duration: 1s
cluster:
  datacenters: {dc1: {nodes: NODES}}
  node: {workers: 2, service: {constant: 4ms}}
clients:
  - driver: java3
    options: {load_balancing: {token_aware: false}}
    load: {poisson: {rate: 100/s}}
record: {nodes: paced, repetitions: 2}
"""


class Harness:
    """Stands for cluster and recorder: notes what was asked, leaves a directory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.fails_at = ""
        monkeypatch.setattr("poolsim.harness.cluster.running_cluster", self.running_cluster)
        monkeypatch.setattr("poolsim.harness.recording.record.record", self.record)

    @contextmanager
    def running_cluster(self, nodes: int, *, say: Any) -> Iterator[int]:
        self.done.append(f"up {nodes}")
        yield nodes
        self.done.append("down")

    def record(self, repetition: Any, cluster: int, *, command: str) -> dict[str, Any]:
        from poolsim.harness.not_ready import NotReady

        name = f"{repetition.plan.name}/{repetition.number}"
        assert cluster == repetition.plan.nodes
        if name == self.fails_at:
            raise NotReady("the recorder ended early")
        self.done.append(name)
        repetition.directory.mkdir(parents=True)
        (repetition.directory / "plan.yaml").write_text(repetition.plan.text)
        (repetition.directory / "meta.json").write_text(json.dumps({"command": command}))
        return {"requests": 100, "late_backends": 3}


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Harness:
    monkeypatch.chdir(tmp_path)
    return Harness(monkeypatch)


def write(name: str, nodes: int = 1, **changes: str) -> str:
    text = PLAN.replace("tiny", name).replace("NODES", str(nodes))
    for old, new in changes.items():
        text = text.replace(old, new)
    Path(f"{name}.yaml").write_text(text)
    return f"{name}.yaml"


def record(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["record", *arguments])


def test_plans_are_recorded_by_the_size_of_their_cluster(harness: Harness) -> None:
    done = record(write("one"), write("two", nodes=2), write("also-one"), "--repetitions", "1")
    assert done.exit_code == 0, done.output
    assert harness.done == ["up 1", "one/1", "also-one/1", "down", "up 2", "two/1", "down"]
    assert done.stdout.split() == ["recordings/one", "recordings/two", "recordings/also-one"]
    assert "3 late responses" in done.stderr


def test_what_is_there_is_not_made_again(harness: Harness) -> None:
    plan = write("one")
    harness.fails_at = "one/2"
    failed = record(plan, "--out", "kept")
    assert failed.exit_code == 6
    assert "the recorder ended early" in failed.stderr
    harness.fails_at, harness.done = "", []
    assert record(plan, "--out", "kept").exit_code == 0
    assert harness.done == ["up 1", "one/2", "down"]
    harness.done = []
    again = record(plan, "--out", "kept")
    assert again.exit_code == 0
    assert harness.done == [], "nothing is missing: no cluster is started"
    assert "2 of 2 repetitions are there already" in again.stderr


def test_recordings_of_another_plan_are_not_mixed(harness: Harness) -> None:
    plan = write("one")
    assert record(plan).exit_code == 0
    changed = record(write("one", **{"100/s": "200/s"}))
    assert changed.exit_code == 2
    assert "remove recordings/one" in changed.stderr


def test_two_plans_of_one_name_are_refused(harness: Harness) -> None:
    plan = write("one")
    Path("copy.yaml").write_text(Path(plan).read_text())
    done = record(plan, "copy.yaml")
    assert done.exit_code == 2
    assert "same name: one" in done.stderr
    assert harness.done == []


def test_a_wrong_plan_starts_nothing(harness: Harness) -> None:
    path = write("one", **{"record: {nodes: paced, repetitions: 2}": ""})
    done = record(write("two"), path)
    assert done.exit_code == 3
    assert done.stderr.startswith("one.yaml:1:1: record: missing")
    assert record(write("four", nodes=4)).exit_code == 3
    assert record("missing.yaml").exit_code == 3
    assert record().exit_code == 2
    assert harness.done == []
