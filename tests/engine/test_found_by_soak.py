"""What random scenarios have found, each as the smallest run that showed it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poolsim.engine.run import simulate
from poolsim.fidelity.soak.trial import attempt
from poolsim.model.kinds import CONNECTION_ERROR, HOST_UP, OK
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.scenario import (
    Client,
    Datacenter,
    Fault,
    Law,
    Load,
    Node,
    Options,
    Pooling,
    Reconnection,
    Replications,
    Scenario,
    Wrapper,
)
from tests.engine.kept import Kept

MILLISECOND = 1_000_000
SECOND = 1_000_000_000

OUTCOME, ISSUED, ENDED, SERVICE = (
    REQUEST_COLUMNS.index(name) for name in ("outcome", "issued_ns", "ended_ns", "service_ns")
)


def one_node(
    driver: str, protocol: int, faults: tuple[Fault, ...] = (), delay_ns: int = MILLISECOND
) -> Scenario:
    """A minute of ten requests a second on one node, with the driver's own options."""
    client = Client(
        name="api",
        instances=1,
        datacenter="dc1",
        driver=driver,
        protocol=protocol,
        idempotent=0.0,
        options=DRIVERS[driver].defaults(protocol),
        issue_ns=10_000,
        per_request_ns=0,
        io_threads=1,
        load=Load("uniform", rate=10.0),
        max_concurrent=0,
    )
    return Scenario(
        name="found",
        question="",
        seed=1,
        duration_ns=60 * SECOND,
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=(Datacenter("dc1", 1, 1, 1, delay_ns),),
        node=Node(32, Law("constant", mean_ns=20 * MILLISECOND)),
        clients=(client,),
        faults=faults,
    )


def fault(kind: str, at_s: float, for_s: float) -> Fault:
    return Fault(round(at_s * SECOND), round(for_s * SECOND), 0, "dc1/1", kind)


def with_options(scenario: Scenario, **options: object) -> Scenario:
    (client,) = scenario.clients
    changed: Options = replace(client.options, **options)  # type: ignore[arg-type]
    return replace(scenario, clients=(replace(client, options=changed),))


def kept(scenario: Scenario) -> Kept:
    found = Kept(scenario.duration_ns // 10)
    simulate(scenario, 0, found)
    return found


def test_no_read_timeout_is_no_timeout_of_handshakes() -> None:
    """A handshake's message is answered after 300 ms; 0 used to be a timeout of one tick, 100 ms,
    so no connection was ever made again (J3/Connection.java:1606-1612)."""
    scenario = one_node("java3", 4, (fault("stop", 5, 5),), delay_ns=150 * MILLISECOND)
    run = kept(with_options(scenario, read_timeout_ns=0, heartbeat_timeout_ns=0))
    assert len(run.note_rows(HOST_UP)) == 1
    rows = run.request_rows()
    assert (rows[rows[:, ENDED] > 30 * SECOND][:, OUTCOME] == OK).all()


def test_a_frozen_node_is_waited_for_without_timeouts() -> None:
    scenario = one_node("java3", 4, (fault("pause", 5, 40),))
    scenario = with_options(
        scenario,
        read_timeout_ns=0,
        heartbeat_timeout_ns=0,
        heartbeat_interval_ns=SECOND,
    )
    assert attempt(scenario, fewest_ends=590).failure == ""
    assert (kept(scenario).request_rows()[:, OUTCOME] == OK).all()


@pytest.mark.parametrize("protocol", [2, 4])
def test_connections_for_no_request_at_all_are_a_setting(protocol: int) -> None:
    """max_requests 0: the pool's needs were once a division by it."""
    pooling = Pooling(core=1, max=2, max_requests=0, new_connection_threshold=0)
    scenario = with_options(one_node("java3", protocol), local=pooling, remote=pooling)
    trial = attempt(scenario, fewest_ends=300)
    assert trial.failure == ""
    assert ("error", "pool is busy: timed out in the queue") in trial.fired


def test_a_request_that_was_never_written_has_taken_no_service() -> None:
    """Its I/O thread was busy with others when its connection broke."""
    scenario = one_node("java3", 4, (fault("stop", 5, 5),))
    (client,) = scenario.clients
    load = Load("bursts", size=200, every_ns=SECOND, first_ns=SECOND)
    client = replace(client, per_request_ns=50 * MILLISECOND, load=load)
    rows = kept(replace(scenario, clients=(client,))).request_rows()
    broken = rows[rows[:, OUTCOME] == CONNECTION_ERROR]
    assert len(broken) > 10
    assert broken[:, SERVICE].min() == 0
    assert np.all(broken[:, SERVICE] >= 0)


def test_a_node_that_resumes_answers_nobody_who_gave_up() -> None:
    """Handshakes that timed out while a node was frozen were answered when it resumed: their slots
    had new connections by then, which lost count of what points at them."""
    scenario = one_node("java3", 4, (fault("pause", 5, 20.1),), delay_ns=150 * MILLISECOND)
    scenario = with_options(
        scenario,
        heartbeat_interval_ns=SECOND,
        read_timeout_ns=500 * MILLISECOND,
        heartbeat_timeout_ns=500 * MILLISECOND,
        reconnection=Reconnection("constant", 100 * MILLISECOND, 100 * MILLISECOND),
    )
    (client,) = scenario.clients
    scenario = replace(scenario, clients=(replace(client, instances=8),))
    assert attempt(scenario, fewest_ends=0).failure == ""


def test_a_control_connection_that_breaks_while_it_is_probed_is_given_back() -> None:
    faults = (fault("pause", 5, 10), fault("stop", 15, 5))
    scenario = with_options(
        one_node("python", 4, faults),
        heartbeat_interval_ns=SECOND,
        heartbeat_timeout_ns=30 * SECOND,
    )
    assert attempt(scenario, fewest_ends=0).failure == ""


def monitored(driver_options: Options) -> Options:
    wrapper = Wrapper(
        "async_cassandra", warm_up=True, monitored=True, monitor_interval_ns=10 * SECOND
    )
    return replace(driver_options, wrapper=wrapper, heartbeat_interval_ns=0)


def test_a_borrow_that_is_served_as_it_times_out_is_sent_first() -> None:
    """The monitor's look waits in a pool behind the request for which the second connection was
    made. All time out at one instant, and the first of them wakes the look: it went out for nobody,
    and its answer ended a request that was none."""
    scenario = one_node("python", 2, (fault("pause", 7, 20),))
    (client,) = scenario.clients
    one = Pooling(core=1, max=2, max_requests=100, min_requests=5)
    options = replace(monitored(client.options), local=one, pool_timeout_ns=60 * SECOND)
    load = Load("closed", window=128)
    client = replace(client, options=options, issue_ns=0, load=load)
    slow = replace(scenario.node, workers=200, service=Law("constant", mean_ns=5 * SECOND))
    scenario = replace(scenario, clients=(client,), node=slow)
    assert attempt(scenario, fewest_ends=0).failure == ""


def test_a_look_that_begins_as_others_time_out_does_not_put_off_the_timer() -> None:
    """A look at the second host began as the one at the first timed out, and the timer was set
    for it alone."""
    scenario = one_node("python", 4, (fault("silent", 7, 60),))
    (client,) = scenario.clients
    client = replace(client, options=monitored(client.options))
    scenario = replace(
        scenario, datacenters=(replace(scenario.datacenters[0], nodes=2),), clients=(client,)
    )
    rows = kept(scenario).request_rows()
    took = rows[:, ENDED] - rows[:, ISSUED]
    assert took.max() == 10 * SECOND
