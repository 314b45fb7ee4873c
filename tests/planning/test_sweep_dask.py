"""The same sweep on a dask cluster: a real scheduler and two workers, processes of their own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planning.dask_cluster import dask_cluster
from tests.planning.killed_sweeps import command, undisturbed
from tests.planning.small_scenario import POOLING, SMALL

pytest.importorskip("distributed")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    with dask_cluster(tmp_path) as address:
        yield address


def test_a_dask_cluster_gives_identical_results(tmp_path: Path, scheduler: str) -> None:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SMALL)
    settings = [f"{POOLING}.local.max_requests=1..12"]
    here = undisturbed(
        command(scenario, settings, tmp_path / "here", "--jobs", "1"), tmp_path / "here"
    )
    there = tmp_path / "there"
    assert undisturbed(command(scenario, settings, there, "--dask", scheduler), there) == here


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path) -> None:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SMALL)
    words = command(
        scenario, [f"{POOLING}.local.max=1,2"], tmp_path / "out", "--dask", "tcp://127.0.0.1:1"
    )
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 6
    assert "no dask scheduler answers at tcp://127.0.0.1:1" in ended.stderr
