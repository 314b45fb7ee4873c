"""How many connections a CassandraORM pool has: sizes by distance, growth, idleness, adaptive
pooling, preallocation. Names and numbers of "Connection Pool Management"."""

from __future__ import annotations

from collections import Counter

import pytest

from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.load import ScenarioError
from poolsim.scenario.warnings import warnings_of
from tests.model.fault_runs import ROUND_TRIP
from tests.model.orm_bench import OrmBench
from tests.model.orm_bench import Settings as OwnSettings
from tests.model.orm_runs import ORM, QUIET, asked, orm, times
from tests.model.python_pools import MS, SECOND, Ran
from tests.model.whole_runs import ran as ran_anywhere

HANDSHAKE = 3 * ROUND_TRIP
"""TCP, STARTUP, USE."""
TIMER = MS
"""A timer of 0."""


def opened(run: Ran) -> Counter[int]:
    return Counter(node for _, _, node, _ in run.noted("opened"))


# Sizes --------------------------------------------------------------------------------------------


@pytest.mark.inventory(
    "cassandraorm.core",
    "cassandraorm.max",
    "cassandraorm.distances",
    "cassandraorm.configuration.enterprise",
)
def test_sizes_are_by_distance() -> None:
    """The enterprise example: 4 to each local host, 2 to the remote one in use, none to others."""
    run = ran_anywhere(
        ORM,
        datacenters="{dc1: {nodes: 2}, dc2: {nodes: 2}}",
        options="{pooling: {coreConnectionsPerHost: {'0': 4, '1': 2, '2': 1}, "
        "maxConnectionsPerHost: {'0': 16, '1': 8, '2': 4}, maxRequestsPerConnection: 32768, "
        "heartBeatInterval: 30s}, "
        "loadBalancing: {policy: TokenAwarePolicy, childPolicy: DCAwareRoundRobinPolicy, "
        "usedHostsPerRemoteDc: 1}}",
    )
    assert opened(run) == {0: 4, 1: 4, 2: 2}


def test_what_is_set_for_ignored_hosts_is_said_to_do_nothing() -> None:
    scenario = asked(pooling="coreConnectionsPerHost: {'0': 1, '2': 1}")
    assert any("distance '2' do nothing" in text for text in warnings_of(scenario))


@pytest.mark.inventory("cassandraorm.max")
def test_max_below_core_is_a_mistake() -> None:
    with pytest.raises(ScenarioError, match="maxConnectionsPerHost '0' 2 is below"):
        asked(pooling="coreConnectionsPerHost: {'0': 4}, maxConnectionsPerHost: {'0': 2}")


@pytest.mark.inventory("cassandraorm.max-requests")
def test_a_connection_carries_32768_requests_where_one_says_so() -> None:
    """The driver's own numbers are 2,048, and 128 on v1 and v2."""
    run = orm(
        pooling="maxRequestsPerConnection: 32768",
        load="{bursts: {size: 32769, first: 1s}}",
        service="2s",
        cpu="{issue: 0s}",
        duration="12s",
    )
    assert run.outcomes().count("no_host_available") == 1
    assert max(int(table[0, 3]) for _, table in run.samples) == 32_768
    assert DRIVERS[ORM].defaults(4).local.max_requests == 2_048
    assert DRIVERS[ORM].defaults(2).local.max_requests == 128


@pytest.mark.inventory("cassandraorm.max-requests", "cassandraorm.max")
def test_a_full_pool_grows_by_one_while_requests_are_refused() -> None:
    """One request a connection, at most three: two requests are refused, each asks for one."""
    run = orm(
        pooling="maxConnectionsPerHost: {'0': 3}, maxRequestsPerConnection: 1, " + QUIET,
        at=times(1.0, 1.01, 1.02, 1.03, 1.04, 1.05),
        service="5s",
        duration="20s",
    )
    grown = [(time, value) for time, _, _, value in run.noted("pool_grew")]
    assert grown == [(1_010 * MS, 2), (1_030 * MS, 3)]
    at = [time for time, *_ in run.noted("opened")]
    assert at == [0, 1_010 * MS + TIMER + HANDSHAKE, 1_030 * MS + TIMER + HANDSHAKE]
    due = dict(zip(run.column("intended_ns"), run.outcomes(), strict=True))
    assert [due[k * MS] for k in (1_000, 1_010, 1_020, 1_030, 1_040, 1_050)] == [
        "ok", "no_host_available", "ok", "no_host_available", "ok", "no_host_available",
    ]  # fmt: skip


@pytest.mark.inventory("cassandraorm.max", "cassandraorm.basic-pool")
def test_the_plain_pool_grows_to_its_largest_size_and_keeps_it() -> None:
    """The sizes of the basic example, one request a connection: from 2 to 8, and none is closed
    when all were answered (`idleTimeout` is the other pool's)."""
    run = orm(
        options="pool: ConnectionPool",
        pooling="coreConnectionsPerHost: {'0': 2, '1': 1}, "
        "maxConnectionsPerHost: {'0': 8, '1': 2}, maxRequestsPerConnection: 1, " + QUIET,
        at=times(*(1 + k / 100 for k in range(20))),
        service="5s",
        duration="10m",
    )
    assert [value for *_, value in run.noted("pool_grew")] == [3, 4, 5, 6, 7, 8]
    assert opened(run) == {0: 8}
    assert run.noted("closed", "pool_shrank") == []


FULL_ANYHOW = (
    "maxRequestsPerConnection: 1, " + QUIET + ", coreConnectionsPerHost: {'0': 4, '1': 2, '2': 1}, "
    "maxConnectionsPerHost: {'0': 16, '1': 8, '2': 4}"
)


@pytest.mark.inventory(
    "cassandraorm.max", "cassandraorm.distances", "cassandraorm.configuration.enterprise"
)
def test_local_and_remote_pools_grow_to_their_own_largest_sizes() -> None:
    """The enterprise example's sizes: 16 to the local host, 8 to the remote one in use; the hosts
    that the policy ignores get none of their 4."""
    run = ran_anywhere(
        ORM,
        datacenters="{dc1: {nodes: 1, network: {delay: 0.25ms}}, "
        "dc2: {nodes: 2, network: {delay: 0.25ms}}}",
        options="{readTimeout: 0s, pooling: {" + FULL_ANYHOW + "}, loadBalancing: {policy: "
        "DCAwareRoundRobinPolicy, usedHostsPerRemoteDc: 1, "
        "allowRemoteDCsForLocalConsistencyLevel: true}}",
        service="{constant: 1000s}",
        load="{trace: {times: [" + ", ".join(f"{1_000 + 20 * k}ms" for k in range(100)) + "]}}",
        duration="5s",
    )
    assert opened(run) == {0: 16, 1: 8}
    sizes = {node: value for _, _, node, value in run.noted("pool_grew")}
    assert sizes == {0: 16, 1: 8}


@pytest.mark.inventory("cassandraorm.regions.max-connections")
@pytest.mark.parametrize(("region", "grown"), [(4, [2, 3, 4]), (2, [2])])
def test_a_pool_grows_to_the_number_of_its_region(region: int, grown: list[int]) -> None:
    """Whether that is more or less than maxConnectionsPerHost."""
    run = orm(
        options=f"regionSettings: {{dc1: {{maxConnections: {region}}}}}",
        pooling="maxConnectionsPerHost: {'0': 3}, maxRequestsPerConnection: 1, " + QUIET,
        at=times(*(1 + k / 100 for k in range(10))),
        service="5s",
        duration="20s",
    )
    assert [value for *_, value in run.noted("pool_grew")] == grown


@pytest.mark.inventory("cassandraorm.max-requests.above-protocol")
def test_above_the_protocol_s_stream_ids_requests_wait_instead_of_being_refused() -> None:
    """65,536 on one connection: 33,000 at once, of which 232 find none of the 32,768 ids."""
    asked_for = {"pooling": "maxConnectionsPerHost: {'0': 32}, maxRequestsPerConnection: 65536"}
    run = orm(
        load="{bursts: {size: 33000, first: 1s}}",
        service="2s",
        cpu="{issue: 0s}",
        duration="12s",
        **asked_for,
    )
    assert run.noted("pool_grew") == []
    assert max(int(table[0, 3]) for _, table in run.samples) == 32_768
    assert max(int(table[0, 5]) for _, table in run.samples) == 33_000 - 32_768
    said = [text for text in warnings_of(asked(**asked_for)) if "stream ids" in text]
    assert len(said) == 1
    assert "65,536 is above the 32,768 stream ids" in said[0]


# Idleness -----------------------------------------------------------------------------------------


@pytest.mark.inventory("cassandraorm.idle-timeout")
def test_a_connection_above_core_is_closed_when_it_was_idle_for_the_timeout() -> None:
    """Used by a request from 1.02 s to 6.0205 s; the first connection is core and stays."""
    run = orm(
        pooling="maxConnectionsPerHost: {'0': 2}, maxRequestsPerConnection: 1, idleTimeout: 20s",
        at=times(1.0, 1.01, 1.02),
        service="5s",
    )
    answered = 1_020 * MS + 5 * SECOND + ROUND_TRIP
    assert [time for time, *_ in run.noted("closed")] == [answered + 20 * SECOND]
    assert run.noted("pool_shrank") == [(answered + 20 * SECOND, "pool_shrank", 0, 1)]


@pytest.mark.inventory("cassandraorm.idle-timeout")
def test_the_idle_timeout_is_120_seconds_and_0_is_none() -> None:
    assert DRIVERS[ORM].defaults(4).idle_timeout_ns == 120 * SECOND
    run = orm(
        pooling="maxConnectionsPerHost: {'0': 2}, maxRequestsPerConnection: 1, idleTimeout: 0s",
        at=times(1.0, 1.01),
        service="100ms",
        duration="10m",
    )
    assert run.noted("closed") == []


def test_heartbeats_are_no_use() -> None:
    """A heartbeat a second keeps nothing open: idleTimeout 1 s, of the example to avoid."""
    run = orm(
        pooling="maxConnectionsPerHost: {'0': 2}, maxRequestsPerConnection: 1, idleTimeout: 1s, "
        "heartBeatInterval: 1s",
        at=times(1.0, 1.01),
        service="100ms",
        duration="10s",
    )
    (closed,) = [time for time, *_ in run.noted("closed")]
    assert closed < 3 * SECOND


# Preallocation ------------------------------------------------------------------------------------


@pytest.mark.inventory("cassandraorm.preallocation")
def test_connections_are_preallocated_by_host() -> None:
    """The document's 8, 8 and 4, within the largest size."""
    run = orm(
        options="preallocateConnections: {dc1/1: 8, dc1/2: 8, dc1/3: 4}",
        pooling="coreConnectionsPerHost: {'0': 2}, maxConnectionsPerHost: {'0': 8}",
        nodes=4,
        duration="1s",
    )
    assert opened(run) == {0: 8, 1: 8, 2: 4, 3: 2}


@pytest.mark.inventory("cassandraorm.preallocation")
def test_no_more_than_the_largest_size_and_to_no_unknown_host() -> None:
    too_many = {"options": "preallocateConnections: {dc1/1: 8}"}
    run = orm(pooling="maxConnectionsPerHost: {'0': 3}", duration="1s", **too_many)
    assert opened(run) == {0: 3}
    said = warnings_of(asked(pooling="maxConnectionsPerHost: {'0': 3}", **too_many))
    assert any("8 is above the 3 connections" in text for text in said)
    with pytest.raises(ScenarioError, match="there is no node dc1/7"):
        asked(options="preallocateConnections: {dc1/7: 8}")


# Adaptive pooling ---------------------------------------------------------------------------------


def adapted(
    in_flight: int,
    core: int,
    *faults: str,
    settings: str = "",
    options: str = "",
    service: str = "1000s",
    duration: str = "59s",
    protocol: str = "v4",
    requests: int = 10,
) -> list[tuple[int, str, int]]:
    """What a pool of so many connections, ten requests each, does with so many in flight from 1 s
    on, which are answered after `service`."""
    run = orm(
        *faults,
        options="readTimeout: 0s" + options,
        pooling=f"coreConnectionsPerHost: {{'0': {core}}}, maxRequestsPerConnection: {requests}, "
        f"adaptivePooling: {{enabled: true{settings}}}, {QUIET}",
        load=f"{{bursts: {{size: {in_flight}, first: 1s}}}}" if in_flight else "",
        cpu="{issue: 0s}",
        service=service if in_flight else "1ms",
        duration=duration,
        protocol=protocol,
    )
    return [(t, name, value) for t, name, _, value in run.noted("pool_grew", "pool_shrank")]


@pytest.mark.inventory(
    "cassandraorm.adaptive", "cassandraorm.adaptive.scale-up", "cassandraorm.adaptive.interval"
)
def test_above_80_percent_it_grows_at_the_next_evaluation() -> None:
    """17 of 20 are 85 %, 16 of 20 are 80 % and not above it; evaluations come every 30 s."""
    assert adapted(17, core=2) == [(30 * SECOND, "pool_grew", 3)]
    assert adapted(16, core=2) == []


@pytest.mark.inventory("cassandraorm.adaptive.target")
def test_it_grows_to_what_brings_it_to_70_percent() -> None:
    """40 in flight need 6 connections of 10 for 70 % at most (6 × 7 = 42); 5 would be 80 %."""
    assert adapted(40, core=4) == [(30 * SECOND, "pool_grew", 6)]


@pytest.mark.inventory("cassandraorm.adaptive.scale-down", "cassandraorm.adaptive.target")
def test_below_30_percent_it_shrinks_to_70_percent() -> None:
    """29 of 100 need 5 connections; 30 of 100 are not below 30 %."""
    assert adapted(29, core=10) == [(30 * SECOND, "pool_shrank", 5)]
    assert adapted(30, core=10) == []


@pytest.mark.inventory("cassandraorm.adaptive.min")
def test_it_keeps_two_connections() -> None:
    assert adapted(0, core=5) == [(30 * SECOND, "pool_shrank", 2)]
    assert adapted(0, core=2) == []
    run = orm(
        pooling="coreConnectionsPerHost: {'0': 1}, adaptivePooling: {enabled: true}", duration="1s"
    )
    assert opened(run) == {0: 2}


@pytest.mark.inventory("cassandraorm.adaptive.max")
def test_it_has_twenty_at_most() -> None:
    """180 of 190 would need 26."""
    assert adapted(180, core=19) == [(30 * SECOND, "pool_grew", 20)]
    assert adapted(195, core=20) == []


def test_between_the_thresholds_it_stays_and_at_the_target_it_stays_for_good() -> None:
    assert adapted(40, core=4, duration="10m") == [(30 * SECOND, "pool_grew", 6)]


def test_connections_that_are_surplus_finish_what_they_have() -> None:
    """29 requests on ten connections: those that leave close when their last one is answered."""
    run = orm(
        options="readTimeout: 0s",
        pooling="coreConnectionsPerHost: {'0': 10}, maxRequestsPerConnection: 10, "
        f"adaptivePooling: {{enabled: true}}, {QUIET}",
        load="{bursts: {size: 8, first: 1s}}",
        cpu="{issue: 0s}",
        service="40s",
        duration="59s",
    )
    assert run.outcomes() == ["ok"] * 8
    closed = [time for time, *_ in run.noted("closed")]
    assert len(closed) == 8
    assert set(closed) == {30 * SECOND, 41 * SECOND + ROUND_TRIP}


def test_a_full_pool_does_not_grow_by_itself_then() -> None:
    run = orm(
        pooling="maxRequestsPerConnection: 1, adaptivePooling: {enabled: true}, " + QUIET,
        at=times(1.0, 1.01, 1.02, 1.03),
        service="5s",
        duration="20s",
    )
    assert run.noted("pool_grew") == []


@pytest.mark.inventory("cassandraorm.adaptive.interval", "cassandraorm.adaptive.min")
def test_it_is_evaluated_again_and_again() -> None:
    """The node serves eight at a time: 17 of 20 at 30 s, 9 of 30 at 60 s, which are not below 30 %,
    1 of 30 at 90 s."""
    assert adapted(17, core=2, service="40s", duration="3m") == [
        (30 * SECOND, "pool_grew", 3),
        (90 * SECOND, "pool_shrank", 2),
    ]


OTHER = (
    ", minConnections: 1, maxConnections: 5, targetUtilization: 0.5, scaleUpThreshold: 0.6, "
    "scaleDownThreshold: 0.2, evaluationInterval: 7s"
)


@pytest.mark.inventory(
    "cassandraorm.adaptive.min",
    "cassandraorm.adaptive.max",
    "cassandraorm.adaptive.target",
    "cassandraorm.adaptive.scale-up",
    "cassandraorm.adaptive.scale-down",
    "cassandraorm.adaptive.interval",
)
def test_adaptive_pooling_by_other_numbers() -> None:
    """13 of 20 are 65 %, above 60 %, and 3 connections bring them to 50 % at most; they stay at
    43 % until eight are answered at 21 s: 5 of 30 are below 20 % and need one. 12 of 20 are not
    above 60 %."""
    assert adapted(13, core=2, settings=OTHER, service="20s", duration="60s") == [
        (7 * SECOND, "pool_grew", 3),
        (28 * SECOND, "pool_shrank", 1),
    ]
    assert adapted(12, core=2, settings=OTHER) == []
    # 40 would need eight.
    assert adapted(40, core=4, settings=OTHER) == [(7 * SECOND, "pool_grew", 5)]
    # 3 of 20 are below 20 % and need one; 4 are not.
    assert adapted(3, core=2, settings=OTHER) == [(7 * SECOND, "pool_shrank", 1)]
    assert adapted(4, core=2, settings=OTHER) == []


@pytest.mark.inventory("cassandraorm.adaptive.target", "cassandraorm.adaptive.scale-up")
def test_it_grows_by_one_at_least_where_the_target_is_the_threshold() -> None:
    """At 80 % both: 17 of 20 and 25 of 30 need one more."""
    equal = ", targetUtilization: 0.8"
    assert adapted(17, core=2, settings=equal) == [(30 * SECOND, "pool_grew", 3)]
    assert adapted(25, core=3, settings=equal) == [(30 * SECOND, "pool_grew", 4)]
    assert adapted(24, core=3, settings=equal) == []


@pytest.mark.inventory("cassandraorm.adaptive")
def test_a_pool_that_is_not_complete_is_not_evaluated() -> None:
    """One of its two connections is refused until 35 s: nine on the other one are 90 %. Then they
    are 45 % of two."""
    refuse = "at: 0s, for: 35s, node: dc1/1, kind: refuse"
    assert adapted(9, 2, refuse, duration="2m") == []
    alone = ", minConnections: 1"
    assert adapted(9, core=1, settings=alone) == [(30 * SECOND, "pool_grew", 2)]


@pytest.mark.inventory("cassandraorm.adaptive.max", "cassandraorm.regions.max-connections")
def test_a_region_has_the_last_word_on_an_adaptive_pool_s_size() -> None:
    """40 in flight would need six; 3 are fewer than minConnections 4."""
    region = ", regionSettings: {dc1: {maxConnections: %d}}"
    assert adapted(40, core=4, options=region % 5) == [(30 * SECOND, "pool_grew", 5)]
    run = orm(
        options="regionSettings: {dc1: {maxConnections: 3}}",
        pooling="adaptivePooling: {enabled: true, minConnections: 4}",
        duration="40s",
    )
    assert opened(run) == {0: 3}
    assert run.noted("pool_grew", "pool_shrank") == []


@pytest.mark.inventory("cassandraorm.adaptive", "cassandraorm.max-requests.above-protocol")
def test_utilisation_is_of_the_stream_ids_where_they_are_fewer() -> None:
    """v2 has 128: 220 on two connections are 86 % of 256, not 55 % of 400."""
    found = adapted(220, core=2, protocol="v2", requests=200)
    assert found == [(30 * SECOND, "pool_grew", 3)]


@pytest.mark.inventory("cassandraorm.idle-timeout", "cassandraorm.adaptive")
def test_the_idle_timeout_closes_nothing_of_an_adaptive_pool() -> None:
    run = orm(
        pooling="coreConnectionsPerHost: {'0': 3}, idleTimeout: 1s, "
        "adaptivePooling: {enabled: true}",
        duration="29s",
    )
    assert opened(run) == {0: 3}
    assert run.noted("closed") == []


def test_the_control_connection_stays_though_it_is_the_youngest() -> None:
    bench = OrmBench(OwnSettings(3, 3, 10, 0, 0, 0, 0, adaptive=True))
    while bench.pool.timer_at >= 0:
        bench.come_to_timer(bench.pool.timer_at)
    *_, youngest = bench.active()
    bench.session.control = bench.slot(youngest)
    bench.adapt(30 * SECOND)
    assert bench.pool.size == 1
    assert bench.active() == [youngest]


def test_thresholds_that_would_swing_are_a_mistake() -> None:
    with pytest.raises(ScenarioError, match="scaleDownThreshold < targetUtilization"):
        asked(pooling="adaptivePooling: {enabled: true, scaleUpThreshold: 0.6}")
    with pytest.raises(ScenarioError, match="maxConnections 3 is below minConnections 4"):
        asked(pooling="adaptivePooling: {minConnections: 4, maxConnections: 3}")


def test_the_document_s_numbers_are_the_defaults() -> None:
    adaptive = DRIVERS[ORM].defaults(4).orm.adaptive
    assert (adaptive.min_connections, adaptive.max_connections) == (2, 20)
    assert (adaptive.target, adaptive.scale_up, adaptive.scale_down) == (0.7, 0.8, 0.3)
    assert adaptive.interval_ns == 30 * SECOND
