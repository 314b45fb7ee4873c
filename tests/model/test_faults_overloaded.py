"""A node that answers requests with the error Overloaded: nothing breaks, and what becomes of the
request is the driver's retry policy's.

J3/ is datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/, PY/ is
apache/cassandra-python-driver@3.29.3:cassandra/, JS/ is datastax/nodejs-driver@v4.8.0:lib/.
"""

from __future__ import annotations

import pytest

from poolsim.engine.run import simulate
from poolsim.model.kinds import OVERLOADED
from poolsim.recording.grid import choose_interval
from poolsim.recording.recorder import Recorder
from tests.model.fault_runs import SERVED, instants, ran, run_once, told
from tests.model.orm_runs import orm, times
from tests.model.python_pools import MS, SECOND

DRIVERS = ("java3", "python", "nodejs", "generic")
ERRORS = "at: 10s, for: 10s, node: dc1/1, kind: overloaded"


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_request_ends_with_the_error_and_nothing_breaks(driver: str) -> None:
    run = ran(driver, ERRORS, at=("5s", "11s", "21s"), idempotent=True)
    last = "server_error" if driver == "generic" else "no_host_available"
    assert run.outcomes() == ["ok", last, "ok"]
    assert run.column("error_kinds") == [0, OVERLOADED, 0]
    assert run.noted("connection_broke", "host_down", "connect_failed") == []
    assert instants(run, "node_overloaded", "node_relieved") == [10 * SECOND, 20 * SECOND]


@pytest.mark.parametrize("driver", DRIVERS)
def test_its_stream_id_is_free_again(driver: str) -> None:
    """More errors than a connection has ids, one after another: the last one is answered."""
    run = ran(
        driver,
        ERRORS,
        protocol="v2",
        at=(*(f"{10_500 + 20 * k}ms" for k in range(400)), "21s"),
        duration="22s",
    )
    assert set(run.column("error_kinds")[:-1]) == {OVERLOADED}
    assert run.outcomes()[-1] == "ok"
    assert max(run.column("wait_ns")) == 0


@pytest.mark.parametrize("driver", ["java3", "nodejs"])
def test_java_and_node_go_to_the_next_host_if_the_request_is_idempotent(driver: str) -> None:
    """J3/RequestHandler.java:494-503, JS/request-execution.js:341-347."""
    run = ran(driver, ERRORS, at=("11s",) * 2, nodes=2, idempotent=True)
    assert run.outcomes() == ["ok", "ok"]
    assert sorted(run.column("attempts")) == [1, 2]
    once = ran(driver, ERRORS, at=("11s",) * 2, nodes=2)
    assert sorted(once.outcomes()) == ["ok", "server_error"]


def test_python_goes_to_the_next_host_in_any_case() -> None:
    """PY/policies.py:757-873, cluster.py:4773-4782."""
    run = ran("python", ERRORS, at=("11s",) * 2, nodes=2)
    assert run.outcomes() == ["ok", "ok"]
    assert sorted(run.column("attempts")) == [1, 2]


@pytest.mark.parametrize("driver", ["java3", "python", "nodejs"])
def test_without_retries_it_ends_with_the_error(driver: str) -> None:
    run = ran(
        driver, ERRORS, at=("11s",) * 2, nodes=2, idempotent=True, options="{retry: fallthrough}"
    )
    assert sorted(run.outcomes()) == ["ok", "server_error"]
    failed = run.outcomes().index("server_error")
    assert run.column("ended_ns")[failed] >= 11 * SECOND + SERVED
    assert run.column("attempts")[failed] == 1


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_answer_to_a_request_that_timed_out_is_nobody_s_error(driver: str) -> None:
    name = "request_timeout" if driver == "python" else "read_timeout"
    run = ran(
        driver,
        ERRORS,
        options=f"{{{name}: 2s, retry: fallthrough}}",
        at=("9s",),
        service="4s",
        duration="30s",
    )
    assert run.outcomes() == ["client_timeout"]
    assert run.noted("connection_broke") == []


@pytest.mark.parametrize("driver", ["java3", "python", "nodejs"])
def test_connections_are_made_and_heartbeats_answered_all_the_same(driver: str) -> None:
    """The process is back at 6 s and overloaded from then on: handshakes get through."""
    run = ran(
        driver,
        "at: 5s, for: 1s, node: dc1/1, kind: stop",
        "at: 6s, node: dc1/1, kind: overloaded",
        load="{uniform: {rate: 2/s}}",
        duration="2m",
    )
    assert any(at > 6 * SECOND for at in instants(run, "opened"))
    assert [at for at in instants(run, "connection_broke") if at > 6 * SECOND] == []
    assert run.outcomes()[-1] != "ok"


def test_errors_open_cassandraorm_s_circuit() -> None:
    """An answer, but a failure: five in a row."""
    run = orm(
        "at: 1s, for: 20s, node: dc1/1, kind: overloaded",
        options="circuitBreaker: {enabled: true}, retry: {maxRetries: 0}",
        at=times(2.0, 2.1, 2.2, 2.3, 2.4, 4.0),
    )
    opened = [(at, value) for at, _, _, value in run.noted("circuit_opened")]
    assert [value for _, value in opened] == [5]
    assert 2_400 * MS < opened[0][0] < 2_450 * MS


@pytest.mark.parametrize("driver", DRIVERS)
def test_both_engines_do_the_same(driver: str) -> None:
    scenario = told(
        driver,
        "at: 2s, for: 3s, node: dc1/1, kind: overloaded",
        nodes=3,
        idempotent=True,
        load="{poisson: {rate: 500/s}}",
        duration="8s",
    )
    digests = []
    for engine in ("simpy", "compiled"):
        recorder = Recorder(scenario, choose_interval(scenario))
        end = simulate(scenario, 0, recorder, engine=engine)
        digests.append(recorder.finish(end.end_ns, end.unfinished).digest)
    assert digests[0] == digests[1]
    assert OVERLOADED in {kind & 15 for kind in run_once(scenario).column("error_kinds")}
