"""How a java3 pool grows, shrinks, resurrects and stalls, on the timeline of whole runs.

Two to eight connections of 128 requests with a threshold of 100, on one node. Service takes 1 s,
so that a window of hundreds costs few requests; a closed loop keeps its window in flight anyway.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from poolsim.engine.run import simulate
from poolsim.model.kinds import CLOSED, GROWTH, OPENED, POOL_READY, RESURRECTED, TRASHED
from poolsim.recording.columns import NOTE_COLUMNS, SAMPLE_COLUMNS
from poolsim.scenario.scenario import Law, Load, Phase, Pooling, Scenario
from tests.engine.kept import Kept, Table
from tests.theory.cases import scenario

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
ISSUE = 10 * MICROSECOND
DELAY = MILLISECOND // 4
HANDSHAKE = 3 * 2 * DELAY
"""TCP, STARTUP and the cluster's name take a round trip each."""
CLEANUP = 10_001 * MILLISECOND
"""From one cleanup to the next: 10 s and the millisecond that a cleanup takes; the first, at 10 s,
follows none."""
IDLE_TIMEOUT = 120 * SECOND

TIME = NOTE_COLUMNS.index("time_ns")
CONNECTION = NOTE_COLUMNS.index("connection")
VALUE = NOTE_COLUMNS.index("value")
ACTIVE, IN_FLIGHT, PENDING, TRASHED_COUNT, REJECTED = (
    SAMPLE_COLUMNS.index(name) for name in ("active", "in_flight", "pending", "trashed", "rejected")
)

STAIRCASE = ((0.0, 50), (1.2, 240), (2.4, 400), (3.6, 500), (4.8, 620), (6.0, 750), (7.2, 880))
THRESHOLDS = [229, 357, 485, 613, 741, 869]
"""(n - 1) * 128 + 100, exceeded by one, for n = 2 to 7."""


def closed_loop(windows: tuple[tuple[float, int], ...], duration_s: float) -> Scenario:
    """A closed loop whose window is `windows[k][1]` from `windows[k][0]` s on."""
    phases = tuple(
        Phase(f"window {window}", "window", round(at_s * SECOND), 0, window)
        for at_s, window in windows[1:]
    )
    load = Load("closed", window=windows[0][1], error_pause_ns=100 * MILLISECOND, phases=phases)
    base = scenario(load, service=Law("exponential", mean_ns=SECOND), delay_ns=DELAY)
    (client,) = base.clients
    pooling = Pooling(core=2, max=8, max_requests=128, new_connection_threshold=100)
    options = replace(
        client.options,
        local=pooling,
        remote=pooling,
        idle_timeout_ns=IDLE_TIMEOUT,
        pool_timeout_ns=5 * SECOND,
        max_queue_size=256,
        heartbeat_interval_ns=30 * SECOND,
        read_timeout_ns=120 * SECOND,
    )
    client = replace(client, options=options, issue_ns=ISSUE)
    return replace(base, seed=7, duration_ns=round(duration_s * SECOND), clients=(client,))


def simulated(windows: tuple[tuple[float, int], ...], duration_s: float) -> Kept:
    kept = Kept(interval_ns=100 * MILLISECOND)
    simulate(closed_loop(windows, duration_s), 0, kept)
    return kept


def column(kept: Kept, sample_column: int, from_s: float, to_s: float) -> Table:
    """One column of the timeline, `from_s` <= time < `to_s`."""
    return np.array(
        [
            table[0, sample_column]
            for time, table in kept.samples
            if from_s * SECOND <= time < to_s * SECOND
        ]
    )


def tick(k: int) -> int:
    """The instant of the k-th cleanup, from 1."""
    return 10 * SECOND + (k - 1) * CLEANUP


def serials(notes: Table) -> list[int]:
    return [int(serial) for serial in notes[:, CONNECTION]]


# Up, down, and closed -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rise_and_fall() -> Kept:
    """50 to 880 in steps, down to 10 at 12 s, and quiet until everything idle is closed."""
    return simulated((*STAIRCASE, (12.0, 10)), 165.0)


def test_connections_3_to_8_open_at_the_thresholds(rise_and_fall: Kept) -> None:
    growth = rise_and_fall.note_rows(GROWTH)
    assert growth[:, VALUE].tolist() == THRESHOLDS
    opened = rise_and_fall.note_rows(OPENED)
    assert opened[:, VALUE].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert rise_and_fall.note_rows(POOL_READY)[:, VALUE].tolist() == [2]
    # A new connection is there after its handshake, which begins at once.
    assert (opened[2:, TIME] - growth[:, TIME]).tolist() == [HANDSHAKE] * 6


def test_each_step_is_asked_for_by_the_window_that_crosses_it(rise_and_fall: Kept) -> None:
    """The n-th worker of a window is launched ISSUE after the one before."""
    growth = rise_and_fall.note_rows(GROWTH)
    begins = [round(at_s * SECOND) for at_s, _ in STAIRCASE[1:]]
    for begin, window, time, crossed in zip(
        begins, STAIRCASE[1:], growth[:, TIME], THRESHOLDS, strict=True
    ):
        assert window[1] > crossed
        # At least one launch for each request more, at most as many again for those that end.
        assert begin < time < begin + 2 * window[1] * ISSUE


def test_the_timeline_of_the_rise(rise_and_fall: Kept) -> None:
    steps = [*STAIRCASE, (12.0, 10)]
    for k, ((at_s, window), (end_s, _)) in enumerate(pairwise(steps)):
        settled_s = at_s + 0.1  # launched, grown, and the few that had to wait are served
        assert set(column(rise_and_fall, ACTIVE, settled_s, end_s)) == {2 + k}
        assert set(column(rise_and_fall, PENDING, settled_s, end_s)) == {0}
        in_flight = column(rise_and_fall, IN_FLIGHT, settled_s, end_s)
        # Who has got a response is issued again within microseconds.
        assert in_flight.max() <= window
        assert in_flight.min() >= window - 5
    assert not column(rise_and_fall, REJECTED, 0.0, 165.0).any()


def test_one_trash_step_at_the_first_fully_quiet_cleanup(rise_and_fall: Kept) -> None:
    """The cleanup at 10 s and the next remember 880 in flight; the third saw 10 at most."""
    trashed = rise_and_fall.note_rows(TRASHED)
    assert trashed[:, TIME].tolist() == [tick(3)] * 6
    # The oldest first; number 0 is the control connection.
    assert serials(trashed) == [1, 2, 3, 4, 5, 6]
    assert trashed[:, VALUE].tolist() == [7, 6, 5, 4, 3, 2]
    assert set(column(rise_and_fall, ACTIVE, 7.3, 30.0)) == {8}
    assert set(column(rise_and_fall, ACTIVE, 30.1, 165.0)) == {2}
    assert set(column(rise_and_fall, TRASHED_COUNT, 30.1, 150.0)) == {6}


def test_trashed_connections_close_at_the_first_cleanup_after_the_idle_timeout(
    rise_and_fall: Kept,
) -> None:
    closed = rise_and_fall.note_rows(CLOSED)
    over = tick(3) + IDLE_TIMEOUT
    first_after = next(tick(k) for k in range(1, 20) if tick(k) > over)
    assert first_after == tick(15)
    assert closed[:, TIME].tolist() == [first_after] * 6
    assert serials(closed) == [1, 2, 3, 4, 5, 6]
    assert set(column(rise_and_fall, TRASHED_COUNT, 150.1, 165.0)) == {0}


# Load that returns in time ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fall_and_return() -> Kept:
    """880 falls to 620, to 300 and to 10, each for long enough to be trashed; then it returns.

    Cleanups 4, 7 and 10 are the first fully quiet ones.
    """
    falls = ((12.0, 620), (42.0, 300), (72.0, 10))
    rises = tuple((110.0 + at_s, window) for at_s, window in STAIRCASE[1:])
    return simulated((*STAIRCASE, *falls, *rises), 125.0)


def test_each_fall_trashes_what_its_load_does_not_need(fall_and_return: Kept) -> None:
    """620 needs 6 connections (620 mod 128 = 108 > 100), 300 needs 3, 10 needs core."""
    trashed = fall_and_return.note_rows(TRASHED)
    assert trashed[:, TIME].tolist() == [tick(3)] * 2 + [tick(6)] * 3 + [tick(9)]
    assert serials(trashed) == [1, 2, 3, 4, 5, 6]
    assert trashed[:, VALUE].tolist() == [7, 6, 5, 4, 3, 2]


def test_returning_load_resurrects_the_newest_first(fall_and_return: Kept) -> None:
    """Of those trashed at one cleanup, which share an idle deadline, the first one trashed."""
    resurrected = fall_and_return.note_rows(RESURRECTED)
    assert serials(resurrected) == [6, 3, 4, 5, 1, 2]
    assert resurrected[:, VALUE].tolist() == [3, 4, 5, 6, 7, 8]
    growth = fall_and_return.note_rows(GROWTH)
    assert growth[:, VALUE].tolist() == THRESHOLDS * 2
    # No handshake, so no time passes, and no connection is made beyond the first eight.
    assert resurrected[:, TIME].tolist() == growth[6:, TIME].tolist()
    assert len(fall_and_return.note_rows(OPENED)) == 8
    assert not len(fall_and_return.note_rows(CLOSED))
    assert set(column(fall_and_return, TRASHED_COUNT, 117.3, 120.0)) == {0}


# A stall ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stall() -> Kept:
    """50, 240, 400 in steps, then 1,300 at once; later fewer than six connections carry."""
    return simulated((*STAIRCASE[:3], (4.0, 1300), (14.0, 600), (17.0, 750)), 18.0)


def test_a_rise_at_once_stalls_while_the_queue_is_not_empty(stall: Kept) -> None:
    """Growth is considered only where a request finds room at once, and none does: every stream
    that is returned goes to the queue.

    The 485th request asks for the fifth connection; when it comes, 1.5 ms and 150 requests later,
    the queue just fits into it, and the next request asks for the sixth. When that one comes, more
    wait than it has room for.
    """
    growth = stall.note_rows(GROWTH)
    asked = growth[:, VALUE].tolist()
    assert asked[:3] == THRESHOLDS[:3]
    assert THRESHOLDS[3] <= asked[3] <= 5 * 128
    assert 4 * SECOND < growth[3, TIME] < 4 * SECOND + 3 * MILLISECOND
    assert growth[4:, TIME].min() > 17 * SECOND
    assert set(column(stall, ACTIVE, 4.1, 14.0)) == {6}
    assert set(column(stall, IN_FLIGHT, 4.1, 14.0)) == {6 * 128}
    assert THRESHOLDS[4] < 6 * 128  # where a request that finds room would ask for the seventh
    assert column(stall, PENDING, 4.1, 14.0).min() > 0
    assert (np.diff(column(stall, REJECTED, 4.1, 14.0)) > 0).all()


def test_growth_goes_on_once_the_queue_was_empty(stall: Kept) -> None:
    assert set(column(stall, PENDING, 16.0, 18.0)) == {0}
    last = stall.note_rows(GROWTH)[-1]
    assert last[VALUE] == THRESHOLDS[4]
    assert stall.note_rows(OPENED)[:, VALUE].tolist() == [1, 2, 3, 4, 5, 6, 7]
