"""async-cassandra over the Python driver: what its document says, statement by statement.

The document is "Connection Pooling in async-cassandra".
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolsim.estimation.monitor import Monitored, monitored
from poolsim.recording.grid import choose_interval
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.load import ScenarioError
from poolsim.scenario.scenario import Scenario
from tests.model.fault_runs import ROUND_TRIP, SERVED, instants, ran, run_once, told
from tests.model.python_pools import MS, SECOND

ASYNC = "async_cassandra"
MONITOR = "{connection_monitor: {enabled: true}}"
WARM_UP = "{warm_up: true}"


def seen(scenario: Scenario) -> Monitored:
    """What the wrapper of the scenario's one client saw."""
    (one,) = monitored(scenario, recorded(scenario))
    return one


def recorded(scenario: Scenario) -> Record:
    from poolsim.engine.run import simulate

    recorder = Recorder(scenario, choose_interval(scenario))
    end = simulate(scenario, 0, recorder)
    return recorder.finish(end.end_ns, end.unfinished)


# Connections --------------------------------------------------------------------------------------


@pytest.mark.inventory("async-cassandra.driver")
@pytest.mark.parametrize("protocol", ["v3", "v4", "v5"])
def test_there_is_exactly_one_connection_a_host_on_v3_and_newer(protocol: str) -> None:
    run = ran(ASYNC, nodes=3, protocol=protocol, load="{closed: {window: 50}}", duration="2s")
    opened = run.noted("opened")
    assert sorted(node for _, _, node, _ in opened) == [0, 1, 2]


def test_pool_sizes_cannot_be_set_on_v3_and_newer() -> None:
    """The setters raise UnsupportedOperation."""
    with pytest.raises(ScenarioError, match="UnsupportedOperation"):
        told(ASYNC, options="{pooling: {local: {core: 5}}}")


def test_a_connection_carries_up_to_32768_requests_on_v3_and_newer() -> None:
    assert DRIVERS[ASYNC].defaults(5).local.max_requests == 32_768


@pytest.mark.parametrize("protocol", [1, 2])
def test_legacy_pools_have_2_to_8_local_and_1_to_2_remote_connections(protocol: int) -> None:
    options = DRIVERS[ASYNC].defaults(protocol)
    assert (options.local.core, options.local.max) == (2, 8)
    assert (options.remote.core, options.remote.max) == (1, 2)


def test_a_legacy_connection_carries_at_most_128_requests() -> None:
    """127 in flight: the driver takes one while fewer than 127 are (PY/pool.py:638-652); the 128th
    blocks the event loop."""
    run = run_once(
        told(
            ASYNC,
            protocol="v2",
            options="{pooling: {local: {core: 1, max: 1}}}",
            load="{bursts: {size: 200, first: 1s}}",
            service="100ms",
            cpu="{issue: 0s}",
            duration="5s",
        )
    )
    assert run.column("issued_ns").count(SECOND) == 128
    assert [wait for wait in run.column("wait_ns") if wait][:1] == [100 * MS + ROUND_TRIP]


# Configuration ------------------------------------------------------------------------------------


def test_defaults_of_the_cluster() -> None:
    """Two executor threads, a heartbeat after 30 s, 5 s to connect, 10 s for a request."""
    options = DRIVERS[ASYNC].defaults(5)
    assert options.executor_threads == 2
    assert options.heartbeat_interval_ns == 30 * SECOND
    assert options.connect_timeout_ns == 5 * SECOND
    assert options.read_timeout_ns == 10 * SECOND


def test_the_document_s_tuned_cluster() -> None:
    """executor_threads 4, idle_heartbeat_interval 30, connect_timeout 10, request_timeout 10."""
    tuned = told(
        ASYNC,
        options="{executor_threads: 4, heartbeat_interval: 30s, connect_timeout: 10s, "
        "request_timeout: 10s}",
    ).clients[0]
    assert tuned.options.executor_threads == 4
    assert tuned.options.connect_timeout_ns == 10 * SECOND


@pytest.mark.parametrize(("threads", "seconds"), [(2, 10), (4, 5)])
def test_executor_threads_are_what_connects(threads: int, seconds: int) -> None:
    """Four hosts come back at once and never answer a handshake: so many are tried at a time, for
    5 s each."""
    stops = [f"at: 5s, for: 5s, node: dc1/{n}, kind: stop" for n in (1, 2, 3, 4)]
    silences = [f"at: 10s, node: dc1/{n}, kind: silent" for n in (1, 2, 3, 4)]
    run = ran(
        ASYNC,
        *stops,
        *silences,
        nodes=5,
        options=f"{{executor_threads: {threads}, status_events: false, "
        "reconnection: {constant: {delay: 6s}}}",
        load="{uniform: {rate: 50/s}}",
        duration="30s",
    )
    timed_out = [at for at, _, _, value in run.noted("connect_failed") if value == 2]
    begun = [at for at in instants(run, "reconnection_attempt") if at > 10 * SECOND]
    assert sum(at < timed_out[0] for at in begun) == threads
    assert (timed_out[3] - begun[0]) / SECOND == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize(("timeout", "seconds"), [("5s", 5), ("10s", 10)])
def test_connecting_takes_the_connect_timeout_at_most(timeout: str, seconds: int) -> None:
    run = ran(
        ASYNC,
        "at: 5s, for: 1s, node: dc1/1, kind: stop",
        "at: 6s, node: dc1/1, kind: silent",
        nodes=2,
        options=f"{{connect_timeout: {timeout}, status_events: false}}",
        load="{uniform: {rate: 50/s}}",
        duration="30s",
    )
    began = {connection: at for at, connection in _starts(run) if at > 6 * SECOND}
    first = min(began.values())
    failed = [at for at, _, _, value in run.noted("connect_failed") if value == 2]
    assert failed[0] - first == seconds * SECOND


def _starts(run: object) -> list[tuple[int, int]]:
    return [(at, k) for k, (at, _, _, _) in enumerate(run.noted("connect_started"))]  # type: ignore[attr-defined]


def test_a_request_ends_after_10_s_at_most() -> None:
    run = ran(ASYNC, "at: 1s, node: dc1/1, kind: silent", at=("2s",))
    assert run.outcomes() == ["client_timeout"]
    assert run.column("ended_ns") == [12 * SECOND]


# The rate-limited session -------------------------------------------------------------------------


@pytest.mark.inventory("async-cassandra.max-concurrent")
def test_a_rate_limited_session_lets_1000_requests_through() -> None:
    limited = told(ASYNC, options="{rate_limited_session: {enabled: true}}").clients[0]
    assert limited.max_concurrent == 1_000
    assert told(ASYNC).clients[0].max_concurrent == 0


@pytest.mark.inventory("async-cassandra.rate-limit")
def test_others_wait_for_the_semaphore() -> None:
    """1,200 at once: the last 200 are issued when as many have been answered."""
    run = ran(
        ASYNC,
        options="{rate_limited_session: {enabled: true}}",
        load="{bursts: {size: 1200, first: 1s}}",
        service="10ms",
        cpu="{issue: 0s}",
        duration="9s",
    )
    waited = [
        issued > intended
        for issued, intended in zip(run.column("issued_ns"), run.column("intended_ns"), strict=True)
    ]
    assert waited.count(True) == 200


@pytest.mark.inventory("async-cassandra.max-concurrent")
def test_the_limit_may_be_another_one() -> None:
    options = "{rate_limited_session: {enabled: true, max_concurrent: 5}}"
    assert told(ASYNC, options=options).clients[0].max_concurrent == 5


# Warm-up ------------------------------------------------------------------------------------------


@pytest.mark.inventory("async-cassandra.warm-up", "async-cassandra.warm-up.first-requests")
def test_warm_up_sends_a_query_to_each_host_before_traffic_is_served() -> None:
    """One after the other: 1.5 ms each; what is due meanwhile waits."""
    run = ran(ASYNC, nodes=3, options=WARM_UP, at=("1ms", "10ms"))
    assert [(at, node) for at, _, node, _ in run.noted("check_ok")] == [
        (SERVED, 0),
        (2 * SERVED, 1),
        (3 * SERVED, 2),
    ]
    assert [(at, value) for at, _, _, value in run.noted("warmed_up")] == [(3 * SERVED, 3 * SERVED)]
    assert run.column("issued_ns") == [3 * SERVED, 10 * MS]


@pytest.mark.inventory("async-cassandra.warm-up.down-node")
def test_warm_up_goes_on_past_a_node_that_is_down() -> None:
    """ "Node might be down, continue with others": its error is passed over."""
    down = "at: 0s, for: 30s, node: dc1/2, kind: stop"
    run = ran(ASYNC, down, nodes=3, options=WARM_UP, at=("1ms",))
    assert [node for _, _, node, _ in run.noted("check_ok")] == [0, 2]
    assert [node for _, _, node, _ in run.noted("check_failed")] == [1]
    assert len(run.noted("warmed_up")) == 1
    assert run.outcomes() == ["ok"]


def test_warm_up_waits_for_a_silent_node_s_timeout_and_goes_on() -> None:
    run = ran(ASYNC, "at: 0s, node: dc1/1, kind: silent", nodes=2, options=WARM_UP, at=("1ms",))
    assert [(at, node) for at, _, node, _ in run.noted("check_failed")] == [(10 * SECOND, 0)]
    assert instants(run, "warmed_up") == [10 * SECOND + SERVED]


@pytest.mark.inventory("async-cassandra.warm-up.first-requests")
@pytest.mark.parametrize("options", ["{}", WARM_UP])
def test_no_first_request_waits_for_a_connection(options: str) -> None:
    """Sessions are connected when a run begins, as `connect(wait_for_all_pools=True)` leaves them;
    what a warm-up adds is that every host has answered."""
    run = ran(ASYNC, nodes=3, options=options, load="{uniform: {rate: 1000/s}}", duration="1s")
    assert set(instants(run, "opened")) == {0}
    assert set(run.column("wait_ns")) == {0}
    first = min(run.column("issued_ns"))
    answered = instants(run, "check_ok")
    assert answered == ([SERVED, 2 * SERVED, 3 * SERVED] if options == WARM_UP else [])
    assert first == max([MS // 2, *answered])


def test_without_warm_up_requests_go_at_once() -> None:
    run = ran(ASYNC, nodes=3, at=("1ms",))
    assert run.column("issued_ns") == [MS]
    assert run.noted("check_ok", "warmed_up") == []


# Monitoring ---------------------------------------------------------------------------------------


@pytest.mark.inventory("async-cassandra.monitor", "async-cassandra.monitor.interval")
def test_the_monitor_looks_every_60_s_after_its_last_round() -> None:
    """`await asyncio.sleep(interval)` follows the round: 3 x 1.5 ms later each time."""
    run = ran(ASYNC, nodes=3, options=MONITOR, duration="200s")
    took = 3 * SERVED
    assert instants(run, "monitored") == [
        took,
        2 * took + 60 * SECOND,
        3 * took + 120 * SECOND,
        4 * took + 180 * SECOND,
    ]


@pytest.mark.inventory("async-cassandra.monitor.interval")
def test_its_interval_can_be_another_one() -> None:
    options = "{connection_monitor: {enabled: true, interval: 7s}}"
    assert len(ran(ASYNC, options=options, duration="50s").noted("monitored")) == 8


@pytest.mark.inventory("async-cassandra.health-check", "async-cassandra.monitor.latency")
def test_each_host_is_looked_at_with_a_query_of_its_own() -> None:
    """Whatever the load balancer would say: the host is named."""
    run = ran(ASYNC, nodes=3, options=MONITOR, duration="10s")
    assert [node for _, _, node, _ in run.noted("check_ok")] == [0, 1, 2]
    assert {value for _, _, _, value in run.noted("check_ok")} == {SERVED}


@pytest.mark.inventory("async-cassandra.monitor.hosts-down", "async-cassandra.monitor.is-up")
def test_a_host_that_is_down_gets_no_query_and_a_warning_tells_how_many_are() -> None:
    down = [f"at: 10s, for: 100s, node: dc1/{n}, kind: stop" for n in (2, 3)]
    asked = told(
        ASYNC, *down, nodes=3, options=MONITOR, load="{uniform: {rate: 20/s}}", duration="200s"
    )
    one = seen(asked)
    assert [round_.down_hosts for round_ in one.rounds] == [0, 2, 0, 0]
    ((at_s, text),) = one.warnings
    assert text == "WARNING: 2 hosts are down"
    assert 60 < at_s < 60.1
    assert [host.is_up for host in one.rounds[1].hosts] == [True, False, False]
    assert [host.latency_ms for host in one.rounds[1].hosts[1:]] == [None, None]


@pytest.mark.inventory(
    "async-cassandra.monitor.timestamp",
    "async-cassandra.monitor.cluster-name",
    "async-cassandra.monitor.protocol-version",
    "async-cassandra.monitor.hosts",
    "async-cassandra.monitor.address",
    "async-cassandra.monitor.datacenter",
    "async-cassandra.monitor.rack",
    "async-cassandra.monitor.connection-count",
    "async-cassandra.monitor.total-connections",
)
def test_the_fields_of_the_statistics() -> None:
    one = seen(told(ASYNC, nodes=2, options=MONITOR, load="{uniform: {rate: 10/s}}"))
    first = one.rounds[0]
    assert one.cluster_name == "faults"
    assert one.protocol_version == 4
    assert first.timestamp_s == 0
    (host, other) = first.hosts
    assert (host.address, host.datacenter, host.rack) == ("dc1/1", "dc1", "rack1")
    assert (host.is_up, host.connection_count, host.error) == (True, 1, "")
    assert host.latency_ms == pytest.approx(1.5)
    assert other.address == "dc1/2"
    assert first.total_connections == 2


@pytest.mark.inventory("async-cassandra.monitor.release-version")
def test_each_host_has_the_release_version_of_the_scenario_s_nodes() -> None:
    """Cassandra 5.0.5 unless the file says otherwise; it changes nothing that happens."""
    from poolsim.scenario.load import load_text
    from poolsim.scenario.resolved import to_yaml

    asked = told(ASYNC, nodes=2, options=MONITOR)
    assert [host.release_version for host in seen(asked).rounds[0].hosts] == ["5.0.5", "5.0.5"]
    assert "release_version" not in to_yaml(asked)
    written = to_yaml(asked).replace("workers: 8", "workers: 8\n    release_version: 4.1.3")
    older = load_text(written)
    assert load_text(to_yaml(older)) == older
    assert [host.release_version for host in seen(older).rounds[0].hosts] == ["4.1.3", "4.1.3"]
    assert recorded(older).digest == recorded(replace(asked, path=older.path)).digest


@pytest.mark.inventory(
    "async-cassandra.monitor.requests-sent",
    "async-cassandra.monitor.requests-completed",
    "async-cassandra.monitor.requests-failed",
    "async-cassandra.monitor.last-health-check",
    "async-cassandra.monitor.app-metrics",
)
def test_the_application_s_counters() -> None:
    """Ten a second, one in ten of which fail: those of a node that answers nothing."""
    asked = told(
        ASYNC,
        "at: 30s, for: 5s, node: dc1/1, kind: silent",
        nodes=1,
        options="{connection_monitor: {enabled: true}, request_timeout: 1s}",
        load="{uniform: {rate: 10/s}}",
        duration="130s",
    )
    first, second, third = (round_.app_metrics for round_ in seen(asked).rounds)
    assert (first.requests_sent, first.requests_completed, first.requests_failed) == (0, 0, 0)
    assert first.last_health_check_s is None
    assert second.last_health_check_s == 0
    # From 100 ms to 60 s; the round is over 3 ms later.
    assert (second.requests_sent, second.requests_completed) == (600, 550)
    assert (third.requests_sent, third.requests_completed) == (1_200, 1_150)
    assert (second.requests_failed, third.requests_failed) == (50, 50)


@pytest.mark.inventory("async-cassandra.monitor.requests-sent")
@pytest.mark.parametrize("instances", [1, 2])
def test_what_was_sent_is_what_ended_and_what_the_driver_has(instances: int) -> None:
    """On two nodes of which one falls silent: what timed out holds its stream id but counts once,
    what is tried again counts once, what waits for the application's limit was not sent, and
    heartbeats and looks count not at all. Of several instances each counts its own."""
    asked = told(
        ASYNC,
        "at: 2s, for: 6s, node: dc1/1, kind: silent",
        "at: 12s, for: 2s, node: dc1/1, kind: protocol_error",
        "at: 15s, for: 2s, node: dc1/2, kind: stop",
        nodes=2,
        options="{connection_monitor: {enabled: true, interval: 700ms}, request_timeout: 1s, "
        "heartbeat_interval: 1s, rate_limited_session: {enabled: true, max_concurrent: 8}}",
        load="{uniform: {rate: 41/s}}",
        duration="30s",
    )
    asked = replace(asked, clients=(replace(asked.clients[0], instances=instances),))
    run = run_once(asked)
    rows = [
        (issued, ended, outcome)
        for session, issued, ended, outcome in zip(
            run.column("session"),
            run.column("issued_ns"),
            run.column("ended_ns"),
            run.outcomes(),
            strict=True,
        )
        if session == 0
    ]
    early = [round_ for round_ in seen(asked).rounds if round_.timestamp_s < 25]
    assert len(early) > 15
    under_way = 0
    for round_ in early:
        at = round((round_.timestamp_s + round_.took_s) * SECOND)
        app = round_.app_metrics
        sent = [row for row in rows if row[0] <= at]
        outcomes = [outcome for _, ended, outcome in sent if ended <= at]
        assert app.requests_sent == len(sent)
        assert app.requests_completed == outcomes.count("ok")
        assert app.requests_failed == len(outcomes) - outcomes.count("ok")
        under_way = max(under_way, len(sent) - len(outcomes))
    assert under_way > 3


@pytest.mark.inventory("async-cassandra.monitor.error")
def test_a_query_that_fails_is_that_host_s_error_and_the_round_goes_on() -> None:
    silent = "at: 1s, for: 100s, node: dc1/1, kind: silent"
    options = "{connection_monitor: {enabled: true}, heartbeat_interval: 0s}"
    one = seen(told(ASYNC, silent, nodes=2, options=options, duration="100s"))
    first, second = one.rounds[1].hosts
    assert (first.error, first.latency_ms, first.is_up) == ("client timeout", None, True)
    assert second.latency_ms == pytest.approx(1.5)
    assert one.rounds[1].took_s == pytest.approx(10.0015)


@pytest.mark.inventory(
    "async-cassandra.health-check.healthy",
    "async-cassandra.health-check.unhealthy",
    "async-cassandra.health-check.details",
)
def test_the_health_check_counts_healthy_and_unhealthy_hosts_with_their_errors() -> None:
    faults = (
        "at: 50s, for: 100s, node: dc1/1, kind: silent",
        "at: 10s, for: 100s, node: dc1/2, kind: stop",
    )
    asked = told(
        ASYNC,
        *faults,
        nodes=3,
        options="{connection_monitor: {enabled: true}, heartbeat_interval: 0s}",
        load="{uniform: {rate: 20/s}}",
        duration="100s",
    )
    health = seen(asked).rounds[1].health
    assert (health.healthy, health.unhealthy) == (1, 2)
    assert health.details == (("dc1/1", "client timeout"), ("dc1/2", "down"))


def test_a_node_that_is_not_in_the_ring_is_not_looked_at() -> None:
    one = seen(told(ASYNC, "at: 30s, node: dc1/2, kind: add", nodes=2, options=MONITOR,
                    duration="100s"))  # fmt: skip
    assert [len(round_.hosts) for round_ in one.rounds] == [1, 2]


def test_hosts_that_the_policy_ignores_are_never_held_for_up() -> None:
    """So a cluster of two datacenters warns for ever (PY/cluster.py:2030-2035)."""
    asked = told(ASYNC, nodes=1, options=MONITOR)
    other = replace(asked.datacenters[0], name="dc2")
    one = seen(replace(asked, datacenters=(*asked.datacenters, other)))
    assert one.rounds[0].warning == "WARNING: 1 hosts are down"


def test_looks_are_no_part_of_the_load() -> None:
    """They appear in no row, count or latency; the limit does not hold them up."""
    options = (
        "{warm_up: true, connection_monitor: {enabled: true, interval: 1s}, "
        "rate_limited_session: {enabled: true, max_concurrent: 1}}"
    )
    run = ran(ASYNC, nodes=2, options=options, at=("1s", "1s"), service="300ms", duration="10s")
    assert len(run.column("number")) == 2
    assert run.column("number") == [0, 1]
    assert run.end.unfinished == (0,)
    assert len(run.noted("check_ok")) > 10


def test_looks_keep_connections_alive() -> None:
    """One a minute, against a firewall that forgets after two."""
    firewall = "at: 0s, node: dc1/1, kind: middlebox, idle_timeout: 2m"
    quiet = ran(ASYNC, firewall, options="{heartbeat_interval: 0s}", duration="9m")
    watched = ran(
        ASYNC,
        firewall,
        options="{heartbeat_interval: 0s, connection_monitor: {enabled: true}}",
        duration="9m",
    )
    dropped = len(quiet.noted("middlebox_dropped"))
    # The control connection's entry goes all the same: nothing is sent on it.
    assert (dropped, len(watched.noted("middlebox_dropped"))) == (2, 1)


# What requests under way cost one another ---------------------------------------------------------


def test_crosstalk_makes_each_answer_cost_more_the_more_are_in_flight() -> None:
    """T(n) = L + q n (n - 1): eight at once with 100 us of crosstalk take 5.6 ms more."""
    run = ran(
        ASYNC,
        options="{tcp_nodelay: true}",  # all leave at once
        load="{bursts: {size: 8, first: 1s}}",
        cpu="{issue: 0s, crosstalk: 100us}",
        duration="2s",
    )
    assert max(run.column("ended_ns")) == SECOND + SERVED + 8 * 7 * MS // 10


def test_one_request_at_a_time_pays_no_crosstalk() -> None:
    run = ran(ASYNC, load="{closed: {window: 1}}", cpu="{crosstalk: 1ms}", duration="2s")
    latencies = {
        ended - intended
        for ended, intended in zip(run.column("ended_ns"), run.column("intended_ns"), strict=True)
    }
    assert max(latencies) < SERVED + MS // 10
