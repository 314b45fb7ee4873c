"""The Node.js driver's default load balancing: which replica comes first, and when it does not."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from poolsim.engine.draws import Draws
from poolsim.engine.simpy_engine import attach
from poolsim.model.build import build
from poolsim.model.cluster.membership import join_ring, leave_ring
from poolsim.model.policies.balancing import STAGE_REPLICAS, next_host
from poolsim.model.policies.nodejs_default import note_answer
from tests.model.nodejs_scenarios import MS, SECOND, scenario
from tests.model.python_pools import run

PLANS = 6_000


class Policy:
    """A world at rest whose plans can be asked for."""

    def __init__(self, replication: int = 3, nodes: int = 3, options: str = "{}") -> None:
        asked = scenario(options, nodes=nodes, replication=replication)
        draws = Draws(1, 0)
        self.world = build(asked, draws)
        attach(self.world, draws)
        self.number = 0

    def plan(self, now: int = SECOND, hosts: int = 99) -> list[int]:
        """The nodes that a request's plan offers, at most so many."""
        w = self.world
        r = w.add_request()
        request = w.requests[r]
        request.number = self.number
        request.issued = now
        request.plan_key = 0
        self.number += 1
        found = []
        while len(found) < hosts and (p := next_host(w, r)) >= 0:
            found.append(w.pools[p].node)
        return found

    def firsts(self, now: int = SECOND) -> dict[int, float]:
        """How often each node comes first."""
        counted = Counter(self.plan(now, 1)[0] for _ in range(PLANS))
        return {node: count / PLANS for node, count in counted.items()}

    def host(self, node: int) -> Any:
        return self.world.hosts[node]

    def pool(self, node: int) -> Any:
        return self.world.pools[node]


def close(shares: dict[int, float], expected: dict[int, float]) -> bool:
    """Within 0.02: three and a half standard deviations of a share of a third."""
    return all(abs(shares.get(node, 0) - share) < 0.022 for node, share in expected.items())


def test_replicas_are_shuffled_and_the_other_hosts_follow() -> None:
    policy = Policy(replication=3, nodes=5)
    found = Counter(tuple(policy.plan()) for _ in range(PLANS))
    assert {plan[:3] for plan in found} == set(permutations((0, 1, 2)))
    assert {frozenset(plan[3:]) for plan in found} == {frozenset((3, 4))}
    assert {plan[3:] for plan in found} == {(3, 4), (4, 3)}


def test_of_the_first_two_the_one_with_fewer_in_flight_comes_first() -> None:
    policy = Policy()
    for node, load in enumerate((5, 3, 1)):
        policy.pool(node).in_flight = load
    # The lightest of two of three: 2 in two thirds, 1 in one third, 0 never.
    assert close(policy.firsts(), {0: 0.0, 1: 1 / 3, 2: 2 / 3})
    policy.pool(0).in_flight = 1
    assert close(policy.firsts(), {0: 1 / 2, 1: 0.0, 2: 1 / 2})


def test_two_replicas_are_only_shuffled() -> None:
    policy = Policy(replication=2)
    policy.pool(0).in_flight = 100
    assert close(policy.firsts(), {0: 0.5, 1: 0.5})


def test_a_host_that_answers_nothing_goes_to_the_end() -> None:
    policy = Policy()
    for node, load in enumerate((10, 50, 50)):
        policy.pool(node).in_flight = load
    for node in (1, 2):
        for _ in range(2):
            note_answer(policy.world, node, SECOND)
    assert close(policy.firsts(SECOND), {0: 0.0})
    assert all(policy.plan(SECOND)[-1] == 0 for _ in range(50))
    # Nine in flight are not enough to be judged, and two answers in 200 ms and the 200 before too
    # many.
    policy.pool(0).in_flight = 9
    assert policy.firsts(SECOND)[0] > 0.6
    policy.pool(0).in_flight = 10
    for _ in range(2):
        note_answer(policy.world, 0, SECOND)
    assert policy.firsts(SECOND + 399 * MS)[0] > 0.6


def test_answers_count_in_their_200_ms_and_the_next() -> None:
    policy = Policy()
    for node in range(3):
        policy.pool(node).in_flight = 20
    for node in (1, 2):
        note_answer(policy.world, node, SECOND + 150 * MS)
        note_answer(policy.world, node, SECOND + 250 * MS)
    # 1.15 s and 1.25 s lie in the windows of 1.0 and 1.2 s: both count until 1.4 s.
    assert close(policy.firsts(SECOND + 390 * MS), {0: 0.0})
    # From then on one answer is left of each, and where most are unhealthy nothing is changed.
    assert close(policy.firsts(SECOND + 410 * MS), {0: 1 / 3, 1: 1 / 3, 2: 1 / 3})


def test_a_majority_that_answers_nothing_changes_nothing() -> None:
    policy = Policy()
    for node in range(3):
        policy.pool(node).in_flight = 20
    for _ in range(2):
        note_answer(policy.world, 0, SECOND)
    assert close(policy.firsts(), {0: 1 / 3, 1: 1 / 3, 2: 1 / 3})


def test_a_host_that_came_back_within_a_minute_is_mostly_spared() -> None:
    policy = Policy()
    policy.host(1).up_since = SECOND
    # First or second in two thirds of the plans; then it stays with one chance in four. In front
    # it is for half of those.
    assert close(policy.firsts(60 * SECOND), {1: 1 / 3 / 4})
    assert close(policy.firsts(61 * SECOND), {1: 1 / 3})
    policy.host(2).up_since = 2 * SECOND
    shares = policy.firsts(3 * SECOND)
    assert close(shares, {2: 1 / 3 / 4}), "only the one that came back last"


def test_a_replica_that_is_down_is_not_offered_and_two_are_left_alone() -> None:
    policy = Policy()
    policy.host(1).up = 0
    policy.pool(0).in_flight = 50
    plans = Counter(tuple(policy.plan()) for _ in range(PLANS))
    # The rotation still has it; the borrow passes it over.
    assert {plan[:2] for plan in plans} == {(0, 2), (2, 0)}
    assert abs(sum(count for plan, count in plans.items() if plan[0] == 0) / PLANS - 0.5) < 0.022


@pytest.mark.parametrize("replication", [1, 16])
def test_few_and_very_many_replicas(replication: int) -> None:
    policy = Policy(replication, nodes=max(replication, 3))
    plan = policy.plan()
    assert sorted(plan) == list(range(max(replication, 3)))


@pytest.mark.parametrize("key", [0, 2])
def test_a_node_leaves_while_a_plan_is_under_way(key: int) -> None:
    """The key has two replicas from then on; the plan names no third, of this key or the next."""
    policy = Policy()
    w = policy.world
    for number in range(20):
        r = w.add_request()
        request = w.requests[r]
        request.number, request.issued, request.plan_key = number, SECOND, key
        assert next_host(w, r) >= 0
        leave_ring(w, 2, 0, SECOND)
        rest = []
        while (p := next_host(w, r)) >= 0 and request.plan_stage == STAGE_REPLICAS:
            rest.append(w.pools[p].node)
        assert set(rest) <= {0, 1}
        join_ring(w, 2, SECOND)


def test_token_aware_over_round_robin_begins_at_a_random_replica_in_ring_order() -> None:
    options = "{load_balancing: {policy: dc_aware_round_robin, token_aware: true}}"
    policy = Policy(options=options)
    plans = Counter(tuple(policy.plan()) for _ in range(PLANS))
    assert set(plans) == {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
    assert all(abs(count / PLANS - 1 / 3) < 0.022 for count in plans.values())


def test_without_keys_plans_take_turns() -> None:
    policy = Policy(options="{load_balancing: {token_aware: false}}")
    first, second, third, fourth = (policy.plan() for _ in range(4))
    assert sorted(first) == [0, 1, 2]
    assert first[1:] + first[:1] == second
    assert second[1:] + second[:1] == third
    assert fourth == first


def test_a_frozen_replica_takes_little_before_it_is_found_out() -> None:
    """A node that answers nothing keeps its place until ten requests are in flight at it; from then
    on the others are asked first."""
    ran = run(
        scenario(
            "{read_timeout: 5s}",
            load="{uniform: {rate: 500/s}}",
            replication=3,
            service="5ms",
            duration="20s",
            faults="[{at: 10s, for: 4s, node: dc1/1, kind: pause}]",
            idempotent=True,
        )
    )
    assert set(ran.outcomes()) == {"ok"}
    in_flight = [table[0][3] for time, table in ran.samples if 11 * SECOND < time < 14 * SECOND]
    assert max(in_flight) <= 20
