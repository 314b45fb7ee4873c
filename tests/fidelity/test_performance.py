"""Each figure of T3 is seen to hold, and to fail when the real run is otherwise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from poolsim.fidelity.checks import HELD, NO_BAR, NOT_HELD, NOT_MEASURABLE, Check, judged
from poolsim.fidelity.performance.compare import (
    Performance,
    compare_performance,
    predicted_from_plan,
    utilisation,
)
from poolsim.fidelity.performance.overhead import fit
from poolsim.fidelity.plans import plan_of_text
from poolsim.fidelity.recordings import RecordingError, read_recording
from poolsim.fidelity.simulated import PREDICTED, TRACE_DRIVEN, simulated
from poolsim.fidelity.stalls import find_stalls
from tests.fidelity import synthetic_recordings as synthetic
from tests.fidelity.synthetic_recordings import (
    MILLISECOND,
    SECOND,
    Perturbation,
    Tables,
    slower,
    stall_at,
    write,
)


def performance_of(
    parent: Path,
    plan: str,
    repetitions: Sequence[Sequence[Perturbation]],
    mode: str = TRACE_DRIVEN,
) -> Performance:
    """The figures of recordings, one a sequence of ways to differ."""
    overhead = fit(read_recording(write(parent / "calibration", synthetic.STEADY_PLAN)))
    runs = []
    for number, perturbations in enumerate(repetitions, start=1):
        recording = read_recording(write(parent, plan, *perturbations, repetition=number))
        runs.append((recording, simulated(recording, mode, overhead.delay_ns)))
    return compare_performance(runs, overhead)


def by_key(performance: Performance) -> dict[str, Check]:
    return {check.key: check for check in performance.checks}


def test_the_overhead_is_found_and_frozen(tmp_path: Path) -> None:
    overhead = fit(read_recording(write(tmp_path, synthetic.STEADY_PLAN)))
    assert overhead.fixed_ns == pytest.approx(600_000, abs=2_000)
    assert overhead.delay_ns == pytest.approx(300_000, abs=1_000)
    assert overhead.base_ns == pytest.approx(300_000, abs=1_000)


def test_the_overhead_needs_an_open_loop_without_queues(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="paced, open-loop"):
        fit(read_recording(write(tmp_path, synthetic.CLOSED_OVERFLOW_PLAN)))
    with pytest.raises(RecordingError, match="wait for a stream"):
        fit(read_recording(write(tmp_path, synthetic.OVERFLOW_PLAN)))
    short = synthetic.STEADY_PLAN.replace("rate: 700/s", "rate: 20/s").replace("steady", "short")
    with pytest.raises(RecordingError, match="1000 are needed"):
        fit(read_recording(write(tmp_path, short)))


def test_a_run_that_behaves_as_modelled_holds_every_bar(tmp_path: Path) -> None:
    performance = performance_of(tmp_path, synthetic.OVERFLOW_PLAN, [(), (), ()])
    checks = by_key(performance)
    assert performance.shares == (1.0, 1.0, 1.0)
    assert {key: check.verdict for key, check in checks.items()} == {
        "p50": HELD,
        "p99": HELD,
        "throughput": NO_BAR,
        "rejections": HELD,
        "wait": HELD,
    }
    assert checks["wait"].real[0] == pytest.approx(checks["wait"].simulated[0], rel=0.01)
    assert "no evidence" in checks["throughput"].note


@pytest.mark.parametrize(
    ("share", "p50", "p99"),
    [(0.03, HELD, HELD), (0.08, NOT_HELD, HELD), (0.15, NOT_HELD, NOT_HELD)],
)
def test_latencies_by_how_much_they_are_off(
    tmp_path: Path, share: float, p50: str, p99: str
) -> None:
    checks = by_key(performance_of(tmp_path, synthetic.STEADY_PLAN, [(slower(share),)] * 3))
    assert (checks["p50"].verdict, checks["p99"].verdict) == (p50, p99)


def test_one_bad_repetition_of_three_does_not_decide(tmp_path: Path) -> None:
    runs = [(slower(0.09),), (), ()]
    checks = by_key(performance_of(tmp_path, synthetic.STEADY_PLAN, runs))
    assert checks["p50"].verdict == HELD
    assert checks["p50"].spread == pytest.approx(0.09, abs=0.01)


def test_what_identical_runs_do_not_agree_on_is_not_measurable(tmp_path: Path) -> None:
    runs = [(slower(0.3),), (), ()]
    checks = by_key(performance_of(tmp_path, synthetic.STEADY_PLAN, runs))
    assert checks["p50"].verdict == NOT_MEASURABLE
    assert checks["p99"].verdict == NOT_MEASURABLE


def test_fewer_rejections_fail(tmp_path: Path) -> None:
    runs = [(synthetic.fewer_rejections,)] * 3
    checks = by_key(performance_of(tmp_path, synthetic.OVERFLOW_PLAN, runs))
    assert checks["rejections"].verdict == NOT_HELD


def test_a_longer_wait_on_the_way_to_the_node_fails(tmp_path: Path) -> None:
    def longer(tables: Tables) -> None:
        tables.node["arrived_ns"] = tables.node["arrived_ns"] + MILLISECOND // 3

    checks = by_key(performance_of(tmp_path, synthetic.OVERFLOW_PLAN, [(longer,)] * 3))
    assert checks["wait"].verdict == NOT_HELD


def test_rare_rejections_and_waits_have_no_bar(tmp_path: Path) -> None:
    rare = synthetic.OVERFLOW_PLAN.replace("1500/s", "600/s").replace(
        "max_requests: 6, new_connection_threshold: 5",
        "max_requests: 8, new_connection_threshold: 7",
    )
    checks = by_key(performance_of(tmp_path, rare, [()]))
    assert checks["rejections"].verdict == NO_BAR
    assert checks["wait"].verdict == NO_BAR


def test_throughput_of_a_closed_loop(tmp_path: Path) -> None:
    checks = by_key(performance_of(tmp_path / "same", synthetic.CLOSED_OVERFLOW_PLAN, [()] * 3))
    assert checks["throughput"].verdict == HELD

    def fewer(tables: Tables) -> None:
        outcome = tables.requests["outcome"]
        good = [i for i, name in enumerate(outcome) if name == "ok"]
        for i in good[::10]:
            outcome[i] = "timeout"

    runs = [(fewer,)] * 3
    checks = by_key(performance_of(tmp_path / "fewer", synthetic.CLOSED_OVERFLOW_PLAN, runs))
    assert checks["throughput"].verdict == NOT_HELD


def test_above_80_percent_latencies_have_no_bar(tmp_path: Path) -> None:
    busy = synthetic.STEADY_PLAN.replace("rate: 700/s", "rate: 1600/s")
    performance = performance_of(tmp_path, busy, [()])
    assert performance.utilisation > 0.8
    assert {check.verdict for check in performance.checks} == {NO_BAR}


def test_bare_nodes_have_no_bar(tmp_path: Path) -> None:
    bare = synthetic.STEADY_PLAN.replace("nodes: paced", "nodes: bare")
    performance = performance_of(tmp_path, bare, [(), ()])
    assert {check.verdict for check in performance.checks} == {NO_BAR}
    assert all("bare" in check.note for check in performance.checks)


def test_predictions_from_the_plan_alone_are_beside_without_a_bar(tmp_path: Path) -> None:
    performance = performance_of(tmp_path, synthetic.STEADY_PLAN, [()], PREDICTED)
    beside = predicted_from_plan(performance)
    assert {check.verdict for check in beside} == {NO_BAR}
    assert {check.key for check in beside} >= {"p50.predicted", "p99.predicted"}


def test_utilisation_is_by_construction() -> None:
    plan = plan_of_text(synthetic.OVERFLOW_PLAN)
    # More is offered than the pool lets through: what it lets through counts.
    assert utilisation(plan, 0.64) == 0.64
    assert utilisation(plan_of_text(synthetic.STEADY_PLAN), 0.5) == pytest.approx(0.391, abs=0.001)
    closed = plan_of_text(synthetic.CLOSED_OVERFLOW_PLAN)
    assert utilisation(closed, 0.7) == 0.7


# The stall rule -----------------------------------------------------------------------------------


def _seconds(parent: Path, *perturbations: Perturbation, plan: str = "") -> tuple[int, ...]:
    directory = write(parent, plan or synthetic.STEADY_PLAN, *perturbations)
    return find_stalls(read_recording(directory)).seconds


def test_a_quiet_run_has_no_stall(tmp_path: Path) -> None:
    assert _seconds(tmp_path) == ()


def test_a_late_response_marks_its_second(tmp_path: Path) -> None:
    assert _seconds(tmp_path, stall_at(7)) == (7,)


@pytest.mark.parametrize(("late_ms", "seconds"), [(2, ()), (5, (4,))])
def test_a_late_issue_marks_its_second(
    tmp_path: Path, late_ms: int, seconds: tuple[int, ...]
) -> None:
    def late(tables: Tables) -> None:
        requests = tables.requests
        row = int(np.flatnonzero(requests["intended_ns"] > 4.2 * SECOND)[0])
        requests["started_ns"][row] += late_ms * MILLISECOND
        requests["ended_ns"][row] += late_ms * MILLISECOND

    assert _seconds(tmp_path, late) == seconds


def _silence(tables: Tables) -> None:
    """Nothing ends for 80 ms of second 5."""
    requests = tables.requests
    begin, end = int(5.3 * SECOND), int(5.38 * SECOND)
    inside = (requests["ended_ns"] > begin) & (requests["ended_ns"] < end)
    requests["ended_ns"][inside] = end


def test_a_silence_marks_its_second(tmp_path: Path) -> None:
    assert _seconds(tmp_path, _silence) == (5,)


def test_a_fault_is_no_stall(tmp_path: Path) -> None:
    assert _seconds(tmp_path, plan=synthetic.LOSS_PLAN) == ()


def test_stalled_seconds_are_left_out_on_both_sides(tmp_path: Path) -> None:
    def slow_in_second_7(tables: Tables) -> None:
        requests = tables.requests
        inside = requests["intended_ns"] // SECOND == 7
        requests["ended_ns"][inside] += 30 * MILLISECOND

    runs = [(slow_in_second_7, stall_at(7))]
    performance = performance_of(tmp_path, synthetic.STEADY_PLAN, runs)
    checks = by_key(performance)
    assert performance.shares[0] == pytest.approx(9 / 11, abs=0.02)
    assert checks["p99"].real == checks["p99"].simulated
    unmarked = performance_of(tmp_path / "unmarked", synthetic.STEADY_PLAN, [(slow_in_second_7,)])
    assert by_key(unmarked)["p99"].verdict == NOT_HELD


def test_a_repetition_of_which_less_than_half_is_kept_is_made_again(tmp_path: Path) -> None:
    stalls = tuple(stall_at(second) for second in (1, 3, 5, 7))
    performance = performance_of(tmp_path, synthetic.STEADY_PLAN, [stalls])
    assert performance.to_repeat == ("steady/1",)
    assert performance.checks == ()


@pytest.mark.parametrize(
    ("error", "bar", "spread", "verdict"),
    [
        (0.04, 0.05, 0.0, HELD),
        (-0.05, 0.05, 0.1, HELD),
        (0.051, 0.05, 0.0, NOT_HELD),
        (0.0, 0.05, 0.11, NOT_MEASURABLE),
        (float("nan"), 0.05, 0.0, NOT_MEASURABLE),
        (1.0, 0.0, 0.0, NOT_HELD),
        (0.0, 0.0, 3.0, HELD),
        (9.0, None, 0.0, NO_BAR),
    ],
)
def test_verdicts(error: float, bar: float | None, spread: float, verdict: str) -> None:
    assert judged(error, bar, spread) == verdict
