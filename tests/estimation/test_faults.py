"""What a fault costs, on runs where it is known."""

from dataclasses import replace

import numpy as np
import pytest

from poolsim.estimation.faults import fault_metrics
from poolsim.model import kinds
from tests.estimation import runs_with_faults as faulty
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import SECOND


def down(at_s: float, session: int = 0, node: int = 1) -> list[int]:
    return [int(at_s * SECOND), kinds.HOST_DOWN, session, node, -1, 0]


def test_without_faults_there_are_no_such_metrics() -> None:
    scenario = runs.scenario(duration_ns=faulty.END_S * SECOND)
    assert fault_metrics(faulty.record(scenario), scenario) == {}


def test_detect_is_by_the_slowest_session_that_marks_the_host_down() -> None:
    scenario = faulty.scenario(clients=(runs.client("api", 2), runs.client("batch")))
    notes = [down(10), down(20.5), down(21, node=2), down(23, session=1), down(40, session=1)]
    found = fault_metrics(faulty.record(scenario, notes=notes), scenario)
    assert found["api/detect"] == pytest.approx(3.0)
    assert np.isnan(found["batch/detect"])
    assert found["detect"] == pytest.approx(3.0)


def test_detect_does_not_happen_where_nobody_marks_the_host_down_before_the_next_fault() -> None:
    again = replace(faulty.FAULT, at_ns=40 * SECOND, for_ns=5 * SECOND)
    scenario = faulty.scenario(faulty.FAULT, again)
    found = fault_metrics(faulty.record(scenario, notes=[down(41)]), scenario)
    assert np.isnan(found["detect"])
    both = fault_metrics(faulty.record(scenario, notes=[down(22), down(41)]), scenario)
    assert both["detect"] == pytest.approx(2.0)


def test_a_slow_node_is_not_expected_to_be_marked_down() -> None:
    slow = replace(faulty.FAULT, at_ns=40 * SECOND, kind="slow", factor=10.0)
    scenario = faulty.scenario(faulty.FAULT, slow)
    found = fault_metrics(faulty.record(scenario, notes=[down(21)]), scenario)
    assert found["detect"] == pytest.approx(1.0)


def test_fail_over_ends_with_the_last_request_lost() -> None:
    scenario = faulty.scenario()
    record = faulty.record(scenario, failing=lambda at_s: (at_s >= 20) & (at_s < 22.5))
    # The last one is intended within 30 ms before 22.5 s and takes 1 ms.
    assert fault_metrics(record, scenario)["fail_over"] == pytest.approx(2.5, abs=0.03)
    assert fault_metrics(faulty.record(scenario), scenario)["fail_over"] == 0


def test_recover_waits_for_requests_and_pools() -> None:
    scenario = faulty.scenario()

    def undersized(at_s: float) -> dict[str, object]:
        return {"undersized": faulty.on_faulty_node(20 < at_s <= 34)}

    pools = faulty.record(scenario, sampled=undersized)
    assert fault_metrics(pools, scenario)["recover"] == pytest.approx(4.1)
    requests = faulty.record(scenario, failing=lambda at_s: (at_s >= 20) & (at_s < 37))
    # All of a third fail until 37 s: a window of 10 s may hold 1 % of all, 0.3 s of them.
    assert fault_metrics(requests, scenario)["recover"] == pytest.approx(6.7, abs=0.11)
    at_once = fault_metrics(faulty.record(scenario), scenario)
    assert at_once["recover"] == pytest.approx(0.0, abs=1e-9)


def test_recover_compares_with_what_was_before() -> None:
    scenario = faulty.scenario()

    def always_some(at_s: np.ndarray) -> np.ndarray:
        return (at_s * 100 % 10 < 1) | ((at_s >= 20) & (at_s < 32))

    found = fault_metrics(faulty.record(scenario, failing=always_some), scenario)
    assert found["recover"] == pytest.approx(1.7, abs=0.2)


def test_recover_does_not_happen_where_ten_seconds_are_not_left() -> None:
    scenario = faulty.scenario()
    late = faulty.record(scenario, sampled=lambda at_s: {"undersized": int(20 < at_s < 50.05)})
    assert np.isnan(fault_metrics(late, scenario)["recover"])
    for_ever = faulty.scenario(replace(faulty.FAULT, for_ns=0))
    assert np.isnan(fault_metrics(faulty.record(for_ever), for_ever)["recover"])


def test_over_clients_and_faults_the_worst_counts() -> None:
    first = replace(faulty.FAULT, at_ns=5 * SECOND, for_ns=SECOND, node=0, node_name="dc1/1")
    scenario = faulty.scenario(
        first, faulty.FAULT, clients=(runs.client("api"), runs.client("batch"))
    )
    record = faulty.record(
        scenario,
        sampled=lambda at_s: {"undersized": [0, 0, 0, 0, 20 < at_s <= 32, 0]},
    )
    found = fault_metrics(record, scenario)
    assert found["api/recover"] == pytest.approx(0, abs=1e-9)
    assert found["batch/recover"] == pytest.approx(2.1)
    assert found["recover"] == pytest.approx(2.1)
