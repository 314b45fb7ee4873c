"""The script that starts a container engine where there is none."""

import os
import subprocess
from pathlib import Path

import pytest

from poolsim.harness import files

SCRIPT = files.directory() / "image" / "engine.sh"


def script(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture
def elsewhere(tmp_path):
    """An engine of the test's own, in folders of its own."""
    # A socket's path has at most 108 bytes.
    return {
        "DOCKER_HOST": f"unix://{tmp_path}/s",
        "POOLSIM_ENGINE_DATA": str(tmp_path / "data"),
        "POOLSIM_ENGINE_RUN": str(tmp_path / "run"),
    }


def engine_processes(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if "dockerd " in line and str(folder) in line:
                found.append(line)
    return found


@pytest.mark.parametrize("arguments", [(), ("begin",)])
def test_wrong_usage_is_said(arguments):
    answer = script(*arguments)
    assert answer.returncode == 2
    assert "start|stop|status" in answer.stderr


def test_status_says_when_no_engine_answers(elsewhere):
    answer = script("status", **elsewhere)
    assert answer.returncode == 6
    assert "no engine answers" in answer.stderr


def test_stop_ends_nothing_that_was_not_started_here(elsewhere, tmp_path):
    (tmp_path / "run").mkdir()
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "run" / "id").write_text(str(other.pid))
        assert script("stop", **elsewhere).returncode == 0
        assert other.poll() is None
        other.kill()


def test_without_root_it_says_so(elsewhere):
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    answer = subprocess.run(
        [*(nobody if os.geteuid() == 0 else []), "bash", "-s", "start"],
        input=SCRIPT.read_text(),
        env={**os.environ, **elsewhere},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert answer.returncode == 6
    assert "only root" in answer.stderr


@pytest.mark.container
def test_it_starts_an_engine_once_and_ends_it(elsewhere, tmp_path):
    assert os.geteuid() == 0, "only root can start an engine"
    try:
        started = script("start", **elsewhere)
        assert started.returncode == 0, started.stderr
        assert len(engine_processes(tmp_path)) == 1
        assert script("status", **elsewhere).returncode == 0
        again = script("start", **elsewhere)
        assert "already" in again.stderr
        assert len(engine_processes(tmp_path)) == 1
    finally:
        stopped = script("stop", **elsewhere)
    assert "stopped" in stopped.stderr
    assert engine_processes(tmp_path) == []
    assert script("status", **elsewhere).returncode == 6
