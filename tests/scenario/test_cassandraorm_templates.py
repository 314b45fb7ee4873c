"""The configurations of "Connection Pool Management", as they ship, and what is said of them."""

from __future__ import annotations

from functools import cache

import pytest

from poolsim.scenario.load import load_text
from poolsim.scenario.orm import Region
from poolsim.scenario.scenario import Client, Options, Scenario
from poolsim.scenario.templates import templates
from poolsim.scenario.warnings import warnings_of

MS = 1_000_000
SECOND = 1_000 * MS


@cache
def shipped(name: str) -> Scenario:
    (text,) = [one.text for one in templates() if one.name == f"cassandraorm-{name}"]
    return load_text(text)


def options(name: str, client: int = 0) -> Options:
    return shipped(name).clients[client].options


def said(name: str, client: int = 0) -> list[str]:
    one: Client = shipped(name).clients[client]
    return [text for text in warnings_of(shipped(name)) if text.startswith(f"{one.name}: ")]


@pytest.mark.inventory("cassandraorm.configuration.production")
def test_production() -> None:
    found = options("production")
    assert (found.local.core, found.remote.core) == (4, 2)
    assert (found.local.max, found.remote.max) == (16, 8)
    assert found.orm.warm_up.enabled
    assert found.orm.metrics.enabled
    assert found.orm.load_balancing.policy == "TokenAwarePolicy"
    assert found.orm.load_balancing.child_policy == "DCAwareRoundRobinPolicy"
    assert (found.balancing.token_aware, found.balancing.policy) == (True, "dc_aware_round_robin")
    assert found.orm.health_check.enabled
    assert found.orm.circuit_breaker.enabled
    assert said("production") == []


@pytest.mark.inventory("cassandraorm.configuration.high-throughput")
def test_high_throughput() -> None:
    found = options("high-throughput")
    assert (found.local.core, found.local.max) == (8, 32)
    assert found.local.max_requests == 65_536
    assert found.heartbeat_interval_ns == 10 * SECOND
    assert found.idle_timeout_ns == 60 * SECOND
    batching = found.orm.batching
    assert (batching.enabled, batching.size, batching.timeout_ns) == (True, 100, 10 * MS)
    assert "above the 32,768 stream ids" in said("high-throughput")[0]


@pytest.mark.inventory("cassandraorm.configuration.low-latency")
def test_low_latency() -> None:
    found = options("low-latency")
    assert (found.local.core, found.local.max) == (4, 8)
    assert found.orm.warm_up.enabled
    assert found.idle_timeout_ns == 300 * SECOND == 5 * 60 * SECOND
    assert found.connect_timeout_ns == 2 * SECOND
    assert found.tcp_nodelay
    assert found.keepalive


@pytest.mark.inventory("cassandraorm.configuration.multi-region")
def test_multi_region() -> None:
    found = options("multi-region").orm
    assert shipped("multi-region").clients[0].datacenter == "us-east-1"
    assert found.load_balancing.policy == "DCAwareRoundRobinPolicy"
    assert found.load_balancing.used_hosts_per_remote_dc == 2
    assert found.regions == (
        Region("us-east-1", 16, 1),
        Region("us-west-2", 8, 2),
        Region("eu-west-1", 4, 3),
    )
    assert len(said("multi-region")) == 1
    assert said("multi-region", 1) == []


OVER = "over-configured"


@pytest.mark.inventory("cassandraorm.configuration.over-configured")
def test_over_configured_is_as_written_and_each_of_it_is_said_to_be_wrong() -> None:
    found = options(OVER)
    assert (found.local.core, found.local.max) == (1, 1_000)
    assert (found.heartbeat_interval_ns, found.idle_timeout_ns) == (SECOND, SECOND)
    assert len(said(OVER)) == 3


@pytest.mark.inventory("cassandraorm.configuration.over-configured.too-many")
def test_too_many_connections() -> None:
    (text,) = [text for text in said(OVER) if "too many" in text]
    assert "maxConnectionsPerHost '0' 1,000: too many connections" in text
    assert "up to 1,000 of this client" in text
    assert "as written a pool stays at 1 until 2,048 requests are in flight" in text
    (limited,) = [text for text in said(OVER, 1) if "too many" in text]
    assert "stays at 1 until 16 requests are in flight" in limited
    assert "too many" not in " ".join(said("high-throughput")), "32 are not"


@pytest.mark.inventory("cassandraorm.configuration.over-configured.too-frequent")
def test_too_frequent_heartbeats() -> None:
    (text,) = [text for text in said(OVER) if "too frequent" in text]
    assert "heartBeatInterval 1s: too frequent: each idle connection is asked 60 times" in text
    assert "too frequent" not in " ".join(said("high-throughput")), "every 10 s is not"


@pytest.mark.inventory("cassandraorm.configuration.over-configured.too-short")
def test_too_short_an_idle_timeout() -> None:
    (text,) = [text for text in said(OVER) if "too short" in text]
    assert "idleTimeout 1s: too short: what a pool has above core (1)" in text
    assert "too short" not in " ".join(said("high-throughput")), "60 s is not"


def test_adaptive_pools_of_connections_that_carry_32768_only_shrink_and_that_is_said() -> None:
    text = _with("{pooling: {maxRequestsPerConnection: 32768, adaptivePooling: {enabled: true}}}")
    assert any("grows above 26,214 requests in flight on each connection" in one for one in text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{pooling: {maxRequestsPerConnection: 0}}", "every request is refused"),
        ("{healthCheck: {enabled: true, timeout: 20s}}", "is not below interval 10s"),
        ("{healthCheck: {enabled: true}, readTimeout: 1s}", "ends the check's query first"),
        ("{failover: {autoDiscovery: true}}", "failover.enabled is false"),
        ("{logging: {logRequests: true}}", "level is info: nothing is told"),
        ("{logging: {level: error, logConnections: true}}", "only lost connections"),
        ("{loadBalancing: {usedHostsPerRemoteDc: 1}}", "does nothing with default"),
        (
            "{pooling: {coreConnectionsPerHost: {'0': 4}}, "
            "regionSettings: {dc1: {maxConnections: 2}}}",
            "is below core 4, which is cut to it",
        ),
    ],
)
def test_what_does_nothing_is_said(written: str, expected: str) -> None:
    assert any(expected in text for text in _with(written)), _with(written)


def _with(written: str) -> list[str]:
    from tests.model.whole_runs import scenario

    return warnings_of(scenario("cassandraorm", options=written))
