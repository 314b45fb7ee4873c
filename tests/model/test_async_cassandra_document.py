"""What the document on async-cassandra says of the Python driver below it, statement by statement.

Documents 000 and 001 of docs/inventory (the same text twice). Rules of the driver that need no
statement of the document are in test_python_rules.py; where document and source differ,
docs/differences.md says how.
"""

from __future__ import annotations

from collections import Counter

import pytest

from poolsim.model.kinds import LOST
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.load import ScenarioError
from poolsim.scenario.scenario import Options
from tests.model.whole_runs import MS, SECOND, Look, ran, sampled, sampled_at_all_times, scenario


def options(protocol: str, written: str = "{}") -> Options:
    return scenario("python", protocol=protocol, options=written).clients[0].options


THREE_NODES = "{dc1: {nodes: 3, replication_factor: 3, network: {delay: 0.25ms}}}"


# One connection per host --------------------------------------------------------------------------


@pytest.mark.inventory("python.one-connection-per-host", "python.no-pool-management")
@pytest.mark.parametrize("protocol", ["v3", "v4", "v5"])
def test_a_host_has_one_connection_whatever_the_load(protocol: str) -> None:
    """From nothing to 30,000 requests at once and back, nothing is opened, trashed or closed."""
    run = ran(
        "python",
        protocol=protocol,
        datacenters=THREE_NODES,
        duration="1s",
        load="{bursts: {size: 30000, first: 100ms}}",
        cpu="{issue: 1us}",
        service="{constant: 300ms}",
        workers="20000",
    )
    assert max(sum(row) for row in sampled_at_all_times(run, "in_flight")) > 20_000
    assert all(row == [1, 1, 1] for row in sampled_at_all_times(run, "active"))
    assert all(row == [0, 0, 0] for row in sampled_at_all_times(run, "trashed"))
    assert [time for time, *_ in run.noted("opened", "closed", "trashed", "growth")] == [0] * 3


@pytest.mark.inventory("python.no-pool-management")
@pytest.mark.parametrize(("protocol", "managed"), [("v2", True), ("v3", False)])
def test_only_a_legacy_pool_is_managed(protocol: str, managed: bool) -> None:
    """Five hundred at once, then hardly any: on v2 connections come and go, on v3 there is nothing
    to do."""
    run = ran(
        "python",
        protocol=protocol,
        duration="20s",
        load="{bursts: {size: 500, every: 10s, first: 1s}}",
        cpu="{issue: 1ms}",
        service="{exponential: {mean: 1s}}",
    )
    assert bool([at for at, *_ in run.noted("opened") if at > 0]) == managed
    assert bool(run.noted("trashed")) == managed


@pytest.mark.inventory("python.thousands-on-one-connection")
def test_one_connection_holds_thousands_of_requests() -> None:
    run = ran(
        "python", load="{closed: {window: 5000}}", cpu="{issue: 1us}", service="{constant: 300ms}",
        workers="5000", duration="500ms",
    )  # fmt: skip
    assert sampled(run, "active", 200 * MS) == [1]
    assert sampled(run, "in_flight", 200 * MS) == [5_000]


@pytest.mark.inventory("python.protocol-version", "python.streams.v3", "python.streams.v2")
@pytest.mark.parametrize(
    ("protocol", "connections", "streams"),
    [("v1", 2, 128), ("v2", 2, 128), ("v3", 1, 32_768), ("v4", 1, 32_768)],
)
def test_the_protocol_decides_the_kind_of_pool(
    protocol: str, connections: int, streams: int
) -> None:
    look = Look(lambda world: {one.stream_limit for one in world.connections}, 100 * MS)
    run = ran("python", look, protocol=protocol, duration="200ms")
    assert sampled(run, "active", 100 * MS) == [connections]
    assert look.seen == [{streams}]


@pytest.mark.inventory("python.unsupported-operation")
@pytest.mark.parametrize(
    ("option", "setter"),
    [("core: 5", "set_core_connections_per_host"), ("max: 5", "set_max_connections_per_host")],
)
def test_sizes_cannot_be_set_on_v3(option: str, setter: str) -> None:
    """The document's own example, 5 core connections for LOCAL hosts."""
    with pytest.raises(ScenarioError) as caught:
        options("v3", f"{{pooling: {{local: {{{option}}}}}}}")
    (mistake,) = caught.value.mistakes
    assert f"UnsupportedOperation: Cluster.{setter}()" in str(mistake)
    assert options("v2", f"{{pooling: {{local: {{{option}}}}}}}").local != options("v2").local


@pytest.mark.inventory("python.connect-to-remote-hosts")
def test_remote_hosts_have_no_connection_where_that_is_switched_off() -> None:
    parts = {
        "datacenters": "{dc1: {nodes: 1}, dc2: {nodes: 1}}",
        "options": "{load_balancing: {used_hosts_per_remote_dc: 1}, connect_to_remote_hosts: %s}",
    }
    for written, active in (("true", [1, 1]), ("false", [1, 0])):
        run = ran("python", **parts | {"options": parts["options"] % written})
        assert sampled(run, "active", SECOND) == active


@pytest.mark.inventory(
    "python.core",
    "python.max",
    "python.connect-to-remote-hosts",
    "python.executor-threads",
    "python.heartbeat-interval",
    "python.connect-timeout",
    "python.request-timeout",
)
def test_options_have_the_document_s_names() -> None:
    named = {
        "pooling.local.core": "Cluster.set_core_connections_per_host(LOCAL, n)",
        "pooling.remote.core": "Cluster.set_core_connections_per_host(REMOTE, n)",
        "pooling.local.max": "Cluster.set_max_connections_per_host(LOCAL, n)",
        "pooling.remote.max": "Cluster.set_max_connections_per_host(REMOTE, n)",
        "connect_to_remote_hosts": "Cluster.connect_to_remote_hosts",
        "executor_threads": "Cluster(executor_threads)",
        "heartbeat_interval": "Cluster.idle_heartbeat_interval",
        "connect_timeout": "Cluster.connect_timeout",
        "request_timeout": "ExecutionProfile.request_timeout",
    }
    for path, name in named.items():
        option = DRIVERS["python"].option(path)
        assert option is not None
        assert option.own_name == name


@pytest.mark.inventory("python.default-size.v2-local", "python.default-size.v2-remote")
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_default_sizes_of_legacy_pools(protocol: str) -> None:
    """2-8 and 1-2: core at the start, and max where every connection is busy."""
    found = options(protocol)
    assert (found.local.core, found.local.max) == (2, 8)
    assert (found.remote.core, found.remote.max) == (1, 2)
    run = ran(
        "python",
        protocol=protocol,
        datacenters="{dc1: {nodes: 1}, dc2: {nodes: 1}}",
        options="{load_balancing: {used_hosts_per_remote_dc: 1}}",
        load="{bursts: {size: 900, first: 150ms}}",
        cpu="{issue: 1ms}",
        service="{constant: 5s}",
        duration="3s",
    )
    assert sampled(run, "active", 100 * MS) == [2, 1]
    assert sampled(run, "active", 2 * SECOND) == [8, 1]


@pytest.mark.inventory("python.default-size.v2-remote")
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_legacy_pool_of_a_remote_host_grows_to_two(protocol: str) -> None:
    """The local host stops, and all goes to the remote one."""
    run = ran(
        "python",
        protocol=protocol,
        datacenters="{dc1: {nodes: 1}, dc2: {nodes: 1}}",
        options="{load_balancing: {used_hosts_per_remote_dc: 1}}",
        load="{bursts: {size: 240, first: 2s}}",
        cpu="{issue: 1ms}",
        service="{constant: 5s}",
        duration="5s",
        more="faults: [{at: 1s, node: dc1/1, kind: stop}]",
    )
    assert sampled(run, "active", SECOND // 2) == [2, 1]
    assert sampled(run, "active", 4 * SECOND) == [0, 2]


@pytest.mark.inventory("python.core", "python.max")
def test_sizes_can_be_set_on_v2() -> None:
    run = ran(
        "python",
        protocol="v2",
        options="{pooling: {local: {core: 3, max: 4}}}",
        load="{bursts: {size: 490, first: 150ms}}",
        cpu="{issue: 1ms}",
        service="{constant: 5s}",
        duration="2s",
    )
    assert sampled(run, "active", 100 * MS) == [3]
    assert sampled(run, "active", SECOND) == [4]


# Performance --------------------------------------------------------------------------------------


def throughput(**parts: str) -> float:
    """Answers per second in the second half of a run."""
    run = ran("python", **{"duration": "1s"} | parts)
    return sum(end >= SECOND // 2 for end in run.column("ended_ns")) / 0.5


@pytest.mark.inventory("async-cassandra.non-blocking", "python.parallelism")
def test_requests_at_once_multiply_the_throughput_of_one_connection() -> None:
    """Ten milliseconds each: 95 a second one after another, 100 times that with 100 at once, all
    issued by one thread on one connection; with TCP_NODELAY, which is the user's to set."""
    nodelay = "{tcp_nodelay: true}"
    alone = throughput(load="{closed: {window: 1}}", options=nodelay)
    at_once = throughput(load="{closed: {window: 100}}", options=nodelay)
    assert alone == pytest.approx(1 / 0.0105, rel=0.01)
    assert at_once == pytest.approx(100 * alone, rel=0.01)


@pytest.mark.inventory("python.one-core")
def test_issuing_and_reading_share_one_core() -> None:
    """20 us to issue and 30 us to write and read are 20,000 requests a second, not 33,000. Threads
    cannot be added: there is one core."""
    cpu = "{issue: 20us, per_request: 30us}"
    assert throughput(cpu=cpu, load="{closed: {window: 500}}") == pytest.approx(20_000, rel=0.01)
    with pytest.raises(ScenarioError, match="io_threads"):
        scenario("python", cpu="{io_threads: 2}")


@pytest.mark.inventory("python.one-core", "python.parallelism")
def test_more_connections_bring_no_more_of_the_one_core() -> None:
    """The same 20,000 a second over one connection and over eight, which only v2 allows."""

    def answered(connections: int) -> float:
        size = f"{{core: {connections}, max: {connections}}}"
        return throughput(
            protocol="v2",
            cpu="{issue: 20us, per_request: 30us}",
            options=f"{{pooling: {{local: {size}}}, tcp_nodelay: true}}",
            load="{closed: {window: 100}}",
            service="{constant: 1ms}",
        )

    one, eight = answered(1), answered(8)
    assert one == pytest.approx(20_000, rel=0.01)
    assert eight == pytest.approx(one, rel=0.01)


@pytest.mark.inventory("python.scale-out.instances")
def test_more_instances_pass_what_one_cannot() -> None:
    parts = {"cpu": "{issue: 50us, per_request: 50us}", "load": "{closed: {window: 900}}"}
    one, three = (throughput(**parts, instances=k) for k in ("1", "3"))
    assert one == pytest.approx(10_000, rel=0.01)
    assert three == pytest.approx(3 * one, rel=0.01)


@pytest.mark.inventory("python.scale-out.nodes")
def test_more_nodes_pass_what_one_cannot() -> None:
    """A node of 10 workers serves 1,000 a second."""
    parts = {"workers": "10", "load": "{closed: {window: 300}}"}
    one, three = (
        throughput(**parts, datacenters=f"{{dc1: {{nodes: {k}, replication_factor: 1}}}}")
        for k in (1, 3)
    )
    assert one == pytest.approx(1_000, rel=0.01)
    assert three == pytest.approx(3_000, rel=0.05)


@pytest.mark.inventory("python.scale-out.sharding")
def test_clients_with_nodes_of_their_own_share_the_load() -> None:
    """Each shard's client keeps to its datacenter: 1,000 a second of 10 workers each."""
    other = """
  - name: other
    driver: python
    datacenter: {datacenter}
    load: {{closed: {{window: 100}}}}
"""

    def answered(datacenters: str, home: str) -> Counter[tuple[int, int]]:
        run = ran(
            "python",
            datacenters=datacenters,
            workers="10",
            load="{closed: {window: 100}}",
            duration="1s",
            more=other.format(datacenter=home),
        )
        return Counter(zip(run.column("session"), run.column("node"), strict=True))

    apart = answered("{dc1: {nodes: 1}, dc2: {nodes: 1}}", "dc2")
    assert set(apart) == {(0, 0), (1, 1)}
    assert all(count == pytest.approx(1_000, rel=0.1) for count in apart.values())
    together = answered("{dc1: {nodes: 1}}", "dc1")
    assert set(together) == {(0, 0), (1, 0)}
    assert apart.total() == pytest.approx(2 * together.total(), rel=0.02)


# Health and limits --------------------------------------------------------------------------------


@pytest.mark.inventory("python.connection-loss")
def test_a_connection_that_breaks_takes_all_requests_to_its_host_with_it() -> None:
    """Fifty in flight, all on the one connection; there is no other host."""
    run = ran(
        "python",
        load="{bursts: {size: 50, first: 100ms}}",
        service="{constant: 1s}",
        more="faults: [{at: 500ms, node: dc1/1, kind: stop}]",
    )
    assert run.column("error_kinds") == [LOST] * 50
    assert len(set(run.column("ended_ns"))) == 1
    assert set(run.outcomes()) == {"no_host_available"}


@pytest.mark.inventory("async-cassandra.rate-limit")
@pytest.mark.parametrize("most", [1_000, 10])
def test_a_semaphore_lets_so_many_requests_of_an_instance_go_at_once(most: int) -> None:
    """Of 1,500 at once; the others wait before the driver, not in it."""
    run = ran(
        "python",
        instances="2",
        load="{bursts: {size: 3000, first: 50ms}}",
        cpu="{issue: 1us}",
        service="{constant: 500ms}",
        workers="5000",
        more=f"    limit: {{max_concurrent: {most}}}",
    )
    assert max(row[0] for row in sampled_at_all_times(run, "in_flight")) == 2 * most
    assert set(run.column("wait_ns")) == {0}
    late = [
        issued - intended
        for issued, intended in zip(run.column("issued_ns"), run.column("intended_ns"), strict=True)
        if issued - intended > 100 * MS
    ]
    assert late
    assert min(late) >= 499 * MS


# The document's configuration ---------------------------------------------------------------------

DOCUMENT = (
    "{executor_threads: 4, heartbeat_interval: 30s, connect_timeout: 10s, request_timeout: 10s}"
)


@pytest.mark.inventory(
    "python.executor-threads",
    "python.heartbeat-interval",
    "python.connect-timeout",
    "python.request-timeout",
)
def test_defaults_and_values_of_the_document_s_configuration() -> None:
    default, document = options("v4"), options("v4", DOCUMENT)
    assert (default.executor_threads, document.executor_threads) == (2, 4)
    assert (default.heartbeat_interval_ns, document.heartbeat_interval_ns) == (30 * SECOND,) * 2
    assert (default.connect_timeout_ns, document.connect_timeout_ns) == (5 * SECOND, 10 * SECOND)
    assert (default.read_timeout_ns, document.read_timeout_ns) == (10 * SECOND,) * 2


@pytest.mark.inventory("python.executor-threads")
@pytest.mark.parametrize(("threads", "at_once"), [(2, 2), (4, 4)])
def test_executor_threads_bound_the_connections_made_at_once(threads: int, at_once: int) -> None:
    """Six hosts come back together, each with a pool to be made and a handshake of some messages of
    400 ms each: so many are on their way at a time."""
    run = ran(
        "python",
        datacenters="{dc1: {nodes: 8, replication_factor: 1, network: {delay: 200ms}}}",
        options=f"{{executor_threads: {threads}, reconnection: {{constant: {{delay: 1s}}}}}}",
        load="{uniform: {rate: 20/s}}",
        duration="30s",
        more="faults: ["
        + ", ".join(f"{{at: 2s, for: 3s, node: dc1/{k}, kind: stop}}" for k in range(1, 7))
        + "]",
    )
    connecting = [sum(row) for row in sampled_at_all_times(run, "connecting")]
    assert max(connecting) == at_once


@pytest.mark.inventory("python.heartbeat-interval")
def test_heartbeat_cycles_are_thirty_seconds_apart() -> None:
    look = Look(lambda world: world.sessions[0].cycle_due, SECOND, 31 * SECOND)
    ran("python", look, duration="32s", load="{uniform: {rate: 1/s}}")
    assert look.seen == [30 * SECOND, 60 * SECOND]


@pytest.mark.inventory("python.connect-timeout")
@pytest.mark.parametrize(("written", "seconds"), [("{}", 5), ("{connect_timeout: 10s}", 10)])
def test_a_handshake_without_an_answer_ends_after_the_connect_timeout(
    written: str, seconds: int
) -> None:
    """A raised core size asks a paused node for a connection."""
    run = ran(
        "python",
        protocol="v2",
        options=written,
        load="{trace: {times: [100ms]}}",
        duration="20s",
        more="faults: [{at: 1s, node: dc1/1, kind: pause}]\n"
        "changes: [{at: 2s, client: app, set: {pooling.local.core: 3}}]",
    )
    failed = [time / SECOND for time, *_ in run.noted("connect_failed")]
    assert failed[0] == pytest.approx(2 + seconds, abs=0.2)


@pytest.mark.inventory("python.request-timeout")
@pytest.mark.parametrize(("written", "seconds"), [("{}", 10), ("{request_timeout: 4s}", 4)])
def test_a_request_without_an_answer_ends_after_the_request_timeout(
    written: str, seconds: int
) -> None:
    run = ran(
        "python",
        options=written,
        load="{trace: {times: [2s]}}",
        duration="20s",
        more="faults: [{at: 1s, node: dc1/1, kind: pause}]",
    )
    assert run.outcomes() == ["client_timeout"]
    (issued,), (ended,) = run.column("issued_ns"), run.column("ended_ns")
    assert ended - issued == seconds * SECOND
