"""Rules of the Java driver 3, one by one, with the numbers that its source states.

J3/ is datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/.
"""

from __future__ import annotations

import pytest

from tests.model.java3_pools import Active, BenchedPool, Settings, Trashed

V2 = Settings(core=2, max=8, max_requests=128, threshold=100, streams=128)
"""Local defaults below protocol v3 (J3/PoolingOptions.java:104-122)."""
V3 = Settings(core=1, max=1, max_requests=1024, threshold=800)
V3_REMOTE = Settings(core=1, max=1, max_requests=256, threshold=200)
SMALL = Settings(core=1, max=3, max_requests=4, threshold=2, queue=8)
"""Asks for the second connection at the 3rd request in flight, for the third at the 7th."""

FULL = "pool is busy: queue full"
OFF = "pool is busy: no queue"


def grown(settings: Settings, requests: int) -> BenchedPool:
    """A pool with requests 0 to `requests` - 1 in flight."""
    pool = BenchedPool(settings)
    pool.borrow_all(range(requests))
    assert pool.state.in_flight == requests
    return pool


def growth_points(pool: BenchedPool, requests: int) -> list[int]:
    """Requests in flight at which one more connection was asked for."""
    points = []
    before = pool.state.open
    for request in range(requests):
        pool.borrow(request)
        if pool.state.open > before:
            points.append(pool.state.in_flight)
        before = pool.state.open
    return points


# Borrow (J3/HostConnectionPool.java:237-315) ------------------------------------------------------


def test_a_pool_starts_with_core_connections() -> None:
    assert BenchedPool(V2).numbers == [0, 1]
    assert BenchedPool(V3).numbers == [0]
    assert BenchedPool(V2._replace(core=0)).numbers == []


@pytest.mark.inventory("java3.spreading")
def test_the_least_busy_connection_is_picked_and_the_oldest_of_equals() -> None:
    pool = BenchedPool(V2._replace(core=3))
    assert pool.borrow_all(range(4)) == ["granted 0", "granted 1", "granted 2", "granted 0"]
    pool.release(2)
    pool.release(1)
    assert pool.borrow_all(range(4, 7)) == ["granted 1", "granted 2", "granted 1"]


def test_only_the_least_busy_connection_is_looked_at() -> None:
    """Two orphans leave the first connection room for 6: with 6 on it and 7 on the second, which
    has room for an eighth, the next request waits."""
    pool = BenchedPool(Settings(core=2, max=2, max_requests=8, threshold=8, streams=8))
    pool.borrow_all(range(16))
    for request in (0, 2):
        pool.time_out(request)
    pool.release(1)
    assert pool.state.connections == (Active(0, 6, 2), Active(1, 7, 0))
    assert pool.borrow(16) == "queued"
    pool.late_response(0)
    assert pool.borrow(17) == "granted 0"


@pytest.mark.inventory(
    "java3.multiplexing",
    "java3.acquisition-queue",
    "java3.max-requests.v3-local",
    "java3.max-queue-size",
    "java3.queue-full",
)
def test_v3_local_defaults_1024_in_flight_256_wait_and_the_1281st_is_rejected() -> None:
    pool = grown(V3, 1024)
    assert pool.borrow_all(range(1024, 1280)) == ["queued"] * 256
    assert pool.borrow(1280) == FULL
    assert pool.state == pool.state._replace(open=1, in_flight=1024, pending=256)


@pytest.mark.inventory("java3.max-requests.v3-remote", "java3.max-queue-size")
def test_v3_remote_defaults_256_in_flight_and_256_wait() -> None:
    pool = grown(V3_REMOTE, 256)
    assert pool.borrow_all(range(256, 512)) == ["queued"] * 256
    assert pool.borrow(512) == FULL


# Growth (J3/HostConnectionPool.java:303-312,476-579) ----------------------------------------------


@pytest.mark.inventory(
    "java3.growth",
    "java3.variable-size",
    "java3.max-requests.v2",
    "java3.new-connection-threshold",
    "java3.default-size.v2-local",
)
def test_v2_defaults_grow_at_229_357_485_613_741_and_869() -> None:
    pool = BenchedPool(V2)
    assert growth_points(pool, 1024) == [229, 357, 485, 613, 741, 869]
    assert pool.numbers == [0, 1, 2, 3, 4, 5, 6, 7]
    assert pool.borrow(1024) == "queued"


def test_1_to_8_connections_of_1024_grow_at_801_1825_and_2849() -> None:
    pool = BenchedPool(V3._replace(max=8))
    assert growth_points(pool, 3000) == [801, 1825, 2849]


@pytest.mark.parametrize("threshold", [128, 800])
def test_a_threshold_of_max_requests_or_more_never_grows(threshold: int) -> None:
    """Among them the default of v3, 800, with a max_requests of 128."""
    pool = BenchedPool(V2._replace(threshold=threshold, streams=32_768))
    assert growth_points(pool, 600) == []
    assert pool.state == pool.state._replace(open=2, in_flight=256, pending=256)


@pytest.mark.inventory("java3.growth")
def test_equal_core_and_max_never_grow() -> None:
    assert growth_points(BenchedPool(V3), 1300) == []


def test_one_creation_at_a_time() -> None:
    pool = BenchedPool(V2)
    pool.hold(True)
    pool.borrow_all(range(256))
    assert pool.state == pool.state._replace(open=3, creating=1, asked=1)
    pool.hold(False)
    assert pool.state == pool.state._replace(open=3, creating=0, asked=0)


def test_one_creation_at_a_time_below_core_too() -> None:
    """Of three, two are lost: the first is made anew, and only after it the second."""
    pool = BenchedPool(Settings(core=3, max=3, max_requests=4, threshold=2))
    pool.hold(True)
    pool.lose(0)
    pool.lose(1)
    pool.now_ms = 1_000
    pool.borrow(0)
    assert pool.state == pool.state._replace(open=2, creating=1, asked=1)
    pool.borrow(1)
    assert pool.state == pool.state._replace(open=2, creating=1, asked=1)
    pool.hold(False)
    assert pool.state == pool.state._replace(open=2, creating=0, asked=0)
    pool.borrow(2)
    assert pool.state.open == 3


def test_a_request_that_is_queued_asks_for_no_connection() -> None:
    """While the creation is held, the first connection fills; from then on nobody asks again."""
    pool = BenchedPool(SMALL)
    pool.hold(True)
    pool.borrow_all(range(4))
    pool.refuse()
    assert pool.state == pool.state._replace(open=1, creating=0, asked=0)
    pool.now_ms = 5_000
    assert pool.borrow_all(range(4, 8)) == ["queued"] * 4
    assert pool.state == pool.state._replace(open=1, creating=0, asked=0, pending=4)


def test_a_waiter_that_is_served_raises_neither_the_peak_nor_growth() -> None:
    pool = BenchedPool(SMALL)
    pool.hold(True)
    pool.borrow_all(range(12))
    assert pool.state == pool.state._replace(in_flight=4, peak=4, pending=8, open=2)
    pool.hold(False)
    assert pool.grants == [(4, 1), (5, 1), (6, 1), (7, 1)]
    # 8 in flight exceed 1 * 4 + 2, but nobody borrowed directly.
    assert pool.state == pool.state._replace(in_flight=8, peak=4, pending=4, open=2, asked=0)


# The acquisition queue (J3/HostConnectionPool.java:317-344) ---------------------------------------


@pytest.mark.inventory("java3.queue-off")
@pytest.mark.parametrize("off", [{"queue": 0}, {"pool_timeout_ms": 0}])
def test_without_queue_or_pool_timeout_a_full_pool_rejects_at_once(off: dict[str, int]) -> None:
    pool = grown(Settings(core=1, max=1, max_requests=2, threshold=1)._replace(**off), 2)
    assert pool.borrow(2) == OFF
    assert pool.state.pending == 0


@pytest.mark.inventory("java3.acquisition-queue")
def test_the_queue_is_first_come_first_served() -> None:
    pool = grown(Settings(core=1, max=1, max_requests=2, threshold=2, queue=3), 2)
    assert pool.borrow_all(range(2, 6)) == ["queued", "queued", "queued", FULL]
    pool.release(1)
    assert pool.grants == [(2, 0)]
    pool.release(2)
    assert pool.grants == [(3, 0)]
    assert pool.borrow(6) == "queued"
    pool.release_all(range(1))
    assert pool.grants == [(4, 0)]


def test_expired_entries_keep_their_places() -> None:
    """Three waiters have gone, and still the queue is full until a release comes to them."""
    pool = grown(Settings(core=1, max=1, max_requests=2, threshold=2, queue=3), 2)
    pool.borrow_all(range(2, 5))
    for request in (2, 3, 4):
        pool.expire(request)
        assert pool.failures == [(request, "pool is busy: timed out in the queue")]
    assert pool.state.pending == 3
    assert pool.borrow(5) == FULL
    pool.release(0)
    assert pool.grants == []
    assert pool.state == pool.state._replace(pending=0, in_flight=1)


def test_a_release_passes_over_expired_entries_to_the_next_waiter() -> None:
    pool = grown(Settings(core=1, max=1, max_requests=2, threshold=2, queue=4), 2)
    pool.borrow_all(range(2, 6))
    pool.expire(2)
    pool.expire(4)
    pool.release(0)
    assert pool.grants == [(3, 0)]
    assert pool.state.pending == 2  # the entry behind the one served stays, expired or not
    pool.release(1)
    assert pool.grants == [(5, 0)]
    assert pool.state.pending == 0


def test_a_new_connection_serves_all_waiters_that_fit_at_once() -> None:
    pool = BenchedPool(SMALL)
    pool.hold(True)
    pool.borrow_all(range(7))
    pool.hold(False)
    assert pool.grants == [(4, 1), (5, 1), (6, 1)]
    assert pool.state == pool.state._replace(pending=0, in_flight=7)


def test_only_the_returned_connection_serves_waiters() -> None:
    """Room on another connection is not offered: two waiters, one return of a full connection."""
    pool = grown(Settings(core=2, max=2, max_requests=2, threshold=2, streams=6), 4)
    pool.borrow_all(range(4, 6))
    pool.release(0)
    assert pool.grants == [(4, 0)]
    assert pool.state.connections == (Active(0, 2, 0), Active(1, 2, 0))
    assert pool.state.pending == 1


# Shrinking (J3/HostConnectionPool.java:591-642) ---------------------------------------------------


@pytest.mark.inventory("java3.shrinking")
@pytest.mark.parametrize(
    ("load", "needed"),
    [(0, 2), (100, 2), (228, 2), (229, 3), (256, 3), (356, 3), (357, 4), (868, 7), (869, 8)],
)
def test_connections_needed_below_v3(load: int, needed: int) -> None:
    """load / 128 + 1, one more if the remainder exceeds 100, at least 2: the same thresholds at
    which the pool grew."""
    pool = grown(V2, 1024)
    pool.release_all(range(load, 1024))
    pool.cleanup()
    assert pool.state.open == 8  # the peak was 1,024
    pool.cleanup()
    assert pool.state.open == needed


@pytest.mark.parametrize(("load", "needed"), [(0, 1), (800, 1), (801, 2), (1023, 2), (1024, 2)])
def test_connections_needed_of_1024(load: int, needed: int) -> None:
    pool = grown(V3._replace(max=8), 2000)
    assert pool.state.open == 3
    pool.release_all(range(load, 2000))
    pool.cleanup()
    pool.cleanup()
    assert pool.state.open == needed


@pytest.mark.inventory("java3.shrinking")
def test_the_peak_since_the_last_cleanup_decides() -> None:
    pool = BenchedPool(V2)
    pool.borrow_all(range(300))
    pool.release_all(range(300))
    pool.cleanup()
    assert pool.numbers == [0, 1, 2]  # 300 were in flight in between
    pool.cleanup()
    assert pool.numbers == [1, 2]


def test_the_oldest_connections_are_trashed_first() -> None:
    pool = grown(V2, 613)
    assert pool.numbers == [0, 1, 2, 3, 4, 5]
    pool.release_all(range(300, 613))
    pool.cleanup()
    pool.now_ms = 10_001
    pool.cleanup()
    assert pool.numbers == [3, 4, 5]
    assert [(c.number, c.deadline_ms) for c in pool.state.trash] == [
        (0, 130_001),
        (1, 130_001),
        (2, 130_001),
    ]


@pytest.mark.inventory("java3.variable-size")
def test_a_pool_never_shrinks_below_core() -> None:
    pool = BenchedPool(V2._replace(core=5))
    pool.cleanup()
    pool.cleanup()
    assert pool.numbers == [0, 1, 2, 3, 4]


@pytest.mark.inventory("java3.trashed-takes-nothing")
def test_a_trashed_connection_keeps_its_requests_and_serves_nobody() -> None:
    """They count for growth as before; their returns do not come to the queue."""
    pool = grown(SMALL, 12)
    pool.release_all(range(2, 12))
    assert pool.state.connections[0] == Active(0, 2, 0)
    pool.cleanup()
    pool.cleanup()
    assert pool.numbers == [2]
    assert pool.trash == [0, 1]
    pool.now_ms = 200_000  # too late for a resurrection
    pool.hold(True)
    pool.borrow(20)
    assert pool.state == pool.state._replace(in_flight=3, asked=1)
    assert pool.borrow_all(range(21, 25)) == ["granted 2", "granted 2", "granted 2", "queued"]
    pool.release(0)
    assert pool.grants == []
    assert pool.state == pool.state._replace(in_flight=5, pending=1)
    pool.release(20)
    assert pool.grants == [(24, 2)]


# The trash (J3/HostConnectionPool.java:549-567,627-642) -------------------------------------------


def trashed_at(pool: BenchedPool, now_ms: int) -> None:
    """Two quiet cleanups, the second at `now_ms`."""
    pool.cleanup()
    pool.now_ms = now_ms
    pool.cleanup()


@pytest.mark.inventory("java3.idle-timeout")
def test_idle_trash_closes_strictly_after_the_idle_timeout() -> None:
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    assert pool.state.trash == (Trashed(0, 0, 0, 130_000),)
    pool.now_ms = 130_000
    pool.cleanup()
    assert pool.trash == [0]
    pool.now_ms = 130_000.999  # milliseconds are compared
    pool.cleanup()
    assert pool.trash == [0]
    pool.now_ms = 130_001
    pool.cleanup()
    assert pool.trash == []


def test_trash_with_requests_in_flight_does_not_close() -> None:
    pool = grown(SMALL, 3)
    pool.release_all(range(1, 3))
    trashed_at(pool, 10_000)
    assert pool.state.trash == (Trashed(0, 1, 0, 130_000),)
    pool.now_ms = 500_000
    pool.cleanup()
    assert pool.trash == [0]
    pool.release(0)
    assert pool.trash == [0]
    pool.cleanup()
    assert pool.trash == []


def test_the_newest_trash_is_resurrected_first_and_goes_to_the_end() -> None:
    pool = grown(V2, 485)
    pool.release_all(range(257, 485))
    trashed_at(pool, 10_000)  # 257 need three: two of five go
    pool.release_all(range(257))
    trashed_at(pool, 20_000)
    assert pool.trash == [0, 1, 2]
    assert pool.numbers == [3, 4]
    pool.borrow_all(range(1_000, 1_485))
    # 2 was trashed last; 0 and 1 at one cleanup, where the first in the list is taken.
    assert pool.numbers == [3, 4, 2, 0, 1]
    assert pool.trash == []


@pytest.mark.inventory("java3.resurrection")
def test_a_resurrected_connection_needs_no_handshake_and_serves_waiters() -> None:
    """Nothing is made even while handshakes are held."""
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    pool.hold(True)
    pool.borrow_all(range(10, 13))
    assert pool.numbers == [1, 0]
    assert pool.state == pool.state._replace(open=2, creating=0, asked=0)


@pytest.mark.inventory("java3.resurrection", "java3.idle-timeout")
@pytest.mark.parametrize(("now_ms", "numbers"), [(129_999, [1, 0]), (130_000, [1, 2])])
def test_trash_past_its_idle_deadline_is_not_resurrected(now_ms: int, numbers: list[int]) -> None:
    """At the deadline itself it is neither resurrected nor closed."""
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    pool.now_ms = now_ms
    pool.borrow_all(range(10, 13))
    assert pool.numbers == numbers


def test_trash_without_enough_free_ids_is_not_resurrected() -> None:
    """More than three quarters of max_requests must be free: with 8 ids and a max_requests of 8,
    two orphans leave 6, which is not more than 6."""
    settings = Settings(core=1, max=2, max_requests=8, threshold=0, streams=8)
    for orphans, numbers in ((1, [1, 0]), (2, [1, 2])):
        pool = BenchedPool(settings)
        pool.borrow_all(range(4))
        for request in (0, 2)[:orphans]:
            pool.time_out(request)
        pool.release_all(range(1, 2))
        pool.release(3)
        if orphans == 1:
            pool.release(2)
        trashed_at(pool, 10_000)
        assert pool.state.trash == (Trashed(0, 0, orphans, 130_000),)
        pool.borrow_all(range(10, 12))
        assert pool.numbers == numbers


# Timeouts and replacement (J3/HostConnectionPool.java:444-450, J3/Connection.java:1632-1640) ------


@pytest.mark.parametrize(
    ("settings", "orphans"), [(V2._replace(core=1), 33), (V3, 32_001), (V3_REMOTE, 32_577)]
)
def test_a_connection_is_replaced_when_orphans_leave_too_few_ids(
    settings: Settings, orphans: int
) -> None:
    """Fewer than three quarters of max_requests. The return of the last orphan does not see its
    own mark; the next return does."""
    pool = BenchedPool(settings)
    pool.borrow(1_000_000)
    pool.borrow(1_000_001)
    for request in range(orphans):
        pool.borrow(request)
        pool.time_out(request)
        assert pool.numbers == [0]
    pool.release(1_000_000)
    assert pool.numbers == [1]
    assert pool.state.trash == (Trashed(0, 1, orphans, None),)
    assert pool.state.open == 1
    # It serves its last request, and no idle timeout keeps it after that.
    pool.cleanup()
    assert pool.trash == [0]
    pool.release(1_000_001)
    pool.cleanup()
    assert pool.trash == []


def test_one_orphan_fewer_is_not_replaced() -> None:
    pool = BenchedPool(V2._replace(core=1))
    pool.borrow(1_000)
    for request in range(32):
        pool.borrow(request)
        pool.time_out(request)
    pool.release(1_000)
    assert pool.numbers == [0]


def test_a_replaced_connection_serves_no_waiter_and_is_never_resurrected() -> None:
    """Four orphans leave 2 of 6 ids; 3 are the least."""
    pool = BenchedPool(Settings(core=1, max=2, max_requests=4, threshold=4, streams=6))
    for request in range(4):
        pool.borrow(request)
        pool.time_out(request)
    assert pool.borrow_all(range(4, 7)) == ["granted 0", "granted 0", "queued"]
    pool.hold(True)
    pool.release(4)
    assert pool.grants == []
    assert pool.state == pool.state._replace(open=1, creating=1, asked=1, pending=1)
    assert pool.numbers == []
    pool.refuse()
    pool.late_response(0)
    pool.late_response(1)  # 4 ids are free again
    pool.now_ms = 1_000
    pool.hold(False)
    pool.borrow(7)
    assert pool.numbers == [1]
    assert pool.grants == [(6, 1), (7, 1)]
    assert pool.state.trash == (Trashed(0, 1, 2, None),)


def test_a_timeout_gives_the_connection_back_before_its_stream_is_an_orphan() -> None:
    """The queue is served as after a response; the stream stays taken."""
    pool = grown(Settings(core=1, max=1, max_requests=4, threshold=4, streams=16), 4)
    pool.borrow(4)
    pool.time_out(0)
    assert pool.grants == [(4, 0)]
    assert pool.state.connections == (Active(0, 4, 1),)


def test_a_late_response_serves_nobody() -> None:
    pool = BenchedPool(Settings(core=1, max=1, max_requests=8, threshold=8, streams=8))
    pool.borrow_all(range(8))
    pool.time_out(0)
    pool.time_out(1)
    # 6 in flight, and 2 of 8 ids orphaned.
    assert pool.borrow_all(range(8, 10)) == ["queued", "queued"]
    pool.late_response(0)
    assert pool.grants == []
    assert pool.state == pool.state._replace(pending=2, in_flight=6)
    pool.release(2)
    assert pool.grants == [(8, 0), (9, 0)]


def test_waiters_find_no_room_where_an_orphan_is() -> None:
    """7 of 8 ids are left, so one return makes room for one waiter, not for two."""
    pool = BenchedPool(Settings(core=1, max=1, max_requests=8, threshold=8, streams=8))
    pool.borrow_all(range(8))
    pool.time_out(0)
    assert pool.borrow_all(range(8, 10)) == ["queued", "queued"]
    pool.release(1)
    assert pool.grants == [(8, 0)]
    assert pool.state.connections == (Active(0, 7, 1),)


# Connections that fail (J3/Connection.java:596-625, J3/ConvictionPolicy.java:66-139) --------------


def test_a_lost_connection_fails_its_requests_and_is_not_replaced() -> None:
    pool = grown(V2, 4)
    pool.lose(0)
    assert sorted(pool.failures) == [(0, "connection lost"), (2, "connection lost")]
    assert pool.numbers == [1]
    assert pool.state == pool.state._replace(open=1, in_flight=2, creating=0, asked=0)


def test_the_next_borrow_replaces_it_once_the_backoff_is_over() -> None:
    """n < core asks for one connection, but not for 1,000 ms after the loss."""
    pool = BenchedPool(V2)
    pool.now_ms = 500
    pool.lose(0)
    pool.now_ms = 1_499.999
    pool.borrow(0)
    assert pool.numbers == [1]
    pool.now_ms = 1_500
    pool.borrow(1)
    assert pool.numbers == [1, 2]


def test_every_opening_resets_the_backoff() -> None:
    """So that the delay stays 1,000 ms: the third loss is not followed by 4,000."""
    pool = BenchedPool(V2)
    for k in range(3):
        pool.lose(pool.numbers[0])
        pool.now_ms += 1_000
        pool.borrow(k)
        assert pool.state.open == 2


def test_without_an_opening_in_between_the_backoff_doubles() -> None:
    """The second loss comes after the first delay, the third within the second: that one counts
    for nothing."""
    pool = BenchedPool(V2._replace(core=4))
    pool.lose(0)
    pool.now_ms = 1_000
    pool.lose(1)  # until 3,000
    pool.now_ms = 1_500
    pool.lose(2)
    pool.now_ms = 2_999
    pool.borrow(0)
    assert pool.state.open == 1
    pool.now_ms = 3_000
    pool.borrow(1)
    assert pool.state.open == 2


def test_an_empty_pool_asks_for_core_at_once_on_two_threads() -> None:
    """Past the one creation at a time, but the cluster's executor has two threads."""
    pool = BenchedPool(V2._replace(core=3))
    for number in range(3):
        pool.lose(number)
    assert pool.borrow(0) == "queued"
    assert pool.state == pool.state._replace(open=0, creating=0, asked=0)  # in backoff
    pool.now_ms = 1_000
    pool.hold(True)
    assert pool.borrow_all(range(1, 3)) == ["queued"] * 2
    assert pool.state == pool.state._replace(open=2, creating=2, asked=3, pending=3)
    pool.hold(False)
    assert pool.grants == [(0, 3), (1, 3), (2, 3)]
    assert pool.numbers == [3, 4, 5]


def test_an_empty_pool_in_backoff_does_not_even_resurrect() -> None:
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    pool.lose(1)
    pool.now_ms = 10_999
    assert pool.borrow(10) == "queued"
    assert (pool.numbers, pool.trash) == ([], [0])
    pool.now_ms = 11_000
    assert pool.borrow(11) == "queued"
    assert (pool.numbers, pool.trash) == ([0], [])
    assert pool.grants == [(10, 0), (11, 0)]


def test_a_pool_in_backoff_does_not_even_resurrect() -> None:
    pool = grown(Settings(core=2, max=3, max_requests=4, threshold=2), 7)
    pool.release_all(range(7))
    trashed_at(pool, 10_000)
    assert (pool.numbers, pool.trash) == ([1, 2], [0])
    pool.lose(1)
    pool.now_ms = 10_999
    pool.borrow(10)
    assert (pool.numbers, pool.trash) == ([2], [0])
    pool.now_ms = 11_000
    pool.borrow(11)
    assert (pool.numbers, pool.trash) == ([2, 0], [])


def test_an_empty_pool_without_core_asks_for_one() -> None:
    pool = BenchedPool(Settings(core=0, max=4, max_requests=8, threshold=5))
    pool.hold(True)
    assert pool.borrow_all(range(2)) == ["queued"] * 2
    assert pool.state == pool.state._replace(open=1, creating=1, asked=1)


def test_a_refused_handshake_leaves_the_waiters_and_nobody_tries_again() -> None:
    pool = BenchedPool(Settings(core=0, max=4, max_requests=8, threshold=5))
    pool.hold(True)
    pool.borrow_all(range(3))
    pool.refuse()
    assert pool.failures == []
    assert pool.state == pool.state._replace(open=0, creating=0, asked=0, pending=3)
    pool.now_ms = 60_000
    pool.hold(False)
    assert pool.state == pool.state._replace(open=0, creating=0, asked=0, pending=3)
    assert pool.borrow(3) == "queued"
    assert pool.grants == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_a_refused_handshake_begins_a_backoff() -> None:
    pool = BenchedPool(SMALL)
    pool.hold(True)
    pool.borrow_all(range(3))
    pool.refuse()
    pool.now_ms = 999
    pool.borrow(3)
    assert pool.state.asked == 0
    pool.release(3)
    pool.now_ms = 1_000
    pool.borrow(4)
    assert pool.state == pool.state._replace(open=2, creating=1, asked=1)


def test_a_backoff_begins_at_the_refusal_not_at_the_attempt() -> None:
    pool = BenchedPool(SMALL)
    pool.hold(True)
    pool.borrow_all(range(3))
    pool.now_ms = 10_000
    pool.refuse()
    pool.now_ms = 10_999
    pool.borrow(3)
    assert pool.state.asked == 0


def test_dead_trash_is_resurrected_and_serves_nobody() -> None:
    """A trashed connection that breaks stays in the trash, and nobody asks whether what is
    resurrected is alive (J3/HostConnectionPool.java:493-567,582-589). Nothing can be written on it,
    so its load stays at 0 and every request picks it. It breaks no second time."""
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    pool.lose(0)
    assert pool.trash == [0]
    assert pool.state.open == 1
    pool.now_ms = 11_000
    pool.borrow_all(range(10, 13))
    assert pool.numbers == [1, 0]
    assert pool.borrow_all(range(13, 19)) == ["granted 0"] * 6
    assert pool.failures == [(18, "connection lost")]
    assert pool.state.in_flight == 3
    pool.lose(0)
    assert pool.numbers == [1, 0]


def test_dead_trash_that_is_resurrected_fails_all_that_wait() -> None:
    """Each waiter finds that it cannot write, gives the connection back and leaves it to the next
    (J3/HostConnectionPool.java:397-412, J3/RequestHandler.java:411-421)."""
    pool = grown(SMALL, 3)
    pool.release_all(range(3))
    trashed_at(pool, 10_000)
    pool.lose(0)
    pool.lose(1)
    assert pool.numbers == []
    pool.now_ms = 11_000
    assert pool.borrow(10) == "queued"
    assert pool.failures == [(10, "connection lost")]
    assert pool.numbers == [0]


def test_dead_trash_closes_like_any_other() -> None:
    pool = grown(SMALL, 3)
    pool.release_all(range(1, 3))
    trashed_at(pool, 10_000)
    pool.lose(0)
    assert pool.failures == [(0, "connection lost")]
    assert pool.state.trash == (Trashed(0, 0, 0, 130_000),)
    pool.now_ms = 130_001
    pool.cleanup()
    assert pool.trash == []


# Options that change at runtime (J3/Cluster.java:2506-2512) ---------------------------------------


@pytest.mark.inventory("java3.options-at-runtime", "java3.max-requests", "java3.max-queue-size")
def test_options_are_read_at_every_use() -> None:
    pool = grown(V3, 5)
    pool.change("max_requests", 5)
    assert pool.borrow(5) == "queued"
    pool.change("max_queue_size", 1)
    assert pool.borrow(6) == FULL
    pool.change("max_requests", 7)
    pool.release(0)
    assert pool.grants == [(5, 0)]
    pool.change("max", 2)
    pool.change("threshold", 5)
    pool.borrow(7)
    assert pool.numbers == [0, 1]


def test_the_least_number_of_free_ids_is_fixed_when_the_pool_is_made() -> None:
    """6 of 8, as max_requests was 8; with 4 it would be 3."""
    pool = grown(Settings(core=1, max=1, max_requests=8, threshold=8, streams=8), 4)
    pool.change("max_requests", 4)
    for request in range(3):
        pool.time_out(request)
    pool.release(3)
    assert pool.state.trash == (Trashed(0, 0, 3, None),)


def test_a_creation_that_is_due_later_heeds_the_maximum_of_then() -> None:
    """Two threads are busy with the first two of three connections when max becomes 2."""
    pool = BenchedPool(Settings(core=3, max=3, max_requests=4, threshold=2))
    for number in range(3):
        pool.lose(number)
    pool.now_ms = 1_000
    pool.hold(True)
    pool.borrow(0)
    assert pool.state == pool.state._replace(open=2, creating=2, asked=3)
    pool.change("core", 2)
    pool.change("max", 2)
    pool.hold(False)
    assert pool.state == pool.state._replace(open=2, creating=0, asked=0)


@pytest.mark.parametrize(("settings", "connections"), [(V2, 4), (V2._replace(streams=32_768), 2)])
def test_a_raised_core_is_made_at_once_below_v3_only(settings: Settings, connections: int) -> None:
    pool = BenchedPool(settings)
    pool.change("core", 4)
    assert len(pool.numbers) == connections
