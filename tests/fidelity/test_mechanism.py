"""Each figure of T2 is seen to hold, and to fail when the real run behaves otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from poolsim.fidelity.checks import HELD, NO_BAR, NOT_HELD, NOT_MEASURABLE, Check
from poolsim.fidelity.mechanism.alignment import align
from poolsim.fidelity.mechanism.compare import compare_mechanism
from poolsim.fidelity.mechanism.compared import compared
from poolsim.fidelity.mechanism.pools import _story
from poolsim.fidelity.mechanism.reconnections import Gap, gap_error_ms
from poolsim.fidelity.mechanism.transitions import Transition, in_natural_order
from poolsim.fidelity.plans import plan_of_text
from poolsim.fidelity.recordings import read_recording
from poolsim.fidelity.simulated import TRACE_DRIVEN, simulated
from poolsim.fidelity.stalls import Stalls
from poolsim.harness import files
from tests.fidelity import synthetic_recordings as synthetic
from tests.fidelity.synthetic_recordings import (
    MILLISECOND,
    SECOND,
    Perturbation,
    Tables,
    without_connection_events,
    write,
)

SAMPLES_ONLY = (without_connection_events,)


def checks_of(
    parent: Path, plan: str, repetitions: Sequence[Sequence[Perturbation]]
) -> dict[str, Check]:
    """The figures of recordings, one a sequence of ways to differ."""
    runs = []
    for number, perturbations in enumerate(repetitions, start=1):
        recording = read_recording(write(parent, plan, *perturbations, repetition=number))
        runs.append((recording, simulated(recording, TRACE_DRIVEN)))
    return {check.key: check for check in compare_mechanism(runs)}


def test_a_run_that_behaves_as_modelled_holds_every_bar(tmp_path: Path) -> None:
    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [(), ()])
    assert {key: check.verdict for key, check in checks.items()} == dict.fromkeys(
        ("order", "growth", "trash", "close", "peak"), HELD
    )
    assert checks["order"].real == (6.0, 6.0)


def test_samples_alone_tell_the_same_story(tmp_path: Path) -> None:
    checks = checks_of(tmp_path, synthetic.RESURRECTION_PLAN, [SAMPLES_ONLY])
    assert {check.verdict for check in checks.values()} == {HELD}
    assert checks["order"].real == (8.0,)
    assert checks["resurrection"].real == (2.0,)


def test_growth_within_100_ms_holds_and_later_does_not(tmp_path: Path) -> None:
    def growth(name: str, by_ms: int, times: int) -> Check:
        late = (without_connection_events, synthetic.later_growth(by_ms * MILLISECOND))
        runs = [late] * times + [SAMPLES_ONLY] * (3 - times)
        return checks_of(tmp_path / name, synthetic.GROWTH_PLAN, runs)["growth"]

    assert growth("near", 80, 3).verdict == HELD
    assert growth("far", 180, 3).verdict == NOT_HELD
    # The median of the recordings counts: one of three may be late.
    assert growth("once", 180, 1).verdict == HELD


def test_growth_that_differs_too_much_between_recordings_is_not_measurable(tmp_path: Path) -> None:
    late = (without_connection_events, synthetic.later_growth(400 * MILLISECOND))
    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [SAMPLES_ONLY, late, late])
    assert checks["growth"].spread > 200
    assert checks["growth"].verdict == NOT_MEASURABLE


def test_trash_at_another_tick_fails(tmp_path: Path) -> None:
    other = (without_connection_events, synthetic.other_tick)
    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [other, other, SAMPLES_ONLY])
    assert checks["trash"].error == 2
    assert checks["order"].verdict == HELD
    assert checks["trash"].verdict == NOT_HELD


def test_connections_that_are_never_trashed_fail(tmp_path: Path) -> None:
    never = (without_connection_events, synthetic.no_trash)
    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [never])
    assert checks["order"].verdict == NOT_HELD
    assert "simulated only: trashed" in checks["order"].note
    assert checks["trash"].verdict == NOT_HELD
    assert checks["close"].verdict == NOT_HELD


def test_what_happens_nowhere_is_no_agreement(tmp_path: Path) -> None:
    plan = synthetic.GROWTH_PLAN.replace("[growth, trash, close, peak]", "[resurrection]")
    checks = checks_of(tmp_path, plan, [()])
    assert checks["resurrection"].verdict == NOT_MEASURABLE


def test_one_connection_more_breaks_peak_and_order(tmp_path: Path) -> None:
    more = (without_connection_events, synthetic.one_more_connection)
    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [more])
    assert checks["peak"].verdict == NOT_HELD
    assert checks["order"].verdict == NOT_HELD


def test_an_unknown_cleanup_cannot_be_judged(tmp_path: Path) -> None:
    def silent(tables: Tables) -> None:
        del tables.meta["cleanup_origin_ns"]

    checks = checks_of(tmp_path, synthetic.GROWTH_PLAN, [(silent,)])
    assert checks["trash"].verdict == NOT_MEASURABLE
    assert "cleanup_origin_ns" in checks["trash"].note


def test_rejections_of_an_open_loop(tmp_path: Path) -> None:
    checks = checks_of(tmp_path / "same", synthetic.OVERFLOW_PLAN, [()])
    assert checks["rejections"].verdict == HELD
    checks = checks_of(tmp_path / "fewer", synthetic.OVERFLOW_PLAN, [(synthetic.fewer_rejections,)])
    assert checks["rejections"].verdict == NOT_HELD


def test_rejections_of_an_open_loop_are_counted_where_no_recording_stalls(tmp_path: Path) -> None:
    """Each alone, the two would differ by what their stalls leave out."""
    plan = synthetic.OVERFLOW_PLAN
    stalled = (synthetic.stall_at(4),)
    alone = checks_of(tmp_path / "alone", plan, [()])["rejections"]
    both = checks_of(tmp_path / "both", plan, [(), stalled])["rejections"]
    assert both.verdict == HELD
    assert both.real[0] == both.real[1] < alone.real[0]
    assert both.spread == 0.0


def test_rejections_of_a_closed_loop_by_phase_and_ceiling(tmp_path: Path) -> None:
    checks = checks_of(tmp_path / "same", synthetic.CLOSED_OVERFLOW_PLAN, [()])
    assert checks["rejections"].verdict == NO_BAR
    assert checks["rejection_phases"].verdict == HELD
    assert checks["ceiling"].real == (24.0,)

    def elsewhere(tables: Tables) -> None:
        at = int((tables.requests["started_ns"] > 12 * SECOND).argmax())
        tables.requests["outcome"][at] = "rejected"
        for host in tables.hosts:
            host["pending"][host["pending"] > 0] += 4

    checks = checks_of(tmp_path / "other", synthetic.CLOSED_OVERFLOW_PLAN, [(elsewhere,)])
    assert checks["rejection_phases"].verdict == NOT_HELD
    assert checks["ceiling"].verdict == NOT_HELD


def test_reconnection_gaps(tmp_path: Path) -> None:
    checks = checks_of(tmp_path / "same", synthetic.LOSS_PLAN, [()])
    assert checks["order"].verdict == HELD
    assert checks["reconnection"].verdict == HELD
    assert checks["down"].verdict == NO_BAR
    checks = checks_of(
        tmp_path / "near", synthetic.LOSS_PLAN, [(synthetic.other_gaps(40 * MILLISECOND),)]
    )
    assert checks["reconnection"].verdict == HELD
    checks = checks_of(
        tmp_path / "far", synthetic.LOSS_PLAN, [(synthetic.other_gaps(80 * MILLISECOND),)]
    )
    assert checks["reconnection"].verdict == NOT_HELD


def test_a_jittered_delay_may_lie_where_its_percentages_allow() -> None:
    plan = plan_of_text(
        synthetic.LOSS_PLAN.replace("driver: java3", "driver: python")
        .replace("      pooling:\n", "")
        .replace(
            "        local: {core: 2, max: 2, max_requests: 64, new_connection_threshold: 50}\n",
            "      reconnection: {exponential: {base: 1s, max: 60s}}\n",
        )
    )
    client = plan.client
    # The third attempt waits 4 s, give or take 15 %.
    assert gap_error_ms(Gap(3_500.0, 4_500.0, 3), client) == 0
    assert gap_error_ms(Gap(4_700.0, 4_500.0, 3), client) == pytest.approx(100)


def test_the_node_driver_s_jitter_is_its_own() -> None:
    client = plan_of_text(
        synthetic.LOSS_PLAN.replace("driver: java3", "driver: nodejs")
        .replace("      pooling:\n", "")
        .replace(
            "        local: {core: 2, max: 2, max_requests: 64, new_connection_threshold: 50}\n",
            "      reconnection: {exponential: {base: 1s, max: 600s}}\n",
        )
    ).client
    # Of the base only upwards; the second attempt waits 2 s, give or take 15 %.
    assert gap_error_ms(Gap(1_150.0, 1_020.0, 1), client) == 0
    assert gap_error_ms(Gap(990.0, 1_020.0, 1), client) == pytest.approx(10)
    assert gap_error_ms(Gap(1_700.0, 2_200.0, 2), client) == 0
    assert gap_error_ms(Gap(2_350.0, 2_200.0, 2), client) == pytest.approx(50)


def test_a_connection_is_replaced_at_the_same_number_of_timeouts(tmp_path: Path) -> None:
    plan = (files.directory() / "plans/mechanism/nodejs-orphans.yaml").read_text("utf-8")
    same = checks_of(tmp_path / "same", plan, [(), ()])
    assert same["replacement"].real == same["replacement"].simulated == (65.0, 65.0)
    assert same["replacement"].verdict == same["order"].verdict == HELD
    earlier = synthetic.replaced_at(64)
    other = checks_of(tmp_path / "other", plan, [(earlier,), (earlier,)])
    assert other["order"].verdict == HELD
    assert other["replacement"].verdict == NOT_HELD
    assert "replacement" not in checks_of(tmp_path / "none", synthetic.GROWTH_PLAN, [()])


def test_a_transition_inside_a_stall_is_left_out(tmp_path: Path) -> None:
    """The real pool grows once more in a stall: nothing follows from it."""
    more = (without_connection_events, synthetic.one_more_connection)
    stalled = (*more, synthetic.stall_at(5), synthetic.stall_at(9))
    without = checks_of(tmp_path / "without", synthetic.GROWTH_PLAN, [more])["order"]
    with_stall = checks_of(tmp_path / "with", synthetic.GROWTH_PLAN, [stalled])["order"]
    assert with_stall.error < without.error
    assert "inside stalls left out" in with_stall.note


def test_more_than_one_transition_in_five_inside_stalls_is_no_evidence() -> None:
    def at(second: int) -> Transition:
        return Transition(second * SECOND, 0, "growth")

    stalls = Stalls((3,), 1, 0, 0)
    few = align([at(s) for s in (1, 3, 6, 7, 8)], [at(s) for s in (1, 3, 6, 7, 8)], stalls)
    many = align([at(s) for s in (1, 3, 4, 7, 8)], [at(s) for s in (1, 3, 4, 7, 8)], stalls)
    assert (few.left_out, few.is_usable, len(few.pairs)) == (1, True, 4)
    assert (many.left_out, many.is_usable) == (2, False)


def test_an_order_is_wrong_outside_of_stalls_only() -> None:
    def run(*kinds: str) -> list[Transition]:
        return [Transition((2 * i + 1) * SECOND, 0, kind) for i, kind in enumerate(kinds)]

    quiet, stalled = Stalls((), 0, 0, 0), Stalls((3,), 1, 0, 0)
    real, other = run("growth", "growth", "trashed"), run("growth", "trashed", "trashed")
    assert len(align(real, other, quiet).differences) == 2
    assert align(real, real, quiet).differences == ()
    forgiven = align(real, other, stalled)
    assert forgiven.differences == ()
    assert [pair.real.at_ns for pair in forgiven.pairs] == [1 * SECOND, 5 * SECOND]


def test_pools_that_can_grow_while_their_queue_is_not_empty_have_no_bar(tmp_path: Path) -> None:
    plan = synthetic.CLOSED_OVERFLOW_PLAN.replace("core: 1, max: 1", "core: 1, max: 4").replace(
        "[rejections, throughput, peak]", "[growth, peak, rejections]"
    )
    plan = plan.replace("max_queue_size: 8", "max_queue_size: 64").replace("dow: 40}", "dow: 90}")
    checks = checks_of(tmp_path, plan, [()])
    assert checks["stood_still"].real[0] > 1
    assert checks["stood_still"].verdict == NO_BAR
    assert checks["peak"].verdict == NO_BAR
    assert checks["rejections"].verdict == NO_BAR
    assert "growth" not in checks
    assert "ceiling" not in checks


@pytest.mark.parametrize(
    ("before", "change", "is_cleanup", "story"),
    [
        ((1, 0), (1, 0), False, ["growth"]),
        ((0, 0), (2, 0), False, ["connected", "connected"]),
        ((2, 3), (1, -1), False, ["resurrected"]),
        ((2, 3), (3, -2), False, ["resurrected", "resurrected", "growth"]),
        ((4, 0), (-2, 2), True, ["trashed", "trashed"]),
        ((2, 2), (0, -2), True, ["closed", "closed"]),
        ((4, 1), (-1, 0), True, ["trashed", "closed"]),
        ((4, 1), (-1, 0), False, ["lost"]),
        ((4, 1), (-4, -1), True, ["lost"] * 5),
    ],
)
def test_the_smallest_story_behind_two_counts(
    before: tuple[int, int], change: tuple[int, int], is_cleanup: bool, story: list[str]
) -> None:
    core = 2 if before[0] == 0 else 1
    assert _story(*before, *change, is_cleanup, core) == story


def test_what_happens_in_one_instant_has_no_order() -> None:
    def at(milliseconds: int, kind: str) -> Transition:
        return Transition(milliseconds * MILLISECOND, 0, kind)

    down, lost = at(10, "host_down"), at(40, "lost")
    assert in_natural_order([down, lost], 20 * MILLISECOND) == [lost, down]
    later = replace(lost, at_ns=90 * MILLISECOND)
    assert in_natural_order([down, later], 20 * MILLISECOND) == [down, later]


def test_a_recording_and_its_simulation_taken_apart(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.LOSS_PLAN))
    one = compared(recording, simulated(recording, TRACE_DRIVEN), growth_has_no_bar=False)
    kinds = [transition.kind for transition in one.real_transitions if transition.host == 1]
    assert kinds[:3] == ["lost", "lost", "host_down"]
    assert kinds[-3:] == ["connected", "connected", "host_up"]


def test_a_recording_that_lies_in_stalls_is_evidence_of_nothing(tmp_path: Path) -> None:
    stalled = tuple(synthetic.stall_at(second) for second in range(0, 45, 2))
    checks = checks_of(tmp_path / "all", synthetic.GROWTH_PLAN, [stalled])
    assert {key: check.verdict for key, check in checks.items()} == {"order": NOT_MEASURABLE}
    checks = checks_of(tmp_path / "one", synthetic.GROWTH_PLAN, [stalled, (), ()])
    assert {check.verdict for check in checks.values()} == {HELD}
    assert len(checks["peak"].real) == 2
    assert "not counted" in checks["order"].note


def test_rejections_that_lie_in_stalls_are_evidence_of_nothing(tmp_path: Path) -> None:
    stalled = tuple(synthetic.stall_at(second) for second in range(0, 10, 2))
    checks = checks_of(tmp_path, synthetic.OVERFLOW_PLAN, [stalled])
    assert checks["rejections"].verdict == NOT_MEASURABLE
