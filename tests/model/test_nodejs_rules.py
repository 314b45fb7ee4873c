"""What the Node.js driver's pools do in whole scenarios, with the numbers of its source."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from poolsim.fidelity.nodejs_bench import NodejsBench
from poolsim.model.records import GRANTED
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.scenario.scenario import Reconnection
from tests.model.nodejs_scenarios import MS, ROUND_ROBIN, SECOND, at, scenario
from tests.model.python_pools import Ran, run


def times(ran: Ran, name: str, node: int | None = None) -> list[int]:
    return [time for time, _, where, _ in ran.noted(name) if node is None or where == node]


# Sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "core"), [("v2", 2), ("v4", 1)])
def test_load_does_not_grow_a_pool(protocol: str, core: int) -> None:
    ran = run(scenario(load="{closed: {window: 200}}", duration="5s", nodes=1, protocol=protocol))
    assert len(times(ran, "opened")) == core
    assert ran.samples[-1][1][0][0] == core


def test_a_host_without_room_refuses_and_nothing_waits() -> None:
    options = "{pooling: {max_requests: 10}}"
    together = at(*["1s"] * 25)
    ran = run(scenario(options, load=together, nodes=2, duration="3s"))
    assert Counter(ran.outcomes()) == {"ok": 20, "no_host_available": 5}
    assert set(ran.column("wait_ns")) == {0}


def test_two_connections_take_turns_and_the_lighter_of_neighbours_is_taken() -> None:
    bench = NodejsBench(3, 100)
    taken = []
    for request in range(6):
        answer, outcome = bench.borrow(request, 0)
        assert answer == GRANTED
        taken.append(bench.world.connections[outcome.picked].serial)
    # The counter begins with 1; neighbours are compared, a tie is the first one's.
    assert taken == [1, 2, 0, 1, 2, 0]
    bench.release(2, 0)
    bench.release(5, 0)  # 0 is idle, 1 and 2 have two each
    _, outcome = bench.borrow(6, 0)  # the counter is 7: connection 1, compared with 2
    assert bench.world.connections[outcome.picked].serial == 1
    _, outcome = bench.borrow(7, 0)  # 8: connection 2, compared with 0
    assert bench.world.connections[outcome.picked].serial == 0


def test_the_counter_is_the_process_s_and_starts_again_at_two_to_the_fifteenth() -> None:
    bench = NodejsBench(2, 100)
    bench.session.connection_index = (1 << 15) - 2
    bench.borrow(0, 0)
    assert bench.session.connection_index == (1 << 15) - 1
    bench.borrow(1, 0)
    assert bench.session.connection_index == 0


# Stream ids ---------------------------------------------------------------------------------------


def test_above_the_stream_ids_requests_wait_at_their_connection_and_none_is_refused() -> None:
    options = "{pooling: {local: {core: 1}, max_requests: 300}}"
    together = at(*["1s"] * 200)
    ran = run(
        scenario(options, load=together, nodes=1, protocol="v2", duration="4s", service="100ms")
    )
    assert Counter(ran.outcomes()) == {"ok": 200}
    waits = Counter(round(wait / MS) for wait in ran.column("wait_ns"))
    assert waits == {0: 128, 100: 72}  # the round trip of half a millisecond rounds down


def test_a_request_times_out_while_it_waits_and_counts_for_ever() -> None:
    """72 requests that wait for ids time out with the 128 that have them; the responses of those
    take 128 off the count, and the connection is closed at the 65th timeout as ever."""
    options = "{pooling: {local: {core: 1}, max_requests: 300}, read_timeout: 1s"
    together = at(*["1s"] * 200)
    slow = {"load": together, "nodes": 1, "protocol": "v2", "service": "3s", "duration": "9s"}
    ran = run(scenario(options + ", defunct_read_timeout_threshold: 150}", **slow))  # type: ignore[arg-type]
    assert Counter(ran.outcomes()) == {"client_timeout": 200}
    assert [value for *_, value in ran.noted("replaced")] == [151]
    ran = run(scenario(options + ", defunct_read_timeout_threshold: 250}", **slow))  # type: ignore[arg-type]
    assert ran.noted("replaced") == []
    assert ran.samples[-1][1][0][3] == 0, "late responses have given all ids back"


# Timeouts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("requests", "replaced"), [(64, []), (65, [65]), (80, [65])])
def test_a_connection_with_more_than_64_timeouts_is_closed(
    requests: int, replaced: list[int]
) -> None:
    one_by_one = at(*[f"{1000 + k}ms" for k in range(requests)])
    ran = run(scenario("{read_timeout: 2s}", load=one_by_one, nodes=1, service="30s"))
    assert [value for *_, value in ran.noted("replaced")] == replaced
    outcomes = Counter(ran.outcomes())
    if not replaced:
        assert outcomes == {"client_timeout": requests}
        return
    # What was in flight beyond the 65th fails with its socket.
    assert outcomes["client_timeout"] == 65
    assert outcomes["connection_error"] == requests - 65
    (closed,) = times(ran, "closed")
    assert closed == times(ran, "replaced")[0] == times(ran, "host_down")[0]
    assert 3 * SECOND + 64 * MS <= closed <= 3 * SECOND + 66 * MS
    # There is no other host, so the control connection asks the contact point at once: TCP, STARTUP
    # and USE later its connection is the host's. The abandoned pool tries after its first delay.
    assert times(ran, "host_up") == [closed + 3 * MS // 2]
    assert times(ran, "reconnection_attempt") == []
    tried = times(ran, "connect_started")[-1]
    assert 1.0 <= (tried - closed) / SECOND <= 1.151


def test_a_pool_that_lost_its_only_connection_waits_for_the_first_delay() -> None:
    one_by_one = at(*[f"{1000 + k}ms" for k in range(130)])
    options = "{read_timeout: 2s, " + ROUND_ROBIN + "}"
    ran = run(scenario(options, load=one_by_one, nodes=2, service="30s", duration="30s"))
    node = ran.noted("replaced")[0][2]  # the control connection goes to the other one
    (down,), (again,) = times(ran, "host_down", node), times(ran, "reconnection_attempt", node)
    assert 1.0 <= (again - down) / SECOND <= 1.151
    assert times(ran, "host_up", node) == [again + 3 * MS // 2]


def test_timeouts_of_one_instant_all_time_out_before_the_close() -> None:
    together = at(*["1s"] * 100)
    ran = run(scenario("{read_timeout: 2s}", load=together, nodes=1, service="30s"))
    assert Counter(ran.outcomes()) == {"client_timeout": 100}
    assert len(times(ran, "replaced")) == len(times(ran, "closed")) == 1


def test_responses_that_come_late_are_no_longer_counted() -> None:
    """40 time out and are answered, then 40 more: never more than 64 unanswered."""
    first = [f"{1000 + k}ms" for k in range(40)]
    second = [f"{6000 + k}ms" for k in range(40)]
    ran = run(scenario("{read_timeout: 1s}", load=at(*first, *second), nodes=1, service="3s"))
    assert Counter(ran.outcomes()) == {"client_timeout": 80}
    assert ran.noted("replaced") == []


def test_only_idempotent_requests_go_to_the_next_host() -> None:
    options = "{read_timeout: 1s, " + ROUND_ROBIN + "}"
    load = at("1s", "1.1s", "1.2s", "1.3s")
    frozen = "[{at: 0.5s, for: 10s, node: dc1/1, kind: pause}]"
    for idempotent, outcomes in ((False, {"ok": 2, "client_timeout": 2}), (True, {"ok": 4})):
        ran = run(scenario(options, load=load, nodes=2, faults=frozen, idempotent=idempotent))
        assert Counter(ran.outcomes()) == outcomes


# Coming and going ---------------------------------------------------------------------------------


def test_a_pool_comes_back_one_connection_after_another() -> None:
    ran = run(
        scenario(
            "{pooling: {local: {core: 4}}, reconnection: {constant: {delay: 1s}}, keyspace: false}",
            duration="30s",
            nodes=2,
            faults="[{at: 10s, for: 5.5s, node: dc1/2, kind: stop}]",
        )
    )
    (down,) = times(ran, "host_down", 1)
    (up,) = times(ran, "host_up", 1)
    attempts = times(ran, "reconnection_attempt", 1)
    # Each delay counts from the failure before, and a refusal takes a round trip of 0.5 ms.
    assert attempts == [down + k * SECOND + (k - 1) * MS // 2 for k in range(1, len(attempts) + 1)]
    opened = [time for time in times(ran, "opened", 1) if time > 0]
    # Two round trips for TCP and STARTUP, and a timer of 1 ms before each but the first.
    assert up == opened[0] == attempts[-1] + MS
    assert [after - before for before, after in itertools.pairwise(opened)] == [2 * MS] * 3


def test_the_server_s_event_is_acted_on_a_second_later() -> None:
    ran = run(
        scenario(
            "{reconnection: {constant: {delay: 60s}}}",
            duration="30s",
            faults="[{at: 10s, for: 5s, node: dc1/2, kind: stop}]",
        )
    )
    (acted,) = times(ran, "status_up")
    assert acted == 15 * SECOND + 350 * MS + SECOND
    assert [node for _, _, node, _ in ran.noted("host_up")] == [1]


def test_of_two_events_within_a_second_the_first_is_lost() -> None:
    ran = run(
        scenario(
            "{reconnection: {constant: {delay: 600s}}}",
            duration="40s",
            nodes=4,
            faults="[{at: 10s, for: 5s, node: dc1/2, kind: stop},"
            " {at: 10s, for: 5.6s, node: dc1/3, kind: stop},"
            " {at: 10s, for: 9s, node: dc1/4, kind: stop}]",
        )
    )
    assert [node for _, _, node, _ in ran.noted("status_up")] == [2, 3]


def test_losses_that_never_empty_a_pool_wait_longer_and_longer() -> None:
    schedule = Reconnection("exponential", SECOND, 600 * SECOND)
    bench = NodejsBench(2, 100, reconnection=schedule, jitter_parts=0)
    bench.come_to_timer(0)  # of the warm-up, with nothing left to do
    now = SECOND
    waited = []
    for _ in range(5):
        bench.lose(bench.slot(bench.active()[0]), now)
        waited.append((bench.pool.timer_at - now) // MS)
        now = bench.pool.timer_at
        bench.come_to_timer(now)
        assert bench.pool.active == 2
    # The least of the jitter: all of base, 85 % of the others.
    assert waited == [1_000, 1_700, 3_400, 6_800, 13_600]
    for connection in list(bench.active()):
        bench.lose(bench.slot(connection), now)
    assert bench.host.up == 0
    bench.come_to_timer(0)
    assert bench.host.up == 1
    assert bench.host.reconnect_attempt == 0, "a host that comes up has a new schedule"


def test_a_host_that_is_down_leaves_its_share_to_the_next_in_the_list() -> None:
    options = "{" + ROUND_ROBIN + ", reconnection: {constant: {delay: 600s}}}"
    ran = run(scenario(options, duration="31s", faults="[{at: 0.5s, node: dc1/2, kind: stop}]"))
    node = REQUEST_COLUMNS.index("node")
    intended = REQUEST_COLUMNS.index("intended_ns")
    rows = ran.requests[ran.requests[:, intended] >= SECOND]
    assert Counter(int(value) for value in rows[:, node]) == {0: 1000, 2: 2000}


def test_a_silent_connection_is_found_after_the_interval_and_the_timeout() -> None:
    ran = run(
        scenario(
            "{" + ROUND_ROBIN + "}",
            load=at("1s", "1.1s", "1.2s"),
            duration="60s",
            faults="[{at: 2s, node: dc1/2, kind: pause}]",
        )
    )
    (failed,) = times(ran, "heartbeat_failed")
    written = 1.1 * SECOND
    assert abs(failed - written - 42 * SECOND) <= 101 * MS


def test_a_frozen_node_holds_a_handshake_for_the_read_timeout() -> None:
    ran = run(
        scenario(
            "{read_timeout: 3s, pooling: {heartbeat_interval: 1s}, "
            "reconnection: {constant: {delay: 1s}}}",
            nodes=2,
            faults="[{at: 10s, for: 30s, node: dc1/2, kind: pause}]",
        )
    )
    started = [time for time in times(ran, "connect_started", 1) if time > 0]
    failed = times(ran, "connect_failed", 1)
    # TCP, which the kernel completes, then STARTUP, with the timeout of a message.
    assert all(
        abs(end - begin - 3 * SECOND - MS // 2) <= MS
        for begin, end in zip(started, failed, strict=False)
    )
    assert len(failed) > 3


def test_without_warm_up_pools_are_empty_but_for_one_connection() -> None:
    options = "{pooling: {warmup: false, local: {core: 2}}, keyspace: false, " + ROUND_ROBIN + "}"
    ran = run(scenario(options, load=at("0s", "0s", "0s", "10ms"), duration="2s", nodes=3))
    assert [time for time in times(ran, "opened")].count(0) == 1
    # The first after the timer of 1 ms and two round trips, the second as much later.
    later = sorted(time for time in times(ran, "opened") if time > 0)
    assert later == [2 * MS] * 3 + [4 * MS] * 2
    assert ran.outcomes() == ["ok"] * 4
    attempts = ran.column("attempts")
    assert max(attempts) > 1, "hosts without a connection were tried"


def test_a_core_of_0_leaves_the_control_connection_s() -> None:
    ran = run(scenario("{pooling: {local: {core: 0}}, " + ROUND_ROBIN + "}", duration="5s"))
    assert len(times(ran, "opened")) == 1
    assert set(ran.outcomes()) == {"ok"}
    assert len(set(ran.column("node"))) == 1


# The control connection ---------------------------------------------------------------------------


def test_the_control_connection_is_a_pool_s_and_moves_when_its_host_goes_down() -> None:
    ran = run(
        scenario(
            duration="20s",
            faults="[{at: 5s, for: 5s, node: dc1/1, kind: stop},"
            " {at: 12s, for: 5s, node: dc1/2, kind: stop},"
            " {at: 18s, for: 1s, node: dc1/3, kind: stop}]",
        )
    )
    assert len(times(ran, "opened")) == 3 + len(times(ran, "host_up"))
    lost = ran.noted("control_lost")
    found = ran.noted("control_connected")
    assert found[0][0] == 0
    assert len(lost) >= 1
    for (left, _, node, _), (taken, _, other, _) in zip(lost, found[1:], strict=True):
        assert left == taken
        assert node != other


def test_nobody_notices_that_the_driver_has_closed_the_control_connection() -> None:
    """Two connections that take turns; the first, which the control connection is, has the 65th
    timeout of its own: the host stays up, no status event is heard from then on."""
    once = [f"{1000 + k}ms" for k in range(130)]
    services = ["1ms", *["30s"] * 129]
    load = f"{{trace: {{times: [{', '.join(once)}], services: [{', '.join(services)}]}}}}"
    ran = run(
        scenario(
            "{pooling: {local: {core: 2}}, read_timeout: 1s, " + ROUND_ROBIN + "}",
            load=load,
            nodes=1,
            duration="20s",
            faults="[{at: 15s, for: 1s, node: dc1/1, kind: pause}]",
        )
    )
    (lost,) = times(ran, "control_lost")
    assert lost in times(ran, "closed")
    assert len(times(ran, "control_connected")) == 1
    assert times(ran, "host_down") == []
    assert times(ran, "status_up") == []


def test_a_pool_is_abandoned_when_the_control_connection_comes_by_a_contact_point() -> None:
    """As the real driver did it on one node that was restarted again and again: the connections of
    the old pool stay, the new one's is the control connection alone, until it loses one."""
    ran = run(
        scenario(
            "{pooling: {local: {core: 2}}, reconnection: {constant: {delay: 300ms}}}",
            nodes=1,
            duration="20s",
            faults="[{at: 5s, for: 750ms, node: dc1/1, kind: stop},"
            " {at: 12s, for: 750ms, node: dc1/1, kind: stop}]",
        )
    )
    pools = dict(ran.samples)
    active, trashed = 0, 1
    assert list(pools[4 * SECOND][0][:2]) == [2, 0]
    after_first, after_second = pools[11 * SECOND][0], pools[19 * SECOND][0]
    assert (after_first[active], after_first[trashed]) == (1, 2)
    assert after_second[trashed] >= 2
    assert after_second[active] + after_second[trashed] >= 4
    assert set(ran.outcomes()) >= {"ok"}
