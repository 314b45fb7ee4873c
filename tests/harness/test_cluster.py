"""The cluster without an engine: what is checked, what is said, what is removed and when."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from poolsim.harness import cluster, ending, processes
from poolsim.harness.cluster import checks, image, lifecycle, settings
from poolsim.harness.cluster.nodes import Cluster, Node
from poolsim.harness.not_ready import NotReady
from poolsim.harness.place import Place


def poolsim(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "poolsim", "cluster", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_no_engine_is_exit_6_and_says_what_to_do(own, tmp_path, command):
    answer = poolsim(command, DOCKER_HOST=f"unix://{tmp_path}/none")
    assert answer.returncode == 6
    assert "no container engine answers" in answer.stderr
    assert "engine.sh start" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("nodes", ["0", "10", "two"])
def test_an_impossible_number_of_nodes_is_wrong_usage(nodes):
    assert poolsim("up", "--nodes", nodes).returncode == 2
    if nodes.isdigit():
        with pytest.raises(ValueError, match="1 to 9"):
            cluster.up(int(nodes))


def test_help_teaches():
    answer = poolsim("--help")
    assert answer.returncode == 0
    for expected in ("poolsim cluster up --nodes 3", "status", "down", "cassandra:5.0"):
        assert expected in answer.stdout


@pytest.mark.parametrize("at", ["127.0.0.1", "0.0.0.0", "::"])
def test_an_occupied_port_is_named_with_its_program(own, monkeypatch, at):
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    address = own.address if at == "127.0.0.1" else at
    with socket.create_server((address, 0), family=family, dualstack_ipv6=at == "::") as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(checks, "NATIVE_PORT", port)
        with pytest.raises(NotReady) as said:
            checks.check_addresses(Place(own.name, own.network), 1)
        assert f"{own.address}:{port} (by " in str(said.value)
        assert f"process {os.getpid()})" in str(said.value)
    checks.check_addresses(Place(own.name, own.network), 1)


def test_a_listener_on_another_address_is_not_named(own):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert checks.occupant("127.0.0.1", port)
        assert checks.occupant(own.address, port) is None


@pytest.mark.parametrize(
    ("available_mib", "nodes", "advice"),
    [(1791, 1, "end other programs"), (1792, 1, None), (4000, 3, "try --nodes 2"), (4864, 3, None)],
)
def test_too_little_memory_is_said_with_what_fits(
    tmp_path, monkeypatch, available_mib, nodes, advice
):
    file = tmp_path / "meminfo"
    file.write_text(f"MemTotal: 99999999 kB\nMemAvailable: {available_mib * 1024} kB\n")
    monkeypatch.setattr(checks, "_MEMORY", file)
    if advice is None:
        checks.check_memory(nodes)
    else:
        with pytest.raises(NotReady, match=advice) as said:
            checks.check_memory(nodes)
        assert f"{available_mib} MiB available" in str(said.value)


def test_only_linux_has_the_addresses(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NotReady, match="Linux"):
        checks.check_platform()


@pytest.mark.parametrize("nodes", range(1, settings.MAX_NODES + 1))
def test_tokens_cut_the_ring_into_equal_parts(nodes):
    tokens = [
        int(settings.environment(Place(), node, nodes)["JVM_EXTRA_OPTS"].rpartition("=")[2])
        for node in range(1, nodes + 1)
    ]
    assert all(-(1 << 63) < token < 1 << 63 for token in tokens)
    gaps = {right - left for left, right in pairwise(tokens)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_a_node_knows_its_place_and_all_seeds():
    variables = settings.environment(Place(network="127.1.2"), 2, 3)
    assert variables["CASSANDRA_LISTEN_ADDRESS"] == "127.1.2.2"
    assert variables["CASSANDRA_SEEDS"] == "127.1.2.1,127.1.2.2,127.1.2.3"


# Which image


@dataclass
class Images:
    """An engine that knows images only."""

    there: set[str] = field(default_factory=set)
    refusal: str | None = "no such host"
    pulled: list[str] = field(default_factory=list)

    def has_image(self, name):
        return name in self.there

    def pull(self, name):
        self.pulled.append(name)
        return self.refusal


@pytest.fixture
def built(monkeypatch):
    """Builds that were asked for."""
    asked = []
    monkeypatch.setattr(image, "_build", lambda: asked.append("build"))
    monkeypatch.setattr(image, "built_name", lambda: "poolsim-cassandra:abc")
    monkeypatch.setattr(image, "missing_for_a_build", list)
    return asked


def test_the_official_image_is_used_where_it_is(built):
    engine = Images(there={"cassandra:5.0", "poolsim-cassandra:abc"})
    assert image.provide(engine, print) == "cassandra:5.0"
    assert (engine.pulled, built) == ([], [])


def test_a_built_image_is_used_without_asking_a_registry(built):
    engine = Images(there={"poolsim-cassandra:abc"})
    assert image.provide(engine, print) == "poolsim-cassandra:abc"
    assert (engine.pulled, built) == ([], [])


def test_the_official_image_is_pulled_where_it_can_be(built):
    assert image.provide(Images(refusal=None), print) == "cassandra:5.0"
    assert built == []


def test_otherwise_one_is_built_and_the_reason_said(built):
    said = []
    assert image.provide(Images(), said.append) == "poolsim-cassandra:abc"
    assert built == ["build"]
    assert any("no such host" in line for line in said)


def test_what_a_build_lacks_is_named(built, monkeypatch):
    monkeypatch.setattr(image, "missing_for_a_build", lambda: ["mvn", "root"])
    with pytest.raises(NotReady, match="needs mvn, root"):
        image.provide(Images(), print)
    assert built == []


def test_programs_are_looked_for_on_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert image.missing_for_a_build() == ["bash", "docker", "debootstrap", "mvn", "root"]


def test_the_name_of_the_image_is_known_without_building():
    name = image.built_name()
    assert name.startswith("poolsim-cassandra:")
    assert image.built_name() == name


# Up, used, found, cut off


@dataclass
class Container:
    """What the engine tells of a container."""

    name: str
    labels: dict[str, str]
    status: str = "running"

    attrs = {"Config": {"Image": "image"}}  # noqa: RUF012

    def reload(self):
        pass

    def rename(self, name):
        self.name = name

    def logs(self, tail):
        return b"a node's last words"


@dataclass
class Containers:
    """An engine that keeps a list."""

    kept: list[Container] = field(default_factory=list)
    removals: int = 0
    on_start: object = None

    def containers(self, place):
        return self.kept

    def start_node(self, place, node, nodes, image, owner):
        container = Container(
            settings.container_name(place, node) + settings.STARTING,
            {
                settings.LABEL: place.name,
                settings.LABEL_NODE: str(node),
                settings.LABEL_NODES: str(nodes),
                settings.LABEL_ADDRESS: place.address(node),
                settings.LABEL_OWNER: owner,
            },
        )
        self.kept.append(container)
        if self.on_start is not None:
            self.on_start(container)
        return container

    def remove_all(self, place):
        names = [container.name for container in self.kept]
        self.removals += bool(names)
        self.kept.clear()
        return names

    def has_image(self, name):
        return True

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass


@pytest.fixture
def engine(own, monkeypatch, tmp_path):
    """An engine without containers; its nodes answer while they run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    containers = Containers()
    monkeypatch.setattr(lifecycle, "Engine", lambda: containers)
    monkeypatch.setattr(lifecycle, "connected", lambda: containers)
    monkeypatch.setattr(lifecycle, "_ANSWERS_WITHIN_S", 0.0)
    monkeypatch.setattr(Node, "answers", lambda node, within_s=5.0: True)
    monkeypatch.setattr(lifecycle.checks, "check_memory", lambda nodes: None)
    monkeypatch.setattr("poolsim.harness.cluster.health.is_whole", lambda addresses: True)
    return containers


def names(engine: Containers) -> list[str]:
    return [container.name for container in engine.kept]


def test_up_starts_the_nodes_and_renames_them_once_they_are_well(engine, own):
    started = cluster.up(2)
    assert not started.found
    assert started.addresses == (f"{own.network}.1", f"{own.network}.2")
    assert names(engine) == [f"poolsim-{own.name}-node-1", f"poolsim-{own.name}-node-2"]


def test_up_leaves_a_healthy_cluster_of_the_same_size_alone(engine):
    cluster.up(2)
    again = cluster.up(2)
    assert again.found
    assert engine.removals == 0


@pytest.mark.parametrize("change", ["size", "paused", "ended", "gone", "cut off"])
def test_up_replaces_anything_else(engine, change):
    cluster.up(2)
    if change == "paused":
        engine.kept[1].status = "paused"
    if change == "ended":
        engine.kept[1].status = "exited"
    if change == "gone":
        engine.kept.pop()
    if change == "cut off":
        engine.kept[0].name += settings.STARTING
    started = cluster.up(3 if change == "size" else 2)
    assert not started.found
    assert engine.removals == 1
    assert all(not name.endswith(settings.STARTING) for name in names(engine))


def test_up_refuses_a_cluster_that_another_program_uses(engine):
    with processes.started(["sleep", "60"]) as other:
        owner = processes._identity(other.pid)
        engine.start_node(Place(), 1, 1, "image", owner)
        with pytest.raises(NotReady, match=rf"process {other.pid} uses the cluster.*cluster down"):
            cluster.up(1)
        assert engine.removals == 0
    assert not cluster.up(1).found
    assert engine.removals == 1


def test_a_node_that_ends_is_an_error_with_its_last_words_and_all_is_removed(engine, monkeypatch):
    monkeypatch.setattr(Node, "answers", lambda node, within_s=5.0: False)
    engine.on_start = lambda container: setattr(container, "status", "exited")
    with pytest.raises(NotReady, match=r"ended while it should start[\s\S]*a node's last words"):
        cluster.up(2)
    assert names(engine) == []


def test_a_signal_in_the_middle_leaves_nothing(engine):
    engine.on_start = lambda container: os.kill(os.getpid(), 15)
    with pytest.raises(ending.Ended):
        cluster.up(2)
    assert names(engine) == []


def test_an_occupied_port_is_found_before_anything_starts(engine, own):
    with (
        socket.create_server((own.address, settings.NATIVE_PORT)),
        pytest.raises(NotReady, match="in use"),
    ):
        cluster.up(1)
    assert engine.removals == 0


def test_two_programs_do_not_start_at_once(engine, own):
    with (
        lifecycle._one_at_a_time(Place(own.name, own.network)),
        pytest.raises(NotReady, match="another program is starting"),
    ):
        cluster.up(1)


def test_down_removes_containers_and_processes(engine):
    cluster.up(2)
    with processes.started(["sleep", "60"]) as process:
        removed = cluster.down()
        assert removed.processes == (process.pid,)
    assert len(removed.containers) == 2
    assert names(engine) == []
    assert cluster.down() == cluster.Removed((), ())


def test_a_cluster_for_a_block_is_removed_after_it(engine):
    started = []

    def block():
        with cluster.running_cluster(1) as running:
            started.append(processes.start(["sleep", "60"]))
            assert running.owner == processes.identity()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert names(engine) == []
    assert started[0].wait(10) == -9


def test_a_block_whose_start_is_refused_removes_nothing(engine):
    with processes.started(["sleep", "60"]) as other:
        engine.start_node(Place(), 1, 1, "image", processes._identity(other.pid))
        with pytest.raises(NotReady, match="uses the cluster"), cluster.running_cluster(1):
            pass
    assert engine.removals == 0


def test_a_block_that_is_ended_before_it_begins_removes_its_cluster(engine, monkeypatch):
    start = lifecycle._start

    def start_and_be_ended(nodes, owner, say):
        start(nodes, owner, say)
        raise ending.Ended

    monkeypatch.setattr(lifecycle, "_start", start_and_be_ended)
    with pytest.raises(ending.Ended), cluster.running_cluster(1):
        pass
    assert names(engine) == []


def test_a_block_leaves_a_cluster_that_was_there_and_takes_its_faults_back(engine, monkeypatch):
    cluster.up(1)
    monkeypatch.setattr(Node, "unpause", lambda node: setattr(node.container, "status", "running"))
    with cluster.running_cluster(1) as running:
        assert running.found
        process = processes.start(["sleep", "60"])
        engine.kept[0].status = "paused"
    assert [container.status for container in engine.kept] == ["running"]
    assert engine.removals == 0
    assert process.wait(10) == -9


def test_a_node_that_is_not_there_is_named():
    empty = Cluster(engine=None, place=Place(), nodes=(), size=0, owner="", image="")
    with pytest.raises(LookupError, match="no node 3"):
        empty.node(3)
