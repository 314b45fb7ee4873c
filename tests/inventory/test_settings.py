"""What a row names in poolsim is looked up."""

from __future__ import annotations

import pytest

from tests.inventory.rows import NotBuilt, Row
from tests.inventory.settings import unknown_settings


def row(poolsim: str, system: str = "java3") -> Row:
    return Row(f"{system}.x", "004:1", frozenset(), "x", "option", "x", poolsim, "004.csv:2")


@pytest.mark.parametrize(
    ("system", "named"),
    [
        ("java3", "option pooling.local.core; option pooling.idle_timeout"),
        ("async-cassandra", "option executor_threads"),
        ("java3", "metric in_flight; metric latency.p99"),
        ("java3", "key clients.limit.max_concurrent; key clients.load.closed.window"),
        ("java3", "key cluster.datacenters.nodes; key changes"),
        ("java3", "rule drivers/java3 borrow; rule connection/streams; rule policies"),
        ("java3", "report clients.hosts.node; report estimates; file timeline.parquet"),
        ("async-cassandra", "option connection_monitor.interval; wrapper async_cassandra"),
        ("async-cassandra", "report monitors.rounds.hosts.error; scenario async-cassandra"),
        ("cassandraorm", "report cassandraorm health.overall; command explain"),
    ],
)
def test_what_is_there(system: str, named: str) -> None:
    assert unknown_settings([row(named, system)], []) == []


@pytest.mark.parametrize(
    "named",
    [
        "option pooling.local.cores",
        "option executor_threads.x",
        "metric latencies",
        "key clients.limit.most",
        "key cluster.nodes",
        "rule drivers/java3 lend",
        "rule drivers/java9",
        "rule policies borrow",
        "setting x",
        "report what limits",
        "report monitors.rounds.hosts.release",
        "file timeline.csv",
        "command advise",
        "scenario async",
        "wrapper async_cassandra warm_up",
        "wrapper java3",
    ],
)
def test_what_is_not(named: str) -> None:
    found = unknown_settings([row(f"metric in_flight; {named}")], [])
    assert found == [f"004.csv:2: java3.x: poolsim has no {named}"]
    assert unknown_settings([row(named)], [NotBuilt("java3.*", "later", "")]) == []
