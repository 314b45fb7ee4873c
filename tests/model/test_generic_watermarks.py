"""The watermarks of the generic driver, each transition with its exact numbers (002:151-162,
302-328; what the issue says where the document is silent)."""

from __future__ import annotations

import pytest

from poolsim.model.kinds import BUSY_CONNECTION, ERROR_NAMES
from tests.model.generic_pools import BenchedPool, Settings

BUSY = ERROR_NAMES[BUSY_CONNECTION]
ONE = Settings(max=1)
"""A single connection with the document's numbers: 1,024, 80 %, 50 %."""


def borrow(pool: BenchedPool, requests: range) -> list[str]:
    return [pool.borrow(request) for request in requests]


def respond(pool: BenchedPool, requests: range) -> None:
    for request in requests:
        pool.respond(request)


def sent_and_queued(pool: BenchedPool) -> tuple[int, int]:
    (connection,) = pool.state.connections
    return connection.sent + connection.orphans, connection.queued


@pytest.mark.inventory("generic.backpressure.send", "generic.high-watermark")
def test_below_the_high_watermark_everything_is_sent() -> None:
    """80 % of 1,024 are 819.2: the 820th request finds 819 in flight, which is below it, is sent,
    and reaches it."""
    pool = BenchedPool(ONE)
    assert set(borrow(pool, range(819))) == {"sent"}
    assert pool.notes("high_watermark") == []
    assert pool.borrow(819) == "sent"
    assert sent_and_queued(pool) == (820, 0)
    assert pool.notes("high_watermark") == [("high_watermark", 820)]


@pytest.mark.inventory("generic.high-watermark", "generic.backpressure")
@pytest.mark.parametrize(("policy", "answer"), [("queue", "queued"), ("reject", BUSY)])
def test_reached_is_reached_though_one_is_answered_before_the_next_request(
    policy: str, answer: str
) -> None:
    """ "When the high watermark is reached, new requests are queued or rejected until" (002:162):
    819 in flight are below it, and are not yet down at 512."""
    pool = BenchedPool(Settings(max=1, policy=policy))
    borrow(pool, range(820))
    pool.respond(0)
    assert pool.borrow(820) == answer
    assert sent_and_queued(pool) == (819, int(policy == "queue"))
    respond(pool, range(1, 307))
    assert sent_and_queued(pool) == (513, int(policy == "queue"))
    assert pool.borrow(821) == answer
    pool.respond(307)
    assert pool.notes("low_watermark") == [("low_watermark", 512)]
    assert pool.borrow(822) == "sent"
    assert sent_and_queued(pool) == (515 if policy == "queue" else 513, 0)


@pytest.mark.inventory("generic.high-watermark", "generic.backpressure.queue")
def test_the_request_that_finds_the_high_watermark_reached_is_queued() -> None:
    pool = BenchedPool(ONE)
    borrow(pool, range(820))
    assert pool.borrow(820) == "queued"
    assert sent_and_queued(pool) == (820, 1)
    assert pool.notes("high_watermark") == [("high_watermark", 820)]


@pytest.mark.inventory(
    "generic.max-requests", "generic.backpressure.queue", "generic.backpressure.reject"
)
def test_queued_requests_are_in_flight_and_the_1025th_is_rejected() -> None:
    pool = BenchedPool(ONE)
    assert borrow(pool, range(1024)) == ["sent"] * 820 + ["queued"] * 204
    assert sent_and_queued(pool) == (820, 204)
    assert pool.borrow(1024) == BUSY
    assert pool.state.rejected == 1
    assert pool.notes("queue_full") == [("queue_full", 1024)]


@pytest.mark.inventory("generic.signal.queue-full")
def test_the_queue_is_full_once_until_there_is_room_again() -> None:
    pool = BenchedPool(ONE)
    borrow(pool, range(1027))
    assert pool.state.rejected == 3
    assert pool.notes("queue_full") == [("queue_full", 1024)]
    pool.respond(0)
    assert borrow(pool, range(1027, 1029)) == ["queued", BUSY]
    assert pool.notes("queue_full") == [("queue_full", 1024)] * 2


@pytest.mark.inventory("generic.backpressure")
def test_between_the_watermarks_what_comes_is_queued_though_less_is_sent() -> None:
    pool = BenchedPool(ONE)
    borrow(pool, range(821))
    respond(pool, range(307))
    assert sent_and_queued(pool) == (513, 1)
    assert pool.borrow(821) == "queued"
    assert pool.grants == []
    assert pool.notes("low_watermark") == []


@pytest.mark.inventory("generic.low-watermark", "generic.backpressure")
def test_at_the_low_watermark_all_that_waits_is_sent() -> None:
    """50 % of 1,024 are 512: when 512 of those sent are left, the 204 that wait follow."""
    pool = BenchedPool(ONE)
    borrow(pool, range(1024))
    respond(pool, range(307))
    assert sent_and_queued(pool) == (513, 204)
    pool.respond(307)
    assert pool.notes("low_watermark") == [("low_watermark", 512)]
    assert sent_and_queued(pool) == (716, 0)
    assert [request for request, _ in sorted(pool.grants)] == list(range(820, 1024))
    assert pool.borrow(1024) == "sent"


def test_the_high_watermark_can_be_reached_again() -> None:
    pool = BenchedPool(ONE)
    borrow(pool, range(821))
    respond(pool, range(308))
    assert sent_and_queued(pool) == (513, 0)
    assert set(borrow(pool, range(821, 821 + 307))) == {"sent"}
    assert pool.borrow(2000) == "queued"
    assert pool.notes("high_watermark") == [("high_watermark", 820)] * 2


def test_what_waits_is_sent_up_to_the_high_watermark_only() -> None:
    """Of ten the high watermark is 5 and the low one 4: five wait, and one is sent at a time."""
    pool = BenchedPool(Settings(max=1, max_requests=10, high=50, low=40))
    assert borrow(pool, range(10)) == ["sent"] * 5 + ["queued"] * 5
    pool.respond(0)
    assert pool.grants == [(5, 0)]
    assert sent_and_queued(pool) == (5, 4)
    assert pool.notes("high_watermark", "low_watermark") == [
        ("high_watermark", 5),
        ("low_watermark", 4),
        ("high_watermark", 9),
    ]


@pytest.mark.inventory("generic.backpressure")
def test_policy_reject_rejects_from_the_high_watermark_to_the_low_one() -> None:
    pool = BenchedPool(Settings(max=1, policy="reject"))
    assert borrow(pool, range(822)) == ["sent"] * 820 + [BUSY] * 2
    respond(pool, range(307))
    assert pool.borrow(822) == BUSY
    assert sent_and_queued(pool) == (513, 0)
    pool.respond(307)
    assert pool.borrow(823) == "sent"
    assert sent_and_queued(pool) == (513, 0)
    assert pool.notes("queue_full") == []


@pytest.mark.inventory("generic.max-requests")
@pytest.mark.parametrize("policy", ["queue", "reject"])
@pytest.mark.parametrize("low", [50, 100])
def test_without_watermarks_everything_is_sent_up_to_the_maximum(policy: str, low: int) -> None:
    """A high one of 100 % is none, whatever the policy and the low one: 1,024 are sent, and the
    next when one of them was answered."""
    pool = BenchedPool(Settings(max=1, high=100, low=low, policy=policy))
    assert borrow(pool, range(1025)) == ["sent"] * 1024 + [BUSY]
    assert pool.notes("high_watermark", "queue_full") == [("queue_full", 1024)]
    pool.respond(0)
    assert pool.borrow(2000) == "sent"


@pytest.mark.inventory("generic.backpressure")
def test_under_reject_a_pool_comes_to_its_maximum_only_by_what_could_not_be_sent() -> None:
    """Without pipelining one is sent and others wait: from 8 of 10 on they are rejected, and none
    is told that the connection is full."""
    pool = BenchedPool(Settings(max=1, max_requests=10, policy="reject", pipelining=False))
    assert borrow(pool, range(10)) == ["sent"] + ["queued"] * 7 + [BUSY] * 2
    assert pool.notes("high_watermark", "queue_full") == [("high_watermark", 8)]


@pytest.mark.parametrize(
    ("most", "high", "first_queued"),
    [(1024, 80, 820), (2048, 80, 1639), (10, 80, 8), (3, 50, 2), (1, 50, None)],
)
def test_shares_of_the_maximum_are_not_rounded(
    most: int, high: int, first_queued: int | None
) -> None:
    pool = BenchedPool(Settings(max=1, max_requests=most, high=high, low=0))
    answers = borrow(pool, range(most))
    assert answers.index("queued") == first_queued if first_queued else "queued" not in answers


def test_requests_that_timed_out_stay_in_flight_until_their_responses() -> None:
    pool = BenchedPool(Settings(max=1, max_requests=10))
    borrow(pool, range(9))
    for request in range(8):
        pool.time_out(request)
    assert sent_and_queued(pool) == (8, 1)
    assert pool.notes("low_watermark") == []
    respond(pool, range(3))
    assert pool.grants == [(8, 0)]
    assert sent_and_queued(pool) == (6, 0)


def test_a_request_waits_for_the_queue_timeout_and_gives_up_its_place() -> None:
    pool = BenchedPool(Settings(max=1, max_requests=10, queue_timeout=500))
    borrow(pool, range(10))
    pool.wait(499)
    assert pool.failures == []
    pool.wait(1)
    assert [request for request, _ in pool.failures] == [8, 9]
    assert sent_and_queued(pool) == (8, 0)
    assert pool.borrow(10) == "queued"


def test_a_queue_timeout_of_nothing_is_none() -> None:
    pool = BenchedPool(Settings(max=1, max_requests=10, queue_timeout=0))
    borrow(pool, range(10))
    pool.wait(3_600_000)
    assert sent_and_queued(pool) == (8, 2)


def test_each_connection_has_watermarks_of_its_own() -> None:
    """ "This prevents overwhelming individual connections" (002:162)."""
    pool = BenchedPool(Settings(core=2, max=2, max_requests=10, selection="round_robin"))
    borrow(pool, range(16))
    for request in range(1, 16, 2):
        pool.respond(request)
    assert [pool.borrow(request) for request in range(16, 20)] == ["queued", "sent"] * 2
    assert [c.pressed for c in pool.state.connections] == [True, False]


def test_who_gives_up_waiting_leaves_the_connection_under_pressure() -> None:
    """Eight of ten were sent and two wait, until their time is over: what counts for the low
    watermark is what was sent, and it is 8 as before."""
    pool = BenchedPool(Settings(max=1, max_requests=10, queue_timeout=500))
    borrow(pool, range(10))
    pool.wait(500)
    assert [request for request, _ in pool.failures] == [8, 9]
    assert pool.notes("low_watermark") == []
    respond(pool, range(2))
    assert pool.borrow(10) == "queued"
    assert sent_and_queued(pool) == (6, 1)
    pool.respond(2)
    assert pool.grants == [(10, 0)]
    assert pool.notes("low_watermark") == [("low_watermark", 5)]


def test_a_connection_that_breaks_under_pressure_leaves_none_behind() -> None:
    """Its eight fail, the two that waited go on, and the connection in its place sends at once."""
    pool = BenchedPool(Settings(max=1, max_requests=10))
    borrow(pool, range(10))
    pool.lose(0)
    assert len(pool.failures) == 10
    (new,) = pool.state.connections
    assert (new.number, new.sent, new.pressed) == (1, 0, False)
    assert pool.borrow(10) == "sent"


def test_what_waited_for_a_broken_connection_reaches_the_watermark_of_another() -> None:
    """Seven are sent there: one of the two that come is sent and reaches it, the other waits."""
    pool = BenchedPool(Settings(core=2, max=2, max_requests=10, selection="round_robin"))
    borrow(pool, range(20))
    for request in (1, 3, 5):
        pool.respond(request)
    assert [c.sent + c.queued for c in pool.state.connections] == [10, 7]
    assert [c.pressed for c in pool.state.connections] == [True, False]
    pool.lose(0)
    other = next(c for c in pool.state.connections if c.number == 1)
    assert (other.sent, other.queued, other.pressed) == (8, 1, True)
    assert pool.state.queue == ((18, 1),)
