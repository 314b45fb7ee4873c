"""Nodes that join the ring and nodes that leave it, with and without time to drain.

J3/ is datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/, PY/ is
apache/cassandra-python-driver@3.29.3:cassandra/.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from poolsim.engine.draws import Draws
from poolsim.model.build import build
from poolsim.model.cluster.membership import deal_ring
from tests.model.fault_runs import ROUND_TRIP, instants, ran, told
from tests.model.python_pools import MS, SECOND, Ran

BOTH = ("java3", "python")
TOLD = 350 * MS
"""From joining or leaving to the other nodes' event."""
JOINS = "at: 10s, node: dc1/3, kind: add"
LEAVES = "at: 10s, node: dc1/3, kind: remove"
EVENLY = "{uniform: {rate: 30/s}}"
IN_TURN = "{load_balancing: {token_aware: false}}"


def nodes_of(run: Ran, from_ns: int, to_ns: int) -> set[int]:
    """Nodes that answered requests which ended in a window."""
    return {
        node
        for node, ended, outcome in zip(
            run.column("node"), run.column("ended_ns"), run.outcomes(), strict=True
        )
        if from_ns <= ended < to_ns and outcome == "ok"
    }


# A node that joins --------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", BOTH)
def test_a_node_that_has_yet_to_join_is_not_there(driver: str) -> None:
    run = ran(driver, JOINS, nodes=3, load=EVENLY)
    assert nodes_of(run, 0, 10 * SECOND) == {0, 1}
    before = [node for at, _, node, _ in run.noted() if at < 10 * SECOND]
    assert 2 not in before
    assert set(run.outcomes()) == {"ok"}


def test_java_learns_of_it_a_second_after_the_event_and_makes_a_pool() -> None:
    """Debounced for 1 s; then TCP, STARTUP, cluster name, keyspace."""
    run = ran("java3", JOINS, nodes=3, load=EVENLY)
    assert instants(run, "node_added") == [10 * SECOND]
    assert instants(run, "host_added") == [10 * SECOND + TOLD + SECOND]
    assert instants(run, "host_up") == [11 * SECOND + TOLD + 4 * ROUND_TRIP]
    assert 2 in nodes_of(run, 12 * SECOND, 60 * SECOND)


def test_python_learns_of_it_within_2_s_of_the_event() -> None:
    """The shorter of a random time of up to 10 s (new) and one of up to 2 s (up), then the
    scheduler's next look."""
    delays = set()
    for seed_load in ("30/s", "31/s", "32/s"):
        load = f"{{uniform: {{rate: {seed_load}}}}}"
        (added,) = instants(ran("python", JOINS, nodes=3, load=load), "host_added")
        delays.add(added - 10 * SECOND - TOLD)
    assert all(0 <= delay <= 2_100 * MS for delay in delays)


def test_a_request_that_comes_to_a_java_pool_in_the_making_goes_to_its_next_host() -> None:
    """The load balancer offers a host before its pool is ready (J3/SessionManager.java:337-360)."""
    run = ran(
        "java3",
        JOINS,
        nodes=3,
        options="{load_balancing: {token_aware: false}}",
        load="{uniform: {rate: 3000/s}}",
        duration="12s",
    )
    refused = [kinds for kinds in run.column("error_kinds") if kinds]
    assert refused
    assert {kinds & 15 for kinds in refused} == {4}  # pool is closed (initialising)
    assert set(run.outcomes()) == {"ok"}


@pytest.mark.parametrize("driver", BOTH)
def test_without_events_a_new_node_is_found_with_the_next_control_connection(driver: str) -> None:
    first = ran(driver, nodes=3).noted("control_connected")[0][2]
    teller = first if first != 2 else 0
    run = ran(
        driver,
        JOINS,
        f"at: 20s, for: 5s, node: dc1/{teller + 1}, kind: stop",
        nodes=3,
        options="{status_events: false}",
        load=EVENLY,
    )
    connected = [at for at in instants(run, "control_connected") if at > 0]
    if connected:
        assert instants(run, "host_added")[0] == connected[0]
    else:
        assert instants(run, "host_added") == []


# A node that leaves -------------------------------------------------------------------------------


def test_java_removes_it_a_second_after_the_event() -> None:
    run = ran("java3", LEAVES + ", drain_timeout: 30s", nodes=3, load=EVENLY)
    assert instants(run, "host_removed") == [10 * SECOND + TOLD + SECOND]
    assert nodes_of(run, 12 * SECOND, 60 * SECOND) == {0, 1}


def test_python_removes_it_at_the_scheduler_s_next_look() -> None:
    """At once in this run: nothing else is scheduled, so it looks when something comes."""
    run = ran("python", LEAVES + ", drain_timeout: 30s", nodes=3, load=EVENLY)
    assert instants(run, "host_removed") == [10 * SECOND + TOLD]
    assert nodes_of(run, 12 * SECOND, 60 * SECOND) == {0, 1}


@pytest.mark.parametrize("driver", BOTH)
def test_a_host_that_was_up_when_it_was_removed_is_never_tried_again(driver: str) -> None:
    """A request of 5 s keeps its connection open until the event has come."""
    run = ran(
        driver,
        LEAVES + ", drain_timeout: 30s",
        nodes=3,
        options=IN_TURN,
        at=("9900ms",) * 6,
        service="5s",
        duration="2m",
    )
    removed = instants(run, "host_removed")[0]
    later = [kind for at, kind, node, _ in run.noted() if at > removed and node == 2]
    assert later == ["node_drained"]


@pytest.mark.parametrize("driver", BOTH)
def test_a_pool_in_the_making_when_its_host_is_removed_comes_to_nothing(driver: str) -> None:
    """A node 2 s away leaves while the handshake of its first pool is under way; that it has left
    is heard before its close is."""
    run = ran(
        driver,
        JOINS,
        "at: 16s, node: dc1/3, kind: remove",
        nodes=3,
        load=EVENLY,
        delay="2s",
        duration="2m",
    )
    removed = instants(run, "host_removed")[0]
    assert removed < 18 * SECOND
    later = {kind for at, kind, node, _ in run.noted() if at > removed and node == 2}
    assert later == {"connect_failed"}
    assert set(run.outcomes()) == {"ok"}


def test_java_goes_on_trying_a_host_that_was_down_when_it_was_removed() -> None:
    """Nothing cancels the attempts (J3/Cluster.java:2455-2475); python's end (PY/cluster.py:2082-
    2103)."""
    tried = {}
    for driver in BOTH:
        run = ran(driver, LEAVES, nodes=3, load=EVENLY)
        removed = instants(run, "host_removed")[0]
        tried[driver] = sum(at > removed for at in instants(run, "reconnection_attempt"))
    assert tried == {"java3": 4, "python": 0}  # after 2, 4, 8 and 16 s


@pytest.mark.parametrize("driver", BOTH)
def test_without_a_drain_what_is_in_flight_is_lost(driver: str) -> None:
    """Due at 9.9 s, served for 300 ms; the node is gone at 10 s. Java retries nothing that is not
    idempotent, Python does."""
    run = ran(
        driver,
        LEAVES,
        nodes=3,
        options=IN_TURN,
        at=("9900ms",) * 6,
        service="300ms",
        duration="30s",
    )
    lost = run.outcomes().count("connection_error")
    retried = sum(attempts > 1 for attempts in run.column("attempts"))
    assert (lost, retried) == ((2, 0) if driver == "java3" else (0, 2))


@pytest.mark.parametrize("driver", BOTH)
def test_a_drain_lets_what_is_in_flight_finish(driver: str) -> None:
    run = ran(
        driver,
        LEAVES + ", drain_timeout: 1s",
        nodes=3,
        options=IN_TURN,
        at=("9900ms",) * 6,
        service="300ms",
        duration="30s",
    )
    assert run.outcomes() == ["ok"] * 6
    assert set(run.column("attempts")) == {1}


@pytest.mark.parametrize(("driver", "closed_ms"), [("java3", 10_210), ("python", 10_250)])
def test_a_connection_is_closed_when_nothing_waits_for_an_answer_on_it(
    driver: str, closed_ms: int
) -> None:
    """The answers left at 10.20025 s; the node looks every 10 ms. Of Python's two requests on the
    connection the second waits for an acknowledgement (no TCP_NODELAY): 40.5 ms."""
    run = ran(
        driver,
        LEAVES + ", drain_timeout: 9s",
        nodes=3,
        options=IN_TURN,
        at=("9900ms",) * 6,
        service="300ms",
        duration="30s",
    )
    (gone,) = run.noted("node_drained")
    assert gone[0] == closed_ms * MS
    assert gone[3] == 0


def test_after_the_drain_s_timeout_what_is_left_is_broken_off() -> None:
    """A request of 5 s against a drain of 300 ms, less than it takes the event to arrive."""
    run = ran(
        "java3",
        LEAVES + ", drain_timeout: 300ms",
        nodes=3,
        options=IN_TURN,
        at=("9900ms",) * 6,
        service="5s",
        duration="30s",
    )
    (gone,) = run.noted("node_drained")
    assert (gone[0], gone[3]) == (10_300 * MS, 1)
    lost = [
        at
        for at, outcome in zip(run.column("ended_ns"), run.outcomes(), strict=True)
        if outcome == "connection_error"
    ]
    assert lost == [10_300 * MS + MS // 4] * 2


def test_a_draining_node_accepts_no_new_connection() -> None:
    """Java's pool grows at a second request in flight."""
    pool = "{pooling: {local: {core: 1, max: 2, max_requests: 4, new_connection_threshold: 1}}}"
    run = ran(
        "java3",
        LEAVES + ", drain_timeout: 20s",
        nodes=3,
        options=pool,
        load="{closed: {window: 12}}",
        service="400ms",
        duration="11s",
    )
    grown = [one for one in run.noted("connect_failed") if one[2] == 2]
    assert {value for _, _, _, value in grown} <= {1}


@pytest.mark.parametrize("driver", BOTH)
def test_a_control_connection_to_a_node_that_leaves_moves(driver: str) -> None:
    first = ran(driver, nodes=3).noted("control_connected")[0][2]
    leaves = f"at: 10s, node: dc1/{first + 1}, kind: remove"
    run = ran(driver, leaves, nodes=3, load=EVENLY)
    last = run.noted("control_connected")[-1]
    assert last[0] > 10 * SECOND
    assert last[2] != first
    # Nobody told of it: the node that could was the one that left.
    assert instants(run, "host_removed")[0] >= last[0]


@pytest.mark.parametrize("driver", BOTH)
def test_a_node_that_left_can_join_again(driver: str) -> None:
    run = ran(driver, LEAVES, "at: 30s, node: dc1/3, kind: add", nodes=3, load=EVENLY)
    assert nodes_of(run, 15 * SECOND, 30 * SECOND) == {0, 1}
    assert 2 in nodes_of(run, 34 * SECOND, 60 * SECOND)
    assert run.outcomes()[-100:] == ["ok"] * 100


# The ring -----------------------------------------------------------------------------------------


def replicas(*faults: str, nodes: int, factor: int, racks: int = 1) -> list[list[int]]:
    """The replicas of each ring position, as listed by the rule that lists them anew."""
    asked = told("java3", *faults, nodes=nodes, load=EVENLY)
    datacenter = replace(asked.datacenters[0], replication_factor=factor, racks=racks)
    world = build(replace(asked, datacenters=(datacenter,)), Draws(1, 0))
    deal_ring(world)
    factor = world.clients[0].replication
    return [world.replicas[k * factor : (k + 1) * factor] for k in range(nodes)]


@pytest.mark.parametrize("racks", [1, 2, 3])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_ring_of_all_nodes_is_the_one_that_a_run_begins_with(factor: int, racks: int) -> None:
    asked = told("java3", nodes=5, load=EVENLY)
    datacenter = replace(asked.datacenters[0], replication_factor=factor, racks=racks)
    world = build(replace(asked, datacenters=(datacenter,)), Draws(1, 0))
    listed = list(world.replicas)
    deal_ring(world)
    assert world.replicas == listed


def test_a_position_of_an_absent_node_belongs_to_the_next_one() -> None:
    absent = "at: 10s, node: dc1/3, kind: add"
    assert replicas(absent, nodes=4, factor=1) == [[0], [1], [3], [3]]
    assert replicas(absent, nodes=4, factor=2) == [[0, 1], [1, 3], [3, 0], [3, 0]]


def test_a_key_has_no_more_replicas_than_there_are_nodes() -> None:
    absent = "at: 10s, node: dc1/3, kind: add"
    assert replicas(absent, nodes=3, factor=3) == [[0, 1], [1, 0], [0, 1]]


def test_replicas_lie_in_different_racks_first() -> None:
    """Racks 0, 1, 0, 1, 0 from node 0 on; passed over nodes come when every rack has one, as in
    the drivers (J3/ReplicationStategy.java:150-230)."""
    assert replicas(nodes=5, factor=3, racks=2)[4] == [4, 1, 0]
    assert replicas(nodes=5, factor=2, racks=2)[4] == [4, 1]


# The Node.js driver -------------------------------------------------------------------------------


def test_node_js_makes_a_pool_for_a_new_host_after_the_first_delay_of_its_schedule() -> None:
    """The list of nodes is read 1 s after the event; the first delay is 1 s and up to 15 % more
    (datastax/nodejs-driver@v4.8.0:lib/control-connection.js:574-583)."""
    run = ran("nodejs", JOINS, nodes=3, load=EVENLY)
    added = 10 * SECOND + TOLD + SECOND
    assert instants(run, "host_added") == [added]
    (up,) = [at for at, _, node, _ in run.noted("host_up") if node == 2]
    assert added + SECOND <= up <= added + 1_160 * MS
    assert 2 in nodes_of(run, up + SECOND, 60 * SECOND)
    assert nodes_of(run, 0, up) == {0, 1}


def test_node_js_offers_a_host_that_has_left_no_more() -> None:
    run = ran("nodejs", LEAVES + ", drain_timeout: 30s", nodes=3, load=EVENLY)
    removed = 10 * SECOND + TOLD + SECOND
    assert instants(run, "host_removed") == [removed]
    assert nodes_of(run, removed, 60 * SECOND) == {0, 1}
    later = [at for at, _, node, _ in run.noted("opened", "host_up") if node == 2 and at > removed]
    assert later == []
