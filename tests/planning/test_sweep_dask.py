"""The same sweep on a dask cluster: a real scheduler and two workers, processes of their own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planning.killed_sweeps import command, undisturbed
from tests.planning.small_scenario import POOLING, SMALL

pytest.importorskip("distributed")
STARTS_WITHIN_S = 60


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler on loopback with two workers."""
    file = tmp_path / "scheduler.json"
    words = [
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
         "0", "--no-dashboard", "--scheduler-file", str(file)],
        *[[sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file),
           "--nthreads", "1", "--nworkers", "1", "--no-dashboard", "--host", "127.0.0.1",
           "--local-directory", str(tmp_path)]] * 2,
    ]  # fmt: skip
    processes = []
    try:
        for one in words:
            processes.append(
                subprocess.Popen(one, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            wait_for(file)
        yield address_with_workers(file, 2)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def wait_for(file: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while not file.exists():
        assert time.monotonic() < end, "the scheduler did not start"
        time.sleep(0.05)


def address_with_workers(file: Path, count: int) -> str:
    from distributed import Client

    with Client(scheduler_file=str(file), timeout=STARTS_WITHIN_S) as client:
        client.wait_for_workers(count, timeout=STARTS_WITHIN_S)
        address = client.scheduler.address
        assert isinstance(address, str)
        return address


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
