"""Random scenarios: the same for the same seed, valid, and of everything that is registered."""

import pytest

from poolsim.fidelity.generator import generate
from poolsim.model.build import FAULT_KINDS
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.policies.balancing import POLICY_NAMES
from poolsim.model.policies.reconnection import RECONNECTION_NAMES
from poolsim.scenario.entries import LOAD_KINDS
from poolsim.scenario.load import load_text
from poolsim.scenario.options import RETRY_POLICIES
from poolsim.scenario.resolve_laws import LAW_KINDS
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario


@pytest.fixture(scope="module")
def drawn() -> list[Scenario]:
    return [generate(seed) for seed in range(150)]


def test_a_seed_is_a_scenario(drawn: list[Scenario]) -> None:
    assert [generate(seed) for seed in range(0, 150, 10)] == drawn[::10]
    assert len({scenario.clients for scenario in drawn}) == len(drawn)
    assert [scenario.seed for scenario in drawn] == list(range(150))


@pytest.mark.parametrize("seed", range(0, 150, 4))
def test_a_file_can_say_the_same(seed: int, drawn: list[Scenario]) -> None:
    assert load_text(to_yaml(drawn[seed])) == drawn[seed]


def test_all_that_is_registered_is_drawn(drawn: list[Scenario]) -> None:
    clients = [client for scenario in drawn for client in scenario.clients]
    options = [client.options for client in clients]
    assert {client.driver for client in clients} == set(DRIVERS)
    assert {client.load.kind for client in clients} == set(LOAD_KINDS)
    assert {scenario.node.service.kind for scenario in drawn} == set(LAW_KINDS)
    assert {option.balancing.policy for option in options} == set(POLICY_NAMES)
    assert {option.reconnection.kind for option in options} == set(RECONNECTION_NAMES)
    assert {option.retry for option in options} == set(RETRY_POLICIES)
    assert {fault.kind for scenario in drawn for fault in scenario.faults} == set(FAULT_KINDS)
    assert {client.protocol for client in clients} == {1, 2, 3, 4, 5}


def test_scenarios_are_small_enough_to_run_thousands(drawn: list[Scenario]) -> None:
    for scenario in drawn:
        pools = sum(client.instances for client in scenario.clients) * len(scenario.node_names)
        assert pools <= 3 * 72
        assert scenario.duration_ns <= 301 * 10**9


def test_nodes_have_one_fault_at_a_time(drawn: list[Scenario]) -> None:
    """And besides a middlebox before them; a node that joins or leaves has no other."""
    for scenario in drawn:
        busy_until: dict[int, int] = {}
        for fault in scenario.faults:
            assert scenario.node_names[fault.node] == fault.node_name
            if fault.kind == "middlebox":
                continue
            assert fault.at_ns >= busy_until.get(fault.node, 0)
            busy_until[fault.node] = fault.end_ns(scenario.duration_ns)


def test_some_nodes_join_and_some_leave_but_no_datacenter_empties(drawn: list[Scenario]) -> None:
    courses = []
    for scenario in drawn:
        changed = {fault.node for fault in scenario.faults if fault.changes_members}
        first = 0
        for datacenter in scenario.datacenters:
            assert first not in changed
            first += datacenter.nodes
        for node in changed:
            own = [f.kind for f in scenario.faults if f.node == node and f.changes_members]
            courses.append(tuple(own))
    assert {("add",), ("remove",), ("add", "remove"), ("remove", "add")} <= set(courses)
