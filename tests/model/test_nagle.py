"""What Nagle's algorithm does to requests of a driver without TCP_NODELAY, to the nanosecond."""

from typing import Any

import numpy as np

from poolsim.model.connection.nagle import DELAYED_ACKNOWLEDGEMENT
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.scenario.scenario import Law, Load, Scenario
from tests.model.python_pools import MS, SECOND, Ran, at, fault, run, scenario

DELAY = MS // 4


def ended(ran: Ran) -> list[int]:
    """When each request ended, in the order in which they were issued."""
    order = np.argsort(ran.column("issued_ns"), kind="stable")
    return [ran.column("ended_ns")[i] for i in order]


def of_one_host(load: Load, service: int = MS, **more: Any) -> Scenario:
    return scenario(
        nodes=1,
        replication=1,
        workers=8,
        service=Law("constant", mean_ns=service),
        load=load,
        issue=0,
        duration=SECOND,
        **{"tcp_nodelay": False, **more},
    )


def one_host(times: tuple[int, ...], service: int = MS, **more: Any) -> Ran:
    return run(of_one_host(at(*times), service, **more))


def test_what_is_written_meanwhile_leaves_with_the_next_response() -> None:
    times = (10 * MS, 10 * MS + 100_000, 10 * MS + 200_000, 20 * MS)
    alone = MS + 2 * DELAY
    first, second, third, later = ended(one_host(times))
    assert first == 10 * MS + alone
    assert second == third == first + alone
    assert later == 20 * MS + alone, "an idle connection delays nothing"
    assert ended(one_host(times, tcp_nodelay=True)) == [time + alone for time in times]


def test_the_node_acknowledges_by_itself_after_a_while() -> None:
    service = 100 * MS
    ran = one_host((10 * MS, 15 * MS), service)
    acknowledged = 10 * MS + 2 * DELAY + DELAYED_ACKNOWLEDGEMENT
    assert ended(ran) == [110 * MS + 2 * DELAY, acknowledged + service + 2 * DELAY]
    ran = one_host((10 * MS, 10 * MS + acknowledged), service)
    assert ended(ran)[1] == 10 * MS + acknowledged + service + 2 * DELAY, "nothing is missing then"


def test_a_response_that_left_before_a_request_arrived_does_not_acknowledge_it() -> None:
    # The second and third leave together at 13.5 ms. The second's response lets the fourth go at
    # 17 ms; the third's crosses that at 17.2 ms, so the fifth waits for the fourth's own.
    times = tuple(round(time * MS) for time in (10, 10.1, 10.2, 14, 17.1))
    services = tuple(round(time * MS) for time in (3, 3, 3.2, 10, 1))
    load = Load("trace", times_ns=times, services_ns=services)
    ends = ended(run(of_one_host(load)))
    assert [end / MS for end in ends] == [13.5, 17.0, 17.2, 27.5, 29.0]


def test_requests_that_wait_when_their_connection_breaks_end_once() -> None:
    ran = one_host(
        (10 * MS, 11 * MS, 12 * MS, 600 * MS),
        service=200 * MS,
        faults=(fault("stop", 0, 20 * MS, 100 * MS),),
    )
    assert len(ran.requests) == 4
    assert "ok" not in ran.outcomes()[:3]


def test_a_request_that_timed_out_while_it_waited_is_sent_all_the_same() -> None:
    ran = one_host((10 * MS, 11 * MS, 500 * MS), service=100 * MS, request_timeout=20 * MS)
    assert ran.outcomes() == ["client_timeout"] * 3
    (sample,) = [table for time, table in ran.samples if time == 900 * MS]
    state = dict(zip(SAMPLE_COLUMNS, sample[0].tolist(), strict=True))
    assert state["active"] == 1
    assert state["sent"] == 3
    assert state["orphaned"] == 0, "the late responses of all three came"
