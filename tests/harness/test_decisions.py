"""A recording of decisions: its plan, its progress, what is left when it is interrupted."""

import secrets
import sys
from pathlib import Path
from typing import Any

import pytest

from poolsim.harness import decisions, java3_walks, place
from poolsim.harness.decisions import DecisionDriver, RecordingFailed, record_decisions

RECORDER = """
import json, pathlib, sys
order = json.load(open(sys.argv[1]))
assert order["proxy_control"].startswith("127.0.0.1:")
with open({log!r}, "a") as log:
    for walk in order["walks"]:
        file = pathlib.Path(order["out"]) / (walk["name"] + ".jsonl")
        if file.exists():
            continue
        print(walk["name"], file=log)
        if walk["name"] in {bad!r}:
            print(json.dumps({{"walk": walk["name"], "error": "no node"}}), flush=True)
        else:
            file.write_text("trace")
            done = {{"walk": walk["name"], "operations": walk["operations"]}}
            print(json.dumps(done), flush=True)
"""


class Recording:
    """Records with a program that stands in for a driver's recorder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.log = folder / "log"
        self.out = folder / "out"
        self.said: list[dict[str, Any]] = []
        self.bad: list[str] = []
        patch.setitem(decisions.DRIVERS, "fake", DecisionDriver(self._plan, self._command))

    def _plan(self, count: int, operations: int, seed: int) -> list[dict[str, Any]]:
        return [{"name": f"w{seed}-{k}", "operations": operations} for k in range(count)]

    def _command(self) -> list[str]:
        return [sys.executable, "-c", RECORDER.format(log=str(self.log), bad=self.bad)]

    def record(self, walks: int) -> list[Path]:
        return record_decisions("fake", walks, 50, self.out, self.said.append, seed=3)

    @property
    def made(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").split() if self.log.exists() else []


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
    return Recording(tmp_path, monkeypatch)


def test_every_walk_becomes_a_file_and_is_told(recording: Recording) -> None:
    files = recording.record(3)
    assert [file.name for file in files] == ["w3-0.jsonl", "w3-1.jsonl", "w3-2.jsonl"]
    assert all(file.exists() for file in files)
    assert recording.said == [{"walk": f"w3-{k}", "operations": 50} for k in range(3)]


def test_what_is_there_is_not_recorded_again(recording: Recording) -> None:
    recording.record(2)
    recording.record(2)
    assert recording.made == ["w3-0", "w3-1"]
    (recording.out / "w3-0.jsonl").unlink()
    recording.record(3)
    assert recording.made == ["w3-0", "w3-1", "w3-0", "w3-2"]


def test_a_walk_that_fails_is_named_and_the_others_are_kept(recording: Recording) -> None:
    recording.bad = ["w3-1"]
    with pytest.raises(RecordingFailed, match=r"1 of 3 walks are missing:\nw3-1: no node"):
        recording.record(3)
    assert sorted(file.name for file in recording.out.iterdir()) == ["w3-0.jsonl", "w3-2.jsonl"]
    recording.bad = []
    assert len(recording.record(3)) == 3


def test_a_recorder_that_breaks_off_is_heard(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no class path')"]
    monkeypatch.setattr(recording, "_command", lambda: broken)
    monkeypatch.setitem(
        decisions.DRIVERS, "fake", DecisionDriver(recording._plan, recording._command)
    )
    with pytest.raises(RecordingFailed, match="no class path"):
        recording.record(1)


# The Java driver's walks --------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["java3", "dse"])
def test_the_same_seed_makes_the_same_walks(driver: str) -> None:
    walks = java3_walks.walks(driver, 60, 100, 5)
    assert walks == java3_walks.walks(driver, 60, 100, 5)
    assert walks[:20] == java3_walks.walks(driver, 20, 100, 5)
    assert walks != java3_walks.walks(driver, 60, 100, 6)
    assert len({walk["name"] for walk in walks}) == len({walk["seed"] for walk in walks}) == 60


def test_the_walks_cover_the_settings_that_matter() -> None:
    walks = java3_walks.walks("java3", len(java3_walks.FAMILIES), 100, 1)
    options = [walk["options"] for walk in walks]
    assert {walk["protocol"] for walk in walks} == {2, 3, 4}
    assert {walk["distance"] for walk in walks} == {"local", "remote"}
    thresholds = {
        (o["new_connection_threshold"] > o["max_requests"])
        - (o["new_connection_threshold"] < o["max_requests"])
        for o in options
    }
    assert thresholds == {-1, 0, 1}
    assert any(o["max_queue_size"] == 0 for o in options)
    assert any(o["pool_timeout_ms"] == 0 for o in options)
    assert any(o["core"] == 0 for o in options)
    assert any(o["core"] == o["max"] for o in options)


def test_the_driver_takes_the_walks_settings() -> None:
    for walk in java3_walks.walks("java3", 300, 100, 2):
        options = walk["options"]
        limit = 128 if walk["protocol"] < 3 else 32768
        assert 0 <= options["core"] <= options["max"]
        assert options["max"] >= 1
        assert 0 <= options["max_requests"] <= limit
        assert 0 <= options["new_connection_threshold"] <= limit
        assert 0 < options["reconnection_base_ms"] <= options["reconnection_max_ms"]
        address, port = walk["listen"].split(":")
        assert address.startswith("127.0.2.")
        assert 1 <= int(address.rpartition(".")[2]) <= 250
        assert int(port) > 1024
        # Where ids run out only what is written counts, so everything must be.
        assert walk["protocol"] > 2 or walk["mix"]["requests"] == 1.0
