"""Ended at random points, a harness leaves nothing; killed, the next command removes it.

Bounded: a point in time lies within the start of one node, so each round takes seconds.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from poolsim.harness import cluster, processes
from poolsim.harness.cluster import checks
from poolsim.harness.place import current

pytestmark = pytest.mark.container

POINTS = 10
COMMANDS = {"up": ["cluster", "up", "--nodes", "1"]}
"""What is ended: harness programs by name, all of which start a cluster of one node."""


@pytest.fixture(autouse=True)
def clean(own):
    """Whatever a round leaves is removed, so that one failure does not make others."""
    yield
    cluster.down()


def start(command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "poolsim", *COMMANDS[command]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )


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


@pytest.fixture(scope="module")
def whole_s() -> dict[str, float]:
    """How long each command took when nobody ended it, in seconds; measured at first use."""
    return {}


def points(command: str, whole_s: dict[str, float], seed: int) -> list[float]:
    """Random points in time, in seconds: one in each tenth of the command's whole duration."""
    if command not in whole_s:
        begin = time.monotonic()
        with start(command) as process:
            assert process.wait(300) == 0
        whole_s[command] = time.monotonic() - begin
        cluster.down()
    draws = random.Random(seed)
    tenth = whole_s[command] / POINTS
    return [tenth * (k + draws.random()) for k in range(POINTS)]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_by_a_signal_it_leaves_nothing(own, whole_s, command, number):
    ended = 0
    for at_s in points(command, whole_s, seed=number):
        with start(command) as process:
            time.sleep(at_s)
            os.kill(process.pid, number)
            status = process.wait(60)
        if status == 0:
            # It was done a moment before: what it leaves is what it is for.
            cluster.down()
            continue
        ended += 1
        # Before its own handlers are there, a signal does what signals do by default.
        assert status in (130, -number), f"at {at_s:.2f} s: {status}"
        assert what_is_left() == [], f"ended at {at_s:.2f} s"
    assert ended >= POINTS - 2


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("next_command", ["down", "up"])
def test_killed_the_next_command_removes_what_is_left(own, whole_s, command, next_command):
    found_something = 0
    for at_s in points(command, whole_s, seed=9):
        with start(command) as process:
            time.sleep(at_s)
            process.kill()
            process.wait(60)
        found_something += bool(what_is_left())
        if next_command == "up":
            with start("up") as process:
                assert process.wait(300) == 0
            well = cluster.status()
            assert well is not None
            assert well.is_healthy()
            well.close()
        assert (
            subprocess.run(
                [sys.executable, "-m", "poolsim", "cluster", "down"],
                capture_output=True,
                timeout=60,
            ).returncode
            == 0
        )
        assert what_is_left() == [], f"killed at {at_s:.2f} s"
    assert found_something, "no point hit a cluster that was starting"
