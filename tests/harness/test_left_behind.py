"""Ended at random points, a harness leaves nothing; killed, the next command removes it.

Two commands: one that starts a cluster, and one that records besides, with a proxy and a driver.
Bounded: a point in time lies within the start of one node or a recording of two seconds, so each
round takes seconds.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolsim.harness import cluster, processes
from poolsim.harness.cluster import checks
from poolsim.harness.place import current

pytestmark = [pytest.mark.container, pytest.mark.soak]

POINTS = 10
PLAN = """
name: brief
question: Does it leave anything behind?
seed: 1
duration: 2s
cluster:
  datacenters:
    dc1: {nodes: 1, network: {delay: 0.1ms}}
  node:
    workers: 8
    service: {lognormal: {median: 6.5ms, p99: 29ms}}
clients:
  - name: app
    driver: java3
    protocol: v4
    load:
      poisson: {rate: 100/s}
record:
  nodes: paced
  compare: [latency]
"""
COMMANDS = {
    "up": ["cluster", "up", "--nodes", "1"],
    "record": ["record", "brief.yaml", "--out", "recordings", "--repetitions", "1"],
}
"""What is ended: harness programs by name, all of which start a cluster of one node."""
LAST_WORDS = {"up": b"remove it with", "record": b"recordings/brief"}
"""What each prints when it has done its work."""


@pytest.fixture(autouse=True)
def clean(own, tmp_path, monkeypatch):
    """Whatever a round leaves is removed, so that one failure does not make others."""
    (tmp_path / "brief.yaml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    yield
    cluster.down()


def start(command: str) -> "subprocess.Popen[bytes]":
    # A recording that is there already would not be made again.
    shutil.rmtree("recordings", ignore_errors=True)
    return subprocess.Popen(
        [sys.executable, "-m", "poolsim", *COMMANDS[command]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )


def poolsim(*arguments: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "poolsim", *arguments], capture_output=True, timeout=300
    ).returncode


def what_is_left() -> list[str]:
    """Containers, processes and ports of this harness."""
    left = [f"process {pid}" for pid in processes.running()]
    found = cluster.status()
    if found is not None:
        left += [f"container of node {node.number}" for node in found.nodes]
        found.close()
    try:
        checks.check_addresses(current(), 1)
    except Exception as error:
        left.append(str(error))
    return left


class Duration:
    """How long a command takes when nobody ends it: the least that was seen, in seconds."""

    def __init__(self, command: str):
        begin = time.monotonic()
        with start(command) as process:
            process.communicate(timeout=300)
        assert process.returncode == 0
        self.least_s = time.monotonic() - begin
        cluster.down()

    def points(self, seed: int) -> Iterator[float]:
        """Random points within it, one in each tenth; more of them, should some come too late."""
        draws = random.Random(seed)
        for k in range(3 * POINTS):
            yield self.least_s * (k % POINTS + draws.random()) / POINTS

    def was_done(self, at_s: float) -> None:
        """It had come to its end at this point."""
        self.least_s = min(self.least_s, at_s)


@pytest.fixture(scope="module")
def durations() -> dict[str, Duration]:
    """By command, measured at first use."""
    return {}


def duration_of(command: str, durations: dict[str, Duration]) -> Duration:
    if command not in durations:
        durations[command] = Duration(command)
    return durations[command]


def end(command: str, at_s: float, number: int) -> int:
    """Start a command, end it by a signal at this point; gives its exit status.

    0 also when it had said its last words: a cluster that is up is what it is for.
    """
    with start(command) as process:
        time.sleep(at_s)
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=60)
    for recording in Path("recordings").glob("brief/[0-9]*"):
        assert (recording / "meta.json").is_file(), "a recording is there whole or not at all"
    return 0 if LAST_WORDS[command] in said else process.returncode


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_by_a_signal_it_leaves_nothing(own, durations, command, number):
    duration = duration_of(command, durations)
    ended: list[float] = []
    for at_s in duration.points(seed=number):
        status = end(command, at_s, number)
        if status == 0:
            duration.was_done(at_s)
            cluster.down()
            continue
        # Before its own handlers are there, a signal does what signals do by default.
        assert status in (130, -number), f"at {at_s:.2f} s: {status}"
        assert what_is_left() == [], f"ended at {at_s:.2f} s"
        ended.append(at_s)
        if len(ended) == POINTS:
            break
    assert len(ended) == POINTS


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("next_command", ["down", "up"])
def test_killed_the_next_command_removes_what_is_left(own, durations, command, next_command):
    duration = duration_of(command, durations)
    killed: list[float] = []
    left_something = 0
    for at_s in duration.points(seed=9):
        if end(command, at_s, signal.SIGKILL) == 0:
            duration.was_done(at_s)
            cluster.down()
            continue
        left_something += bool(what_is_left())
        if next_command == "up":
            assert poolsim("cluster", "up") == 0
            well = cluster.status()
            assert well is not None
            assert well.is_healthy()
            well.close()
        assert poolsim("cluster", "down") == 0
        assert what_is_left() == [], f"killed at {at_s:.2f} s"
        killed.append(at_s)
        if len(killed) == POINTS:
            break
    assert len(killed) == POINTS
    assert left_something, "no point hit a cluster that was starting"
