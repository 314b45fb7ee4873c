"""What became of pools after a fault: each status and each reason."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poolsim.estimation.recovery import recoveries
from poolsim.estimation.results import Recovery
from poolsim.model import kinds
from poolsim.recording.record import Record
from poolsim.scenario.scenario import Scenario
from tests.estimation import runs_with_faults as faulty
from tests.estimation.runs_with_faults import on_faulty_node
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import SECOND


def the_only(scenario: Scenario, *records: Record) -> Recovery:
    (found,) = recoveries(scenario, records)
    assert (found.client, found.node) == ("api", "dc1/2")
    return found


def judged(**told: Any) -> Recovery:
    scenario = faulty.scenario()
    return the_only(scenario, faulty.record(scenario, **told))


def down_until(until_s: float) -> Any:
    def sampled(at_s: float) -> dict[str, Any]:
        gone = int(20 < at_s <= until_s)
        return {"down": on_faulty_node(gone), "undersized": on_faulty_node(gone)}

    return sampled


def test_a_pool_that_comes_back_has_recovered() -> None:
    found = judged(sampled=down_until(33))
    assert (found.status, found.reason) == ("recovered", "")
    assert found.recovered_after_s == pytest.approx(3.1)


def test_near_the_end_of_the_run_it_must_be_well_to_its_end() -> None:
    found = judged(sampled=down_until(55))
    assert found.status == "recovered"
    assert found.recovered_after_s == pytest.approx(25.1)
    late = judged(sampled=down_until(59.3))
    assert late.status == "not recovered"
    assert late.reason == "back for the last 0.7 s of the run only: too short to tell"


def test_a_failing_node_has_not_recovered_before_requests_succeed() -> None:
    found = judged(failing=lambda at_s: (at_s >= 20) & (at_s < 36))
    assert found.status == "recovered"
    assert found.recovered_after_s == pytest.approx(5.9, abs=0.1)


def test_the_next_attempt_may_be_due_after_the_run() -> None:
    failed = [48 * SECOND, kinds.RECONNECTION_FAILED, 0, 1, -1, 32 * SECOND]
    found = judged(sampled=down_until(60), notes=[failed])
    assert found.status == "not recovered"
    assert found.reason.startswith("backoff longer than the rest of the run")
    assert "80 s" in found.reason
    assert found.recovered_after_s is None


def test_the_driver_may_have_given_up() -> None:
    gave_up = [25 * SECOND, kinds.RECONNECTION_GAVE_UP, 0, 1, -1, 64]
    found = judged(sampled=down_until(60), notes=[gave_up])
    assert found.reason == "the driver gave up after 64 reconnection attempts"


def test_a_host_that_came_back_and_went_is_not_held_against_the_old_attempts() -> None:
    notes = [
        [25 * SECOND, kinds.RECONNECTION_FAILED, 0, 1, -1, 90 * SECOND],
        [31 * SECOND, kinds.HOST_UP, 0, 1, -1, 0],
    ]
    assert judged(sampled=down_until(60), notes=notes).reason == "the host is still held for down"


def undersized_for_ever(**more: Any) -> Any:
    def sampled(at_s: float) -> dict[str, Any]:
        late = at_s > 20
        columns: dict[str, Any] = {"undersized": on_faulty_node(late)}
        return columns | {name: value(at_s) for name, value in more.items()}

    return sampled


def test_nobody_may_have_borrowed_since() -> None:
    found = judged(
        sampled=undersized_for_ever(sent=lambda at_s: [at_s * 100, min(at_s, 25) * 100, 0])
    )
    assert (found.status, found.reason) == ("not recovered", "no borrow since")


def test_the_queue_may_never_be_empty() -> None:
    found = judged(sampled=undersized_for_ever(pending=lambda at_s: on_faulty_node(at_s > 20)))
    assert found.status == "not recovered"
    assert found.reason.startswith("acquisition queue never empty")


def test_a_pool_may_just_be_too_small() -> None:
    assert "still smaller" in judged(sampled=undersized_for_ever()).reason


def test_trouble_that_outlives_its_cause_is_metastable() -> None:
    found = judged(failing=lambda at_s: at_s >= 20)
    assert found.status == "metastable"
    assert found.reason == (
        "host and pool are back, yet 100% of its requests fail (0% before the fault)"
    )
    waiting = judged(sampled=lambda at_s: {"pending": on_faulty_node(int(at_s > 20))})
    assert waiting.status == "metastable"
    assert "acquisition queue" in waiting.reason


def test_what_was_so_before_the_fault_is_no_consequence_of_it() -> None:
    found = judged(
        sampled=lambda at_s: {
            "pending": on_faulty_node(3),
            "undersized": on_faulty_node(int(at_s * 10) % 7 == 0),
        },
        failing=lambda at_s: at_s * 100 % 50 < 10,
    )
    assert found.status == "recovered"


def test_a_fault_without_an_end_leaves_nothing_to_recover() -> None:
    scenario = faulty.scenario(replace(faulty.FAULT, for_ns=0))
    found = the_only(scenario, faulty.record(scenario))
    assert found.reason == "the fault lasts to the end of the run"


def test_another_node_is_listed_only_where_it_is_not_well() -> None:
    scenario = faulty.scenario()
    record = faulty.record(scenario, sampled=lambda at_s: {"undersized": [int(at_s > 20), 0, 0]})
    found = {recovery.node: recovery.status for recovery in recoveries(scenario, [record])}
    assert found == {"dc1/1": "not recovered", "dc1/2": "recovered"}


def test_a_client_without_pools_of_the_node_is_not_listed() -> None:
    scenario = faulty.scenario(clients=(runs.client("api"), runs.client("far")))
    none = np.repeat([1, 0], 3)
    record = faulty.record(scenario, sampled=lambda at_s: {"active": none, "sent": none})
    assert {recovery.client for recovery in recoveries(scenario, [record])} == {"api"}


def test_the_worst_replication_counts_and_says_how_many() -> None:
    scenario = faulty.scenario()
    records = [faulty.record(scenario, sampled=down_until(until_s)) for until_s in (33, 60, 35)]
    found = the_only(scenario, *records)
    assert found.status == "not recovered"
    assert found.reason.endswith("(in 1 of 3 replications)")
    slowest = the_only(scenario, records[0], records[2])
    assert slowest.recovered_after_s == pytest.approx(5.1)
