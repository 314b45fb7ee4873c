"""A real cluster in containers, apart from any other on this machine."""

import os
import signal
import subprocess
import sys

import pytest

from poolsim.harness import cluster, processes
from poolsim.harness.cluster import checks, cql, settings
from poolsim.harness.place import current

pytestmark = pytest.mark.container


def poolsim(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "poolsim", "cluster", *arguments],
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.fixture(autouse=True)
def clean(own):
    """Whatever a test leaves is removed, so that one failure does not make others."""
    yield
    cluster.down()


def ask(address: str, statement: str) -> list[list[bytes | None]]:
    return cql.query(address, settings.NATIVE_PORT, statement, 10)


def test_up_status_down_by_command(own):
    assert poolsim("status").returncode == 6
    up = poolsim("up")
    assert up.returncode == 0, up.stderr
    assert f"{own.address}:9042" in up.stdout
    again = poolsim("up")
    assert (again.returncode, again.stderr) == (0, "")
    assert "up already" in again.stdout
    status = poolsim("status")
    assert status.returncode == 0
    assert "healthy" in status.stdout
    down = poolsim("down")
    assert down.returncode == 0
    assert "removed containers: 1" in down.stdout
    assert "nothing to remove" in poolsim("down").stdout
    assert poolsim("status").returncode == 6
    checks.check_addresses(current(), 1)


def test_faults_are_what_a_client_sees_and_the_data_stay(own):
    with cluster.running_cluster(1) as running:
        node = running.node(1)
        host_id = ask(own.address, "SELECT host_id FROM system.local")
        assert node.memory_mib() < settings.MEMORY_MIB

        node.pause()
        assert node.state() == "paused"
        with pytest.raises(TimeoutError):
            cql.query(own.address, settings.NATIVE_PORT, "SELECT key FROM system.local", 0.5)
        node.unpause()
        assert node.answers()

        for end in (node.kill, node.stop):
            end()
            assert node.state() == "exited"
            with pytest.raises(ConnectionRefusedError):
                ask(own.address, "SELECT key FROM system.local")
            node.start()
            node.wait_until_up()
            assert ask(own.address, "SELECT host_id FROM system.local") == host_id
        assert running.is_healthy()

        node.pin("0")
        node.kill()
    assert cluster.status() is None


def test_two_nodes_are_a_ring_and_another_number_replaces_them(own):
    two = cluster.up(2)
    assert two.is_healthy()
    two.node(2).kill()
    assert not two.is_healthy()
    two.mend()
    assert two.is_healthy()
    two.close()
    one = cluster.up(1)
    assert not one.found
    assert one.addresses == (own.address,)
    one.close()


OWNER = """
import time
from poolsim.harness import cluster, processes
with cluster.running_cluster(1):
    processes.start(["setsid", "--fork", "sleep", "600"])
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_program_with_a_cluster_is_ended(own, number, wait_until):
    program = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        wait_until(processes.running)
        refused = poolsim("up")
        assert refused.returncode == 6
        assert f"process {program.pid} uses the cluster" in refused.stderr
        os.kill(program.pid, number)
        program.wait(60)
    if number == signal.SIGKILL:
        assert cluster.status() is not None
        next_one = poolsim("up")
        assert next_one.returncode == 0
        assert "removing what is left" in next_one.stderr
        assert processes.running() == []
        cluster.down()
    assert cluster.status() is None
    assert processes.running() == []
    checks.check_addresses(current(), 1)
