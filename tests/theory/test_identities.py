"""What holds exactly in every run, not on average: populations, waits, reconnection delays."""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush

import numpy as np
import pytest

from poolsim.engine.draws import Draws
from poolsim.engine.run import simulate
from poolsim.fidelity.theory import reconnection_delay_ns, reconnection_sum_ns
from poolsim.model.kinds import (
    HOST_DOWN,
    HOST_UP,
    NODE_STOPPED,
    RECONNECTION_ATTEMPT,
    RECONNECTION_FAILED,
)
from poolsim.model.laws.arrivals import arrival_times
from poolsim.model.laws.durations import quantile_ns
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.scenario.scenario import Fault, Reconnection, Scenario
from tests.engine.kept import Kept, Table
from tests.theory.cases import EXPONENTIAL, MILLISECOND, NUMBER, SECOND, poisson, scenario

ISSUED = REQUEST_COLUMNS.index("issued_ns")
WAIT = REQUEST_COLUMNS.index("wait_ns")
ENDED = REQUEST_COLUMNS.index("ended_ns")
IN_FLIGHT = SAMPLE_COLUMNS.index("in_flight")
PENDING = SAMPLE_COLUMNS.index("pending")
NODE = NOTE_COLUMNS.index("node")
VALUE = NOTE_COLUMNS.index("value")


# Little's law -------------------------------------------------------------------------------------


def test_the_pools_population_is_that_of_the_requests_own_times() -> None:
    """Little's law instant by instant: what the pool counts is what the rows say was there.

    The integral over both sides is Little's law as an integer identity, which the engine's own
    invariants check in every run of the other tests.
    """
    duration_ns = 4 * SECOND
    pool = scenario(poisson(2.7), streams=3, delay_ns=MILLISECOND // 5)
    recorder = Kept(interval_ns=MILLISECOND + 7)
    simulate(replace(pool, seed=11, duration_ns=duration_ns), 0, recorder)
    rows = recorder.request_rows()
    granted = rows[:, ISSUED] + rows[:, WAIT]
    waited = 0
    ended_by_then = rows[-1, ENDED] - SECOND
    for time, table in recorder.samples:
        if time > ended_by_then:
            break  # those that have not ended have no row
        waiting = int(np.sum((rows[:, ISSUED] <= time) & (granted > time)))
        served = int(np.sum((granted <= time) & (rows[:, ENDED] > time)))
        assert (table[0, PENDING], table[0, IN_FLIGHT]) == (waiting, served)
        waited += waiting > 0
    assert waited > 100


@pytest.mark.parametrize("pooled", [False, True])
def test_every_wait_is_that_of_the_recursion(pooled: bool) -> None:
    """The n-th request is served by the server that is free first (Kiefer and Wolfowitz), on the
    same draws: at a node of 3 workers, or by a pool of 3 connections of one stream."""
    load = poisson(2.4)
    if pooled:
        queue = scenario(load, streams=1, connections=3)
    else:
        queue = scenario(load, workers=3)
    recorder = Kept(interval_ns=SECOND)
    simulate(replace(queue, seed=5, duration_ns=2 * SECOND), 1, recorder)
    rows = recorder.request_rows()
    rows = rows[np.argsort(rows[:, NUMBER])]

    draws = Draws(5, 1)
    arrivals = draws.add_sequential("arrivals/client", arrival_times(load, 2 * SECOND))
    services = draws.add("service/client", quantile_ns(EXPONENTIAL))
    free_at = [0, 0, 0]
    for number, row in enumerate(rows[:4000]):
        assert row[NUMBER] == number
        arrival = draws.at(arrivals, number, 0)
        begin = max(arrival, heappop(free_at))
        end = begin + draws.at(services, number, 0)
        heappush(free_at, end)
        wait = begin - arrival if pooled else 0
        assert (row[ISSUED], row[WAIT], row[ENDED]) == (arrival, wait, end)


# Reconnection -------------------------------------------------------------------------------------


def stopped_node(base_ns: int, max_ns: int, delay_ns: int, stop_for_ns: int) -> Scenario:
    """Three nodes, the second of which stops after 5 s; nobody tells the driver when it is back."""
    quiet = scenario(poisson(0.05), workers=8, delay_ns=delay_ns)
    (client,) = quiet.clients
    options = replace(client.options, reconnection=Reconnection("exponential", base_ns, max_ns))
    return replace(
        quiet,
        seed=3,
        duration_ns=5 * SECOND + 2 * stop_for_ns,
        datacenters=(replace(quiet.datacenters[0], nodes=3),),
        clients=(replace(client, options=options),),
        faults=(Fault(5 * SECOND, stop_for_ns, 1, "dc1/2", "stop"),),
    )


@pytest.mark.parametrize(
    ("base_ns", "max_ns", "delay_ns", "stop_for_ns"),
    [
        (SECOND, 60 * SECOND, MILLISECOND // 4, 300 * SECOND),
        (SECOND, 600 * SECOND, 0, 400 * SECOND),
        (300 * MILLISECOND, 10 * SECOND, 40 * MILLISECOND, 120 * SECOND),
    ],
)
def test_reconnection_attempts_come_at_the_sums_of_the_delays(
    base_ns: int, max_ns: int, delay_ns: int, stop_for_ns: int
) -> None:
    """Attempt k comes min(base 2^i, max) summed over i < k after the host went down, later by a
    round trip for each attempt that was refused before it."""
    recorder = Kept(interval_ns=1000 * SECOND)
    simulate(stopped_node(base_ns, max_ns, delay_ns, stop_for_ns), 0, recorder)

    def of_kind(kind: int) -> Table:
        rows = recorder.note_rows(kind)
        return rows[rows[:, NODE] == 1]

    (stopped,) = of_kind(NODE_STOPPED)[:, 0]
    (down,) = of_kind(HOST_DOWN)[:, 0]
    assert stopped == 5 * SECOND
    assert down == stopped + delay_ns  # the close of the last connection has arrived
    attempts = of_kind(RECONNECTION_ATTEMPT)
    count = len(attempts)
    expected = [
        down + reconnection_sum_ns(base_ns, max_ns, k + 1) + k * 2 * delay_ns for k in range(count)
    ]
    assert attempts[:, 0].tolist() == expected
    assert attempts[:, VALUE].tolist() == list(range(1, count + 1))
    # The first attempt that reaches the node after its return succeeds, and no other follows.
    reach = np.array(expected) + delay_ns
    assert count == int(np.sum(reach < stopped + stop_for_ns)) + 1
    assert count > 6
    failed = of_kind(RECONNECTION_FAILED)
    assert failed[:, 0].tolist() == [time + 2 * delay_ns for time in expected[:-1]]
    assert failed[:, VALUE].tolist() == [
        reconnection_delay_ns(base_ns, max_ns, k) for k in range(1, count)
    ]
    # TCP, STARTUP and the cluster's name take a round trip each.
    assert of_kind(HOST_UP)[:, 0].tolist() == [expected[-1] + 6 * delay_ns]
