"""A dask cluster on loopback: a real scheduler and two workers, processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN_S = 60
WORKERS = 2


@contextmanager
def dask_cluster(folder: Path) -> Iterator[str]:
    """The address of its scheduler; all of it ends with the block."""
    file = folder / "scheduler.json"
    common = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(file)]
    scheduler = ["distributed.cli.dask_scheduler", *common, "--port", "0"]
    worker = [
        "distributed.cli.dask_worker", *common, "--nthreads", "1", "--nworkers", "1",
        "--local-directory", str(folder),
    ]  # fmt: skip
    processes = []
    try:
        for words in (scheduler, *[worker] * WORKERS):
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *words],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            _wait_for(file)
        yield _address(file)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def _wait_for(file: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while not file.exists():
        assert time.monotonic() < end, "the scheduler did not start"
        time.sleep(0.05)


def _address(file: Path) -> str:
    from distributed import Client

    with Client(scheduler_file=str(file), timeout=STARTS_WITHIN_S) as client:
        client.wait_for_workers(WORKERS, timeout=STARTS_WITHIN_S)
        address = client.scheduler.address
        assert isinstance(address, str)
        return address
