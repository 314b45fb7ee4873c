"""Faults of the exchange in the generic driver: failing writes, undecodable answers, silent nodes,
middleboxes, and nodes that join and leave (002:101, 351-388)."""

from __future__ import annotations

from typing import Any

import pytest

from poolsim.model.kinds import LOST
from tests.model.generic_runs import MS, Run, S, options, run, scenario

MINUTE = 60 * S
ANSWERED = 3 * MS
"""From the write of a request to its response: 1 ms there, 1 ms of work, 1 ms back."""
TOLD = 350 * MS
"""From joining or leaving to the other nodes' event."""
NO_HEARTBEAT = {"heartbeat": {"interval": "0s"}}
KEPT_ALIVE = options(**NO_HEARTBEAT, network={"keepalive": True})


def fault(kind: str, at: str = "10s", node: str = "dc1/1", **more: str) -> dict[str, Any]:
    return {"at": at, "node": node, "kind": kind, **more}


FAILS_FOR_10_S = {**fault("write_failure"), "for": "10s"}
FIREWALL = fault("middlebox", "0s", idle_timeout="5m")


def instants(of: Run, *kinds: str) -> list[int]:
    return [at for at, _, _ in of.notes(*kinds)]


# Failing writes (002:369) -------------------------------------------------------------------------


@pytest.mark.inventory("generic.health.write-failure")
def test_a_write_that_fails_closes_the_connection_at_once() -> None:
    done = run(scenario(options(), ["5s", "11s"], faults=[fault("write_failure")], duration="12s"))
    assert instants(done, "connection_broke") == [11 * S]
    assert instants(done, "host_down") == [11 * S]
    assert instants(done, "reconnection_attempt")[0] == 11 * S
    assert done.column("ended_ns")[1] == 11 * S
    assert done.errors[1][0] == LOST


@pytest.mark.inventory("generic.health.write-failure")
def test_what_is_in_flight_fails_with_the_write_and_goes_to_another_host() -> None:
    """Two requests on each of two nodes; the first write to one of them fails after 10 s."""
    times = ["9.9s"] * 4 + ["10.1s"] * 2
    own = options(load_balancing={"policy": "round_robin", "token_aware": False})
    done = run(
        scenario(own, times, service="1s", nodes=2, faults=[fault("write_failure")], duration="20s")
    )
    assert instants(done, "connection_broke") == [10_100 * MS]
    assert [value for _, _, value in done.notes("connection_broke")] == [3]
    assert done.outcomes == ["ok"] * 6
    assert sorted(done.column("attempts")) == [1, 1, 1, 2, 2, 2]
    retried = [
        ended
        for ended, attempts in zip(done.column("ended_ns"), done.column("attempts"), strict=True)
        if attempts == 2
    ]
    assert retried == [10_100 * MS + 2 * MS + S] * 3


@pytest.mark.inventory("generic.health.write-failure")
def test_a_heartbeat_that_cannot_be_written_closes_the_connection_too() -> None:
    """At its 30 s, without its timeout."""
    done = run(scenario({}, ["1s"], faults=[fault("write_failure")], duration="31s"))
    assert instants(done, "connection_broke") == [30 * S]


def test_nothing_breaks_while_nothing_is_written() -> None:
    done = run(scenario({}, ["1s", "21s"], faults=[FAILS_FOR_10_S], duration="30s"))
    assert done.notes("connection_broke") == []


# Answers that cannot be decoded (002:370) ---------------------------------------------------------


@pytest.mark.inventory("generic.health.protocol-error")
def test_an_undecodable_answer_closes_the_connection_at_once() -> None:
    done = run(scenario(options(), ["5s", "11s"], faults=[fault("protocol_error")], duration="12s"))
    assert instants(done, "connection_broke") == [11 * S + ANSWERED]
    assert instants(done, "host_down") == [11 * S + ANSWERED]
    assert done.column("ended_ns")[1] == 11 * S + ANSWERED


@pytest.mark.inventory("generic.health.protocol-error")
def test_all_that_is_in_flight_fails_with_the_answer() -> None:
    """A request of 1 ms breaks the connection under three of 2 s."""
    services = ["2s", "2s", "2s", "1ms"]
    done = run(
        scenario(
            options(retry="fallthrough"),
            ["11s"] * 4,
            services=services,
            faults=[fault("protocol_error")],
            duration="15s",
            idempotent=False,
        )
    )
    assert done.notes("connection_broke") == [(11 * S + ANSWERED, "connection_broke", 4)]
    assert done.column("ended_ns") == [11 * S + ANSWERED] * 4
    assert done.outcomes == ["connection_error"] * 4


# Silence ------------------------------------------------------------------------------------------


@pytest.mark.inventory("generic.health.heartbeat")
def test_a_silent_node_is_found_by_a_heartbeat_12_s_after_it_was_asked() -> None:
    """At 30 s; the wheel's tick after 42 s. Reconnecting meets the same silence."""
    done = run(scenario({}, ["1s"], faults=[fault("silent", "20s")], duration="45s"))
    assert instants(done, "heartbeat_failed") == [42_100 * MS]
    assert instants(done, "host_down") == [42_100 * MS]
    assert done.notes("host_up") == []


def test_a_silent_node_is_not_found_without_heartbeats_and_without_requests() -> None:
    done = run(scenario(NO_HEARTBEAT, ["1s"], faults=[fault("silent", "20s")], duration="30m"))
    assert done.notes("connection_broke", "host_down") == []


# Middleboxes and keepalive (002:101) --------------------------------------------------------------


def test_heartbeats_of_30_s_keep_a_connection_alive() -> None:
    done = run(scenario({}, ["1s", "50m"], faults=[FIREWALL], duration="1h"))
    assert done.notes("middlebox_dropped") == []
    assert done.outcomes == ["ok", "ok"]


def test_without_heartbeats_an_idle_connection_is_dropped_and_nobody_is_told() -> None:
    own = options(**NO_HEARTBEAT, network={"keepalive": False})
    done = run(scenario(own, ["1s", "8m"], faults=[FIREWALL], duration="10m"))
    assert instants(done, "middlebox_dropped") == [S + ANSWERED + 5 * MINUTE]
    assert done.column("attempts")[1] == 1
    assert done.outcomes[1] != "ok"


@pytest.mark.inventory("generic.tcp-keepalive")
def test_probes_within_the_time_keep_the_connection_alive() -> None:
    kernel = {"tcp_keepalive_time": "4m"}
    asked = scenario(KEPT_ALIVE, ["1s", "50m"], faults=[FIREWALL], duration="1h", kernel=kernel)
    done = run(asked)
    assert done.notes("middlebox_dropped") == []
    assert done.outcomes == ["ok", "ok"]


@pytest.mark.inventory("generic.tcp-keepalive")
def test_probes_find_the_dead_connection_after_2_h_11_min_15_s() -> None:
    """Linux's own settings: 7,200 s of idleness, nine probes 75 s apart without an answer."""
    done = run(scenario(KEPT_ALIVE, ["1s"], faults=[FIREWALL], duration="3h"), 60 * S)
    found = S + ANSWERED + (2 * 3600 + 11 * 60 + 15) * S
    assert instants(done, "connection_broke") == [found]
    assert instants(done, "host_down") == [found]
    assert instants(done, "reconnection_attempt") == [found]
    assert instants(done, "host_up") == [found + 3 * 2 * MS], "TCP, OPTIONS, STARTUP"


@pytest.mark.inventory("generic.tcp-keepalive")
@pytest.mark.parametrize("keepalive", [True, False])
def test_probes_find_a_silent_node_no_sooner_than_its_kernel_dies(keepalive: bool) -> None:
    """The node's kernel answers probes while its process says nothing: only heartbeats help. What
    a middlebox dropped is found by them: 10 s after the last packet, and two seconds without an
    answer."""
    own = options(**NO_HEARTBEAT, network={"keepalive": keepalive})
    kernel = {"tcp_keepalive_time": "10s", "tcp_keepalive_intvl": "1s", "tcp_keepalive_probes": 2}
    silent = fault("silent", "20s")
    dropped = fault("middlebox", "0s", idle_timeout="5s")
    found = []
    for one in (silent, dropped):
        asked = scenario(own, ["1s"], faults=[one], duration="5m", kernel=kernel)
        found.append(instants(run(asked), "connection_broke")[:1])
    assert found == [[], [S + ANSWERED + 12 * S] if keepalive else []]


# Nodes that join and leave ------------------------------------------------------------------------

JOINS = fault("add", node="dc1/3")
EVENLY = [f"{k * 50}ms" for k in range(1, 400)]


@pytest.mark.parametrize(
    ("warming", "opened"),
    [("at_start", [TOLD + 6 * MS]), ("on_demand", []), ("before_start", [TOLD + 6 * MS])],
)
def test_a_node_that_joins_gets_its_core_connections_as_at_the_beginning(
    warming: str, opened: list[int]
) -> None:
    """Offered with the event; on demand it has none before its first request."""
    own = options(pooling={"warming": warming})
    done = run(scenario(own, ["1s"], nodes=3, faults=[JOINS], duration="20s"))
    assert instants(done, "host_added") == [10 * S + TOLD]
    assert [at - 10 * S for at in instants(done, "opened") if at >= 10 * S] == opened
    assert done.notes("host_down") == []


def test_a_node_that_has_yet_to_join_is_not_connected_to_and_then_has_its_share() -> None:
    own = options(load_balancing={"policy": "round_robin", "token_aware": False})
    done = run(scenario(own, EVENLY, nodes=3, faults=[JOINS], duration="25s"))
    nodes, ended = done.column("node"), done.column("ended_ns")
    before = {node for node, at in zip(nodes, ended, strict=True) if at < 10 * S + TOLD}
    after = [node for node, at in zip(nodes, ended, strict=True) if at > 11 * S]
    assert before == {0, 1}
    assert abs(after.count(2) - after.count(0)) <= 1
    assert set(done.outcomes) == {"ok"}


def test_a_node_that_leaves_is_offered_no_more_and_never_reconnected_to() -> None:
    """It closes what is idle at once, so that the host is first down; the event ends the attempts
    to get it back, which it refuses."""
    leaves = fault("remove", node="dc1/3", drain_timeout="30s")
    own = options(load_balancing={"policy": "round_robin", "token_aware": False})
    done = run(scenario(own, EVENLY, nodes=3, faults=[leaves], duration="2m"))
    (removed,) = instants(done, "host_removed")
    assert removed == 10 * S + TOLD
    assert [at for at in instants(done, "reconnection_attempt") if at > removed] == []
    nodes, ended = done.column("node"), done.column("ended_ns")
    assert {n for n, at in zip(nodes, ended, strict=True) if at > removed} == {0, 1}
    assert set(done.outcomes) == {"ok"}


def test_a_request_under_way_to_a_node_that_leaves_is_answered() -> None:
    """Its connection stays as long: the node closes it after the answer, or the driver does, which
    looks every second."""
    leaves = fault("remove", drain_timeout="30s", node="dc1/3")
    own = options(load_balancing={"policy": "round_robin", "token_aware": False})
    times = ["9.9s"] * 3
    done = run(scenario(own, times, service="5s", nodes=3, faults=[leaves], duration="1m"))
    assert done.outcomes == ["ok"] * 3
    assert done.column("ended_ns") == [9_900 * MS + 5 * S + 2 * MS] * 3
    gone = [at for at in instants(done, "closed", "connection_broke") if at > 10 * S]
    assert len(gone) == 1
    assert 14_902 * MS < gone[0] <= 14_912 * MS + MS
    assert done.notes("reconnection_attempt") == []


def test_a_node_that_comes_back_is_a_new_host() -> None:
    leaves = fault("remove", node="dc1/2", drain_timeout="1s")
    back = fault("add", "20s", node="dc1/2")
    done = run(scenario(options(), ["1s"], nodes=2, faults=[leaves, back], duration="30s"))
    assert instants(done, "host_removed") == [10 * S + TOLD]
    assert instants(done, "host_added") == [20 * S + TOLD]
    assert [at for at in instants(done, "opened") if at > 11 * S] == [20 * S + TOLD + 6 * MS]
