"""What becomes of a CassandraORM request: retries, failover, batches. Names and numbers of
"Connection Pool Management"."""

from __future__ import annotations

import pytest

from poolsim.model.kinds import NO_CONNECTION, TIMED_OUT
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.warnings import warnings_of
from tests.model.fault_runs import ROUND_TRIP, SERVED
from tests.model.orm_runs import ORM, asked, orm, times
from tests.model.python_pools import MS, SECOND

TICK = MS
ALL_SILENT = [f"at: 1s, for: 50s, node: dc1/{n}, kind: silent" for n in range(1, 6)]
ROUND_ROBIN = "loadBalancing: {policy: RoundRobinPolicy}"


# Retry --------------------------------------------------------------------------------------------


@pytest.mark.inventory(
    "cassandraorm.retry", "cassandraorm.retry.max-retries", "cassandraorm.retry.delay"
)
def test_three_retries_a_second_after_each_timeout() -> None:
    """Written at 2 s and after 1.001 s of timeout and 1 s of delay each time, on another host."""
    run = orm(*ALL_SILENT, nodes=5, options="readTimeout: 1s", idempotent=True, at=times(2.0))
    assert run.outcomes() == ["client_timeout"]
    assert run.column("attempts") == [4]
    assert run.column("ended_ns") == [2 * SECOND + 4 * (SECOND + TICK) + 3 * SECOND]
    hosts = run.column("error_hosts")[0]
    assert len({(hosts >> (10 * k)) & 1023 for k in range(4)}) == 4


@pytest.mark.inventory("cassandraorm.retry.delay")
def test_a_retry_that_is_answered_ends_well() -> None:
    run = orm(
        *ALL_SILENT[:1],
        nodes=2,
        options=f"readTimeout: 1s, retry: {{retryDelay: 250ms}}, {ROUND_ROBIN}",
        idempotent=True,
        at=times(2.0, 2.5),
    )
    assert run.outcomes() == ["ok", "ok"]
    latencies = [
        e - i for e, i in zip(run.column("ended_ns"), run.column("intended_ns"), strict=True)
    ]
    assert sorted(latencies) == [SERVED, SECOND + TICK + 250 * MS + SERVED]


@pytest.mark.inventory("cassandraorm.retry")
def test_neither_fallthrough_nor_what_is_not_idempotent_is_retried() -> None:
    for more in (
        {"options": "readTimeout: 1s", "idempotent": False},
        {"options": "readTimeout: 1s, retry: {policy: FallthroughRetryPolicy}", "idempotent": True},
    ):
        run = orm(*ALL_SILENT, nodes=5, at=times(2.0), **more)
        assert run.outcomes() == ["client_timeout"]
        assert run.column("attempts") == [1]
        assert run.column("ended_ns") == [3 * SECOND + TICK]


@pytest.mark.inventory("cassandraorm.retry.max-retries")
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_as_many_retries_as_one_says(retries: int) -> None:
    run = orm(
        *ALL_SILENT,
        nodes=5,
        options=f"readTimeout: 1s, retry: {{maxRetries: {retries}, retryDelay: 300ms}}",
        idempotent=True,
        at=times(2.0),
    )
    assert run.column("attempts") == [retries + 1]
    ended = 2 * SECOND + (retries + 1) * (SECOND + TICK) + retries * 300 * MS
    assert run.column("ended_ns") == [ended]


def test_the_plain_pool_has_the_driver_s_own_retries() -> None:
    """At once, as often as there is a host."""
    run = orm(
        *ALL_SILENT,
        nodes=5,
        options="pool: ConnectionPool, readTimeout: 1s",
        idempotent=True,
        at=times(2.0),
    )
    assert run.column("attempts") == [5]
    assert run.column("error_kinds")[0] & 15 == TIMED_OUT
    # Each deadline counts from the tick in which the one before fired.
    assert run.column("ended_ns") == [2 * SECOND + 5 * (SECOND + TICK)]


# Failover -----------------------------------------------------------------------------------------

BOTH_STOP = ("at: 1s, node: dc1/1, kind: stop", "at: 1s, node: dc1/2, kind: stop")
LOST = SECOND + ROUND_TRIP // 2


@pytest.mark.inventory(
    "cassandraorm.failover",
    "cassandraorm.failover.max-retries",
    "cassandraorm.failover.delay",
    "cassandraorm.failover.backoff-multiplier",
)
def test_three_failovers_after_1_2_and_4_seconds() -> None:
    run = orm(
        *BOTH_STOP,
        nodes=2,
        options="failover: {enabled: true}",
        idempotent=True,
        at=times(0.9),
        service="500ms",
    )
    assert run.outcomes() == ["no_host_available"]
    assert run.column("ended_ns") == [LOST + (1 + 2 + 4) * SECOND]


def test_the_document_s_numbers_are_the_defaults() -> None:
    orm_options = DRIVERS[ORM].defaults(4).orm
    assert (orm_options.retry.max_retries, orm_options.retry.delay_ns) == (3, SECOND)
    failover = orm_options.failover
    assert (failover.max_retries, failover.delay_ns, failover.multiplier) == (3, SECOND, 2.0)
    assert failover.discovery_interval_ns == 60 * SECOND


@pytest.mark.inventory("cassandraorm.failover", "cassandraorm.failover.backoff-multiplier")
def test_other_numbers() -> None:
    run = orm(
        *BOTH_STOP,
        nodes=2,
        options="failover: {enabled: true, maxRetries: 2, retryDelay: 300ms, backoffMultiplier: 3}",
        idempotent=True,
        at=times(0.9),
        service="500ms",
    )
    assert run.column("ended_ns") == [LOST + (300 + 900) * MS]


@pytest.mark.inventory("cassandraorm.failover", "cassandraorm.event.failover")
def test_it_goes_to_another_host_and_says_so() -> None:
    more = {
        "nodes": 2,
        "options": f"failover: {{enabled: true}}, {ROUND_ROBIN}",
        "idempotent": True,
        "at": times(0.9),
        "service": "500ms",
    }
    (node,) = orm(**more).column("node")
    run = orm(f"at: 1s, node: dc1/{node + 1}, kind: stop", **more)
    assert run.outcomes() == ["ok"]
    assert run.noted("failed_over") == [(LOST + SECOND, "failed_over", node, 1 - node)]
    assert run.column("ended_ns") == [LOST + SECOND + 500 * MS + ROUND_TRIP]


@pytest.mark.inventory("cassandraorm.failover")
def test_without_it_a_break_is_a_retry_and_no_host_is_the_end() -> None:
    run = orm(*BOTH_STOP, nodes=2, idempotent=True, at=times(0.9, 5.0), service="500ms")
    assert run.outcomes() == ["no_host_available"] * 2
    assert run.column("ended_ns") == [LOST + SECOND, 5 * SECOND]


def test_what_is_not_idempotent_ends_with_the_break_and_that_is_said() -> None:
    options = "failover: {enabled: true}"
    run = orm(*BOTH_STOP, nodes=2, options=options, at=times(0.9), service="500ms")
    assert run.outcomes() == ["connection_error"]
    said = warnings_of(asked(options=options))
    assert any("no request is idempotent" in text for text in said)


def test_a_request_that_no_host_took_walks_a_new_plan() -> None:
    """All connections are full at first; not idempotent, but nothing of it is under way."""
    run = orm(
        options="failover: {enabled: true}",
        pooling="maxRequestsPerConnection: 1",
        at=times(1.0, 1.1),
        service="500ms",
    )
    assert run.outcomes() == ["ok", "ok"]
    assert run.column("ended_ns")[1] == 2_100 * MS + 500 * MS + ROUND_TRIP


# Batches ------------------------------------------------------------------------------------------

BATCHES = "enableBatching: true"


@pytest.mark.inventory("cassandraorm.batching", "cassandraorm.batching.size")
def test_a_hundred_requests_make_a_batch() -> None:
    due = [1_000 * MS + k * MS // 20 for k in range(101)]
    run = orm(pooling=BATCHES, at=tuple(f"{time}ns" for time in due), cpu="{issue: 0s}")
    issued = run.column("issued_ns")
    assert issued.count(due[99]) == 100
    assert issued.count(due[100] + 10 * MS) == 1


@pytest.mark.inventory("cassandraorm.batching.timeout")
def test_the_first_of_a_batch_waits_for_ten_milliseconds_at_most() -> None:
    run = orm(pooling=BATCHES, at=times(1.0, 1.004, 1.012))
    assert run.column("issued_ns") == [1_010 * MS, 1_010 * MS, 1_022 * MS]


@pytest.mark.inventory("cassandraorm.batching.timeout", "cassandraorm.batching.size")
def test_or_as_long_and_for_as_many_as_one_says() -> None:
    run = orm(pooling=BATCHES + ", batchTimeout: 4ms", at=times(1.0, 1.002, 1.01))
    assert run.column("issued_ns") == [1_004 * MS, 1_004 * MS, 1_014 * MS]
    run = orm(pooling=BATCHES + ", batchSize: 2", at=times(1.0, 1.002, 1.004))
    assert run.column("issued_ns") == [1_002 * MS, 1_002 * MS, 1_014 * MS]


@pytest.mark.inventory("cassandraorm.batching")
def test_a_batch_is_one_write_on_its_connection() -> None:
    """A write costs half a millisecond: all three of a batch are out after one of them."""

    def sent(pooling: str) -> list[int]:
        run = orm(
            pooling=pooling,
            at=times(1.0, 1.0001, 1.0002),
            cpu="{issue: 0s, per_request: 1ms}",
        )
        ends = zip(run.column("ended_ns"), run.column("service_ns"), strict=True)
        return [(ended - service - 1_000 * MS) * 10 // MS for ended, service in ends]

    assert sent("") == [5, 10, 15]
    assert sent(f"{BATCHES}, batchSize: 3") == [2 + 5] * 3


@pytest.mark.inventory("cassandraorm.batching")
def test_batches_that_never_fill_are_warned_of() -> None:
    said = warnings_of(asked(pooling=BATCHES, load="{poisson: {rate: 200/s}}"))
    assert any("2.0 requests come within batchTimeout 10ms, not batchSize 100" in t for t in said)


def test_no_connection_is_no_failure_of_the_host() -> None:
    """With a core of 0 a pool is made for the first request that finds none."""
    run = orm(
        pooling="coreConnectionsPerHost: {'0': 0}, maxConnectionsPerHost: {'0': 1}",
        nodes=2,
        options=ROUND_ROBIN,
        at=times(1.0, 1.1, 1.2, 1.3),
    )
    assert run.outcomes() == ["ok"] * 4
    errors = [kind & 15 for kind in run.column("error_kinds") if kind]
    assert errors == [NO_CONNECTION]
    assert [time for time, *_ in run.noted("pool_grew")] != []
