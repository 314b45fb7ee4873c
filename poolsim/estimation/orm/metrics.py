"""`getStats()` and `getMetrics()`: the pool at the end of the run, and again and again within it.

Active is a connection with requests in flight, heartbeats included; idle is one without. Errors of
connections are those that broke and those that could not be made. Utilisation is what is in flight
of what the connections could hold. Turnover counts connections opened and closed a minute since the
row before, without those that the pool began with. Rates and latencies are the client's, of all its
instances: a second's requests are those of an average instance. They come from the timeline: a row
has the intervals that ended since the row before, and its rate is their requests by their length.
Where intervals are longer than the time between two rows, a row in which none ended has no figure.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.estimation.orm.view import ERRORS, GONE, NS, OPENED, Usage, View
from poolsim.scenario.nodejs_warnings import STREAMS, STREAMS_V3

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Stats:
    """The pool at the end of the run."""

    active_connections: int
    idle_connections: int
    total_connections: int
    requests_in_flight: int
    connection_errors: int


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """The pool at an instant, and what happened since the one before. No rate where the timeline
    has no interval that ended since then; no latency where nothing ended well, no share of errors
    where nothing ended, no utilisation without connections."""

    at_s: float
    hosts_up: int
    hosts_down: int
    total_connections: int
    active_connections: int
    idle_connections: int
    requests_per_second: float | None
    average_latency_s: float | None
    error_rate: float | None
    pool_utilization: float | None
    connection_turnover: float
    """Connections a minute."""


def stats(view: View) -> Stats:
    """What `getStats()` says at the end."""
    all_hosts = summed(view.at_end)
    return Stats(
        active_connections=all_hosts.active,
        idle_connections=all_hosts.total - all_hosts.active,
        total_connections=all_hosts.total,
        requests_in_flight=all_hosts.in_flight,
        connection_errors=view.count(ERRORS),
    )


def summed(usage: dict[int, Usage]) -> Usage:
    """The usage of all hosts together."""
    return Usage(
        sum(one.total for one in usage.values()),
        sum(one.active for one in usage.values()),
        sum(one.in_flight for one in usage.values()),
    )


def metrics_rows(view: View) -> tuple[MetricsRow, ...]:
    """A row a collection; the last one, at the end of the run, is always there."""
    rows = []
    before_ns = 0
    for at_ns, usage in view.collections:
        rows.append(_row(view, before_ns, at_ns, usage))
        before_ns = at_ns
    return tuple(rows)


def _row(view: View, since_ns: int, at_ns: int, usage: dict[int, Usage]) -> MetricsRow:
    all_hosts = summed(usage)
    up = view.up(at_ns)
    down = sum(not up.get(node, True) for node in usage)
    is_last = at_ns == view.end_ns - 1
    requests = view.requests(since_ns, None if is_last else at_ns)
    elapsed_s = (at_ns - since_ns) * NS
    rate = requests.rate_per_s
    turnover = view.count(OPENED + GONE, since_ns, at_ns)
    return MetricsRow(
        at_s=round(at_ns * NS, 6),
        hosts_up=len(usage) - down,
        hosts_down=down,
        total_connections=all_hosts.total,
        active_connections=all_hosts.active,
        idle_connections=all_hosts.total - all_hosts.active,
        requests_per_second=None if rate is None else rate / view.client.instances,
        average_latency_s=requests.average_latency_s,
        error_rate=requests.error_rate,
        pool_utilization=utilization(view, all_hosts),
        connection_turnover=turnover / elapsed_s * MINUTE_S if elapsed_s > 0 else 0.0,
    )


def utilization(view: View, usage: Usage) -> float | None:
    """In flight of what the connections can hold, which is no more than their stream ids; None
    without connections."""
    streams = STREAMS.get(view.client.protocol, STREAMS_V3)
    room = usage.total * min(view.client.options.local.max_requests, streams)
    return usage.in_flight / room if room else None
