"""What a CassandraORM pool says of itself: the questions of "Connection Pool Management", with
figures that can be worked out by hand."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest

from poolsim.engine.run import simulate
from poolsim.estimation.orm import OrmReport, as_document, orm_reports
from poolsim.recording.grid import choose_interval
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Scenario
from tests.model.fault_runs import ROUND_TRIP
from tests.model.orm_runs import asked, times

SERVICE_S = 1.0
LATENCY_S = SERVICE_S + ROUND_TRIP * 1e-9
SECOND = 1_000_000_000


def told(scenario: Scenario, interval_ns: int = 0) -> OrmReport:
    """What the pool says; `interval_ns`: of the timeline, else the one that a run would have."""
    recorder = Recorder(scenario, interval_ns or choose_interval(scenario))
    end = simulate(scenario, 0, recorder)
    (one,) = orm_reports(scenario, recorder.finish(end.end_ns, end.unfinished))
    return one


@cache
def usual() -> OrmReport:
    """Two hosts of two connections. Four requests at 1 s, three at 29.5 s, which are under way at
    the end. The first host stops from 9 s to 11 s: its connections break, an attempt after a
    second fails, one after two more brings it back."""
    return told(
        asked(
            "at: 9s, for: 2s, node: dc1/1, kind: stop",
            options="loadBalancing: {policy: RoundRobinPolicy}",
            pooling="coreConnectionsPerHost: {'0': 2}, enableMetrics: true",
            nodes=2,
            service="1s",
            at=times(1.0, 1.0, 1.0, 1.0, 29.5, 29.5, 29.5),
            cpu="{issue: 0s}",
            duration="30s",
        )
    )


def document() -> dict[str, Any]:
    return as_document(usual())


@pytest.mark.inventory(
    "cassandraorm.statistics",
    "cassandraorm.statistics.active-connections",
    "cassandraorm.statistics.idle-connections",
    "cassandraorm.statistics.total-connections",
    "cassandraorm.statistics.requests-in-flight",
    "cassandraorm.statistics.connection-errors",
)
def test_statistics_of_the_pool_at_the_end() -> None:
    """Three requests on three connections; two connections broke and one could not be made."""
    assert document()["stats"] == {
        "activeConnections": 3,
        "idleConnections": 1,
        "totalConnections": 4,
        "requestsInFlight": 3,
        "connectionErrors": 3,
    }


@pytest.mark.inventory("cassandraorm.metrics", "cassandraorm.metrics.enabled")
def test_metrics_are_collected_where_they_are_enabled() -> None:
    assert [row["at_s"] for row in document()["metrics"]] == [5, 10, 15, 20, 25, 30]
    off = told(asked(pooling="enableMetrics: false", duration="30s"))
    assert off.metrics_interval_s is None
    assert [row.at_s for row in off.metrics] == [30]


@pytest.mark.inventory("cassandraorm.metrics.interval")
def test_every_five_seconds_or_as_one_says() -> None:
    assert usual().metrics_interval_s == 5
    often = told(asked(pooling="enableMetrics: true, metricsInterval: 2s", duration="7s"))
    assert [row.at_s for row in often.metrics] == [2, 4, 6, 7]


@pytest.mark.inventory("cassandraorm.metrics.hosts-up", "cassandraorm.metrics.hosts-down")
def test_hosts_that_are_up_and_down() -> None:
    rows = document()["metrics"]
    assert [(row["hostsUp"], row["hostsDown"]) for row in rows] == [
        (2, 0), (1, 1), (2, 0), (2, 0), (2, 0), (2, 0),
    ]  # fmt: skip


@pytest.mark.inventory(
    "cassandraorm.metrics.total-connections",
    "cassandraorm.metrics.active-connections",
    "cassandraorm.metrics.idle-connections",
)
def test_connections_by_their_use() -> None:
    found = [
        (row["totalConnections"], row["activeConnections"], row["idleConnections"])
        for row in document()["metrics"]
    ]
    assert found == [(4, 0, 4), (2, 0, 2), (4, 0, 4), (4, 0, 4), (4, 0, 4), (4, 3, 1)]


@pytest.mark.inventory(
    "cassandraorm.metrics.requests-per-second",
    "cassandraorm.metrics.average-latency",
    "cassandraorm.metrics.error-rate",
)
def test_requests_since_the_row_before() -> None:
    """Four in the first five seconds, of a second and the way; none after that: 0 a second, and
    nothing that a latency or a share of errors could be of."""
    first, second, *_ = document()["metrics"]
    assert first["requestsPerSecond"] == pytest.approx(0.8)
    assert first["averageLatency"] == pytest.approx(LATENCY_S * 1e3)
    assert first["errorRate"] == 0
    assert second["requestsPerSecond"] == 0
    assert second["averageLatency"] is second["errorRate"] is None
    failing = told(
        asked(
            "at: 1s, node: dc1/1, kind: silent",
            options="readTimeout: 1s",
            at=times(0.5, 1.5, 1.6, 1.7),
            duration="5s",
        )
    )
    assert failing.metrics[-1].error_rate == 0.75


@pytest.mark.inventory("cassandraorm.metrics.requests-per-second", "cassandraorm.metrics.interval")
@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        # A row has the intervals of 10 s that ended since the row before: none, one, none, ...
        ("4s", {4: None, 8: None, 12: 1.0, 16: None, 20: 1.0, 24: None, 28: None, 30: 1.0}),
        ("15s", {15: 1.0, 30: 1.0}),
    ],
)
def test_a_rate_is_of_the_intervals_that_it_counts(
    interval: str, expected: dict[int, float | None]
) -> None:
    """A long run's timeline has longer intervals than there are between two collections."""
    one = told(
        asked(
            pooling=f"enableMetrics: true, metricsInterval: {interval}",
            at=times(*(second + 0.5 for second in range(30))),
            duration="30s",
        ),
        interval_ns=10 * SECOND,
    )
    assert {row.at_s: row.requests_per_second for row in one.metrics} == expected


@pytest.mark.inventory("cassandraorm.metrics.pool-utilization")
def test_utilisation_is_what_is_in_flight_of_what_fits() -> None:
    last = document()["metrics"][-1]
    assert last["poolUtilization"] == pytest.approx(3 / (4 * 2_048))


@pytest.mark.inventory(
    "cassandraorm.metrics.pool-utilization", "cassandraorm.max-requests.above-protocol"
)
@pytest.mark.parametrize(
    ("protocol", "requests", "room"), [("v4", 65_536, 32_768), ("v2", 1_000, 128)]
)
def test_a_connection_holds_no_more_than_its_stream_ids(
    protocol: str, requests: int, room: int
) -> None:
    one = told(
        asked(
            pooling=f"maxRequestsPerConnection: {requests}",
            protocol=protocol,
            at=times(4.0, 4.0),
            service="10s",
            duration="5s",
        )
    )
    total = one.metrics[-1].total_connections
    assert one.metrics[-1].pool_utilization == pytest.approx(2 / (total * room))


@pytest.mark.inventory("cassandraorm.metrics.connection-turnover")
def test_turnover_is_connections_opened_and_closed_a_minute() -> None:
    """Two broke before 10 s and two were made before 15 s: two in five seconds are 24 a minute."""
    rows = [row["connectionTurnover"] for row in document()["metrics"]]
    assert rows == pytest.approx([24, 24, 24, 0, 0, 0])


@pytest.mark.inventory(
    "cassandraorm.health",
    "cassandraorm.health.hosts",
    "cassandraorm.health.address",
    "cassandraorm.health.status",
)
@pytest.mark.parametrize(
    ("silent", "overall"), [((), "healthy"), ((2,), "degraded"), ((1, 2), "unhealthy")]
)
def test_the_pool_is_healthy_degraded_or_unhealthy(silent: tuple[int, ...], overall: str) -> None:
    one = told(
        asked(
            *(f"at: 5s, node: dc1/{n}, kind: silent" for n in silent),
            options="healthCheck: {enabled: true}",
            nodes=3,
            duration="40s",
        )
    )
    assert one.health.overall == overall
    statuses = {host.address: host.status for host in one.health.hosts}
    assert statuses == {f"dc1/{n}": "unhealthy" if n in silent else "healthy" for n in (1, 2, 3)}


@pytest.mark.inventory(
    "cassandraorm.health.connections",
    "cassandraorm.health.latency",
    "cassandraorm.health.error-rate",
)
def test_figures_of_each_host() -> None:
    hosts = document()["health"]["hosts"]
    assert [(host["address"], host["connections"]) for host in hosts] == [
        ("dc1/1", 2),
        ("dc1/2", 2),
    ]
    for host in hosts:
        assert host["latency"] == pytest.approx(LATENCY_S * 1e3)
        assert host["errorRate"] == 0


@pytest.mark.inventory("cassandraorm.health.recommendations")
def test_recommendations_name_the_host_and_what_to_do() -> None:
    """A third host is down, a second one has an open circuit."""
    one = told(
        asked(
            "at: 20s, node: dc1/3, kind: stop",
            "at: 20s, node: dc1/2, kind: silent",
            options="circuitBreaker: {enabled: true}, readTimeout: 500ms",
            nodes=3,
            load="{uniform: {rate: 20/s}}",
            duration="40s",
        )
    )
    assert one.health.recommendations == (
        "dc1/2 (its circuit is open): its requests failed in a row: look at its latency and at "
        "readTimeout",
        "dc1/2 (6.7% of its requests fail): look at the first failures of the report",
        "dc1/3 (down): find out why it is down; until then the others carry its load",
    )
    assert not usual().health.recommendations


def test_a_host_without_its_connections_or_with_errors_is_degraded() -> None:
    refused = told(
        asked(
            "at: 0s, node: dc1/1, kind: refuse",
            pooling="coreConnectionsPerHost: {'0': 4}",
            duration="5s",
        )
    )
    (host,) = refused.health.hosts
    assert (host.status, host.reasons) == ("degraded", ("1 of 4 connections",))
    assert refused.health.recommendations == (
        "dc1/1 (1 of 4 connections): connections are missing: see whether it refuses them",
    )
    busy = told(
        asked(
            pooling="maxRequestsPerConnection: 1",
            at=times(4.0, 4.1),
            service="10s",
            duration="5s",
        )
    )
    assert busy.health.hosts[0].reasons == (
        "100.0% of its requests fail",
        "its connections are used to 100%",
    )
    assert busy.health.recommendations == (
        "dc1/1 (100.0% of its requests fail): look at the first failures of the report",
        "dc1/1 (its connections are used to 100%): raise maxConnectionsPerHost, or add nodes",
    )


ADAPTIVE = (
    "coreConnectionsPerHost: {'0': %d}, adaptivePooling: {enabled: true}, heartBeatInterval: 0s"
)


@pytest.mark.inventory("cassandraorm.health.status", "cassandraorm.adaptive")
def test_an_adaptive_pool_has_the_size_that_its_last_evaluation_gave_it() -> None:
    """Idle, it shrinks from 5 to 2 at 30 s, which is no lack. Of the 3 that 17 requests on 20
    places ask for the host refuses the third, which is one."""
    shrunk = told(asked(pooling=ADAPTIVE % 5, duration="40s")).health
    (host,) = shrunk.hosts
    assert (host.connections, host.status, host.reasons) == (2, "healthy", ())
    before = told(asked(pooling=ADAPTIVE % 5, duration="20s")).health
    assert (before.hosts[0].connections, before.overall) == (5, "healthy")
    lacking = told(
        asked(
            "at: 20s, node: dc1/1, kind: refuse",
            options="readTimeout: 0s",
            pooling=ADAPTIVE % 2 + ", maxRequestsPerConnection: 10",
            load="{bursts: {size: 17, first: 1s}}",
            cpu="{issue: 0s}",
            service="1000s",
            duration="40s",
        )
    ).health
    assert lacking.hosts[0].reasons == ("2 of 3 connections", "its connections are used to 85%")


@pytest.mark.inventory(
    "cassandraorm.event.connection-added",
    "cassandraorm.event.connection-removed",
    "cassandraorm.event.connection-lost",
    "cassandraorm.event.host-down",
    "cassandraorm.event.host-up",
)
def test_lifecycle_events_in_their_order_with_their_lines() -> None:
    told_of = [(event["event"], event["text"]) for event in document()["events"]]
    added = ("connectionAdded", "Connection added to dc1/1")
    lost = [
        ("connectionLost", "Connection lost to dc1/1"),
        ("connectionRemoved", "Connection removed from dc1/1"),
    ]
    at_first = [("connectionAdded", f"Connection added to dc1/{n}") for n in (1, 2)] * 2
    assert sorted(told_of[:4]) == sorted(at_first)
    assert [one for one in told_of[4:] if one[0].startswith("connection")] == [
        *lost,
        *lost,
        added,
        added,
    ]
    assert [one for one in told_of if one[0].startswith("host")] == [
        ("hostDown", "Host dc1/1 is down"),
        ("hostUp", "Host dc1/1 is back up"),
    ]


@pytest.mark.inventory("cassandraorm.event.connection-lost", "cassandraorm.recovery")
def test_a_recovery_is_spoken_of_where_one_is_attempted() -> None:
    one = told(
        asked(
            "at: 1s, for: 1s, node: dc1/1, kind: stop",
            options="connectionRecovery: {enabled: true}",
            duration="10s",
        )
    )
    lost = [event.text for event in one.events if event.name == "connectionLost"]
    assert lost == ["Connection lost to dc1/1, attempting recovery..."]


@pytest.mark.inventory("cassandraorm.event.connection-removed")
def test_a_connection_is_removed_when_it_was_idle_when_its_pool_shrinks_or_its_host_left() -> None:
    def removed(*faults: str, **more: Any) -> list[tuple[float, str, str]]:
        found = told(asked(*faults, **more)).events
        return [
            (round(event.at_s, 3), event.host, event.text)
            for event in found
            if event.name == "connectionRemoved"
        ]

    text = "Connection removed from dc1/1"
    idle = removed(
        pooling="maxConnectionsPerHost: {'0': 2}, maxRequestsPerConnection: 1, idleTimeout: 20s",
        at=times(1.0, 1.01, 1.1),
        service="50ms",
    )
    assert [(host, line) for _, host, line in idle] == [("dc1/1", text)]
    assert 21.0 < idle[0][0] < 21.2
    shrunk = removed(pooling=ADAPTIVE % 5, duration="40s")
    assert shrunk == [(30.0, "dc1/1", text)] * 3
    left = removed(
        "at: 5s, node: dc1/1, kind: remove, drain_timeout: 60s",
        options="loadBalancing: {policy: RoundRobinPolicy}",
        nodes=2,
        at=times(4.0, 4.1),
        service="4s",
        duration="20s",
    )
    # Drained: it closes when its request is answered.
    assert [(at >= 8.0, host, line) for at, host, line in left] == [(True, "dc1/1", text)]


@pytest.mark.inventory("cassandraorm.statistics", "cassandraorm.basic-pool")
def test_the_plain_pool_has_statistics_too() -> None:
    """Two connections to a host; two requests are under way at the end."""
    one = told(
        asked(
            options="pool: ConnectionPool",
            pooling="coreConnectionsPerHost: {'0': 2}",
            at=times(4.0, 4.1),
            service="10s",
            duration="5s",
        )
    )
    assert one.pool == "ConnectionPool"
    assert as_document(one)["stats"] == {
        "activeConnections": 2,
        "idleConnections": 0,
        "totalConnections": 2,
        "requestsInFlight": 2,
        "connectionErrors": 0,
    }


@pytest.mark.inventory("cassandraorm.event.failover")
def test_a_failover_says_from_where_to_where() -> None:
    one = told(
        asked(
            "at: 1s, for: 20s, node: dc1/2, kind: stop",
            options="failover: {enabled: true}, loadBalancing: {policy: RoundRobinPolicy}",
            nodes=2,
            idempotent=True,
            service="500ms",
            at=times(0.8, 0.81),
        )
    )
    (event,) = [event for event in as_document(one)["events"] if event["event"] == "failover"]
    assert (event["from"], event["to"]) == ("dc1/2", "dc1/1")
    assert event["text"] == "Failover: dc1/2 -> dc1/1"


@pytest.mark.inventory(
    "cassandraorm.details",
    "cassandraorm.details.id",
    "cassandraorm.details.host",
    "cassandraorm.details.state",
    "cassandraorm.details.in-flight",
    "cassandraorm.details.created",
    "cassandraorm.details.last-used",
)
def test_details_of_each_connection() -> None:
    connections = document()["connections"]
    assert len({one["id"] for one in connections}) == 4
    assert sorted(one["host"] for one in connections) == ["dc1/1", "dc1/1", "dc1/2", "dc1/2"]
    assert sorted((one["state"], one["inFlight"]) for one in connections) == [
        ("active", 1), ("active", 1), ("active", 1), ("idle", 0),
    ]  # fmt: skip
    for one in connections:
        if one["state"] == "active":
            assert one["lastUsed"] == pytest.approx(29.5)
        # The first host's connections were made anew after it came back.
        assert (one["created"] > 11) == (one["host"] == "dc1/1")


@pytest.mark.inventory(
    "cassandraorm.analysis",
    "cassandraorm.analysis.connection-time",
    "cassandraorm.analysis.request-time",
    "cassandraorm.analysis.pool-efficiency",
)
def test_the_analysis_s_figures() -> None:
    """Three round trips for a connection; of six collections the last found 3 of 4 in use."""
    figures = document()["analysis"]["metrics"]
    assert figures["avgConnectionTime"] == pytest.approx(3 * ROUND_TRIP / 1e6)
    assert figures["avgRequestTime"] == pytest.approx(LATENCY_S * 1e3)
    assert figures["poolEfficiency"] == pytest.approx(0.75 / 6)


@pytest.mark.inventory("cassandraorm.analysis.bottlenecks", "cassandraorm.analysis.recommendations")
def test_bottlenecks_and_what_to_do_about_them() -> None:
    analysis = usual().analysis
    assert analysis.bottlenecks == ("dc1/1: 3 connections broke or could not be made",)
    assert analysis.recommendations[0].startswith("look at the network")
    full = told(
        asked(
            pooling="maxRequestsPerConnection: 1",
            at=times(1.0, 1.1, 1.2),
            service="500ms",
            duration="5s",
        )
    ).analysis
    assert full.bottlenecks == ("dc1/1: 2 times its connections were full or there was none",)
    assert "raise maxConnectionsPerHost" in full.recommendations[0]
    unused = told(asked(pooling="maxConnectionsPerHost: {'0': 65}", duration="5s")).analysis
    assert unused.bottlenecks == (
        "no pool grew beyond its 1 connection: of the 65 that it may have none was asked for",
    )
    batched = told(
        asked(pooling="enableBatching: true", load="{uniform: {rate: 100/s}}", duration="10s")
    ).analysis
    assert "100 requests/s are 1.0 in that time, not 100" in batched.bottlenecks[0]


def logged(level: str, **flags: bool) -> list[tuple[str, str]]:
    settings = "".join(f", {name}: {str(value).lower()}" for name, value in flags.items())
    one = told(
        asked(
            "at: 2s, for: 3s, node: dc1/1, kind: silent",
            options=f"logging: {{level: {level}{settings}}}, readTimeout: 1s, "
            "retry: {maxRetries: 0}",
            at=times(1.0, 3.0),
            duration="10s",
        )
    )
    assert one.log_lines == len(one.log)
    return [(line.level, line.text) for line in one.log]


@pytest.mark.inventory("cassandraorm.logging", "cassandraorm.logging.connections")
def test_connections_are_logged_at_info() -> None:
    added = ("info", "Connection added to dc1/1")
    assert logged("debug", logConnections=True) == [added]
    assert logged("info", logConnections=True) == [added]
    assert logged("warn", logConnections=True) == []
    assert logged("info") == []


@pytest.mark.inventory("cassandraorm.logging.requests")
def test_requests_are_logged_at_debug() -> None:
    took = [
        ("debug", "Request to dc1/1 took 1.500 ms"),
        ("debug", "Request to dc1/1 took 1001.000 ms"),
    ]
    assert logged("debug", logRequests=True) == took
    assert logged("info", logRequests=True) == []


@pytest.mark.inventory("cassandraorm.logging.errors")
def test_errors_are_logged_at_every_level() -> None:
    failed = ("error", "Request to dc1/1 failed: client timeout")
    for level in ("debug", "error"):
        assert logged(level, logErrors=True) == [failed]
    assert logged("error") == []


def test_the_document_is_plain_data() -> None:
    import json

    assert math.isfinite(len(json.dumps(document())))
