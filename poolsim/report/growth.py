"""When a Java driver 3 pool adds a connection, as levels of load to draw and to name.

The rule [datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/
HostConnectionPool.java:306-313]: with n connections below the maximum, one more is opened when more
than (n - 1) * max_requests + new_connection_threshold requests are in flight at a successful
direct borrow.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from poolsim.scenario.scenario import Client, Pooling, Scenario

NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class PoolingPeriod:
    """The pool options that were in force for one distance from `from_s` to `to_s`."""

    from_s: float
    to_s: float
    pooling: Pooling


@dataclass(frozen=True, slots=True)
class GrowthLevel:
    """More than `in_flight` requests in one pool open its connection number `connection`."""

    connection: int
    in_flight: int


def pooling_periods(scenario: Scenario, client: Client, distance: str) -> list[PoolingPeriod]:
    """A client's pool options for `local` or `remote` hosts over the run, runtime changes done."""
    pooling: Pooling = getattr(client.options, distance)
    periods: list[PoolingPeriod] = []
    start = 0.0
    for change in sorted(scenario.changes, key=lambda change: change.at_ns):
        group, _, field = change.path.rpartition(".")
        fields = {field.name for field in dataclasses.fields(Pooling)}
        if change.client != client.name or group != f"pooling.{distance}" or field not in fields:
            continue
        at = change.at_ns / NANOSECONDS
        if at > start:
            periods.append(PoolingPeriod(start, at, pooling))
        pooling = dataclasses.replace(pooling, **{field: change.value})
        start = at
    periods.append(PoolingPeriod(start, scenario.duration_ns / NANOSECONDS, pooling))
    return periods


def growth_levels(client: Client, pooling: Pooling) -> list[GrowthLevel]:
    """The loads at which one pool of `client` grows; none where it cannot.

    A threshold at or above max_requests lies above what the connections can carry: the pool never
    sees that load (v3 default 800 with max_requests 128), so there is no level to draw.
    """
    if client.driver != "java3" or pooling.new_connection_threshold >= pooling.max_requests:
        return []
    return [
        GrowthLevel(n + 1, (n - 1) * pooling.max_requests + pooling.new_connection_threshold)
        for n in range(max(pooling.core, 1), pooling.max)
    ]


def distance_of(client: Client, node: str) -> str:
    """`local` where the node (`dc1/3`) lies in the client's datacenter, else `remote`."""
    return "local" if node.rpartition("/")[0] == client.datacenter else "remote"
