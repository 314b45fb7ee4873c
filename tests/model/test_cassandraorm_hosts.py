"""Which hosts a CassandraORM request tries, health checks, nodes that join and leave, regions.
Names and numbers of "Connection Pool Management"."""

from __future__ import annotations

from collections import Counter

import pytest

from poolsim.model.kinds import CLIENT_TIMEOUT
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.load import ScenarioError
from poolsim.scenario.warnings import warnings_of
from tests.model.fault_runs import ROUND_TRIP, SERVED
from tests.model.orm_runs import ORM, asked, orm, times
from tests.model.python_pools import MS, SECOND, Ran
from tests.model.whole_runs import ran as ran_anywhere
from tests.model.whole_runs import scenario as scenario_anywhere

TWO = "{dc1: {nodes: 2, replication_factor: 2}, dc2: {nodes: 2}}"
THREE = "{dc1: {nodes: 3, replication_factor: 3, network: {delay: 0.25ms}}}"
STOP_LOCAL = "faults: [{at: 1s, node: dc1/*, kind: stop}]"


def served_by(run: Ran, since_ns: int = 0) -> Counter[int]:
    """Requests that were answered, by node."""
    columns = zip(run.column("node"), run.outcomes(), run.column("intended_ns"), strict=True)
    return Counter(node for node, outcome, due in columns if outcome == "ok" and due > since_ns)


def balanced(policy: str, **more: str) -> Ran:
    return ran_anywhere(ORM, options=f"{{loadBalancing: {{{policy}}}}}", **more)


# Load balancing -----------------------------------------------------------------------------------


@pytest.mark.inventory("cassandraorm.round-robin", "cassandraorm.load-balancing")
def test_round_robin_takes_all_hosts_in_turn() -> None:
    run = balanced("policy: RoundRobinPolicy", datacenters=TWO, load="{uniform: {rate: 100/s}}")
    assert set(served_by(run)) == {0, 1, 2, 3}
    assert max(served_by(run).values()) - min(served_by(run).values()) <= 2


@pytest.mark.inventory("cassandraorm.dc-aware", "cassandraorm.local-datacenter")
def test_dc_aware_takes_those_of_the_own_datacenter_in_turn() -> None:
    run = balanced("policy: DCAwareRoundRobinPolicy", datacenters=TWO)
    assert set(served_by(run)) == {0, 1}
    moved = balanced(
        "policy: DCAwareRoundRobinPolicy",
        datacenters=TWO,
        load="{poisson: {rate: 100/s}}\n    datacenter: dc2",
    )
    assert set(served_by(moved)) == {2, 3}


@pytest.mark.inventory(
    "cassandraorm.used-hosts-per-remote-dc", "cassandraorm.remote-for-local-consistency"
)
@pytest.mark.parametrize(
    ("consistency", "allowed", "helps"),
    [("LOCAL_ONE", False, False), ("LOCAL_ONE", True, True), ("ONE", False, True)],
)
def test_a_host_of_another_datacenter_is_a_fallback_where_it_is_allowed(
    consistency: str, allowed: bool, helps: bool
) -> None:
    run = ran_anywhere(
        ORM,
        datacenters=TWO,
        options=f"{{consistency: {consistency}, loadBalancing: {{policy: DCAwareRoundRobinPolicy, "
        "usedHostsPerRemoteDc: 1, "
        f"allowRemoteDCsForLocalConsistencyLevel: {str(allowed).lower()}}}}}",
        more=STOP_LOCAL,
    )
    assert set(served_by(run, 1_100 * MS)) == ({2} if helps else set())


@pytest.mark.inventory("cassandraorm.remote-for-local-consistency")
def test_hosts_that_may_not_help_are_warned_of() -> None:
    scenario = scenario_anywhere(
        ORM,
        datacenters=TWO,
        options="{loadBalancing: {policy: DCAwareRoundRobinPolicy, usedHostsPerRemoteDc: 1}}",
    )
    assert any("LOCAL_ONE are not served by" in text for text in warnings_of(scenario))


@pytest.mark.inventory("cassandraorm.token-aware", "cassandraorm.token-aware.shuffle")
@pytest.mark.parametrize(("shuffle", "hosts"), [("false", 1), ("true", 2)])
def test_token_aware_takes_the_key_s_replicas_first(shuffle: str, hosts: int) -> None:
    """One key, two replicas of four nodes: the first one, or both in random order."""
    run = balanced(
        "policy: TokenAwarePolicy, childPolicy: DCAwareRoundRobinPolicy, "
        f"shuffleReplicas: {shuffle}",
        datacenters="{dc1: {nodes: 4, replication_factor: 2}}",
        load="{trace: {times: ["
        + ", ".join(f"{k}ms" for k in range(1, 200))
        + "], keys: ["
        + ", ".join("1" for _ in range(1, 200))
        + "]}}",
    )
    assert set(served_by(run)) == set(range(1, 1 + hosts))


@pytest.mark.inventory("cassandraorm.token-aware.child")
@pytest.mark.parametrize(
    ("child", "nodes"), [("DCAwareRoundRobinPolicy", {1}), ("RoundRobinPolicy", {1, 2, 3})]
)
def test_its_child_policy_gives_the_other_hosts(child: str, nodes: set[int]) -> None:
    """The only replica is down."""
    run = balanced(
        f"policy: TokenAwarePolicy, childPolicy: {child}",
        datacenters="{dc1: {nodes: 2, replication_factor: 1}, dc2: {nodes: 2}}",
        load="{trace: {times: ["
        + ", ".join(f"{k}ms" for k in range(1_100, 1_900, 10))
        + "], keys: ["
        + ", ".join("0" for _ in range(1_100, 1_900, 10))
        + "]}}",
        more="faults: [{at: 1s, node: dc1/1, kind: stop}]",
    )
    assert set(served_by(run)) == nodes


# Regions ------------------------------------------------------------------------------------------

REGIONS = "{us-east-1: {nodes: 1}, eu-west-1: {nodes: 1}, us-west-2: {nodes: 1}}"
SETTINGS = (
    "regionSettings: {us-east-1: {maxConnections: 16, priority: 1}, "
    "us-west-2: {maxConnections: 8, priority: %d}, eu-west-1: {maxConnections: 4, priority: 3}}"
)


@pytest.mark.inventory("cassandraorm.regions", "cassandraorm.regions.priority")
@pytest.mark.parametrize(("priority", "node"), [(2, 2), (4, 1)])
def test_regions_are_tried_in_the_order_of_their_priority(priority: int, node: int) -> None:
    run = ran_anywhere(
        ORM,
        datacenters=REGIONS,
        options="{loadBalancing: {policy: DCAwareRoundRobinPolicy, usedHostsPerRemoteDc: 2, "
        "allowRemoteDCsForLocalConsistencyLevel: true}, " + SETTINGS % priority + "}",
        more="faults: [{at: 1s, node: us-east-1/1, kind: stop}]",
    )
    assert set(served_by(run, 1_100 * MS)) == {node}


@pytest.mark.inventory("cassandraorm.regions.max-connections")
def test_a_region_has_its_own_largest_size() -> None:
    """A core of 20 is cut to 16, 8 and 4."""
    run = ran_anywhere(
        ORM,
        datacenters=REGIONS,
        options="{pooling: {coreConnectionsPerHost: {'0': 20, '1': 20}}, loadBalancing: {policy: "
        "DCAwareRoundRobinPolicy, usedHostsPerRemoteDc: 1}, " + SETTINGS % 2 + "}",
    )
    opened = Counter(node for _, _, node, _ in run.noted("opened"))
    assert opened == {0: 16, 1: 4, 2: 8}


@pytest.mark.inventory("cassandraorm.regions")
def test_an_unknown_region_is_a_mistake_and_the_own_one_is_first_anyhow() -> None:
    with pytest.raises(ScenarioError, match="there is no datacenter dc7"):
        asked(options="regionSettings: {dc7: {priority: 1}}")
    with pytest.raises(ScenarioError, match="unknown key priorty"):
        asked(options="regionSettings: {dc1: {priorty: 1}}")
    scenario = scenario_anywhere(
        ORM,
        datacenters=REGIONS,
        options="{regionSettings: {us-east-1: {priority: 2}, us-west-2: {priority: 1}}}",
    )
    assert any("is tried first, whatever its priority" in text for text in warnings_of(scenario))


# Health checks ------------------------------------------------------------------------------------

CHECKS = "healthCheck: {enabled: true}, loadBalancing: {policy: RoundRobinPolicy}"


@pytest.mark.inventory(
    "cassandraorm.health-check",
    "cassandraorm.health-check.interval",
    "cassandraorm.health-check.timeout",
)
def test_a_silent_host_is_found_out_by_the_next_check_and_its_timeout() -> None:
    """Silent from 12 s to 41 s: the checks at 20, 30 and 40 s fail 5 s later, the one at 50 s is
    answered."""
    run = orm(
        "at: 12s, for: 29s, node: dc1/2, kind: silent",
        options=CHECKS,
        nodes=2,
        load="{uniform: {rate: 2/s}}",  # more than 64 timeouts would end the connection
    )
    failed = [(time, value) for time, _, _, value in run.noted("check_failed")]
    assert failed == [(s * SECOND, CLIENT_TIMEOUT) for s in (25, 35, 45)]
    assert run.noted("host_unhealthy") == [(25 * SECOND, "host_unhealthy", 1, 0)]
    assert run.noted("host_healthy") == [(50 * SECOND + SERVED, "host_healthy", 1, 0)]
    while_unhealthy = [
        node
        for node, due in zip(run.column("node"), run.column("intended_ns"), strict=True)
        if 25 * SECOND <= due < 50 * SECOND
    ]
    assert len(while_unhealthy) == 50
    assert set(while_unhealthy) == {0}


@pytest.mark.inventory("cassandraorm.health-check.interval", "cassandraorm.health-check.query")
def test_each_host_is_asked_every_ten_seconds_and_the_node_does_the_work() -> None:
    run = orm(options=CHECKS, nodes=3, service="3ms")
    checks = run.noted("check_ok")
    assert [(time, node) for time, _, node, _ in checks] == [
        (s * SECOND + ROUND_TRIP + 3 * MS, node) for s in (10, 20, 30, 40, 50) for node in range(3)
    ]
    assert {value for *_, value in checks} == {ROUND_TRIP + 3 * MS}
    assert len(run.requests) == 1, "they are no part of the load"
    query = DRIVERS[ORM].defaults(4).orm.health_check.query
    assert query == "SELECT release_version FROM system.local"


@pytest.mark.inventory("cassandraorm.health-check.timeout")
def test_other_numbers() -> None:
    run = orm(
        "at: 1s, node: dc1/1, kind: silent",
        options="healthCheck: {enabled: true, interval: 2s, timeout: 500ms}",
        duration="5s",
    )
    assert [time for time, *_ in run.noted("check_failed")] == [2_500 * MS, 4_500 * MS]


@pytest.mark.inventory("cassandraorm.health-check")
def test_without_it_nobody_is_asked() -> None:
    assert orm(nodes=2).noted("check_ok", "check_failed") == []


# Nodes that join and leave ------------------------------------------------------------------------

HEARD = 350 * MS
"""The server's event travels by gossip (docs/design.md); the driver waits a second more."""


@pytest.mark.inventory("cassandraorm.add-node")
def test_a_node_that_joins_gets_a_pool_and_its_share_of_the_load() -> None:
    run = orm(
        "at: 5s, node: dc1/3, kind: add",
        options="loadBalancing: {policy: RoundRobinPolicy}",
        pooling="coreConnectionsPerHost: {'0': 2}",
        nodes=3,
        load="{uniform: {rate: 30/s}}",
        duration="30s",
    )
    added = 5 * SECOND + HEARD + SECOND
    assert run.noted("host_added") == [(added, "host_added", 2, 0)]
    (up,) = [time for time, _, node, _ in run.noted("host_up") if node == 2]
    assert added + SECOND <= up <= added + 1_200 * MS, "the first delay of its schedule"
    assert len([node for _, _, node, _ in run.noted("opened") if node == 2]) == 2
    share = served_by(run, up + SECOND)
    assert abs(share[2] - share[0]) <= 1


REMOVED = 5 * SECOND + HEARD + SECOND
LEAVER = 0
"""Without the control connection, which would not tell of its own node's leave."""


def leaving(options: str) -> Ran:
    """Ten requests of 4 s are under way there when the removal is heard of."""
    run = orm(
        f"at: 5s, node: dc1/{LEAVER + 1}, kind: remove, drain_timeout: 60s",
        options="loadBalancing: {policy: RoundRobinPolicy}, " + options,
        nodes=2,
        at=times(*(4.0 + k / 100 for k in range(20))),
        service="4s",
        duration="20s",
    )
    assert {node for _, _, node, _ in run.noted("control_connected")} == {1 - LEAVER}
    return run


@pytest.mark.inventory("cassandraorm.remove-node", "cassandraorm.remove-node.drain")
def test_a_node_that_leaves_is_drained() -> None:
    run = leaving("drainConnections: true")
    assert run.noted("host_removed") == [(REMOVED, "host_removed", LEAVER, 0)]
    assert run.outcomes() == ["ok"] * 20
    ends = zip(run.column("ended_ns"), run.column("node"), strict=True)
    last = max(ended for ended, node in ends if node == LEAVER)
    assert [(time, node) for time, _, node, _ in run.noted("closed")] == [(last, LEAVER)]


@pytest.mark.inventory("cassandraorm.remove-node.drain")
def test_or_its_connections_are_closed_at_once() -> None:
    run = leaving("drainConnections: false")
    assert run.outcomes().count("connection_error") == 10
    ended = {e for e, o in zip(run.column("ended_ns"), run.outcomes(), strict=True) if o != "ok"}
    assert ended == {REMOVED}


@pytest.mark.inventory("cassandraorm.remove-node.drain-timeout")
def test_the_drain_has_a_timeout() -> None:
    """Of 30 s by default; after one of 1 s what is left is broken off."""
    assert DRIVERS[ORM].defaults(4).orm.removal.timeout_ns == 30 * SECOND
    run = leaving("drainTimeout: 1s")
    assert run.outcomes().count("connection_error") == 10
    ended = {e for e, o in zip(run.column("ended_ns"), run.outcomes(), strict=True) if o != "ok"}
    assert ended == {REMOVED + SECOND}


@pytest.mark.inventory(
    "cassandraorm.failover.auto-discovery", "cassandraorm.failover.discovery-interval"
)
def test_auto_discovery_reads_the_list_of_nodes_by_itself() -> None:
    """A node joins at 60.1 s: the look at 120 s is too late, one every 61 s finds it first."""

    def added(options: str) -> tuple[int, list[int]]:
        run = orm("at: 60.1s, node: dc1/2, kind: add", nodes=2, options=options, duration="130s")
        ((time, *_),) = run.noted("host_added")
        return time, [time for time, *_ in run.noted("discovered")]

    heard = 60_100 * MS + HEARD + SECOND
    assert added("failover: {enabled: true}") == (heard, [])
    assert added("failover: {enabled: true, autoDiscovery: true}") == (
        heard,
        [60 * SECOND, 120 * SECOND],
    )
    found, looks = added("failover: {enabled: true, autoDiscovery: true, discoveryInterval: 61s}")
    assert (found, looks) == (61 * SECOND, [61 * SECOND, 122 * SECOND])
