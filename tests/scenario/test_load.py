"""A good file becomes the scenario that it says, with the driver's defaults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poolsim.scenario.load import ScenarioError, load, load_text
from poolsim.scenario.scenario import (
    Balancing,
    Change,
    Fault,
    Law,
    Options,
    Phase,
    Pooling,
    Reconnection,
    Replications,
)

SECOND = 1_000_000_000
SMALL = """
duration: 60s
cluster:
  datacenters: {dc1: {nodes: 3}}
  node: {service: {constant: 1ms}}
clients:
  - driver: java3
    load: {poisson: {rate: 10/s}}
"""


def small(**parts: str) -> str:
    """SMALL with some of its lines replaced."""
    text = SMALL
    for name, value in parts.items():
        if name == "service":
            text = text.replace("{service: {constant: 1ms}}", "{service: " + value + "}")
        elif name == "load":
            text = text.replace("load: {poisson: {rate: 10/s}}", "load: " + value)
        elif name == "client":
            text += f"    {value}\n"
        elif name == "driver":
            text = text.replace("driver: java3", f"driver: {value}")
        elif name == "datacenters":
            text = text.replace("{dc1: {nodes: 3}}", value)
        else:
            text += f"{name}: {value}\n"
    return text


def messages(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_defaults_of_the_file() -> None:
    scenario = load_text(SMALL, name="some where/my file.yaml")
    assert scenario.name == "my-file"
    assert scenario.question == ""
    assert scenario.seed == 1
    assert scenario.warm_up_ns is None
    assert scenario.replications == Replications(5)
    assert scenario.node.workers == 32
    assert scenario.node.accepts_per_second == 0
    (datacenter,) = scenario.datacenters
    assert (datacenter.replication_factor, datacenter.racks) == (3, 1)
    assert datacenter.delay_ns == 250_000
    (client,) = scenario.clients
    assert (client.name, client.instances, client.datacenter) == ("client1", 1, "dc1")
    assert (client.protocol, client.idempotent) == (4, 0.0)
    assert (client.issue_ns, client.per_request_ns, client.io_threads) == (10_000, 0, 2)
    assert client.max_concurrent == 0
    assert scenario.node_names == ("dc1/1", "dc1/2", "dc1/3")


@pytest.mark.inventory(
    "java3.default-size.v2-local",
    "java3.default-size.v2-remote",
    "java3.default-size.v3-local",
    "java3.default-size.v3-remote",
    "java3.max-requests.v2",
    "java3.max-requests.v3-local",
    "java3.max-requests.v3-remote",
    "java3.idle-timeout",
    "java3.pool-timeout",
    "java3.max-queue-size",
    "java3.heartbeat-interval",
)
@pytest.mark.parametrize(
    ("protocol", "local", "remote"),
    [
        ("v1", Pooling(2, 8, 128, 100), Pooling(1, 2, 128, 100)),
        ("v2", Pooling(2, 8, 128, 100), Pooling(1, 2, 128, 100)),
        ("v3", Pooling(1, 1, 1024, 800), Pooling(1, 1, 256, 200)),
        ("v5", Pooling(1, 1, 1024, 800), Pooling(1, 1, 256, 200)),
    ],
)
def test_defaults_of_java3(protocol: str, local: Pooling, remote: Pooling) -> None:
    (client,) = load_text(small(client=f"protocol: {protocol}")).clients
    assert client.options == Options(
        local=local,
        remote=remote,
        idle_timeout_ns=120 * SECOND,
        pool_timeout_ns=5 * SECOND,
        max_queue_size=256,
        heartbeat_interval_ns=30 * SECOND,
        heartbeat_timeout_ns=12 * SECOND,
        connect_timeout_ns=5 * SECOND,
        read_timeout_ns=12 * SECOND,
        reconnection=Reconnection("exponential", SECOND, 600 * SECOND),
        balancing=Balancing("dc_aware_round_robin", True, True, 0),
        retry="default",
        executor_threads=2,
        status_events=True,
        connect_to_remote_hosts=True,
        keyspace=True,
        authentication_round_trips=0,
    )


@pytest.mark.inventory(
    "python.request-timeout", "python.default-size.v2-local", "python.default-size.v2-remote"
)
def test_defaults_of_python() -> None:
    (modern,) = load_text(small(driver="python")).clients
    assert modern.io_threads == 1
    assert modern.options.local == Pooling(core=1, max=1, max_requests=32_768)
    assert modern.options.read_timeout_ns == 10 * SECOND
    assert modern.options.pool_timeout_ns == 2 * SECOND
    assert modern.options.heartbeat_timeout_ns == 30 * SECOND
    assert modern.options.reconnection == Reconnection("exponential", SECOND, 600 * SECOND, 64)
    assert modern.options.balancing == Balancing("dc_aware_round_robin", True, False, 0)
    (legacy,) = load_text(small(driver="python", client="protocol: v2")).clients
    assert legacy.options.local == Pooling(core=2, max=8, max_requests=100, min_requests=5)
    assert legacy.options.remote == Pooling(core=1, max=2, max_requests=100, min_requests=5)


def test_every_option_of_java3_reaches_its_field() -> None:
    options = """
      pooling:
        local: {core: 2, max: 3, max_requests: 4, new_connection_threshold: 5}
        remote: {core: 6, max: 7, max_requests: 8, new_connection_threshold: 9}
        idle_timeout: 10s
        pool_timeout: 11ms
        max_queue_size: 12
        heartbeat_interval: 13s
      connect_timeout: 14ms
      read_timeout: 15ms
      reconnection: {constant: {delay: 16s}}
      load_balancing: {policy: random, token_aware: false, shuffle_replicas: false,
                       used_hosts_per_remote_dc: 17}
      retry: fallthrough
      executor_threads: 18
      status_events: false
      keyspace: false
      authentication_round_trips: 19"""
    (client,) = load_text(small(client=f"options:{options}")).clients
    assert client.options == Options(
        local=Pooling(2, 3, 4, 5),
        remote=Pooling(6, 7, 8, 9),
        idle_timeout_ns=10 * SECOND,
        pool_timeout_ns=11_000_000,
        max_queue_size=12,
        heartbeat_interval_ns=13 * SECOND,
        heartbeat_timeout_ns=15_000_000,
        connect_timeout_ns=14_000_000,
        read_timeout_ns=15_000_000,
        reconnection=Reconnection("constant", 16 * SECOND, 16 * SECOND),
        balancing=Balancing("random", False, False, 17),
        retry="fallthrough",
        executor_threads=18,
        status_events=False,
        connect_to_remote_hosts=True,
        keyspace=False,
        authentication_round_trips=19,
    )


def test_every_option_of_python_reaches_its_field() -> None:
    options = """
      pooling:
        local: {core: 2, max: 3, min_requests: 4, max_requests: 50}
        remote: {core: 6, max: 7, min_requests: 8, max_requests: 90}
      connect_timeout: 10ms
      request_timeout: 11ms
      heartbeat_interval: 12ms
      heartbeat_timeout: 13ms
      connect_to_remote_hosts: false
      reconnection: {exponential: {base: 14ms, max: 15ms, max_attempts: 16}}
      load_balancing: {shuffle_replicas: true, used_hosts_per_remote_dc: 1}
      status_events: false"""
    text = small(driver="python", client=f"protocol: v2\n    options:{options}")
    (client,) = load_text(text).clients
    found = client.options
    assert found.local == Pooling(core=2, max=3, max_requests=50, min_requests=4)
    assert found.remote == Pooling(core=6, max=7, max_requests=90, min_requests=8)
    assert (found.connect_timeout_ns, found.read_timeout_ns) == (10_000_000, 11_000_000)
    assert found.heartbeat_interval_ns == 12_000_000
    assert found.heartbeat_timeout_ns == 13_000_000
    assert not found.connect_to_remote_hosts
    assert found.reconnection == Reconnection("exponential", 14_000_000, 15_000_000, 16)
    assert found.balancing == Balancing("dc_aware_round_robin", True, True, 1)
    assert not found.status_events


@pytest.mark.parametrize(
    ("written", "law"),
    [
        ("{constant: 2ms}", Law("constant", mean_ns=2_000_000)),
        ("{constant: {mean: 2ms}}", Law("constant", mean_ns=2_000_000)),
        ("{exponential: {mean: 1.4ms}}", Law("exponential", mean_ns=1_400_000)),
        (
            "{lognormal: {median: 1.2ms, p99: 12ms}}",
            Law("lognormal", median_ns=1_200_000, p99_ns=12_000_000),
        ),
        ("{gamma: {mean: 2ms, shape: 0.5}}", Law("gamma", mean_ns=2_000_000, shape=0.5)),
        (
            "{percentiles: {p99.9: 80ms, p50: 1.2ms, p99: 12ms}}",
            Law("percentiles", points=((0.5, 1_200_000), (0.99, 12_000_000), (0.999, 80_000_000))),
        ),
        ("{empirical: {samples: [3ms, 1ms]}}", Law("empirical", samples_ns=(1_000_000, 3_000_000))),
    ],
)
def test_laws(written: str, law: Law) -> None:
    assert load_text(small(service=written)).node.service == law


def test_loads() -> None:
    def load_of(written: str) -> object:
        return load_text(small(load=written)).clients[0].load

    closed = load_of("{closed: {window: 50}}")
    assert (closed.kind, closed.window, closed.error_pause_ns) == ("closed", 50, 1_000_000)  # type: ignore[attr-defined]
    users = load_of("{users: {count: 10, think: 2s, error_pause: 5ms}}")
    assert users.think == Law("constant", mean_ns=2 * SECOND)  # type: ignore[attr-defined]
    assert (users.count, users.error_pause_ns) == (10, 5_000_000)  # type: ignore[attr-defined]
    bursts = load_of("{bursts: {size: 5k, every: 10s}}")
    assert (bursts.size, bursts.every_ns, bursts.first_ns) == (5000, 10 * SECOND, 10 * SECOND)  # type: ignore[attr-defined]
    single = load_of("{bursts: {size: 1}}")
    assert (single.every_ns, single.first_ns) == (0, SECOND)  # type: ignore[attr-defined]
    trace = load_of("{trace: {times: [2s, 1s], keys: [7, 8]}}")
    assert (trace.times_ns, trace.keys) == ((SECOND, 2 * SECOND), (8, 7))  # type: ignore[attr-defined]


def test_phases_are_resolved_and_ordered() -> None:
    phases = "[{at: 40s, for: 5s, ramp_to: x0.5}, {at: 50%, for: 5s, rate: x3, name: spike}]"
    scenario = load_text(small(load="{uniform: {rate: 10/s}, phases: " + phases + "}"))
    assert scenario.clients[0].load.phases == (
        Phase("spike", "rate", 30 * SECOND, 5 * SECOND, 30.0),
        Phase("phase1", "ramp", 40 * SECOND, 5 * SECOND, 5.0),
    )
    closed = "{closed: {window: 5}, phases: [{at: 3s, window: 240}, {at: 5s, for: 1s, window: 9}]}"
    assert load_text(small(load=closed)).clients[0].load.phases == (
        Phase("phase1", "window", 3 * SECOND, 0, 240.0),
        Phase("phase2", "window", 5 * SECOND, SECOND, 9.0),
    )


def test_faults_count_nodes_over_all_datacenters_and_end_the_warm_up() -> None:
    scenario = load_text(
        small(
            datacenters="{dc1: {nodes: 3}, dc2: {nodes: 2, racks: 2, network: {delay: 40ms, "
            "from: {dc1: 41ms}}}}",
            faults="[{at: 50%, node: dc2/2, kind: slow, factor: x5}, "
            "{at: 1s, for: 2s, node: dc1/1, kind: stop}]",
        )
    )
    assert scenario.faults == (
        Fault(SECOND, 2 * SECOND, 0, "dc1/1", "stop"),
        Fault(30 * SECOND, 0, 4, "dc2/2", "slow", 5.0),
    )
    assert scenario.warm_up_ns == 0
    assert scenario.datacenters[1].delays_from_ns == (("dc1", 41_000_000),)
    assert scenario.datacenters[1].replication_factor == 2


def test_changes_are_ordered_and_in_model_units() -> None:
    changes = (
        "[{at: 9s, client: client1, set: {pooling.idle_timeout: 5s}}, "
        "{at: 1s, client: client1, set: {pooling.local.max: 4, pooling.local.core: 2}}]"
    )
    assert load_text(small(changes=changes)).changes == (
        Change(SECOND, "client1", "pooling.local.max", 4),
        Change(SECOND, "client1", "pooling.local.core", 2),
        Change(9 * SECOND, "client1", "pooling.idle_timeout", 5 * SECOND),
    )


def test_a_change_rests_on_those_before_it() -> None:
    first = "{at: 1s, client: client1, set: {pooling.local.max: 4}}"
    second = "{at: 2s, client: client1, set: {pooling.local.core: 4}}"
    load_text(small(changes=f"[{second}, {first}]"))
    found = messages(small(changes=f"[{second}]"))
    assert "must be less than max (4 > 1)" in found[0]


def test_replications() -> None:
    until = "{until: {metric: latency.p99, half_width: 5%}, max: 20}"
    assert load_text(small(replications="10")).replications == Replications(10)
    assert load_text(small(replications=until)).replications == Replications(
        10, "latency.p99", 0.05, 20
    )
    few = "{until: {metric: latency, half_width: 0.1}, max: 4}"
    assert load_text(small(replications=few)).replications == Replications(
        4, "latency.mean", 0.1, 4
    )


def test_warm_up() -> None:
    assert load_text(small(warm_up="auto")).warm_up_ns is None
    assert load_text(small(warm_up="10%")).warm_up_ns == 6 * SECOND
    assert load_text(small(warm_up="0s")).warm_up_ns == 0


def test_lists_whose_items_are_commented_out_are_empty() -> None:
    scenario = load_text(small(faults="\n  # - {at: 1s}", expect="", changes=""))
    assert (scenario.faults, scenario.changes, scenario.expectations) == ((), (), ())


def test_load_reads_a_file_and_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "service.csv").write_text("service\n0.002\n0.001\n")
    path = tmp_path / "s.yaml"
    path.write_text(small(service="{empirical: {file: service.csv}}"))
    scenario = load(path)
    assert scenario.path == path
    assert scenario.node.service.samples_ns == (1_000_000, 2_000_000)
    assert replace(scenario, path=None) == load_text(path.read_text(), "s.yaml", tmp_path)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\x00b"])
def test_a_file_that_cannot_be_read_is_a_mistake(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r":1:1: the file cannot be read: "):
        load(tmp_path / name)


def test_mistakes_come_in_the_order_of_the_file_and_know_their_parts() -> None:
    text = small(faults="[{at: 1h, node: dc1/9, kind: crash}]", sed="1", expect="[wait.p99 < 5]")
    with pytest.raises(ScenarioError) as caught:
        load_text(text, name="dir/s.yaml")
    mistakes = caught.value.mistakes
    assert [mistake.path for mistake in mistakes] == [
        "faults[0].at",
        "faults[0].node",
        "faults[0].kind",
        "sed",
        "expect[0]",
    ]
    assert {mistake.file for mistake in mistakes} == {"dir/s.yaml"}
    assert [mistake.line for mistake in mistakes] == sorted(mistake.line for mistake in mistakes)
    assert str(mistakes[3]) == "dir/s.yaml:10:1: sed: unknown key (did you mean seed?)"


@pytest.mark.parametrize(
    ("text", "unexpected"),
    [
        # What only follows from a mistake that is reported already.
        (small(client="options: {pooling: {local: {core: 2, maxx: 8}}}"), "less than max"),
        (small(client="options: {pooling: {local: {core: 2, max: eight}}}"), "less than max"),
        (small(client="name: a b", expect="[a/rejected == 0]"), "there is no client"),
        (small(faults="[{at: 1x, node: dc1/1, kind: stop}]", expect="[recover < 1s]"), "recover"),
        (SMALL.replace("60s", "60") + "faults: [{at: 2h, node: dc1/1, kind: stop}]", "ends at"),
        (
            SMALL.replace("nodes: 3", "nodes: x") + "faults: [{at: 1s, node: dc1/3, kind: stop}]",
            "dc1/3",
        ),
    ],
)
def test_a_mistake_is_not_reported_twice_over(text: str, unexpected: str) -> None:
    found = messages(text)
    assert len(found) == 1
    assert unexpected not in found[0]


def test_a_million_mistakes_do_not_take_for_ever() -> None:
    found = messages(small(expect="[" + ", ".join(["nonsense"] * 20_000) + "]"))
    assert "20,000 items: at most 1,000" in found[0]
    keys = "".join(f"key{number}: 1\n" for number in range(10_000))
    assert len(messages(SMALL + keys)) == 1_000


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            {"load": "{poisson: {rate: 9,000/s}}"},
            "clients[0].load.poisson.rate: a comma ends a value here: for 9,000/s write 9000/s or "
            "9k/s",
        ),
        (
            {"load": "{poisson: {rate: 1/s}, phases: [{at: 1s, rate: 1,500,000/s}]}"},
            "clients[0].load.phases[0].rate: a comma ends a value here: for 1,500,000/s write "
            "1500000/s or 1500k/s",
        ),
        (
            {"datacenters": "{dc1: {nodes: 1,000}}"},
            "cluster.datacenters.dc1.nodes: a comma ends a value here: for 1,000 write 1000 or 1k",
        ),
        (
            {"expect": "[throughput > 36,000/s, errors == 0]"},
            "expect[0]: a comma ends an item here: write throughput > 36000/s",
        ),
        (
            {"expect": "[errors < 1,000]"},
            "expect[0]: a comma ends an item here: write errors < 1000",
        ),
    ],
)
def test_a_comma_that_tears_a_number_apart_is_one_mistake(
    part: dict[str, str], message: str
) -> None:
    (only,) = messages(small(**part))
    assert only.partition(": ")[2] == message


def test_a_number_without_a_comma_is_none_that_was_torn() -> None:
    assert messages(small(datacenters="{dc1: {nodes: 1, abc: }}"))[0].endswith(
        "no value: write one, or leave the key out"
    )
    assert load_text(small(expect="[errors < 1, rejected == 0]")).expectations


@pytest.mark.parametrize(
    ("part", "place", "meant"),
    [
        ({"client": "processes: 40"}, "clients[0].processes", "write instances: so many processes"),
        ({"client": "pods: 40"}, "clients[0].pods", "write instances"),
        ({"client": "replicas: 40"}, "clients[0].replicas", "write instances"),
        ({"client": "workers: 40"}, "clients[0].workers", "write instances"),
        ({"client": "semaphore: 64"}, "clients[0].semaphore", "limit: {max_concurrent: 64}"),
        ({"client": "concurrency: 64"}, "clients[0].concurrency", "limit: {max_concurrent: 64}"),
        ({"client": "limit: {semaphore: 64}"}, "clients[0].limit.semaphore", "max_concurrent"),
        ({"client": "consistency: quorum"}, "clients[0].consistency", "one coordinator"),
        (
            {"client": "options: {consistency_level: LOCAL_QUORUM}"},
            "clients[0].options.consistency_level",
            "cluster.node.service is how long that takes",
        ),
        ({"client": "options: {consistency: quorum}"}, "clients[0].options.consistency", "one coo"),
        ({"consistency": "QUORUM"}, "consistency", "one coordinator"),
        (
            {"datacenters": "{dc1: {nodes: 3, rf: 3}}"},
            "cluster.datacenters.dc1.rf",
            "write replication_factor",
        ),
        (
            {"datacenters": "{dc1: {nodes: 3, replicas: 3}}"},
            "cluster.datacenters.dc1.replicas",
            "write replication_factor",
        ),
        (
            {"service": "{constant: 1ms}, concurrent_reads: 64"},
            "cluster.node.concurrent_reads",
            "write workers",
        ),
        ({"load": "{closed: {window: 4, concurrency: 50}}"}, "clients[0].load.closed.concurrency",
         "write window"),
    ],
)  # fmt: skip
def test_a_key_that_means_another_says_which(part: dict[str, str], place: str, meant: str) -> None:
    found = [one for one in messages(small(**part)) if f" {place}: unknown key: " in one]
    assert len(found) == 1, messages(small(**part))
    assert meant in found[0]


def test_every_hint_names_a_key_that_is_there() -> None:
    """`beside` and `key` stand in one block of the format, and no word of a hint does."""
    from poolsim.scenario.entries import Entry, FileEntry
    from poolsim.scenario.hints import HINTS
    from poolsim.scenario.options import entry_within

    blocks: list[set[str]] = []

    def visit(entry: type[Entry]) -> None:
        blocks.append({info.alias or name for name, info in entry.model_fields.items()})
        for info in entry.model_fields.values():
            inner = entry_within(info.annotation)
            if inner is not None:
                visit(inner)

    visit(FileEntry)
    for hint in HINTS:
        if hint.beside:
            meant = [block for block in blocks if hint.beside in block]
            assert meant
            assert all(hint.key in block for block in meant)
            assert not any(set(hint.words) & block for block in meant)


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("expect", "[latency.p99@rush < 20ms]", "leave off @rush"),
        ("cost", "open_connections.max@rush", "leave off @rush"),
        ("peak", "rush", "leave out peak"),
    ],
)
def test_a_phase_of_a_load_without_phases_says_how_to_do_without_or_add_it(
    key: str, value: str, instead: str
) -> None:
    (only,) = messages(small(**{key: value}))
    said = f"there is no phase rush: this load has no phases: {instead}, or add phases: "
    assert said in only
    phases = only.partition("add phases: ")[2]
    load_text(small(load=f"{{poisson: {{rate: 10/s}}, phases: {phases}}}", **{key: value}))


def test_a_metric_of_faults_says_which_fault_to_add() -> None:
    (only,) = messages(small(datacenters="{east: {nodes: 2}}", expect="[recover < 5s]"))
    assert "recover needs a fault, and this scenario has none" in only
    assert "the node that `recommend` loses is no such fault" in only
    fault = only.partition("write faults: ")[2].partition(" (the node")[0]
    load_text(small(datacenters="{east: {nodes: 2}}", expect="[recover < 5s]", faults=fault))
