"""How a CassandraORM pool starts, and the settings of its connections. Names and numbers of
"Connection Pool Management"."""

from __future__ import annotations

import pytest

from poolsim.model.kinds import CONNECT_TIMED_OUT
from poolsim.model.records import ROLE_CONTROL
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.load import ScenarioError
from tests.model.fault_runs import ROUND_TRIP, SERVED
from tests.model.orm_runs import ORM, asked, orm, times
from tests.model.python_pools import MS, SECOND

HANDSHAKE = 3 * ROUND_TRIP
NEXT = MS + HANDSHAKE
"""From one connection to the next: a timer, a handshake."""
WARM = "coreConnectionsPerHost: {'0': 4}, warmup: true"


@pytest.mark.inventory("cassandraorm.basic-pool")
def test_the_plain_pool_has_sizes_a_limit_and_heartbeats() -> None:
    """The document's basic example: 2 connections to each host, there when the load comes."""
    run = orm(
        options="pool: ConnectionPool",
        pooling="coreConnectionsPerHost: {'0': 2, '1': 1}, "
        "maxConnectionsPerHost: {'0': 8, '1': 2}, maxRequestsPerConnection: 32768, "
        "heartBeatInterval: 30s",
        nodes=2,
        at=times(0.0),
    )
    assert [time for time, *_ in run.noted("opened")] == [0] * 4
    assert run.column("ended_ns") == [SERVED]


@pytest.mark.inventory("cassandraorm.basic-pool", "cassandraorm.advanced-pool")
@pytest.mark.parametrize(
    "block",
    [
        "pooling: {warmup: true}",
        "pooling: {enableMetrics: true}",
        "pooling: {enableBatching: true}",
        "pooling: {adaptivePooling: {enabled: true}}",
        "healthCheck: {enabled: true}",
        "circuitBreaker: {enabled: true}",
        "failover: {enabled: true}",
        "connectionRecovery: {enabled: true}",
        "preallocateConnections: {dc1/1: 2}",
        "regionSettings: {dc1: {maxConnections: 2}}",
        "pooling: {idleTimeout: 60s}",
        "pooling: {warmupTimeout: 5s}",
        "pooling: {metricsInterval: 1s}",
        "pooling: {batchSize: 10}",
        "pooling: {adaptivePooling: {maxConnections: 10}}",
        "loadBalancing: {shuffleReplicas: false}",
        "loadBalancing: {usedHostsPerRemoteDc: 1}",
        "loadBalancing: {allowRemoteDCsForLocalConsistencyLevel: true}",
        "retry: {maxRetries: 1}",
        "retry: {retryDelay: 100ms}",
        "healthCheck: {interval: 1s}",
        "circuitBreaker: {failureThreshold: 2}",
        "failover: {maxRetries: 1}",
        "connectionRecovery: {maxAttempts: 1}",
        "drainConnections: false",
        "drainTimeout: 1s",
        "logging: {level: debug}",
        "logging: {logConnections: true}",
        "logging: {logRequests: true}",
        "logging: {logErrors: true}",
    ],
)
def test_everything_else_is_the_advanced_pool_s(block: str) -> None:
    assert asked(options=block).clients[0].options.orm.pool == "AdvancedConnectionPool"
    with pytest.raises(ScenarioError, match="a ConnectionPool has no such thing"):
        asked(options="pool: ConnectionPool, " + block)


def test_the_plain_pool_has_what_the_driver_below_it_has_options_for() -> None:
    block = (
        "pool: ConnectionPool, consistency: ONE, loadBalancing: {policy: TokenAwarePolicy, "
        "childPolicy: RoundRobinPolicy}, retry: {policy: FallthroughRetryPolicy}, "
        "pooling: {connectionTimeout: 1s, enableTcpNoDelay: false, enableTcpKeepAlive: false}"
    )
    options = asked(options=block).clients[0].options
    assert options.balancing.policy == "round_robin"
    assert (options.retry, options.connect_timeout_ns) == ("fallthrough", SECOND)
    assert not options.tcp_nodelay
    assert not options.keepalive


@pytest.mark.inventory("cassandraorm.initialize")
def test_initialize_connects_to_each_host_and_the_rest_follows() -> None:
    run = orm(pooling="coreConnectionsPerHost: {'0': 3}", nodes=2, at=times(0.0005))
    assert [time for time, *_ in run.noted("opened")] == [0, 0, NEXT, NEXT, 2 * NEXT, 2 * NEXT]
    assert run.column("issued_ns") == [MS // 2]


@pytest.mark.inventory("cassandraorm.warm-up")
def test_the_load_waits_for_the_warm_up() -> None:
    run = orm(pooling=WARM, nodes=2, at=times(0.0005))
    assert run.noted("warmed_up") == [(3 * NEXT, "warmed_up", -1, 3 * NEXT)]
    assert run.column("issued_ns") == [3 * NEXT]


@pytest.mark.inventory("cassandraorm.warm-up.timeout")
def test_it_ends_after_ten_seconds_at_the_latest() -> None:
    """The node accepts and never answers; its handshakes have the read timeout, of 12 s."""
    silent = "at: 0s, node: dc1/1, kind: silent"
    run = orm(silent, pooling=WARM)
    assert [time for time, *_ in run.noted("warmed_up")] == [10 * SECOND]
    run = orm(silent, pooling=WARM + ", warmupTimeout: 3s")
    assert [time for time, *_ in run.noted("warmed_up")] == [3 * SECOND]


def test_a_host_that_refuses_is_not_waited_for() -> None:
    run = orm("at: 0s, node: dc1/1, kind: refuse", pooling=WARM)
    assert [time for time, *_ in run.noted("warmed_up")] == [MS + ROUND_TRIP]


@pytest.mark.inventory("cassandraorm.preallocation")
def test_the_load_waits_for_what_is_preallocated_and_for_nothing_else() -> None:
    """`await preallocateConnections`: the first host has four connections when the load begins;
    the second, which accepts and does not answer, is not waited for."""
    silent = "at: 0s, node: dc1/2, kind: silent"
    sizes = "coreConnectionsPerHost: {'0': 2}, maxConnectionsPerHost: {'0': 4}"
    run = orm(
        silent,
        options="preallocateConnections: {dc1/1: 4}",
        pooling=sizes,
        nodes=2,
        at=times(0.0005),
    )
    assert [node for _, _, node, _ in run.noted("opened")] == [0, 1, 0, 0, 0]
    assert run.column("issued_ns") == [3 * NEXT]
    waited = orm(silent, options="preallocateConnections: {dc1/2: 4}", pooling=sizes, nodes=2)
    assert [time for time, *_ in waited.noted("warmed_up")] == [10 * SECOND]
    at_once = orm(silent, pooling=sizes, nodes=2, at=times(0.0005))
    assert at_once.column("issued_ns") == [MS // 2]


@pytest.mark.inventory("cassandraorm.keyspace")
def test_a_keyspace_is_a_message_more() -> None:
    def second(options: str) -> int:
        run = orm(options=options, pooling="coreConnectionsPerHost: {'0': 2}")
        return int(run.noted("opened")[1][0])

    assert second("keyspace: true") - second("keyspace: false") == ROUND_TRIP


@pytest.mark.inventory("cassandraorm.connection-timeout")
@pytest.mark.parametrize(
    ("pooling", "seconds", "delay"), [("", 5, "3s"), ("connectionTimeout: 2s, ", 2, "1500ms")]
)
def test_the_connection_timeout(pooling: str, seconds: int, delay: str) -> None:
    """The node is so far away that TCP takes 6 s, or 3 s."""
    run = orm(pooling=pooling + "coreConnectionsPerHost: {'0': 2}", delay=delay)
    failed = run.noted("connect_failed")[0]
    assert failed == (MS + seconds * SECOND, "connect_failed", 0, CONNECT_TIMED_OUT)


@pytest.mark.inventory("cassandraorm.heartbeat-interval")
@pytest.mark.parametrize(("pooling", "seconds"), [("", 30), ("heartBeatInterval: 10s", 10)])
def test_a_heartbeat_after_so_much_silence(pooling: str, seconds: int) -> None:
    """Its answer has the read timeout, of 12 s and the tick of the timer."""
    run = orm("at: 1s, node: dc1/1, kind: silent", pooling=pooling, at=("59s",))
    assert run.noted("heartbeat_failed")[0][0] == (seconds + 12) * SECOND + MS


@pytest.mark.inventory("cassandraorm.tcp-no-delay")
def test_without_no_delay_a_request_waits_for_the_answer_before_it() -> None:
    at = times(1.0, 1.0005)
    run = orm(at=at)
    assert run.column("ended_ns")[1] == 1_000 * MS + MS // 2 + SERVED
    run = orm(at=at, pooling="enableTcpNoDelay: false")
    assert run.column("ended_ns")[1] == 1_000 * MS + 2 * SERVED


@pytest.mark.inventory("cassandraorm.tcp-keepalive")
@pytest.mark.parametrize(("keepalive", "dropped"), [("true", 0), ("false", 1)])
def test_keepalive_renews_what_a_middlebox_would_drop(keepalive: str, dropped: int) -> None:
    run = orm(
        "at: 0s, node: dc1/1, kind: middlebox, idle_timeout: 100s",
        pooling=f"heartBeatInterval: 0s, enableTcpKeepAlive: {keepalive}",
        kernel="{tcp_keepalive_time: 50s}",
        duration="5m",
    )
    assert len(run.noted("middlebox_dropped")) == dropped


def test_both_are_on_by_default() -> None:
    options = DRIVERS[ORM].defaults(4)
    assert options.tcp_nodelay
    assert options.keepalive


# Recovery -----------------------------------------------------------------------------------------


@pytest.mark.inventory(
    "cassandraorm.recovery",
    "cassandraorm.recovery.max-attempts",
    "cassandraorm.recovery.backoff-delay",
)
def test_a_lost_connection_is_made_anew_in_five_attempts_two_seconds_apart() -> None:
    """Then the driver's own schedule is waited for: 1 s and up to 15 % of it."""
    run = orm("at: 1s, node: dc1/1, kind: stop", options="connectionRecovery: {enabled: true}")
    lost = SECOND + ROUND_TRIP // 2
    started = [time for time, *_ in run.noted("connect_started") if time > 0]
    # The control connection asks the contact point, too, at the loss and by its own schedule.
    own = [lost + MS + k * (ROUND_TRIP + 2 * SECOND) for k in range(5)]
    assert [time for time in started if time in own] == own
    refused = own[4] + ROUND_TRIP
    (sixth, *_) = [t for t in started if t > refused + 100 * MS]
    assert refused + SECOND <= sixth < refused + 1_150 * MS


@pytest.mark.inventory("cassandraorm.recovery")
def test_without_it_the_driver_s_schedule_is_waited_for() -> None:
    run = orm("at: 1s, for: 500ms, node: dc1/1, kind: stop", nodes=2)
    (up,) = [time for time, *_ in run.noted("host_up")]
    assert 2 * SECOND <= up < 2_200 * MS
    run = orm(
        "at: 1s, for: 500ms, node: dc1/1, kind: stop",
        nodes=2,
        options="connectionRecovery: {enabled: true, backoffDelay: 200ms}",
    )
    (up,) = [time for time, *_ in run.noted("host_up")]
    assert 1_600 * MS < up < 1_700 * MS


@pytest.mark.inventory("cassandraorm.recovery.max-attempts", "cassandraorm.recovery.backoff-delay")
def test_or_in_as_many_attempts_as_one_says() -> None:
    """Two, half a second apart; the next is the driver's own, a second after them at least."""
    run = orm(
        "at: 1s, node: dc1/1, kind: stop",
        options="connectionRecovery: {enabled: true, maxAttempts: 2, backoffDelay: 500ms}",
    )
    lost = SECOND + ROUND_TRIP // 2
    started = [
        time
        for time, _, _, role in run.noted("connect_started")
        if time > 0 and role != ROLE_CONTROL
    ]
    own = [lost + MS, lost + MS + ROUND_TRIP + 500 * MS]
    assert started[:2] == own
    refused = own[1] + ROUND_TRIP
    assert refused + SECOND <= started[2] < refused + 1_150 * MS
