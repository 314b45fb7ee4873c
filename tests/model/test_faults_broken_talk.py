"""Writes that fail, answers that cannot be decoded, connects that are refused.

J3/ is datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/, PY/ is
apache/cassandra-python-driver@3.29.3:cassandra/.
"""

from __future__ import annotations

import pytest

from tests.model.fault_runs import SERVED, instants, ran
from tests.model.python_pools import MS, SECOND

BOTH = ("java3", "python")
FAILING = "at: 10s, for: 10s, node: dc1/1, kind: write_failure"
GARBLED = "at: 10s, for: 10s, node: dc1/1, kind: protocol_error"
REFUSING = "at: 10s, for: 10s, node: dc1/1, kind: refuse"


# Write failures (J3/Connection.java:797-838, PY/io/libevreactor.py:298-330) -----------------------


@pytest.mark.parametrize("driver", BOTH)
def test_a_write_that_fails_closes_the_connection_at_once(driver: str) -> None:
    run = ran(driver, FAILING, at=("5s", "11s"))
    assert instants(run, "connection_broke") == [11 * SECOND]
    assert run.column("ended_ns")[1] == 11 * SECOND


@pytest.mark.parametrize("driver", BOTH)
def test_nothing_breaks_while_nothing_is_written(driver: str) -> None:
    run = ran(driver, FAILING, at=("5s", "21s"))
    assert run.outcomes() == ["ok", "ok"]
    assert run.noted("connection_broke", "host_down") == []


@pytest.mark.parametrize("driver", BOTH)
def test_a_heartbeat_that_cannot_be_written_closes_the_connection(driver: str) -> None:
    """At 30 s after the last read (java3), at the second cycle (python)."""
    run = ran(driver, "at: 10s, node: dc1/1, kind: write_failure", at=("5s",), duration="2m")
    expected = 5 * SECOND + SERVED + 30 * SECOND if driver == "java3" else 60 * SECOND
    assert instants(run, "connection_broke") == [expected]


@pytest.mark.parametrize("driver", BOTH)
def test_what_is_in_flight_on_the_connection_fails_with_it(driver: str) -> None:
    """One request is at the node when the next one's write fails."""
    run = ran(driver, FAILING, at=("9900ms", "10100ms"), service="1s")
    assert [value for _, _, _, value in run.noted("connection_broke")] == [2]
    assert run.column("ended_ns") == [10_100 * MS] * 2


@pytest.mark.parametrize(("driver", "idempotent"), [("java3", True), ("python", False)])
def test_a_request_whose_write_failed_goes_to_the_next_host(driver: str, idempotent: bool) -> None:
    """java3: only if it is idempotent; python: always."""
    run = ran(driver, FAILING, at=("11s", "11s"), nodes=2, idempotent=idempotent)
    assert run.outcomes() == ["ok", "ok"]
    assert sorted(run.column("attempts")) == [1, 2]


def test_java_does_not_retry_what_is_not_idempotent() -> None:
    run = ran("java3", FAILING, at=("11s", "11s"), nodes=2)
    assert sorted(run.outcomes()) == ["connection_error", "ok"]


@pytest.mark.parametrize("driver", BOTH)
def test_a_handshake_gets_through_tcp_and_no_further_while_writes_fail(driver: str) -> None:
    """One round trip after it began. (java3 makes one when the pool is asked again.)"""
    run = ran(driver, FAILING, at=("11s", "13s"), duration="15s")
    began = [at for at, _, _, _ in run.noted("connect_started") if at > 11 * SECOND]
    failed = instants(run, "connect_failed")
    assert failed
    assert {at - MS // 2 for at in failed} <= set(began)


# Protocol errors (J3/Connection.java:1314-1354, PY/connection.py:1251-1290) -----------------------


@pytest.mark.parametrize("driver", BOTH)
def test_an_answer_that_cannot_be_decoded_closes_the_connection(driver: str) -> None:
    run = ran(driver, GARBLED, at=("5s", "11s"))
    assert instants(run, "connection_broke") == [11 * SECOND + SERVED]
    assert run.outcomes() == ["ok", "connection_error"]


def test_java_retries_the_request_whose_answer_was_undecodable_like_the_others() -> None:
    """All are told that the connection broke; each is retried if it is idempotent."""
    run = ran("java3", GARBLED, at=("11s",) * 4, nodes=2, idempotent=True)
    assert run.outcomes() == ["ok"] * 4


def test_python_ends_the_request_whose_answer_was_undecodable_and_retries_the_others() -> None:
    """The first answer is that of one request; the others on the connection fail over."""
    run = ran("python", GARBLED, at=("11s",) * 4, nodes=2)
    assert sorted(run.outcomes()) == ["connection_error", "ok", "ok", "ok"]
    failed = run.outcomes().index("connection_error")
    assert run.column("error_kinds")[failed] == 9
    assert run.column("attempts")[failed] == 1


@pytest.mark.parametrize("driver", BOTH)
def test_only_java_decodes_what_nobody_waits_for(driver: str) -> None:
    """The answer to a request that timed out long ago comes when answers are garbled."""
    name = "read_timeout" if driver == "java3" else "request_timeout"
    run = ran(
        driver,
        "at: 14s, for: 10s, node: dc1/1, kind: protocol_error",
        options=f"{{{name}: 2s}}",
        at=("5s",),
        service="10s",
        duration="30s",
    )
    assert run.outcomes() == ["client_timeout"]
    expected = [15 * SECOND + MS // 2] if driver == "java3" else []
    assert instants(run, "connection_broke") == expected


@pytest.mark.parametrize("driver", BOTH)
def test_a_heartbeat_s_answer_that_cannot_be_decoded_closes_the_connection(driver: str) -> None:
    run = ran(driver, "at: 10s, node: dc1/1, kind: protocol_error", at=("5s",), duration="2m")
    asked = 5 * SECOND + SERVED + 30 * SECOND if driver == "java3" else 60 * SECOND
    assert instants(run, "connection_broke") == [asked + MS // 2]


@pytest.mark.parametrize("driver", BOTH)
def test_no_connection_can_be_made_while_answers_cannot_be_decoded(driver: str) -> None:
    run = ran(driver, GARBLED, load="{uniform: {rate: 2/s}}")
    opened = [at for at in instants(run, "opened") if at > 0]
    assert len(opened) == 1
    assert opened[0] > 20 * SECOND
    assert run.outcomes()[-20:] == ["ok"] * 20


# Refused connects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", BOTH)
def test_open_connections_go_on_while_new_ones_are_refused(driver: str) -> None:
    run = ran(driver, REFUSING, load="{uniform: {rate: 10/s}}")
    assert set(run.outcomes()) == {"ok"}
    assert run.noted("connection_broke", "connect_failed", "host_down") == []


def test_a_pool_does_not_grow_while_connects_are_refused() -> None:
    """Two requests in flight ask for the second connection; the host answers with a reset."""
    pool = "{pooling: {local: {core: 1, max: 2, max_requests: 2, new_connection_threshold: 1}}}"
    run = ran("java3", REFUSING, options=pool, at=("11s", "11s"), service="100ms", duration="15s")
    assert [value for _, _, _, value in run.noted("connect_failed")] == [1]
    assert run.noted("opened")[-1][0] == 0
    assert run.noted("host_down") == []
    later = ran("java3", options=pool, at=("11s", "11s"), service="100ms", duration="15s")
    assert later.noted("opened")[-1][0] > 11 * SECOND


@pytest.mark.parametrize("driver", BOTH)
def test_a_host_that_went_down_comes_back_when_it_accepts_again(driver: str) -> None:
    """The process is back after 1 s and refuses until 20 s; no event tells of that."""
    run = ran(
        driver,
        "at: 5s, for: 1s, node: dc1/1, kind: stop",
        "at: 6s, for: 14s, node: dc1/1, kind: refuse",
        load="{uniform: {rate: 10/s}}",
    )
    refused = [value for at, _, _, value in run.noted("connect_failed") if at > 6 * SECOND]
    assert refused
    assert set(refused) == {1}
    assert [at > 20 * SECOND for at in instants(run, "host_up")] == [True]
