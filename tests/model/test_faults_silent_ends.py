"""Connections that end without a word: what a middlebox drops, who notices it and when.

J3/ is datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/, PY/ is
apache/cassandra-python-driver@3.29.3:cassandra/.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolsim.scenario.scenario import Change, Kernel
from tests.model.fault_runs import MINUTE, SERVED, instants, ran, run_once, told
from tests.model.python_pools import MS, SECOND

FIREWALL = "at: 0s, node: dc1/1, kind: middlebox, idle_timeout: 5m"
HASTY = "at: 0s, node: dc1/1, kind: middlebox, idle_timeout: 20s"
NO_HEARTBEAT = {
    "java3": "{pooling: {heartbeat_interval: 0s}}",
    "python": "{heartbeat_interval: 0s}",
}
BOTH = ("java3", "python")


def kept_alive(driver: str) -> str:
    return NO_HEARTBEAT[driver].rstrip("}") + (
        "}, keepalive: true}" if driver == "java3" else ", keepalive: true}"
    )


def tick(at_ns: int) -> int:
    """When the Java driver's wheel of 100 ms comes to a deadline."""
    return (at_ns // (100 * MS) + 1) * 100 * MS


# Dropped ------------------------------------------------------------------------------------------


@pytest.mark.inventory("java3.idle-drop")
@pytest.mark.parametrize("driver", BOTH)
def test_a_connection_that_is_idle_for_too_long_is_dropped_and_nobody_is_told(driver: str) -> None:
    """An entry lives for 5 min from the last packet: the answer to the request of 1 s."""
    run = ran(driver, FIREWALL, options=NO_HEARTBEAT[driver], at=("1s",), duration="20m")
    last_packet = SECOND + SERVED
    dropped = [(at, value) for at, _, _, value in run.noted("middlebox_dropped")]
    assert (last_packet + 5 * MINUTE, 5 * MINUTE) in dropped
    assert run.noted("connection_broke", "host_down", "closed") == []


@pytest.mark.parametrize("driver", BOTH)
def test_traffic_keeps_a_connection_alive(driver: str) -> None:
    """A request every 4 min on the pool's connection; the control connection is idle and goes."""
    run = ran(
        driver,
        FIREWALL,
        options=NO_HEARTBEAT[driver],
        load="{uniform: {rate: 0.00416667/s}}",
        duration="40m",
    )
    assert set(run.outcomes()) == {"ok"}
    assert instants(run, "middlebox_dropped") == [5 * MINUTE]


@pytest.mark.inventory("python.heartbeat-interval")
@pytest.mark.parametrize("driver", BOTH)
def test_heartbeats_within_the_time_keep_all_connections_alive(driver: str) -> None:
    """The drivers' own 30 s against 5 min."""
    run = ran(driver, FIREWALL, at=("1s", "50m"), duration="1h")
    assert run.outcomes() == ["ok", "ok"]
    assert run.noted("middlebox_dropped", "connection_broke") == []


@pytest.mark.inventory("java3.idle-drop")
@pytest.mark.parametrize("driver", BOTH)
def test_without_heartbeats_a_request_on_a_dropped_connection_times_out(driver: str) -> None:
    """12 s from the write, on the wheel (java3); 10 s from the call (python)."""
    run = ran(driver, FIREWALL, options=NO_HEARTBEAT[driver], at=("1s", "400s"), duration="10m")
    assert run.outcomes() == ["ok", "client_timeout"]
    expected = tick(412 * SECOND) if driver == "java3" else 410 * SECOND
    assert run.column("ended_ns")[1] == expected


def test_with_requests_under_way_nothing_is_idle() -> None:
    """A request that takes 4 min renews the entry when it is written and when it is answered."""
    run = ran(
        "java3",
        FIREWALL,
        options="{pooling: {heartbeat_interval: 0s}, read_timeout: 0s}",
        service="4m",
        at=("4m",),
        duration="12m",
    )
    assert run.outcomes() == ["ok"]
    assert instants(run, "middlebox_dropped") == [5 * MINUTE]  # the control connection


def test_an_answer_that_comes_after_the_entry_has_gone_is_dropped_too() -> None:
    run = ran(
        "java3",
        FIREWALL,
        options="{pooling: {heartbeat_interval: 0s}, read_timeout: 0s}",
        service="6m",
        at=("1s",),
        duration="30m",
    )
    assert run.outcomes() == []
    assert run.end.unfinished == (1,)


def test_a_middlebox_that_goes_leaves_what_it_dropped_dead() -> None:
    run = ran(
        "java3",
        "at: 0s, for: 6m, node: dc1/1, kind: middlebox, idle_timeout: 5m",
        options=NO_HEARTBEAT["java3"],
        at=("1s", "10m"),
        duration="15m",
    )
    assert run.outcomes() == ["ok", "client_timeout"]
    assert len(run.noted("middlebox_dropped")) == 2


# Heartbeats notice (J3/Connection.java:1300-1437, PY/connection.py:1652-1763) ------------------


def test_java_finds_a_dropped_connection_42_s_after_its_last_read() -> None:
    """30 s without a read, then 12 s for the answer to OPTIONS, on the wheel."""
    run = ran("java3", HASTY, at=("1s",), duration="60s")
    last_read = SECOND + SERVED
    assert last_read + 20 * SECOND in instants(run, "middlebox_dropped")
    found = [tick(0 + 42 * SECOND), tick(last_read + 42 * SECOND)]
    assert instants(run, "heartbeat_failed") == found  # the control connection first
    assert instants(run, "connection_broke") == found[1:]
    assert instants(run, "host_down") == found[1:]


def test_python_finds_a_dropped_connection_90_s_after_its_start() -> None:
    """A cycle every 30 s; the first sees that something was read, the second asks, and 30 s later
    there is no answer."""
    run = ran("python", HASTY, at=("1s",), duration="2m")
    assert set(instants(run, "heartbeat_failed")) == {90 * SECOND}
    assert instants(run, "host_down") == [90 * SECOND]


@pytest.mark.parametrize("driver", BOTH)
def test_requests_between_drop_and_heartbeat_are_lost(driver: str) -> None:
    run = ran(driver, HASTY, at=("1s", "25s"), duration="2m")
    assert run.outcomes() == ["ok", "client_timeout"]


@pytest.mark.parametrize("driver", BOTH)
def test_the_close_of_a_dropped_connection_does_not_arrive_either(driver: str) -> None:
    """The process ends after the middlebox forgot its connections: only the heartbeat finds out,
    as if it were alive."""
    stops = "at: 28s, node: dc1/1, kind: stop"
    alive = ran(driver, HASTY, at=("1s",), duration="2m")
    stopped = ran(driver, HASTY, stops, at=("1s",), duration="2m")
    assert instants(stopped, "connection_broke")[:1] == instants(alive, "connection_broke")[:1]
    assert instants(stopped, "host_down")[:1] == instants(alive, "host_down")[:1]


@pytest.mark.parametrize("driver", BOTH)
def test_a_new_connection_works(driver: str) -> None:
    """Once the dead one is found the driver connects again, through the same middlebox."""
    run = ran(driver, HASTY, at=("1s", "100s"), duration="2m")
    assert run.outcomes() == ["ok", "ok"]


def test_a_heartbeat_interval_set_at_runtime_is_for_new_connections_only() -> None:
    """So those of the start go on without heartbeats, and are dropped (manual, heartbeat)."""
    start = told("java3", FIREWALL, options=NO_HEARTBEAT["java3"], at=("1s",), duration="10m")
    change = Change(2 * SECOND, "api", "pooling.heartbeat_interval", 30 * SECOND)
    assert len(run_once(replace(start, changes=(change,))).noted("middlebox_dropped")) == 2


# Keepalive ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", BOTH)
def test_keepalive_is_off_unless_it_is_asked_for(driver: str) -> None:
    """A kernel that would probe after 1 min probes nothing (J3/Connection.java:1103-1104,
    PY/connection.py:954-956)."""
    run = ran(
        driver,
        FIREWALL,
        options=NO_HEARTBEAT[driver],
        kernel="{tcp_keepalive_time: 1m}",
        duration="10m",
    )
    assert run.noted("middlebox_dropped") != []


@pytest.mark.inventory("java3.tcp-keepalive")
@pytest.mark.parametrize("driver", BOTH)
def test_probes_within_the_time_keep_all_connections_alive(driver: str) -> None:
    run = ran(
        driver,
        FIREWALL,
        options=kept_alive(driver),
        kernel="{tcp_keepalive_time: 4m}",
        at=("1s", "50m"),
        duration="1h",
    )
    assert run.outcomes() == ["ok", "ok"]
    assert run.noted("middlebox_dropped") == []


@pytest.mark.parametrize("driver", BOTH)
def test_linux_s_own_keepalive_comes_too_late_for_most_middleboxes(driver: str) -> None:
    """7,200 s: the connection is dropped after 5 min all the same."""
    run = ran(driver, FIREWALL, options=kept_alive(driver), at=("1s", "400s"), duration="10m")
    assert run.outcomes() == ["ok", "client_timeout"]


@pytest.mark.inventory("java3.tcp-keepalive")
@pytest.mark.parametrize("driver", BOTH)
def test_probes_find_the_dead_connection_after_2_h_11_min_15_s(driver: str) -> None:
    """7,200 s of idleness, then nine probes 75 s apart without an answer."""
    run = ran(driver, FIREWALL, options=kept_alive(driver), duration="3h")
    last_packet = MS + SERVED
    # The python driver's control connection breaks in the same way, at the same time of its own.
    assert instants(run, "connection_broke") == [last_packet + (2 * 3600 + 11 * 60 + 15) * SECOND]


def test_probes_follow_the_kernel_s_settings() -> None:
    run = ran(
        "java3",
        FIREWALL,
        options=kept_alive("java3"),
        kernel="{tcp_keepalive_time: 6m, tcp_keepalive_intvl: 10s, tcp_keepalive_probes: 3}",
        duration="10m",
    )
    last_packet = MS + SERVED
    assert instants(run, "connection_broke") == [last_packet + 6 * MINUTE + 30 * SECOND]


def test_a_probe_that_was_answered_before_the_middlebox_came_counts_as_a_packet() -> None:
    """Probed at 4, 8, 12 min; the middlebox, there since 13 min, forgets at 15 min what it has not
    seen since it came; the probe of 16 min is the first without an answer."""
    run = ran(
        "java3",
        "at: 13m, node: dc1/1, kind: middlebox, idle_timeout: 2m",
        options=kept_alive("java3"),
        kernel="{tcp_keepalive_time: 4m, tcp_keepalive_intvl: 10s, tcp_keepalive_probes: 2}",
        duration="20m",
    )
    assert instants(run, "middlebox_dropped")[:2] == [15 * MINUTE] * 2
    assert instants(run, "connection_broke")[0] == MS + SERVED + 16 * MINUTE + 20 * SECOND


# Retransmission -----------------------------------------------------------------------------------


def test_linux_gives_a_write_up_after_924_6_s() -> None:
    assert Kernel().retransmission_timeout_ns == 924_600 * MS
    assert Kernel(retries=3).retransmission_timeout_ns == (200 + 400 + 800 + 1600) * MS


@pytest.mark.parametrize("driver", BOTH)
def test_an_unacknowledged_write_breaks_the_connection_in_the_end(driver: str) -> None:
    """924.6 s after the first one; a second changes nothing."""
    run = ran(
        driver, FIREWALL, options=NO_HEARTBEAT[driver], at=("1s", "400s", "800s"), duration="30m"
    )
    broke = 400 * SECOND + 924_600 * MS
    if driver == "python":
        # It retries nothing, so the second request goes out on the same connection.
        assert run.outcomes() == ["ok", "client_timeout", "client_timeout"]
    assert instants(run, "connection_broke")[:1] == [broke]


def test_a_write_takes_the_place_of_keepalive_s_probes() -> None:
    """The kernel probes only while nothing is under way."""
    run = ran(
        "java3",
        FIREWALL,
        options=kept_alive("java3"),
        kernel="{tcp_keepalive_time: 10m, tcp_retries2: 3}",
        at=("1s", "11m"),
        duration="30m",
    )
    assert instants(run, "connection_broke")[:1] == [11 * MINUTE + 3 * SECOND]


# A node that accepts and never answers ------------------------------------------------------------

SILENT = "at: 10s, for: 2m, node: dc1/1, kind: silent"


@pytest.mark.parametrize("driver", BOTH)
def test_a_silent_node_accepts_connections_and_answers_nothing(driver: str) -> None:
    """A connection attempt gets through TCP, and no further: it times out, it is not refused."""
    run = ran(driver, "at: 0s, for: 4m, node: dc1/1, kind: silent", duration="5m")
    failed = run.noted("connect_failed")
    assert failed
    assert {value for _, _, _, value in failed} == {2}


@pytest.mark.parametrize("driver", BOTH)
def test_what_a_silent_node_received_is_never_answered(driver: str) -> None:
    """Unlike a paused one, which answers when it goes on."""
    options = "{read_timeout: 0s, pooling: {heartbeat_interval: 0s}}"
    if driver == "python":
        options = "{request_timeout: 0s, heartbeat_interval: 0s}"
    silent = "at: 10s, for: 5s, node: dc1/1, kind: silent"
    quiet = ran(driver, silent, options=options, at=("11s", "20s"))
    assert quiet.outcomes() == ["ok"]
    assert quiet.end.unfinished == (1,)
    paused = ran(driver, silent.replace("silent", "pause"), options=options, at=("11s", "20s"))
    assert paused.outcomes() == ["ok", "ok"]


def test_java_notices_a_silent_node_by_its_heartbeat() -> None:
    run = ran("java3", SILENT, at=("1s",), duration="3m")
    assert instants(run, "host_down") == [tick(SECOND + SERVED + 42 * SECOND)]


def test_python_notices_a_silent_node_by_its_heartbeat() -> None:
    """Asked at 60 s, given up at 90 s."""
    assert instants(ran("python", SILENT, at=("1s",), duration="3m"), "host_down") == [90 * SECOND]


@pytest.mark.parametrize("driver", BOTH)
def test_a_node_that_speaks_again_is_found_by_the_next_attempt(driver: str) -> None:
    """No status event tells of it: to gossip the node was well all the time."""
    run = ran(driver, SILENT, at=("1s",), duration="8m")
    assert run.noted("status_up") == []
    up = instants(run, "host_up")
    assert len(up) == 1
    assert up[0] > 130 * SECOND


@pytest.mark.parametrize("driver", BOTH)
def test_keepalive_does_not_notice_a_silent_node(driver: str) -> None:
    """Its kernel answers probes."""
    run = ran(
        driver,
        "at: 10s, node: dc1/1, kind: silent",
        options=kept_alive(driver),
        kernel="{tcp_keepalive_time: 5s, tcp_keepalive_intvl: 1s, tcp_keepalive_probes: 1}",
        duration="5m",
    )
    assert run.noted("connection_broke", "host_down") == []


@pytest.mark.parametrize("driver", BOTH)
def test_events_do_not_come_over_a_silent_control_connection(driver: str) -> None:
    """That a node has restarted is told by the node that the control connection leads to."""
    rare = {"options": "{reconnection: {constant: {delay: 60s}}}", "load": "{uniform: {rate: 9/s}}"}
    teller = ran(driver, nodes=3).noted("control_connected")[0][2]
    other = (teller + 1) % 3
    restart = f"at: 20s, for: 10s, node: dc1/{other + 1}, kind: stop"
    heard = ran(driver, restart, nodes=3, **rare)
    assert len(heard.noted("status_up")) == 1
    silent = f"at: 15s, for: 18s, node: dc1/{teller + 1}, kind: silent"
    assert ran(driver, restart, silent, nodes=3, **rare).noted("status_up") == []
