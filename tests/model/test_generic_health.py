"""Health checks of the generic driver, retries and rejections, in runs (002:322, 351-388)."""

from __future__ import annotations

from typing import Any

import pytest

from poolsim.model.kinds import BUSY_CONNECTION, LOST, TIMED_OUT
from tests.model.generic_runs import MS, S, options, run, scenario


def pause(at: str, node: str = "dc1/1", **more: str) -> dict[str, Any]:
    return {"at": at, "node": node, "kind": "pause", **more}


def stop(at: str, node: str = "dc1/1", **more: str) -> dict[str, Any]:
    return {"at": at, "node": node, "kind": "stop", **more}


# Heartbeats (002:353-361) -------------------------------------------------------------------------


@pytest.mark.inventory(
    "generic.heartbeat-interval", "generic.heartbeat.timeout", "generic.health.heartbeat"
)
def test_a_heartbeat_is_sent_every_30_seconds_and_a_silent_node_found_out() -> None:
    """Asked at 30 s; without an answer in 12 s (the wheel's tick later) it is unhealthy."""
    done = run(scenario({}, ["1s"], duration="50s", faults=[pause("20s")]))
    assert [at for at, _, _ in done.notes("heartbeat_failed")] == [42_100 * MS]
    assert [at for at, _, _ in done.notes("connection_broke")] == [42_100 * MS]
    assert done.notes("host_down")[0][0] == 42_100 * MS
    assert done.notes("reconnection_attempt")[0][0] == 42_100 * MS, "and it reconnects at once"


@pytest.mark.inventory("generic.heartbeat-interval")
def test_heartbeats_are_sent_on_connections_in_use_too() -> None:
    """ "Drivers send periodic heartbeats", whether a connection is idle or not."""
    often = [f"{k}ms" for k in range(0, 45_000, 100)]
    own = {"heartbeat": {"timeout": "5s"}, "read_timeout": "1s", "max_retries": 0}
    done = run(scenario(own, often, duration="45s", faults=[pause("29.9s")]))
    assert done.notes("heartbeat_failed")[0][0] == 35_100 * MS


def test_a_node_that_answers_keeps_its_connections() -> None:
    assert run(scenario({}, ["1s"], duration="200s")).notes("connection_broke") == []


def test_no_heartbeats_without_an_interval() -> None:
    own = {"heartbeat": {"interval": "0s"}}
    done = run(scenario(own, ["1s"], duration="200s", faults=[pause("20s")]))
    assert done.notes("heartbeat_failed") == []


@pytest.mark.inventory("generic.heartbeat.message")
@pytest.mark.parametrize(("mechanism", "failures"), [("options", 1), ("ping", 0)])
def test_an_options_request_needs_a_stream_and_a_ping_none(mechanism: str, failures: int) -> None:
    own = {
        "heartbeat": {"mechanism": mechanism},
        "streams": {"max": 2},
        "read_timeout": "0s",
        "pooling": {"local": {"max": 1}},
    }
    done = run(scenario(own, ["1s", "1s"], service="60s", duration="40s"))
    assert len(done.notes("heartbeat_failed")) == failures


# Read timeout (002:368) ---------------------------------------------------------------------------

TIMEOUT = {"read_timeout": "1s", "heartbeat": {"interval": "0s"}}


@pytest.mark.inventory("generic.health.read-timeout")
def test_a_read_timeout_retries_on_another_connection_of_the_host() -> None:
    own = options(**TIMEOUT, pooling={"local": {"core": 2}})
    slow = scenario(own, ["1s"], services=["5s"], service="1ms", nodes=1)
    done = run(slow)
    assert done.errors == [[TIMED_OUT, TIMED_OUT]]
    assert done.column("attempts") == [2]
    assert done.last("orphaned") == 0
    one = run(scenario(options(**TIMEOUT), ["1s"], services=["5s"]))
    assert one.outcomes == ["no_host_available"], "the only connection there is"


@pytest.mark.inventory("generic.health.read-timeout")
def test_a_read_timeout_retries_on_another_host_where_the_pool_has_no_other_connection() -> None:
    done = run(scenario(options(**TIMEOUT), ["2s"], nodes=2, faults=[pause("1s")]))
    assert done.outcomes == ["ok"]
    done = run(scenario(options(**TIMEOUT), ["2s"] * 6, nodes=2, faults=[pause("1s")]))
    assert done.outcomes == ["ok"] * 6
    assert {tuple(kinds) for kinds in done.errors} == {(), (TIMED_OUT,)}


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_a_request_is_retried_max_retries_times(retries: int, attempts: int) -> None:
    own = options(**TIMEOUT, max_retries=retries, pooling={"local": {"core": 4}})
    done = run(scenario(own, ["1s"], services=["9s"]))
    assert done.column("attempts") == [attempts]
    assert done.outcomes == ["client_timeout"]


def test_requests_are_retried_unless_the_scenario_says_that_they_are_not_idempotent() -> None:
    own = options(**TIMEOUT, pooling={"local": {"core": 2}})
    done = run(scenario(own, ["1s"], services=["5s"], idempotent=False))
    assert done.column("attempts") == [1]
    fallthrough = {**own, "retry": "fallthrough"}
    assert run(scenario(fallthrough, ["1s"], services=["5s"])).column("attempts") == [1]


def test_the_read_timeout_counts_for_each_attempt() -> None:
    own = options(**TIMEOUT, pooling={"local": {"core": 2}})
    (latency,) = run(scenario(own, ["1.05s"], services=["5s"])).latencies
    assert latency == pytest.approx(2 * S, abs=200 * MS)


# Connections that break (002:369-378) -------------------------------------------------------------


def test_a_broken_connections_requests_are_retried_on_another() -> None:
    done = run(scenario({}, ["1s"] * 4, nodes=2, services=["100ms"] * 4, faults=[stop("1.05s")]))
    assert done.outcomes == ["ok"] * 4
    assert {tuple(kinds) for kinds in done.errors} == {(), (LOST,)}


def test_requests_that_may_not_be_sent_twice_end_with_the_connection() -> None:
    own = scenario(
        {"load_balancing": {"token_aware": False}},
        ["1s"] * 4,
        nodes=2,
        services=["100ms"] * 4,
        faults=[stop("1.05s")],
        idempotent=False,
    )
    assert sorted(run(own).outcomes) == ["connection_error"] * 2 + ["ok"] * 2


@pytest.mark.inventory("generic.reconnection.schedule", "generic.reconnection.backoff")
def test_reconnection_follows_the_schedule_until_the_node_is_back() -> None:
    """At once, then after 1, 2, 4 and 8 s: the fifth attempt meets the node again."""
    done = run(scenario({}, ["30s"], duration="40s", faults=[{**stop("10s"), "for": "12s"}]))
    seconds = [round(at / S, 1) for at, _, _ in done.notes("reconnection_attempt")]
    assert seconds == [10.0, 11.0, 13.0, 17.0, 25.0]
    assert done.notes("host_up")[0][0] == pytest.approx(25 * S, abs=50 * MS)
    assert done.outcomes == ["ok"]


@pytest.mark.inventory("generic.reconnection.load-balancer")
def test_the_load_balancer_offers_no_host_that_is_down() -> None:
    done = run(scenario({}, ["5s"] * 10, nodes=2, faults=[stop("1s")]))
    assert done.outcomes == ["ok"] * 10
    assert done.errors == [[]] * 10


# BusyConnection (002:322, 346-347) ----------------------------------------------------------------


def full(busy: str, nodes: int) -> Any:
    own = options(
        pooling={"local": {"max": 1, "max_requests": 2}},
        backpressure={"high_watermark": "100%", "busy": busy},
        load_balancing={"token_aware": False},
    )
    return scenario(own, ["1s"] * 5, nodes=nodes)


@pytest.mark.inventory("generic.busy-connection", "generic.backpressure.reject")
def test_a_rejected_request_ends_with_busy_connection() -> None:
    done = run(full("throw", 2))
    assert sorted(done.outcomes) == ["busy"] + ["ok"] * 4
    assert done.errors.count([BUSY_CONNECTION]) == 1
    assert max(done.column("attempts")) == 1


def test_a_rejected_request_may_go_on_to_the_next_host_instead() -> None:
    done = run(full("next_host", 2))
    assert sorted(done.outcomes) == ["no_host_available"] + ["ok"] * 4
    assert done.errors.count([BUSY_CONNECTION] * 2) == 1


def test_a_request_that_waited_in_vain_ends_with_busy_connection_too() -> None:
    own = options(
        pooling={"local": {"max": 1, "max_requests": 10}},
        backpressure={"queue_timeout": "10ms"},
    )
    done = run(scenario(own, ["1s"] * 10, service="100ms"))
    assert done.outcomes.count("busy") == 2
    assert done.last("rejected") == 2


# Warming (002:510) --------------------------------------------------------------------------------


@pytest.mark.inventory("generic.warming")
@pytest.mark.parametrize(
    ("warming", "latency"), [("before_start", 3), ("at_start", 9), ("on_demand", 9)]
)
def test_a_cold_start_costs_the_first_requests_a_handshake(warming: str, latency: int) -> None:
    """Three round trips of 2 ms: TCP, OPTIONS, STARTUP."""
    own = options(pooling={"warming": warming})
    assert run(scenario(own, ["0s"])).latencies == [latency * MS]


def test_connections_are_opened_so_many_at_a_time() -> None:
    """Ten hosts, two at a time, 6 ms each."""
    own = options(pooling={"warming": "at_start", "concurrent_opens": 2})
    done = run(scenario(own, ["1s"], nodes=10))
    ready = [at for at, _, _ in done.notes("pool_ready")]
    assert ready == [k * 6 * MS for k in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)]


# Remote datacenters (002:200, 203-204) ------------------------------------------------------------


@pytest.mark.inventory(
    "generic.core",
    "generic.max.local",
    "generic.max.remote",
    "generic.max-requests",
    "generic.high-watermark",
    "generic.low-watermark",
    "generic.read-buffer",
    "generic.write-buffer",
    "generic.heartbeat-interval",
    "generic.reconnection.schedule",
    "generic.tcp-no-delay",
    "generic.tcp-keepalive",
)
def test_defaults_are_the_documents() -> None:
    from poolsim.scenario.drivers import DRIVERS

    defaults = DRIVERS["generic"].defaults(4)
    local, remote, own = defaults.local, defaults.remote, defaults.generic
    assert own is not None
    assert (local.core, local.max, local.max_requests) == (1, 8, 1024)
    assert (remote.core, remote.max, remote.max_requests) == (1, 2, 1024)
    assert (own.high_watermark, own.low_watermark) == (0.8, 0.5)
    assert (own.read_buffer, own.write_buffer) == (64_000, 64_000)
    assert defaults.heartbeat_interval_ns == 30 * S
    assert (defaults.reconnection.base_ns, defaults.reconnection.max_ns) == (1 * S, 60 * S)
    assert (defaults.tcp_nodelay, defaults.keepalive) == (True, True)


def test_every_way_to_end_has_words() -> None:
    from poolsim.estimation.failures import in_words
    from poolsim.model.kinds import OUTCOME_NAMES
    from poolsim.planning.lives.story import _OUTCOMES

    assert set(_OUTCOMES) == set(OUTCOME_NAMES)
    done = run(full("throw", 2))
    (row,) = [row for row in done.rows if row[3] != 0]
    assert "BusyConnection (dc1/" in in_words(row, full("throw", 2))
    assert "connection is busy" in in_words(row, full("throw", 2))


def test_idle_connections_are_closed_at_different_times_with_jitter() -> None:
    own = options(
        pooling={
            "local": {"max": 2, "max_requests": 2},
            "idle_timeout": "10s",
            "idle_jitter": "100%",
        },
        backpressure={"high_watermark": "100%"},
        load_balancing={"token_aware": False},
    )
    done = run(scenario(own, ["1s"] * 120, nodes=40, duration="30s"))
    closed = [at // S for at, _, _ in done.notes("closed")]
    assert len(closed) == 40
    assert min(closed) >= 11
    assert max(closed) <= 22
    assert len(set(closed)) > 5
    steady = {**own, "pooling": {**own["pooling"], "idle_jitter": "0%"}}
    done = run(scenario(steady, ["1s"] * 120, nodes=40, duration="30s"))
    assert {at // S for at, _, _ in done.notes("closed")} == {12}
