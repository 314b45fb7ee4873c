"""Rules of the Python driver, one by one, with the numbers that its source states.

PY/ is apache/cassandra-python-driver@3.29.3:cassandra/.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from poolsim.fidelity.python_bench import SENT_IN_VAIN
from poolsim.model.drivers import python
from poolsim.model.kinds import (
    BUSY_TIMED_OUT,
    ERROR_NAMES,
    NO_CONNECTION,
    POOL_CLOSED,
)
from poolsim.model.kinds import LOST as LOST_ERROR
from poolsim.model.records import GRANTED, QUEUED, REMOTE, TRASHED_STATE
from poolsim.model.records import POOL_CLOSED as SHUT
from poolsim.scenario.scenario import Change, Datacenter, Law, Load, Pooling, Reconnection
from tests.model.python_pools import (
    LEGACY,
    MS,
    SECOND,
    PythonBench,
    Ran,
    at,
    fault,
    run,
    scenario,
)

SMALL = 8
"""Stream ids of a small connection: 7 in flight at most, exhausted by 6 orphans."""


def borrowed(bench: PythonBench, count: int, now_ns: int = 0, first: int = 0) -> list[int]:
    """Borrow so many times; answers GRANTED and QUEUED are 1 and 0 of the result's sum."""
    return [bench.borrow(first + k, now_ns)[0] for k in range(count)]


# HostConnection: borrow and return (PY/pool.py:417-502)


@pytest.mark.inventory("python.one-connection-per-host", "python.streams.v3")
def test_there_is_one_connection_of_32768_streams() -> None:
    bench = PythonBench()
    assert len(bench.active()) == 1
    assert bench.active()[0].stream_limit == 32_768


@pytest.mark.inventory("python.streams.v3")
def test_the_32768th_borrow_blocks_and_is_served_by_a_return() -> None:
    bench = PythonBench()
    assert borrowed(bench, 32_767) == [GRANTED] * 32_767
    assert bench.borrow(40_000, 0)[0] == QUEUED
    assert bench.pool.pending == 1
    assert [request for request, _ in bench.release(5, 0).grants] == [40_000]
    assert bench.pool.pending == 0
    assert bench.active()[0].in_flight == 32_767
    bench.check()


def test_a_blocked_borrow_fails_after_its_timeout() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 7)
    assert bench.borrow(10, 0)[0] == QUEUED
    waiting = bench.world.attempts[bench.pool.queue_first]
    assert waiting.queue_deadline == 2 * SECOND
    python.queue_timeout(bench.world, 0, 2 * SECOND - 1)
    assert bench.pool.pending == 1
    python.queue_timeout(bench.world, 0, 2 * SECOND)
    assert bench.settle(2 * SECOND).failures == [(10, BUSY_TIMED_OUT)]
    assert bench.pool.rejected == 1
    bench.check()


def test_a_return_wakes_one_waiter_in_order() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 7)
    borrowed(bench, 3, first=10)
    assert [request for request, _ in bench.release(0, 0).grants] == [10]
    assert [request for request, _ in bench.release(1, 0).grants] == [11]
    assert bench.pool.pending == 1


def test_a_heartbeat_counts_as_in_flight_and_its_end_wakes_nobody() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 6)
    connection = bench.active()[0]
    bench.cycle([connection], SECOND)
    assert connection.in_flight == 7
    assert bench.borrow(10, SECOND)[0] == QUEUED
    connection.holds += 1  # of the agenda entry that the bench forgot
    bench._answer(bench.slot(connection), 2 * SECOND)
    bench.go_on(2 * SECOND)
    assert connection.in_flight == 6
    assert bench.pool.pending == 1
    # Only its timeout makes the waiter look again.
    assert [request for request, _ in bench.expire(10, 3 * SECOND).grants] == [10]
    bench.check()


def test_a_remote_host_without_connection_fails_borrows_at_once() -> None:
    bench = PythonBench()
    bench.world.clients[0].connects_remote = 0
    bench.host.distance = REMOTE
    python._make_pool(bench.world, 0, python.TASK_RENEW, 0)
    bench.settle(0)
    assert bench.active() == []
    assert bench.borrow(0, 0)[0] == NO_CONNECTION
    assert bench.pool.rejected == 1
    assert python.needed(bench.world, 0, 0) == 0


# HostConnection: orphans (PY/cluster.py:4480-4533, PY/pool.py:422-433, 504-527)


def test_a_timeout_leaves_in_flight_as_it_is() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 7)
    bench.borrow(10, 0)
    assert bench.time_out(0, SECOND).grants == []
    assert bench.active()[0].in_flight == 7
    assert bench.pool.orphans == 1
    assert [request for request, _ in bench.late_response(0, 2 * SECOND).grants] == [10]
    assert (bench.active()[0].in_flight, bench.pool.orphans) == (7, 0)
    bench.check()


def test_the_24576th_orphan_exhausts_the_connection() -> None:
    bench = PythonBench()
    borrowed(bench, 24_577)
    for request in range(24_575):
        bench.time_out(request, SECOND)
    assert bench.active()[0].exhausted == 0
    bench.time_out(24_575, SECOND)
    assert bench.active()[0].exhausted == 1
    bench.check()


def exhausted(held: bool) -> PythonBench:
    """Seven in flight on a small connection, six of them orphans; handshakes held or not."""
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 7)
    for request in range(6):
        bench.time_out(request, 0)
    bench.hold(held, 0)
    return bench


def test_the_next_borrow_starts_the_replacement_and_goes_on_meanwhile() -> None:
    bench = exhausted(held=True)
    assert bench.world.answers == []
    bench.late_response(0, 0)
    assert bench.borrow(10, 0)[0] == GRANTED
    assert len(bench.world.answers) == 1
    assert bench.active()[0].in_flight == 7
    assert bench.borrow(11, 0)[0] == QUEUED
    assert len(bench.world.answers) == 1  # one replacement at a time


def test_the_old_connection_is_trashed_until_only_orphans_are_left() -> None:
    bench = exhausted(held=False)
    old = bench.active()[0]
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    assert bench.active() != [old]
    assert bench.trash() == [old]
    assert (bench.pool.in_flight, bench.active()[0].in_flight) == (7, 0)
    bench.release(6, 0)
    assert bench.trash() == [old]
    bench.release(10, 0)
    assert bench.trash() == []
    assert (bench.pool.in_flight, bench.pool.orphans) == (0, 0)
    bench.check()


def test_a_waiter_goes_on_waiting_for_the_connection_it_waited_for() -> None:
    bench = exhausted(held=True)
    assert bench.borrow(10, 0)[0] == QUEUED
    # The replacement's notification finds it before the old connection, which is full.
    assert bench.hold(False, 0).grants == []
    assert bench.pool.pending == 1
    assert len(bench.trash()) == 1
    # The last request in flight ends: the old connection is closed, the waiter takes the new one.
    grants = bench.release(6, 0).grants
    assert grants == [(10, bench.slot(bench.active()[0]))]
    assert bench.trash() == []
    bench.check()


def test_a_timeout_can_empty_the_trash() -> None:
    bench = exhausted(held=False)
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    bench.time_out(6, 0)
    bench.time_out(10, 0)
    assert bench.trash() == []
    bench.check()


def test_a_replacement_that_times_out_is_submitted_again_at_once() -> None:
    bench = exhausted(held=True)
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    for second in range(1, 4):
        bench.time_out_handshake(5 * second * SECOND)
        assert len(bench.world.answers) == 1
    assert bench.host.up == 1  # OperationTimedOut convicts nobody
    bench.hold(False, 20 * SECOND)
    assert len(bench.trash()) == 1


def test_a_refused_replacement_is_tried_again_after_a_pause() -> None:
    bench = exhausted(held=True)
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    bench.refuse(SECOND)
    assert bench.world.answers == []
    assert bench.pool.replace_at == SECOND + MS
    bench.retry_replacement(SECOND + MS)
    assert len(bench.world.answers) == 1


# HostConnection: connections that break (PY/pool.py:459-494, 529-549)


def test_a_break_under_requests_shuts_the_pool_and_convicts_the_host() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 7)
    bench.borrow(10, 0)
    outcome = bench.lose(bench.slot(bench.active()[0]), SECOND)
    assert sorted(outcome.failures) == [
        *((request, LOST_ERROR) for request in range(7)),
        (10, POOL_CLOSED),
    ]
    assert bench.host.up == 0
    assert bench.borrow(11, SECOND)[0] == POOL_CLOSED
    bench.check()


def test_a_break_without_requests_is_noticed_by_the_next_borrow() -> None:
    bench = PythonBench(stream_limit=SMALL)
    borrowed(bench, 1)
    bench.time_out(0, 0)
    bench.lose(bench.slot(bench.active()[0]), SECOND)
    assert (bench.host.up, bench.pool.active) == (1, 0)
    answer, outcome = bench.borrow(1, 2 * SECOND)
    assert (answer, outcome.failures) == (GRANTED, [(1, SENT_IN_VAIN)])
    assert bench.host.up == 0
    bench.check()


def test_a_break_without_requests_is_noticed_by_a_heartbeat_cycle() -> None:
    bench = PythonBench()
    bench.lose(bench.slot(bench.active()[0]), SECOND)
    assert bench.host.up == 1
    bench.cycle([], 30 * SECOND)
    assert bench.host.up == 0


def test_a_pool_that_is_shut_forgets_its_trash() -> None:
    bench = exhausted(held=False)
    old = bench.active()[0]
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    bench.borrow(11, 0)
    bench.lose(bench.slot(bench.active()[0]), SECOND)
    assert (bench.host.up, bench.pool.phase) == (0, SHUT)
    bench.release(10, SECOND)
    assert old.state == TRASHED_STATE  # never closed
    bench.check()
    # When its peer closes it, its last request fails, and the new pool's host stays up.
    bench.reconnect(2 * SECOND)
    assert bench.lose(bench.slot(old), 3 * SECOND).failures == [(6, LOST_ERROR)]
    assert (bench.host.up, len(bench.active())) == (1, 1)
    bench.check()


def test_a_break_of_a_trashed_connection_shuts_the_pool_too() -> None:
    bench = exhausted(held=False)
    old = bench.active()[0]
    bench.late_response(0, 0)
    bench.borrow(10, 0)
    bench.lose(bench.slot(old), SECOND)
    assert (bench.host.up, bench.pool.phase) == (0, SHUT)
    bench.check()


# HostConnectionPool (PY/pool.py:580-933)


def legacy(pooling: Pooling = LEGACY, stream_limit: int = 128) -> PythonBench:
    return PythonBench(2, pooling, stream_limit)


def loads(bench: PythonBench) -> list[int]:
    return [connection.in_flight for connection in bench.active()]


@pytest.mark.inventory("python.streams.v2")
def test_a_legacy_pool_starts_with_core_connections_of_127_requests() -> None:
    bench = legacy(Pooling(core=2, max=2, max_requests=100, min_requests=5))
    answers = borrowed(bench, 255)
    assert answers == [GRANTED] * 254 + [QUEUED]
    assert loads(bench) == [127, 127]
    bench.check()


def test_the_least_busy_connection_is_taken_ties_to_the_first() -> None:
    bench = legacy()
    borrowed(bench, 3)
    assert loads(bench) == [2, 1]
    bench.release(0, 0)
    bench.release(2, 0)
    assert loads(bench) == [0, 1]
    bench.borrow(10, 0)
    assert loads(bench) == [1, 1]


def test_a_pool_grows_when_the_borrow_makes_a_connection_busy() -> None:
    bench = legacy()
    bench.hold(True, 0)
    borrowed(bench, 198)
    assert (loads(bench), len(bench.world.answers)) == ([99, 99], 0)
    bench.borrow(198, 0)
    assert (loads(bench), len(bench.world.answers)) == ([100, 99], 1)
    borrowed(bench, 20, first=200)
    assert len(bench.world.answers) == 1  # one creation at a time
    bench.hold(False, 0)
    assert len(bench.active()) == 3
    bench.check()


@pytest.mark.inventory("python.max")
def test_a_pool_grows_up_to_max_and_no_further() -> None:
    bench = legacy(Pooling(core=1, max=3, max_requests=4, min_requests=1), SMALL)
    borrowed(bench, 21)
    assert loads(bench) == [7, 7, 7]
    assert bench.borrow(30, 0)[0] == QUEUED


def test_a_borrow_that_waited_lets_the_pool_grow_when_it_is_served() -> None:
    bench = legacy(Pooling(core=1, max=3, max_requests=7, min_requests=1), SMALL)
    bench.hold(True, 0)
    borrowed(bench, 7)
    bench.time_out_handshake(5 * SECOND)
    assert bench.borrow(10, 5 * SECOND)[0] == QUEUED
    assert bench.world.answers == []
    assert [request for request, _ in bench.release(0, 5 * SECOND).grants] == [10]
    assert len(bench.world.answers) == 1


def test_a_new_connection_wakes_one_waiter() -> None:
    bench = legacy(Pooling(core=1, max=2, max_requests=7, min_requests=1), SMALL)
    bench.hold(True, 0)
    borrowed(bench, 10)
    outcome = bench.hold(False, 0)
    assert [request for request, _ in outcome.grants] == [7]
    assert (loads(bench), bench.pool.pending) == ([7, 1], 2)


def grown(now_ns: int = 0) -> PythonBench:
    """Two connections above one of core with two requests each, created at an instant."""
    bench = legacy(Pooling(core=1, max=3, max_requests=4, min_requests=1), SMALL)
    borrowed(bench, 12, now_ns)
    assert len(bench.active()) == 3
    for connection in bench.active():
        served = [r for r, a in bench.attempts.items() if on(bench, a) is connection]
        for request in served[2:]:
            bench.release(request, now_ns)
    assert loads(bench) == [2, 2, 2]
    return bench


def on(bench: PythonBench, a: int) -> Any:
    return bench.world.connections[bench.world.attempts[a].connection]


def requests_on(bench: PythonBench, connection: Any) -> list[int]:
    return [r for r, a in bench.attempts.items() if on(bench, a) is connection]


def test_nothing_is_trashed_in_the_ten_seconds_after_a_creation() -> None:
    bench = grown()
    bench.release(requests_on(bench, bench.active()[0])[0], 10 * SECOND - 1)
    assert len(bench.active()) == 3
    bench.release(requests_on(bench, bench.active()[1])[0], 10 * SECOND)
    assert len(bench.active()) == 2
    assert [connection.in_flight for connection in bench.trash()] == [1]
    bench.check()


def test_ten_seconds_pass_between_two_trashings() -> None:
    bench = grown()
    first, second, _ = bench.active()
    bench.release(requests_on(bench, first)[0], 10 * SECOND)
    assert bench.trash() == [first]
    bench.release(requests_on(bench, second)[0], 20 * SECOND - 1)
    assert bench.trash() == [first]
    bench.release(requests_on(bench, second)[0], 20 * SECOND)
    assert bench.active() != [second]
    assert len(bench.active()) == 1


def test_an_empty_connection_is_closed_at_once_and_starts_no_ten_seconds() -> None:
    bench = grown()
    for connection in bench.active()[:2]:
        bench.release(requests_on(bench, connection)[0], 9 * SECOND)
        bench.release(requests_on(bench, connection)[0], 10 * SECOND)
    assert (len(bench.active()), bench.trash()) == (1, [])
    bench.check()


def test_a_busy_connection_is_not_trashed() -> None:
    bench = grown()
    bench.borrow(100, 10 * SECOND)
    bench.release(100, 10 * SECOND)  # two are left on it, one more than min_requests
    assert len(bench.active()) == 3


def test_core_connections_are_not_trashed() -> None:
    bench = legacy()
    borrowed(bench, 2)
    bench.release(0, 100 * SECOND)
    assert len(bench.active()) == 2


def test_a_return_that_trashes_wakes_nobody() -> None:
    bench = legacy(Pooling(core=1, max=2, max_requests=4, min_requests=6), SMALL)
    borrowed(bench, 14)
    assert bench.borrow(20, 0)[0] == QUEUED
    assert bench.release(0, 10 * SECOND).grants == []
    assert (len(bench.trash()), bench.pool.pending) == (1, 1)


def test_a_trashed_connection_is_closed_by_the_return_that_empties_it() -> None:
    bench = grown()
    first = bench.active()[0]
    one, other = requests_on(bench, first)
    bench.release(one, 10 * SECOND)
    bench.release(other, 11 * SECOND)
    assert bench.trash() == []
    bench.check()


def test_a_late_response_does_not_close_a_trashed_connection() -> None:
    bench = grown()
    first = bench.active()[0]
    one, other = requests_on(bench, first)
    bench.release(one, 10 * SECOND)
    bench.time_out(other, 11 * SECOND)
    assert [connection.in_flight for connection in bench.trash()] == [1]
    bench.late_response(other, 12 * SECOND)
    assert [connection.in_flight for connection in bench.trash()] == [0]
    bench.check()


def test_a_timeout_can_trash_a_connection() -> None:
    bench = legacy(Pooling(core=1, max=2, max_requests=2, min_requests=1), SMALL)
    borrowed(bench, 3)
    assert loads(bench) == [2, 1]
    bench.time_out(2, 10 * SECOND)
    assert (loads(bench), len(bench.trash())) == ([2], 1)


def test_legacy_connections_are_never_exhausted() -> None:
    bench = legacy(Pooling(core=1, max=1, max_requests=4, min_requests=1), SMALL)
    borrowed(bench, 7)
    for request in range(7):
        bench.time_out(request, 0)
    assert bench.active()[0].exhausted == 0
    assert bench.borrow(10, 0)[0] == QUEUED
    assert len(bench.active()) == 1


def test_a_refused_creation_convicts_the_host_and_shuts_the_pool() -> None:
    bench = legacy()
    bench.hold(True, 0)
    borrowed(bench, 199)
    outcome = bench.refuse(0)
    assert len(outcome.failures) == 199
    assert (bench.host.up, bench.pool.phase) == (0, SHUT)
    bench.check()


def test_a_handshake_that_times_out_counts_as_open_for_ever() -> None:
    bench = legacy(Pooling(core=1, max=3, max_requests=1, min_requests=0), SMALL)
    bench.hold(True, 0)
    for k in range(2):
        bench.borrow(k, 0)
        bench.time_out_handshake(5 * SECOND)
    assert (bench.pool.open, len(bench.active())) == (3, 1)
    bench.borrow(5, 6 * SECOND)
    assert bench.world.answers == []
    # And the host does not go down with its pool, since connections seem to be open.
    bench.lose(bench.slot(bench.active()[0]), 7 * SECOND)
    assert (bench.pool.phase, bench.host.up) == (SHUT, 1)


def test_a_break_closes_the_trash_of_a_legacy_pool_too() -> None:
    bench = grown()
    first, second, _ = bench.active()
    bench.release(requests_on(bench, first)[0], 10 * SECOND)
    assert bench.trash() == [first]
    outcome = bench.lose(bench.slot(second), 11 * SECOND)
    assert len(outcome.failures) == 5
    assert bench.world.run.connections_gone == bench.world.run.connects_started
    bench.check()


def test_an_unanswered_heartbeat_replaces_a_legacy_connection() -> None:
    bench = legacy()
    borrowed(bench, 4)
    first = bench.active()[0]
    bench.hold(True, 30 * SECOND)
    bench.cycle([first], 30 * SECOND)
    first.ask_deadline = 60 * SECOND
    python.lost(bench.world, bench.slot(first), 60 * SECOND)
    outcome = bench.go_on(60 * SECOND)
    assert [error for _, error in outcome.failures] == [LOST_ERROR] * 2
    assert (loads(bench), bench.host.up, len(bench.world.answers)) == ([2], 1, 1)
    bench.time_out_handshake(65 * SECOND)
    assert len(bench.world.answers) == 1  # _retrying_replace
    bench.hold(False, 66 * SECOND)
    assert loads(bench) == [2, 0]
    bench.check()


def test_a_cycle_with_no_room_for_the_question_convicts() -> None:
    bench = legacy(Pooling(core=2, max=2, max_requests=100, min_requests=5))
    borrowed(bench, 254)
    bench.cycle([bench.active()[0]], 30 * SECOND)
    assert bench.host.up == 0


def test_needed_connections_of_a_legacy_pool() -> None:
    bench = legacy()
    needed = [python.needed(bench.world, 0, n) for n in (0, 199, 200, 299, 300, 799, 5000)]
    assert needed == [2, 2, 3, 3, 4, 8, 8]


# Hosts


def reconnection_waits(ran: Ran, node: int) -> list[float]:
    """Seconds between a failed attempt (or the host's fall) and the next attempt."""
    waits = []
    since = 0
    for time, name, n, _ in ran.noted(
        "host_down", "connect_failed", "reconnection_failed", "reconnection_attempt"
    ):
        if n == node and name == "reconnection_attempt":
            waits.append((time - since) / SECOND)
        elif n == node:
            since = time
    return waits


def test_reconnection_waits_double_with_jitter_on_the_grid_of_the_scheduler() -> None:
    ran = run(
        scenario(
            duration=200 * SECOND,
            load=Load("uniform", rate=50.0),
            faults=(fault("stop", 1, 10 * SECOND),),
        )
    )
    waits = reconnection_waits(ran, 1)
    assert len(waits) == 7
    # The jitter, 85 to 115 %, is clamped to at least the base delay, and each wait ends at the
    # next of the scheduler's looks.
    assert 1.0 <= waits[0] <= 1.2
    for i, wait in enumerate(waits[1:], 1):
        assert 0.85 * 2**i <= wait <= 1.15 * 2**i + 0.1
        assert wait * 10 == pytest.approx(round(wait * 10))
    assert len({round(wait / 2**i, 2) for i, wait in enumerate(waits)}) > 3


def test_reconnection_gives_up_after_its_attempts_for_good() -> None:
    ran = run(
        scenario(
            duration=60 * SECOND,
            faults=(fault("stop", 1, 5 * SECOND, 20 * SECOND),),
            reconnection=Reconnection("constant", SECOND, SECOND, 6),
            status_events=False,
        )
    )
    assert [n for _, _, n, _ in ran.noted("reconnection_attempt")] == [1] * 6
    assert [(node, value) for _, _, node, value in ran.noted("reconnection_gave_up")] == [(1, 6)]
    assert ran.noted("host_up") == []


def test_a_status_event_revives_a_host_that_was_given_up() -> None:
    ran = run(
        scenario(
            duration=60 * SECOND,
            faults=(fault("stop", 1, 5 * SECOND, 20 * SECOND),),
            reconnection=Reconnection("constant", SECOND, SECOND, 6),
        )
    )
    ((acted, _, _, _),) = ran.noted("status_up")
    # The event comes 1 s after the start and a network delay; then 0 to 2 s and the scheduler.
    assert 26 * SECOND <= acted <= 28.2 * SECOND
    assert [node for _, _, node, _ in ran.noted("host_up")] == [1]


def test_status_events_within_the_delay_are_ten_milliseconds_apart() -> None:
    faults = (fault("stop", 1, 5 * SECOND, 20 * SECOND), fault("stop", 2, 5 * SECOND, 20 * SECOND))
    ran = run(scenario(nodes=4, duration=40 * SECOND, faults=faults))
    acted = [time for time, *_ in ran.noted("status_up")]
    assert len(acted) == 2
    assert acted[1] - acted[0] in (0, 100 * MS)  # both at the scheduler's next look


def test_a_probe_is_closed_and_a_new_pool_made() -> None:
    ran = run(
        scenario(
            duration=40 * SECOND,
            faults=(fault("stop", 1, 5 * SECOND, 2 * SECOND),),
            status_events=False,
        )
    )
    names = [
        name
        for time, name, node, _ in ran.noted()
        if node == 1 and time > 8 * SECOND and name != "connect_started"
    ]
    assert names == ["reconnection_attempt", "closed", "opened", "pool_ready", "host_up"]


def test_the_connect_timeout_covers_the_whole_handshake() -> None:
    """A paused node completes TCP, and nothing after it."""
    ran = run(
        scenario(
            duration=100 * SECOND,
            heartbeat_interval=SECOND,
            heartbeat_timeout=SECOND,
            faults=(fault("pause", 1, 10 * SECOND),),
        )
    )
    attempts = [time for time, *_ in ran.noted("reconnection_attempt")]
    failures = [time for time, _, node, _ in ran.noted("connect_failed") if node == 1]
    assert len(attempts) > 3
    assert [b - a for a, b in zip(attempts, failures, strict=False)] == [5 * SECOND] * len(failures)


def test_a_pool_that_cannot_be_made_starts_reconnection_anew() -> None:
    """The node returns for the probe and is paused before the pool's own handshake."""
    seen = run(
        scenario(
            duration=20 * SECOND,
            faults=(fault("stop", 1, 5 * SECOND, 2 * SECOND),),
            status_events=False,
        )
    )
    probed = next(t for t, name, _, _ in seen.noted("closed") if t > 8 * SECOND)
    ran = run(
        scenario(
            duration=40 * SECOND,
            faults=(
                fault("stop", 1, 5 * SECOND, 2 * SECOND),
                fault("pause", 1, probed, 10 * SECOND),
            ),
            status_events=False,
        )
    )
    after = [
        (round((t - probed) / SECOND, 1), name)
        for t, name, node, _ in ran.noted("connect_failed", "reconnection_attempt", "host_up")
        if node == 1 and t > probed
    ]
    assert after[0] == (5.0, "connect_failed")
    assert after[1][1] == "reconnection_attempt"
    assert 1.0 <= after[1][0] - 5.0 <= 1.3
    assert after[-1][1] == "host_up"


# Heartbeats (PY/connection.py:1652-1763)


class Watch:
    """Looks at the world at given instants."""

    def __init__(self, look: Any, *times_ns: int) -> None:
        self.look = look
        self.times = times_ns
        self.seen: list[Any] = []

    def __call__(self, environment: Any, world: Any) -> None:
        def watch() -> Any:
            for time in self.times:
                yield environment.timeout(time - environment.now)
                self.seen.append(self.look(world))

        environment.process(watch())


@pytest.mark.inventory("python.heartbeat-interval")
def test_a_silent_connection_is_asked_in_the_second_cycle_after_its_last_response() -> None:
    watch = Watch(
        lambda w: [c.probe_state for c in w.connections],
        30 * SECOND + 100_000,
        60 * SECOND + 100_000,
        60 * SECOND + MS,
        90 * SECOND + 100_000,
    )
    run(scenario(nodes=1, replication=1, duration=100 * SECOND, load=at(SECOND)), (watch,))
    asked = [python.PROBE_WAITING] * 2  # the control connection and the pool's
    none = [python.NO_PROBE] * 2
    assert watch.seen == [none, asked, none, asked]


def test_a_connection_that_reads_is_not_asked() -> None:
    watch = Watch(lambda w: w.connections[1].probe_state, 60 * SECOND + 100_000)
    load = Load("uniform", rate=10.0)
    run(scenario(nodes=1, replication=1, duration=61 * SECOND, load=load), (watch,))
    assert watch.seen == [python.NO_PROBE]


def test_a_silent_host_goes_down_when_the_shared_timeout_of_the_cycle_is_over() -> None:
    ran = run(
        scenario(
            duration=100 * SECOND,
            load=at(SECOND),
            faults=(fault("pause", 1, 40 * SECOND),),
        )
    )
    ((down, _, node, _),) = ran.noted("host_down")
    assert (down, node) == (90 * SECOND, 1)


def test_an_answer_counts_when_its_turn_comes() -> None:
    """The first host's connection hangs; the others' answers are in, and not yet taken."""
    watch = Watch(lambda w: [pool.in_flight for pool in w.pools], 61 * SECOND, 90 * SECOND + MS)
    ran = run(
        scenario(
            duration=100 * SECOND,
            load=at(SECOND),
            faults=(fault("pause", 1, 40 * SECOND),),
        ),
        (watch,),
    )
    assert watch.seen[0] == [0, 1, 1]
    assert watch.seen[1][2] == 0
    assert [node for _, _, node, _ in ran.noted("host_down")] == [1]


def test_the_next_cycle_follows_a_slow_one_after_ten_milliseconds() -> None:
    watch = Watch(lambda w: w.sessions[0].cycle_due, 91 * SECOND, 121 * SECOND)
    run(
        scenario(
            duration=122 * SECOND,
            load=at(SECOND),
            faults=(fault("pause", 1, 40 * SECOND),),
        ),
        (watch,),
    )
    assert watch.seen[0] == 90 * SECOND + 10 * MS + 30 * SECOND


def test_no_interval_no_heartbeats() -> None:
    ran = run(
        scenario(
            duration=200 * SECOND,
            load=at(SECOND),
            heartbeat_interval=0,
            faults=(fault("stop", 1, 10 * SECOND),),
        )
    )
    assert ran.noted("host_down") == []


def test_a_stop_that_nobody_notices_is_noticed_by_the_cycle() -> None:
    ran = run(
        scenario(duration=50 * SECOND, load=at(SECOND), faults=(fault("stop", 1, 10 * SECOND),))
    )
    ((down, _, node, _),) = ran.noted("host_down")
    assert (down, node) == (30 * SECOND, 1)


# Requests


@pytest.mark.inventory("python.connection-loss")
def test_a_request_on_a_dead_connection_goes_to_the_next_host_at_once() -> None:
    """Nothing was in flight when the node stopped; the next request there finds out."""
    ran = run(
        scenario(
            nodes=2,
            replication=1,
            token_aware=False,
            duration=20 * SECOND,
            load=at(SECOND, 12 * SECOND, 13 * SECOND),
            faults=(fault("stop", 0, 10 * SECOND), fault("slow", 1, 0, factor=1.0)),
        )
    )
    assert ran.outcomes() == ["ok"] * 3
    ((down, _, node, _),) = ran.noted("host_down")
    failed = [k for k, kinds in enumerate(ran.column("error_kinds")) if kinds]
    assert (node, len(failed)) == (0, 1)
    assert ran.column("error_kinds")[failed[0]] == LOST_ERROR
    assert ran.column("attempts")[failed[0]] == 2
    assert down == ran.column("issued_ns")[failed[0]]


def test_requests_in_flight_fail_over_without_being_idempotent() -> None:
    ran = run(
        scenario(
            nodes=2,
            duration=20 * SECOND,
            service=Law("constant", mean_ns=100 * MS),
            load=Load("uniform", rate=50.0),
            faults=(fault("stop", 1, 10 * SECOND),),
        )
    )
    assert set(ran.outcomes()) == {"ok"}
    assert sum(kinds == LOST_ERROR for kinds in ran.column("error_kinds")) >= 2


@pytest.mark.inventory("python.request-timeout")
def test_the_request_timeout_covers_all_attempts_and_is_final() -> None:
    ran = run(
        scenario(
            nodes=2,
            duration=40 * SECOND,
            load=Load("uniform", rate=10.0),
            faults=(fault("pause", 1, 10 * SECOND),),
        )
    )
    ends = zip(ran.outcomes(), ran.column("issued_ns"), ran.column("ended_ns"), strict=True)
    waits = {end - issued for outcome, issued, end in ends if outcome == "client_timeout"}
    assert waits == {10 * SECOND}
    assert set(ran.outcomes()) == {"ok", "client_timeout"}


ONE = Pooling(core=1, max=1, max_requests=100, min_requests=5)


def full_pool(timeout: int, *times_ns: int, nodes: int = 1) -> Ran:
    """A legacy pool of one connection that a pause of 30 s fills with 127 requests."""
    filling = tuple(SECOND + k * MS for k in range(127 * nodes))
    return run(
        scenario(
            protocol=2,
            local=ONE,
            nodes=nodes,
            replication=1,
            token_aware=False,
            duration=60 * SECOND,
            request_timeout=timeout,
            load=at(*filling, *times_ns),
            faults=tuple(fault("pause", n, SECOND // 2, 30 * SECOND) for n in range(nodes)),
        )
    )


def test_a_blocked_borrow_blocks_the_issuing_thread() -> None:
    ran = full_pool(40 * SECOND, 5 * SECOND, 5 * SECOND + MS, 5 * SECOND + 2 * MS)
    rows = sorted(zip(ran.column("number"), ran.column("issued_ns"), strict=True))
    assert [issued for _, issued in rows[-3:]] == [5 * SECOND, 7 * SECOND, 9 * SECOND]
    assert Counter(ran.outcomes()) == {"ok": 127, "no_host_available": 3}
    errors = {kinds for kinds in ran.column("error_kinds") if kinds}
    assert [ERROR_NAMES[kind] for kind in errors] == ["pool is busy: timed out in the queue"]
    assert sum(ran.column("wait_ns")) == 3 * 2 * SECOND


def test_a_borrow_blocks_for_two_seconds_per_host() -> None:
    ran = full_pool(40 * SECOND, 5 * SECOND, 5 * SECOND + MS, nodes=2)
    rows = sorted(
        zip(ran.column("number"), ran.column("issued_ns"), ran.column("ended_ns"), strict=True)
    )
    assert [row[1:] for row in rows[-2:]] == [
        (5 * SECOND, 9 * SECOND),
        (9 * SECOND, 13 * SECOND),
    ]


def test_a_request_that_times_out_while_it_waits_ends_and_its_thread_stays_blocked() -> None:
    ran = full_pool(SECOND, 1500 * MS, 1600 * MS)
    rows = sorted(
        zip(
            ran.column("number"),
            ran.column("issued_ns"),
            ran.column("ended_ns"),
            ran.outcomes(),
            strict=True,
        )
    )
    assert rows[-2:] == [
        (127, 1500 * MS, 2500 * MS, "client_timeout"),
        (128, 3500 * MS, 4500 * MS, "client_timeout"),
    ]
    assert len(rows) == 129
    assert ran.column("error_kinds").count(8) == 129


def test_a_blocked_thread_is_free_as_soon_as_its_borrow_is_served() -> None:
    """The node resumes while the first of three borrows is blocked."""
    filling = tuple(SECOND + k * MS for k in range(127))
    late = (3 * SECOND, 3 * SECOND + MS, 3 * SECOND + 2 * MS)
    ran = run(
        scenario(
            protocol=2,
            local=ONE,
            nodes=1,
            replication=1,
            duration=20 * SECOND,
            workers=1,
            load=at(*filling, *late),
            faults=(fault("pause", 0, SECOND // 2, 3 * SECOND),),
        )
    )
    assert set(ran.outcomes()) == {"ok"}
    rows = sorted(
        zip(ran.column("number"), ran.column("issued_ns"), ran.column("wait_ns"), strict=True)
    )[-3:]
    resumed = 3500 * MS
    first_response = resumed + MS + MS // 4
    assert rows[0] == (127, 3 * SECOND, first_response - 3 * SECOND)
    assert rows[1][1] == first_response
    assert rows[2][1] == first_response + MS


def test_a_blocked_thread_launches_no_workers() -> None:
    """Of 130 workers of a closed loop three find the pool full, one after another."""
    ran = run(
        scenario(
            protocol=2,
            local=ONE,
            nodes=1,
            replication=1,
            duration=9 * SECOND,
            load=Load("closed", window=130, error_pause_ns=60 * SECOND),
            faults=(fault("pause", 0, 0, 30 * SECOND),),
        )
    )
    filled = 127 * 10_000  # ns, at 10 us each
    assert ran.outcomes() == ["no_host_available"] * 3
    assert ran.column("ended_ns") == [filled + n * 2 * SECOND for n in (1, 2, 3)]
    assert ran.end.unfinished == (127,)


def test_retries_wait_for_a_thread_of_the_executor() -> None:
    """One thread, held for 5 s by a growing pool's handshake with a paused node."""
    busy = Pooling(core=1, max=2, max_requests=2, min_requests=0)
    ran = run(
        scenario(
            protocol=2,
            local=busy,
            nodes=3,
            replication=1,
            token_aware=False,
            threads=1,
            service=Law("constant", mean_ns=2 * SECOND),
            duration=40 * SECOND,
            request_timeout=30 * SECOND,
            load=at(*(10 * SECOND + k * 50 * MS for k in range(6))),
            faults=(fault("pause", 0, 9 * SECOND, 20 * SECOND), fault("stop", 1, 11 * SECOND)),
        )
    )
    held = [time for time, name, node, _ in ran.noted("growth") if node == 0]
    retried = [
        (node, end)
        for node, end, kinds in zip(
            ran.column("node"), ran.column("ended_ns"), ran.column("error_kinds"), strict=True
        )
        if kinds & 15 == LOST_ERROR
    ]
    assert len(held) == 1
    assert len(retried) == 2
    freed = held[0] + 5 * SECOND
    assert min(end for _, end in retried) == freed + 2 * SECOND + MS // 2


def test_a_request_whose_retry_never_got_a_thread_times_out() -> None:
    busy = Pooling(core=1, max=2, max_requests=2, min_requests=0)
    ran = run(
        scenario(
            protocol=2,
            local=busy,
            nodes=3,
            replication=1,
            token_aware=False,
            threads=1,
            service=Law("constant", mean_ns=2 * SECOND),
            duration=40 * SECOND,
            request_timeout=3 * SECOND,
            load=at(*(10 * SECOND + k * 50 * MS for k in range(6))),
            faults=(fault("pause", 0, 9 * SECOND, 20 * SECOND), fault("stop", 1, 11 * SECOND)),
        )
    )
    lost = [
        (outcome, end - issued)
        for outcome, issued, end, kinds in zip(
            ran.outcomes(),
            ran.column("issued_ns"),
            ran.column("ended_ns"),
            ran.column("error_kinds"),
            strict=True,
        )
        if kinds & 15 == LOST_ERROR
    ]
    assert lost == [("client_timeout", 3 * SECOND)] * 2


@pytest.mark.inventory("python.one-core")
def test_issuing_and_reading_share_one_thread() -> None:
    watch = Watch(lambda w: (len(w.threads), {c.thread for c in w.connections}), SECOND)
    run(scenario(duration=2 * SECOND), (watch,))
    assert watch.seen == [(1, {0})]


# Remote hosts


def remote(**asked: Any) -> Ran:
    both = (Datacenter("dc1", 1, 1, 1, MS // 4), Datacenter("dc2", 3, 1, 1, 20 * MS))
    return run(
        scenario(
            datacenters=both,
            duration=20 * SECOND,
            load=Load("uniform", rate=20.0),
            faults=(fault("stop", 0, 10 * SECOND),),
            **asked,
        )
    )


def test_plans_always_offer_the_same_remote_hosts() -> None:
    ran = remote(remote_hosts=2)
    assert set(ran.outcomes()) == {"ok"}
    assert set(ran.column("node")) == {0, 1}


@pytest.mark.inventory("python.connect-to-remote-hosts")
def test_without_connect_to_remote_hosts_they_have_pools_but_no_connection() -> None:
    ran = remote(remote_hosts=2, connect_to_remote_hosts=False)
    assert set(ran.outcomes()) == {"ok", "no_host_available"}
    errors = Counter(kinds for kinds in ran.column("error_kinds") if kinds)
    assert errors.most_common(1)[0][0] == NO_CONNECTION | NO_CONNECTION << 4
    assert not any(table[n, 9] for _, table in ran.samples for n in (1, 2))


# Options that change at runtime


def test_a_raised_core_size_makes_connections_at_once() -> None:
    ran = run(
        scenario(
            protocol=2,
            nodes=1,
            replication=1,
            duration=20 * SECOND,
            changes=(Change(10 * SECOND, "api", "pooling.local.core", 4),),
        )
    )
    opened = [time / SECOND for time, *_ in ran.noted("opened") if time > 0]
    assert len(opened) == 2
    assert all(10.0 < time < 10.01 for time in opened)


def test_min_requests_counts_at_the_next_return() -> None:
    ran = run(
        scenario(
            protocol=2,
            local=Pooling(core=2, max=8, max_requests=10, min_requests=0),
            nodes=1,
            replication=1,
            duration=14 * SECOND,
            service=Law("constant", mean_ns=100 * MS),
            workers=50,
            load=Load("closed", window=25, error_pause_ns=MS),
            changes=(Change(12 * SECOND, "api", "pooling.local.min_requests", 9),),
        )
    )
    assert len([time for time, *_ in ran.noted("opened") if 0 < time < 12 * SECOND]) == 1
    ((trashed, _, _, active),) = ran.noted("trashed")
    assert 12.0 <= trashed / SECOND <= 12.1
    assert active == 2


# Whole runs: invariants are checked in each


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", ["stop", "pause", "slow"])
@pytest.mark.parametrize("heartbeat", [5 * SECOND, 30 * SECOND])
def test_hosts_return_after_a_fault(protocol: int, kind: str, heartbeat: int) -> None:
    ran = run(
        scenario(
            protocol=protocol,
            instances=2,
            duration=90 * SECOND,
            heartbeat_interval=heartbeat,
            heartbeat_timeout=5 * SECOND,
            load=Load("poisson", rate=150.0),
            service=Law("exponential", mean_ns=2 * MS),
            faults=(fault(kind, 1, 10 * SECOND, 25 * SECOND, 20.0),),
        )
    )
    size = 1 if protocol >= 3 else 2
    _, last = ran.samples[-1]
    assert [int(n) for n in last[:, 10]] == [0, 0, 0]  # nobody holds a host for down
    assert [int(n) for n in last[:, 0]] == [2 * size] * 3
    downs = ran.noted("host_down")
    ups = ran.noted("host_up")
    assert len(downs) == len(ups)
    if kind == "stop":
        assert [node for _, _, node, _ in downs] == [1, 1]
    if kind == "slow":
        assert downs == []
    assert sum(outcome == "ok" for outcome in ran.outcomes()) > 0.8 * len(ran.outcomes())


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_closed_loop_survives_overlapping_faults(protocol: int) -> None:
    ran = run(
        scenario(
            protocol=protocol,
            nodes=3,
            duration=50 * SECOND,
            heartbeat_interval=2 * SECOND,
            heartbeat_timeout=3 * SECOND,
            request_timeout=2 * SECOND,
            service=Law("exponential", mean_ns=200 * MS),
            workers=400,
            load=Load("closed", window=150, error_pause_ns=100 * MS),
            faults=(
                fault("pause", 0, 5 * SECOND, 12 * SECOND),
                fault("stop", 1, 8 * SECOND, 10 * SECOND),
                fault("slow", 2, 10 * SECOND, 30 * SECOND, 5.0),
                fault("stop", 0, 30 * SECOND, 3 * SECOND),
            ),
        )
    )
    assert ran.end.unfinished[0] <= 150
    _, last = ran.samples[-1]
    assert [int(n) for n in last[:, 10]] == [0, 0, 0]


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_same_seed_gives_the_same_run(protocol: int) -> None:
    asked = scenario(
        protocol=protocol,
        duration=30 * SECOND,
        heartbeat_interval=2 * SECOND,
        heartbeat_timeout=2 * SECOND,
        request_timeout=SECOND,
        faults=(fault("pause", 1, 5 * SECOND, 8 * SECOND), fault("stop", 2, 7 * SECOND, SECOND)),
    )
    one, other = run(asked), run(asked)
    assert np.array_equal(one.requests, other.requests)
    assert np.array_equal(one.events, other.events)
    assert one.end == other.end


def test_a_plan_under_way_goes_on_to_the_hosts_that_it_began_with() -> None:
    """A host that goes down does not end the plans of the requests that were in flight on it."""
    ran = run(
        scenario(
            nodes=2,
            replication=1,
            token_aware=False,
            duration=2 * SECOND,
            load=at(*range(SECOND, SECOND + 20 * MS, MS)),
            service=Law("constant", mean_ns=200 * MS),
            workers=20,
            idempotent=1.0,
            faults=(fault("stop", 0, SECOND + 50 * MS),),
        )
    )
    assert ran.outcomes() == ["ok"] * 20
    assert sorted(ran.column("attempts")) == [1] * 10 + [2] * 10
