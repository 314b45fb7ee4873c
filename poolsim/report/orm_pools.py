"""What a CassandraORM pool says of itself, in words and in rows: the same in the terminal and in
HTML."""

from __future__ import annotations

from collections import Counter

from poolsim.estimation.orm import OrmReport
from poolsim.report.units import MISSING, counted, instant, quantity

HOST_HEADS = ("host", "status", "connections", "latency", "errors")
METRIC_HEADS = (
    "at",
    "hosts up",
    "down",
    "connections",
    "active",
    "idle",
    "requests/s",
    "latency",
    "errors",
    "used",
    "turnover/min",
)
CONNECTION_HEADS = ("connection", "host", "state", "in flight", "created", "last used")


def title(one: OrmReport) -> str:
    """A heading: `AdvancedConnectionPool of api[0]`."""
    return f"{one.pool} of {one.client}[{one.instance}]"


def texts(one: OrmReport) -> list[str]:
    """Its health, statistics, analysis and events in sentences."""
    found = [f"health: {one.health.overall}"]
    if one.warm_up_s is not None:
        found.append(f"warm-up: {quantity(one.warm_up_s, 's')} before the load")
    stats = one.stats
    found.append(
        f"at the end: {counted(stats.total_connections, 'connection')}, "
        f"{stats.active_connections:,} active, {stats.idle_connections:,} idle; "
        f"{counted(stats.requests_in_flight, 'request')} in flight; "
        f"{counted(stats.connection_errors, 'connection error')}"
    )
    analysis = one.analysis
    found.append(
        f"a connection took {quantity(analysis.avg_connection_time_s, 's')} to make, a request "
        f"{quantity(analysis.avg_request_time_s, 's')}; efficiency "
        f"{_share(analysis.pool_efficiency)}"
    )
    events = Counter(event.name for event in one.events)
    if events:
        found.append("events: " + ", ".join(f"{n:,} {name}" for name, n in events.items()))
    if one.log_lines:
        found.append(f"log: {counted(one.log_lines, 'line')}, in summary.json")
    return found


def problems(one: OrmReport) -> list[str]:
    """Each bottleneck with what to do about it, and what the health status recommends."""
    analysis = one.analysis
    pairs = zip(analysis.bottlenecks, analysis.recommendations, strict=True)
    found = [f"{bottleneck}. {advice[0].upper()}{advice[1:]}" for bottleneck, advice in pairs]
    return found + list(one.health.recommendations)


def host_rows(one: OrmReport) -> list[list[str]]:
    """A row a host, as HOST_HEADS say."""
    return [
        [
            host.address,
            host.status,
            f"{host.connections:,}",
            quantity(host.average_latency_s, "s"),
            _share(host.error_rate),
        ]
        for host in one.health.hosts
    ]


def metric_rows(one: OrmReport) -> list[list[str]]:
    """A row a collection of metrics, as METRIC_HEADS say; none where they are not collected."""
    if one.metrics_interval_s is None:
        return []
    return [
        [
            instant(row.at_s),
            f"{row.hosts_up:,}",
            f"{row.hosts_down:,}",
            f"{row.total_connections:,}",
            f"{row.active_connections:,}",
            f"{row.idle_connections:,}",
            MISSING if row.requests_per_second is None else f"{row.requests_per_second:,.1f}",
            quantity(row.average_latency_s, "s"),
            _share(row.error_rate),
            _share(row.pool_utilization),
            f"{row.connection_turnover:,.1f}",
        ]
        for row in one.metrics
    ]


def connection_rows(one: OrmReport) -> list[list[str]]:
    """A row a connection at the end of the run, as CONNECTION_HEADS say."""
    return [
        [
            str(connection.id),
            connection.host,
            connection.state,
            f"{connection.in_flight:,}",
            instant(connection.created_at_s),
            instant(connection.last_used_at_s),
        ]
        for connection in one.connections
    ]


def _share(share: float | None) -> str:
    return MISSING if share is None else f"{share:.2%}"
