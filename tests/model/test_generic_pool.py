"""A pool of the generic driver, statement by statement: streams, selection, scaling, reconnection,
warming, what becomes of requests on connections that break. The watermarks have a file of their
own."""

from __future__ import annotations

from collections import Counter

import pytest

from poolsim.model.kinds import BUSY_CONNECTION, ERROR_NAMES
from tests.model.generic_pools import BenchedPool, Settings

BUSY = ERROR_NAMES[BUSY_CONNECTION]


def borrow(pool: BenchedPool, requests: range) -> list[str]:
    return [pool.borrow(request) for request in requests]


def sent(pool: BenchedPool) -> list[int]:
    return [connection.sent for connection in pool.state.connections]


def streams(pool: BenchedPool) -> dict[int, int]:
    """Stream id by request."""
    return {
        r: pool.world.attempts[a].stream for r, a in pool.attempts.items() if r in pool.in_flight
    }


# Streams (002:107-149) ----------------------------------------------------------------------------


@pytest.mark.inventory("generic.streams")
def test_a_connection_has_32768_streams() -> None:
    pool = BenchedPool(Settings(max=1, max_requests=40_000, high=100))
    (connection,) = pool.connections()
    assert connection.stream_limit == 32_768
    connection.stream_high, connection.stream_room = 32_767, 32_768
    connection.stream_first = pool.world.add_streams(32_768)
    assert borrow(pool, range(2)) == ["sent", "queued"]


@pytest.mark.inventory("generic.allocation.sequential")
def test_sequential_allocation_takes_ids_one_after_the_other_and_wraps_at_the_maximum() -> None:
    pool = BenchedPool(Settings(max=1, allocation="sequential", streams=4))
    borrow(pool, range(3))
    assert streams(pool) == {0: 0, 1: 1, 2: 2}
    for request in (0, 1, 2):
        pool.respond(request)
    borrow(pool, range(3, 6))
    assert streams(pool) == {3: 3, 4: 0, 5: 1}


@pytest.mark.inventory("generic.allocation.sequential.stuck")
def test_a_stuck_stream_blocks_the_wrap_around() -> None:
    """The others are free, and nothing is sent until the stuck one is."""
    pool = BenchedPool(Settings(max=1, allocation="sequential", streams=4))
    borrow(pool, range(4))
    for request in (1, 2, 3):
        pool.respond(request)
    assert pool.borrow(4) == "queued"
    pool.time_out(0)
    assert pool.borrow(5) == "queued"
    pool.respond(0)
    assert streams(pool) == {4: 0, 5: 1}


@pytest.mark.inventory("generic.allocation.pooled")
def test_pooled_allocation_pops_from_a_free_list_and_pushes_to_it() -> None:
    pool = BenchedPool(Settings(max=1, streams=4))
    borrow(pool, range(4))
    for request in (1, 3, 2):
        pool.respond(request)
    assert borrow(pool, range(4, 7)) == ["sent"] * 3
    assert streams(pool) == {0: 0, 4: 2, 5: 3, 6: 1}
    assert pool.borrow(7) == "queued"


@pytest.mark.inventory("generic.allocation.pooled")
def test_a_stuck_stream_blocks_nothing_in_pooled_allocation() -> None:
    pool = BenchedPool(Settings(max=1, streams=4))
    borrow(pool, range(4))
    for request in (1, 2, 3):
        pool.respond(request)
    assert borrow(pool, range(4, 7)) == ["sent"] * 3


@pytest.mark.inventory("generic.pipelining.off")
def test_without_pipelining_a_connection_sends_one_at_a_time() -> None:
    """002:290-293."""
    pool = BenchedPool(Settings(max=1, pipelining=False))
    assert borrow(pool, range(3)) == ["sent", "queued", "queued"]
    pool.respond(0)
    assert pool.grants == [(1, 0)]
    assert sent(pool) == [1]


@pytest.mark.inventory("generic.pipelining.on")
def test_with_pipelining_requests_are_sent_before_responses_come() -> None:
    """002:281-288."""
    pool = BenchedPool(Settings(max=1))
    assert borrow(pool, range(4)) == ["sent"] * 4
    for request in (1, 0, 3, 2):
        pool.respond(request)
    assert sent(pool) == [0]


# Selection (002:206-212) --------------------------------------------------------------------------


@pytest.mark.inventory("generic.least-loaded")
def test_the_least_loaded_connection_is_selected() -> None:
    """002:175-190: 847, 923 and 156 in flight; the third gets the request."""
    pool = BenchedPool(Settings(core=3, max=3, selection="round_robin"))
    borrow(pool, range(30))
    for request in range(2, 30, 3):
        pool.respond(request)
    pool.respond(0)
    pool.world.clients[0].selection = 0
    pool.borrow(30)
    assert sent(pool) == [9, 10, 1]


def test_of_equally_loaded_connections_the_oldest_is_selected() -> None:
    pool = BenchedPool(Settings(core=3, max=3))
    for expected in ([1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]):
        pool.borrow(sum(expected))
        assert sent(pool) == expected


def test_what_waits_for_a_connection_counts_as_its_load() -> None:
    pool = BenchedPool(Settings(core=2, max=2, pipelining=False))
    borrow(pool, range(6))
    assert [c.queued for c in pool.state.connections] == [2, 2]


@pytest.mark.inventory("generic.round-robin")
def test_round_robin_cycles_through_the_connections_whatever_their_load() -> None:
    pool = BenchedPool(Settings(core=3, max=3, selection="round_robin"))
    borrow(pool, range(4))
    for request in (0, 1, 2):
        pool.respond(request)
    borrow(pool, range(4, 7))
    assert sent(pool) == [2, 1, 1]


@pytest.mark.inventory("generic.random")
def test_random_selection_spreads_the_load() -> None:
    pool = BenchedPool(Settings(core=4, max=4, selection="random"))
    borrow(pool, range(2_000))
    assert all(430 <= count <= 570 for count in sent(pool))


def test_by_shard_a_request_goes_to_its_shards_connection_even_if_others_are_idle() -> None:
    pool = BenchedPool(
        Settings(core=4, max=4, shards=4, max_requests=10, high=100, selection="by_shard")
    )
    answers = borrow(pool, range(40))
    shards = Counter(
        pool.world.draw(pool.world.clients[0].shard_lane, request, 0) for request in range(40)
    )
    assert sent(pool) == [min(shards[shard], 10) for shard in range(4)]
    assert answers.count(BUSY) == sum(max(count - 10, 0) for count in shards.values()) > 0


def test_connections_are_dealt_over_the_shards() -> None:
    pool = BenchedPool(Settings(core=5, max=5, shards=3, selection="by_shard"))
    assert [c.shard for c in pool.state.connections] == [0, 1, 2, 0, 1]
    pool.lose(1)
    assert [c.shard for c in pool.state.connections] == [0, 2, 0, 1, 1]


def test_a_shard_without_a_connection_uses_the_least_loaded_one() -> None:
    pool = BenchedPool(Settings(core=1, max=1, shards=8, selection="by_shard"))
    assert set(borrow(pool, range(20))) == {"sent"}


def test_a_retry_goes_to_another_connection() -> None:
    pool = BenchedPool(Settings(core=2, max=2))
    assert pool.borrow(0, avoid=0) == "sent"
    assert sent(pool) == [0, 1]


def test_a_retry_passes_over_a_pool_that_has_no_other_connection() -> None:
    assert BenchedPool(Settings(max=1)).borrow(0, avoid=0) == "skipped"


# Scaling (002:195-228) ----------------------------------------------------------------------------


@pytest.mark.inventory("generic.core")
def test_a_pool_has_its_core_connections() -> None:
    assert len(BenchedPool(Settings()).state.connections) == 1
    assert len(BenchedPool(Settings(core=3)).state.connections) == 3


@pytest.mark.inventory("generic.scale-up")
def test_a_pool_grows_when_all_connections_are_at_their_maximum() -> None:
    pool = BenchedPool(Settings(core=2, max=3, max_requests=10))
    borrow(pool, range(19))
    assert len(pool.state.connections) == 2
    pool.borrow(19)
    assert len(pool.state.connections) == 3
    assert pool.notes("growth") == [("growth", 16)]


@pytest.mark.inventory("generic.scale-up", "generic.max.local")
def test_a_pool_grows_by_one_at_a_time_up_to_max() -> None:
    pool = BenchedPool(Settings(max=3, max_requests=10))
    pool.hold(True)
    borrow(pool, range(15))
    assert pool.state.making == 1
    pool.hold(False)
    borrow(pool, range(15, 60))
    assert len(pool.state.connections) == 3
    assert [c.sent + c.queued for c in pool.state.connections] == [10, 10, 10]
    assert pool.state.making == 0


def test_a_pool_that_rejects_grows_when_all_connections_reject() -> None:
    """From the eighth of ten on, which is sent and reaches the high watermark; what comes before
    the second connection is there is rejected."""
    pool = BenchedPool(Settings(max=2, max_requests=10, policy="reject"))
    pool.hold(True)
    assert borrow(pool, range(7)) == ["sent"] * 7
    assert pool.state.making == 0
    assert pool.borrow(7) == "sent"
    assert pool.state.making == 1
    assert pool.borrow(8) == BUSY
    pool.hold(False)
    assert pool.borrow(9) == "sent"
    assert [c.sent for c in pool.state.connections] == [8, 1]


def test_what_waits_for_a_connection_stays_with_it_when_the_pool_grows() -> None:
    pool = BenchedPool(Settings(max=2, max_requests=10))
    borrow(pool, range(10))
    assert [(c.sent, c.queued) for c in pool.state.connections] == [(8, 2), (0, 0)]


def test_after_a_failure_a_pool_grows_no_more_for_the_first_reconnection_delay() -> None:
    pool = BenchedPool(Settings(max=2, max_requests=10))
    pool.hold(True)
    borrow(pool, range(10))
    pool.refuse()
    pool.wait(999)
    pool.borrow(10)
    assert pool.state.making == 0
    pool.wait(1)
    pool.borrow(11)
    assert pool.state.making == 1


def grown(**settings: int) -> BenchedPool:
    """A pool of core 1 that has two connections, all quiet from second 0.5 on."""
    pool = BenchedPool(Settings(max=2, max_requests=10, **settings))
    pool.wait(500)
    borrow(pool, range(10))
    for request in range(10):
        pool.respond(request)
    assert len(pool.state.connections) == 2
    return pool


@pytest.mark.inventory("generic.scale-down")
def test_a_connection_above_core_that_is_idle_for_longer_than_the_threshold_is_closed() -> None:
    pool = grown(idle_timeout=2_500)
    pool.wait(2_500)
    assert len(pool.state.connections) == 2, "idle for 2,500 ms, which is not longer"
    pool.wait(1_000)
    assert [c.number for c in pool.state.connections] == [1]


@pytest.mark.inventory("generic.scale-down")
def test_idle_connections_of_core_are_kept() -> None:
    pool = grown(idle_timeout=100)
    pool.wait(3_600_000)
    assert len(pool.state.connections) == 1


def test_a_connection_that_is_used_is_not_idle() -> None:
    pool = grown(idle_timeout=2_500)
    pool.borrow(10)
    pool.borrow(11)
    pool.wait(10_000)
    assert len(pool.state.connections) == 2


def test_core_raised_at_runtime_opens_connections() -> None:
    pool = BenchedPool(Settings())
    pool.world.options[0].core = 3
    from poolsim.model.drivers.generic import option_changed

    option_changed(pool.world, 0, 1, pool.now)
    pool.wait(0)
    assert len(pool.state.connections) == 3


@pytest.mark.parametrize(("load", "connections"), [(0, 1), (1024, 1), (1025, 2), (8192, 8)])
def test_a_load_needs_as_many_connections_as_carry_it(load: int, connections: int) -> None:
    from poolsim.model.drivers.generic import needed

    assert needed(BenchedPool(Settings()).world, 0, load) == connections


# Warming (002:510) --------------------------------------------------------------------------------


@pytest.mark.inventory("generic.warming")
def test_a_warm_pool_has_its_connections_when_the_run_begins() -> None:
    pool = BenchedPool(Settings(core=2))
    assert pool.notes("pool_ready") == [("pool_ready", 2)]


def test_at_the_start_all_core_connections_are_asked_for_so_many_at_a_time() -> None:
    pool = BenchedPool(Settings(core=5, warming="at_start", opens=2))
    assert pool.notes("connect_started") == [("connect_started", 0)] * 5
    assert pool.notes("pool_ready") == [("pool_ready", 5)]


def test_on_demand_the_first_request_asks_for_them_and_waits_for_the_first() -> None:
    pool = BenchedPool(Settings(core=3, warming="on_demand"))
    assert pool.state.connections == ()
    pool.hold(True)
    assert pool.borrow(0) == "queued"
    assert pool.state.making == 3
    pool.hold(False)
    assert pool.grants == [(0, 0)]
    assert len(pool.state.connections) == 3


def test_as_many_wait_for_the_first_connection_as_core_connections_take() -> None:
    pool = BenchedPool(Settings(core=2, max=2, max_requests=10, warming="on_demand"))
    pool.hold(True)
    assert borrow(pool, range(21)) == ["queued"] * 20 + [BUSY]
    pool.hold(False)
    assert [(c.sent, c.queued) for c in pool.state.connections] == [(8, 2), (8, 2)]
    assert pool.failures == []


def test_where_the_first_connection_cannot_be_made_the_host_is_down() -> None:
    pool = BenchedPool(Settings(warming="on_demand"))
    pool.hold(True)
    pool.borrow(0)
    pool.refuse()
    assert pool.failures == [(0, "no connection")]
    assert not pool.state.up
    assert pool.borrow(1) == "skipped"


# Reconnection (002:372-388) -----------------------------------------------------------------------


@pytest.mark.inventory("generic.reconnection.schedule", "generic.reconnection.backoff")
def test_reconnection_is_tried_at_once_then_after_1_2_4_up_to_60_seconds() -> None:
    pool = BenchedPool(Settings())
    pool.hold(True)
    pool.lose(0)
    delays = []
    for _ in range(9):
        assert pool.state.reconnecting == 0, "an attempt is under way"
        pool.refuse()
        delays.append(pool.state.reconnecting)
        pool.wait(delays[-1])
    assert delays == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    assert [value for _, value in pool.notes("reconnection_attempt")] == list(range(1, 11))


@pytest.mark.inventory("generic.reconnection.dead", "generic.reconnection.load-balancer")
def test_a_dead_connection_leaves_the_pool_and_the_load_balancer_is_told() -> None:
    pool = BenchedPool(Settings(core=2))
    pool.hold(True)
    pool.lose(0)
    assert [c.number for c in pool.state.connections] == [1]
    assert pool.state.up
    pool.lose(1)
    assert not pool.state.up
    assert pool.world.rotations[0].count == 0
    pool.hold(False)
    assert pool.state.up
    assert pool.world.rotations[0].count == 1


def test_a_pool_with_other_connections_reconnects_too() -> None:
    pool = BenchedPool(Settings(core=2))
    pool.lose(0)
    assert [c.number for c in pool.state.connections] == [1, 2]


def test_connections_above_core_are_not_made_anew() -> None:
    pool = grown()
    pool.lose(0)
    assert [c.number for c in pool.state.connections] == [1]
    assert pool.state.reconnecting == -1


# Connections that break ---------------------------------------------------------------------------


def test_requests_in_flight_on_a_broken_connection_fail() -> None:
    pool = BenchedPool(Settings(core=2))
    borrow(pool, range(3))
    pool.lose(0)
    assert sorted(pool.failures) == [(0, "connection lost"), (2, "connection lost")]


def test_what_waited_for_a_broken_connection_goes_to_another() -> None:
    pool = BenchedPool(Settings(core=2, max=2, max_requests=10, selection="round_robin"))
    borrow(pool, range(18))
    for request in range(1, 18, 2):
        pool.respond(request)
    pool.hold(True)
    pool.lose(0)
    assert pool.grants == [(16, 1)]
    assert (16, "connection lost") not in pool.failures


def test_what_waited_goes_on_to_the_next_host_where_there_is_no_other() -> None:
    pool = BenchedPool(Settings(max=1, max_requests=10))
    borrow(pool, range(10))
    pool.hold(True)
    pool.lose(0)
    assert sorted(pool.failures)[-2:] == [(8, "no connection"), (9, "no connection")]


def test_what_waited_is_rejected_where_the_others_are_full() -> None:
    pool = BenchedPool(Settings(core=2, max=2, max_requests=10))
    borrow(pool, range(20))
    pool.hold(True)
    pool.lose(0)
    assert [error for _, error in pool.failures].count(BUSY) == 2
