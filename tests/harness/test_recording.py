"""Recording a plan: fake nodes behind the real proxy, and a recorder that speaks CQL by itself."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from poolsim.engine.run import simulate
from poolsim.harness import files, processes
from poolsim.harness.drivers import process
from poolsim.harness.not_ready import NotReady
from poolsim.harness.recording import record as recording
from poolsim.harness.recording.record import Plan, Repetition, record, repetitions
from poolsim.harness.recording.run_file import Addresses, run_file
from poolsim.harness.recording.schedule import draw_schedule
from poolsim.scenario.load import load_text
from tests.harness.fake_node import FakeNode

RECORDER = Path(__file__).with_name("raw_recorder.py")
PLAN = """
name: tiny
seed: 5
duration: 1s
cluster:
  datacenters: {dc1: {nodes: 2, network: {delay: 0.1ms}}}
  node: {workers: 2, service: {lognormal: {median: 3ms, p99: 9ms}}}
clients:
  - name: app
    driver: java3
    options: {load_balancing: {token_aware: false}}
    load: {poisson: {rate: 200/s}}
record: {nodes: paced, compare: [latency], repetitions: 2}
"""


@dataclass
class Node:
    """A node of the cluster that is a fake one."""

    address: str
    fake: FakeNode = field(init=False)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fake = FakeNode((self.address, recording.PORT))

    def kill(self) -> None:
        self.done.append("kill")
        self.fake.kill()

    def start(self) -> None:
        self.done.append("start")
        self.fake = FakeNode((self.address, recording.PORT))

    def pause(self) -> None:
        self.done.append("pause")
        self.fake.stall(True)

    def unpause(self) -> None:
        self.done.append("unpause")
        self.fake.stall(False)


@dataclass
class FakeCluster:
    nodes: list[Node]
    mended: int = 0

    def mend(self) -> None:
        self.mended += 1


@pytest.fixture
def cluster(own: Any) -> Iterator[FakeCluster]:
    cluster = FakeCluster([Node(f"{own.network}.{k}") for k in (1, 2)])
    yield cluster
    for node in cluster.nodes:
        node.fake.kill()


@pytest.fixture
def raw_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_driver: str, run_json: Path) -> process.RecorderProcess:
        return process.start("the raw recorder", [sys.executable, RECORDER, run_json])

    monkeypatch.setattr(recording, "start_recorder", start)


def plan_of(text: str) -> Plan:
    return Plan(load_text(text), text)


def one(text: str, out: Path) -> Repetition:
    return repetitions([plan_of(text)], out)[0]


def table(directory: Path, name: str) -> Any:
    return pyarrow.parquet.read_table(directory / f"{name}.parquet").to_pydict()


@pytest.mark.usefixtures("raw_recorder")
def test_a_repetition_is_a_directory_with_everything(cluster: FakeCluster, tmp_path: Path) -> None:
    repetition = one(PLAN, tmp_path)
    assert not repetition.is_there
    meta = record(repetition, cluster, command="poolsim record tiny.yaml")
    assert repetition.is_there
    directory = tmp_path / "tiny" / "1"
    assert json.loads((directory / "meta.json").read_text()) == meta
    assert (directory / "plan.yaml").read_text() == PLAN
    assert meta["finished"] is True
    assert (meta["plan"], meta["repetition"], meta["nodes"]) == ("tiny", 1, "paced")
    assert (meta["cassandra_version"], meta["driver_version"]) == ("5.0.5", "0.1")
    assert meta["command"] == "poolsim record tiny.yaml"
    assert meta["cleanup_origin_ns"] == 5
    assert cluster.mended == 0
    requests = table(directory, "requests")
    schedule = draw_schedule(repetition.plan.scenario, 1)
    assert schedule.intended_ns is not None
    assert requests["intended_ns"] == schedule.intended_ns.tolist()
    assert set(requests["outcome"]) == {"ok"}
    assert meta["requests"] == len(requests["number"])
    node = table(directory, "node")
    drawn = schedule.services_ns[0]
    assert sorted(node["request"]) == requests["number"]
    assert node["service_ns"] == [int(drawn[number]) for number in node["request"]]
    assert set(node["listener"]) == {0, 1}
    assert node["arrived_ns"] == sorted(node["arrived_ns"])
    for started, ended in zip(requests["started_ns"], requests["ended_ns"], strict=True):
        assert 0 <= started < ended
    assert {"at_ns", "open", "trashed", "in_flight", "pending", "creating"} <= set(
        table(directory, "hosts")
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    assert processes.running() == []


@pytest.mark.usefixtures("raw_recorder")
def test_faults_are_given_and_seen(cluster: FakeCluster, tmp_path: Path) -> None:
    text = PLAN.replace(
        "record:",
        "faults:\n"
        "  - {at: 0.3s, for: 0.3s, node: dc1/2, kind: stop}\n"
        "  - {at: 0.4s, for: 0.2s, node: dc1/1, kind: pause}\n"
        "record:",
    )
    record(one(text, tmp_path), cluster, command="")
    assert cluster.mended == 1
    assert cluster.nodes[0].done == ["pause", "unpause"]
    assert cluster.nodes[1].done == ["kill", "start"]
    events = table(tmp_path / "tiny" / "1", "events")
    rows = list(zip(events["at_ns"], events["host"], events["kind"], strict=True))
    assert rows == sorted(rows, key=lambda row: row[0])
    times = {(host, kind): at for at, host, kind in rows}
    for host, given_ms, back_ms in ((1, 300, 600), (0, 400, 600)):
        given = times[host, "fault_given"]
        assert given_ms <= given / 1e6 < given_ms + 150
        assert 0 <= times[host, "fault_seen"] - given < 300e6
        back = times[host, "recovery_given"]
        assert back_ms <= back / 1e6 < back_ms + 150
        assert 0 <= times[host, "recovery_seen"] - back < 300e6
    assert times[1, "fault_seen"] <= times[1, "closed"], "the client noticed it after the proxy"
    assert times[0, "fault_seen"] == times[0, "node_silent"]


@pytest.mark.usefixtures("raw_recorder")
def test_a_recorder_that_fails_leaves_nothing(cluster: FakeCluster, tmp_path: Path) -> None:
    text = PLAN.replace("    load:", "    protocol: v4\n    load:")
    repetition = one(text, tmp_path)
    cluster.nodes[0].fake.stall(True)
    with pytest.raises(NotReady, match="does not answer"):
        record(repetition, cluster, command="")
    cluster.nodes[0].fake.stall(False)
    cluster.nodes.pop().fake.kill()
    with pytest.raises(NotReady, match="needs 2 nodes"):
        record(repetition, cluster, command="")
    assert list((tmp_path / "tiny").iterdir()) == []
    assert processes.running() == []


def test_a_recorder_s_own_words_are_the_error(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_driver: str, _run_json: Path) -> process.RecorderProcess:
        program = "import sys; sys.exit('no such keyspace')"
        return process.start("the recorder", [sys.executable, "-c", program])

    monkeypatch.setattr(recording, "start_recorder", start)
    with pytest.raises(NotReady, match="no such keyspace"):
        record(one(PLAN, tmp_path), cluster, command="")
    assert list((tmp_path / "tiny").iterdir()) == []


@pytest.mark.usefixtures("raw_recorder")
def test_another_driver_version_is_refused(cluster: FakeCluster, tmp_path: Path) -> None:
    text = PLAN.replace("nodes: paced,", "nodes: paced, driver_version: 3.11.4,")
    with pytest.raises(NotReady, match=r"3\.11\.4.*0\.1"):
        record(one(text, tmp_path), cluster, command="")


def test_repetitions_are_interleaved(tmp_path: Path) -> None:
    first = plan_of(PLAN)
    second = plan_of(PLAN.replace("tiny", "other").replace("repetitions: 2", "repetitions: 3"))
    names = [str(r.directory.relative_to(tmp_path)) for r in repetitions([first, second], tmp_path)]
    assert names == ["tiny/1", "other/1", "tiny/2", "other/2", "other/3"]
    assert len(repetitions([first], tmp_path, 7)) == 7


class Rows:
    """A recorder of a simulation that keeps its requests."""

    interval_ns = 100_000_000

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def requests(self, rows: Any) -> None:
        self.kept.append(rows)

    def notes(self, rows: Any) -> None:
        pass

    def sample(self, time_ns: int, table: Any) -> None:
        pass


@pytest.mark.parametrize(
    "load",
    [
        "poisson: {rate: 5000/s}",
        "uniform: {rate: 300/s}",
        "bursts: {size: 40, every: 0.3s}",
        "trace: {times: [1ms, 2ms, 500ms], services: [4ms, 5ms, 6ms]}",
    ],
)
def test_what_is_drawn_is_what_a_simulation_draws(load: str) -> None:
    text = PLAN.replace("poisson: {rate: 200/s}", load).replace("workers: 2", "workers: 64")
    scenario = load_text(text)
    schedule = draw_schedule(scenario, 3)
    assert schedule.intended_ns is not None
    rows = Rows()
    simulate(scenario, 0, rows)
    found = np.concatenate(rows.kept)
    ended = dict(zip(found[:, 0].tolist(), found.tolist(), strict=True))
    intended = schedule.intended_ns.tolist()
    assert len(ended) > 0.9 * len(intended)
    waits = [
        row[8] - int(schedule.services_ns[0][number]) - 200_000 for number, row in ended.items()
    ]
    assert all(intended[number] == row[5] for number, row in ended.items())
    assert min(waits) == 0, "two delays and the service are what a request takes at least"
    if load.startswith("trace"):
        assert schedule.services_ns[0][:3].tolist() == [4_000_000, 5_000_000, 6_000_000]


def test_a_closed_loop_has_levels_and_draws_of_its_repetition() -> None:
    load = "{closed: {window: 4}, phases: [{at: 0.2s, for: 0.3s, window: 9}]}"
    scenario = load_text(PLAN.replace("{poisson: {rate: 200/s}}", load))
    first, second = draw_schedule(scenario, 1), draw_schedule(scenario, 2)
    assert first.intended_ns is None
    assert first.levels == ((0, 4), (200_000_000, 9), (500_000_000, 4))
    assert first.services_ns[0][0] != second.services_ns[0][0]
    assert first.services_ns[0][0] != first.services_ns[1][0]


def test_the_run_file_is_in_the_driver_s_units(tmp_path: Path) -> None:
    text = PLAN.replace(
        "options: {load_balancing",
        "idempotent: true\n    options: "
        "{read_timeout: 2.5s, reconnection: {constant: {delay: 2s}}, "
        "pooling: {local: {core: 1, max: 4, max_requests: 32, new_connection_threshold: 24}, "
        "idle_timeout: 15s}, load_balancing",
    )
    scenario = load_text(text)
    addresses = Addresses(("127.0.0.1", "127.0.0.2"), ("127.0.1.1", "127.0.1.2"), 9042)
    file = run_file(scenario, draw_schedule(scenario, 1), Path("/x"), addresses, tmp_path)
    assert file["translate"] == {"127.0.0.1": "127.0.1.1", "127.0.0.2": "127.0.1.2"}
    assert file["load"] == {"kind": "open", "intended_ns": "/x"}
    assert (file["duration_ns"], file["issue_gap_ns"]) == (10**9, 10_000)
    options = file["options"]
    assert options["read_timeout_ms"] == 2_500
    assert options["idle_timeout_s"] == 15
    assert options["reconnection"]["kind"] == "constant"
    assert options["reconnection"]["base_ms"] == 2_000
    assert (options["core"], options["max"], options["max_requests"]) == (1, 4, 32)
    assert options["balancing"]["token_aware"] is False
    assert options["idempotent"] is True
    json.dumps(file)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("driver: python", (None, None)),
        ("driver: python\n    limit: {max_concurrent: 7}", ("async", 7)),
        ("driver: async_cassandra", ("async", None)),
        ("driver: async_cassandra\n    limit: {max_concurrent: 9}", ("async", 9)),
        ("driver: async_cassandra+rate_limited_session: {enabled: true}", ("async", 1_000)),
    ],
)
def test_a_limit_is_the_session_for_asyncio_s(
    client: str, expected: tuple[str | None, int | None], tmp_path: Path, monkeypatch: Any
) -> None:
    """Or the real session would let all requests through at once, and the simulated one not."""
    driver, _, options = client.partition("+")
    text = PLAN.replace("driver: java3", driver)
    if options:
        text = text.replace("options: {", f"options: {{{options}, ")
    scenario = load_text(text)
    addresses = Addresses(("127.0.0.1",), ("127.0.1.1",), 9042)
    asked = run_file(scenario, draw_schedule(scenario, 1), Path("/x"), addresses, tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(asked))
    monkeypatch.syspath_prepend(str(files.directory() / "python"))
    read = importlib.import_module("run_file").read(tmp_path / "run.json")
    assert (read.wrapper, read.max_concurrent) == expected


def test_where_the_proxy_of_a_node_listens() -> None:
    assert recording.proxy_address("127.0.0.3") == "127.0.1.3"
