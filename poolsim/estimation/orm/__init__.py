"""What a CassandraORM pool says of itself: the document's own questions, answered from a record.

The first instance of each client in the first replication. Names are the document's, in snake case
here and as it writes them in the JSON document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolsim.estimation.orm.analysis import Analysis, analysis
from poolsim.estimation.orm.events import (
    ConnectionDetails,
    Event,
    LogLine,
    connections,
    events,
    log,
)
from poolsim.estimation.orm.health import Health, health
from poolsim.estimation.orm.metrics import MetricsRow, Stats, metrics_rows, stats
from poolsim.estimation.orm.view import NS, View
from poolsim.model import kinds
from poolsim.recording.record import Record

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

__all__ = ["OrmReport", "as_document", "orm_reports"]


@dataclass(frozen=True, slots=True)
class OrmReport:
    """All that a pool tells. `metrics` are rows of each collection, the last one at the end; where
    `enableMetrics` is off there is that one only. `warm_up_s`: how long the load waited for
    connections, None where it does not (neither a warm-up nor preallocation)."""

    client: str
    instance: int
    pool: str
    warm_up_s: float | None
    metrics_interval_s: float | None
    stats: Stats
    metrics: tuple[MetricsRow, ...]
    health: Health
    analysis: Analysis
    events: tuple[Event, ...]
    connections: tuple[ConnectionDetails, ...]
    log: tuple[LogLine, ...]
    log_lines: int
    """How many lines the log has; `log` holds the first ones."""


def orm_reports(scenario: Scenario, record: Record) -> tuple[OrmReport, ...]:
    """One of each client of this driver, in the scenario's order."""
    found = []
    session = 0
    for place, client in enumerate(scenario.clients):
        if client.options.orm.pool:
            found.append(_report(View(scenario, record, place, session)))
        session += client.instances
    return tuple(found)


def _report(view: View) -> OrmReport:
    orm = view.client.options.orm
    lines, count = log(view)
    warmed_up = [value for _, kind, _, _, value in view.notes if kind == kinds.WARMED_UP]
    return OrmReport(
        client=view.client.name,
        instance=0,
        pool=orm.pool,
        warm_up_s=warmed_up[0] * NS if warmed_up else None,
        metrics_interval_s=orm.metrics.interval_ns * NS if orm.metrics.enabled else None,
        stats=stats(view),
        metrics=metrics_rows(view),
        health=health(view),
        analysis=analysis(view),
        events=events(view),
        connections=connections(view),
        log=lines,
        log_lines=count,
    )


def as_document(one: OrmReport) -> dict[str, Any]:
    """A report as plain data, in the document's own names."""
    return {
        "client": one.client,
        "instance": one.instance,
        "pool": one.pool,
        "warm_up_s": one.warm_up_s,
        "metrics_interval_s": one.metrics_interval_s,
        "stats": {
            "activeConnections": one.stats.active_connections,
            "idleConnections": one.stats.idle_connections,
            "totalConnections": one.stats.total_connections,
            "requestsInFlight": one.stats.requests_in_flight,
            "connectionErrors": one.stats.connection_errors,
        },
        "metrics": [_metrics(row) for row in one.metrics],
        "health": _health(one.health),
        "analysis": {
            "bottlenecks": list(one.analysis.bottlenecks),
            "recommendations": list(one.analysis.recommendations),
            "metrics": {
                "avgConnectionTime": _ms(one.analysis.avg_connection_time_s),
                "avgRequestTime": _ms(one.analysis.avg_request_time_s),
                "poolEfficiency": one.analysis.pool_efficiency,
            },
        },
        "events": [
            {"at_s": event.at_s, "event": event.name, "host": event.host, "text": event.text}
            | ({"from": event.host, "to": event.to} if event.to else {})
            for event in one.events
        ],
        "connections": [
            {
                "id": connection.id,
                "host": connection.host,
                "state": connection.state,
                "inFlight": connection.in_flight,
                "created": connection.created_at_s,
                "lastUsed": connection.last_used_at_s,
            }
            for connection in one.connections
        ],
        "log": [{"at_s": line.at_s, "level": line.level, "text": line.text} for line in one.log],
        "log_lines": one.log_lines,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _metrics(row: MetricsRow) -> dict[str, Any]:
    return {
        "at_s": row.at_s,
        "hostsUp": row.hosts_up,
        "hostsDown": row.hosts_down,
        "totalConnections": row.total_connections,
        "activeConnections": row.active_connections,
        "idleConnections": row.idle_connections,
        "requestsPerSecond": row.requests_per_second,
        "averageLatency": _ms(row.average_latency_s),
        "errorRate": row.error_rate,
        "poolUtilization": row.pool_utilization,
        "connectionTurnover": row.connection_turnover,
    }


def _health(one: Health) -> dict[str, Any]:
    return {
        "overall": one.overall,
        "hosts": [
            {
                "address": host.address,
                "status": host.status,
                "connections": host.connections,
                "latency": _ms(host.average_latency_s),
                "errorRate": host.error_rate,
                "reasons": list(host.reasons),
            }
            for host in one.hosts
        ],
        "recommendations": list(one.recommendations),
    }
