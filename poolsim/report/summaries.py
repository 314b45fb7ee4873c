"""The figures that every view of a result shows: per client, per client and host, per fault.

Rates, latencies and counts of requests are estimates over all replications where the run made them.
What has a moment (connections at the end, peaks, events) comes from the first replication, the one
that the plots draw, so that tables and plots agree.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from poolsim.estimation.results import Estimate, Results
from poolsim.report import tables
from poolsim.report.growth import NANOSECONDS
from poolsim.report.series import ClientSeries, client_series
from poolsim.scenario.scenario import Client

CLIENT_METRICS = (
    ("requests", "requests"),
    ("throughput", "throughput"),
    ("latency p50", "latency.p50"),
    ("p75", "latency.p75"),
    ("p95", "latency.p95"),
    ("p99", "latency.p99"),
    ("p99.9", "latency.p99.9"),
    ("max", "latency.max"),
    ("wait p99", "wait.p99"),
    ("rejected", "rejected"),
    ("errors", "errors"),
    ("retries", "retries"),
)
"""Heading and metric of each column of the client table."""

EventCounts: TypeAlias = Counter[tuple[str, str, str]]

FAULT_METRICS = (("detect", "detect"), ("fail over", "fail_over"), ("recover", "recover"))
DROPS_METRIC = "unnoticed"
"""Shown where a middlebox dropped connections."""


@dataclass(frozen=True, slots=True)
class HostSummary:
    """One client's pools of one host, summed over its instances, in the first replication.

    `connections`, `load`, `trashed_now` and `pending` are as at the end of the run; `max_load` is
    the most that its connections could carry at any time; peaks are those of the samples, one an
    interval.
    """

    client: str
    node: str
    connections: int
    most_connections: int
    trashed_now: int
    load: int
    peak_load: int
    max_load: int
    peak_use: float
    """Highest share of its streams in use at the end of an interval."""
    pending: int
    peak_pending: int
    opened: int
    trashed: int
    resurrected: int
    closed: int
    lost: int
    rejected: int
    requests: int
    errors: int
    down_s: float
    """How long a session at least held the host for down."""


class ClientSummary:
    """One client entry: its estimates by metric (`latency.p99`), its hosts, its series."""

    def __init__(
        self, results: Results, client: Client, timeline: tables.Table, events: EventCounts
    ) -> None:
        self.client = client
        self.name = client.name
        self.series: ClientSeries = client_series(
            timeline, results.scenario.node_names, client.name
        )
        self.hosts = _hosts(self.series, events)
        self._results = results
        self.duration_s = results.scenario.duration_ns / NANOSECONDS

    def estimate(self, metric: str) -> Estimate | None:
        """The estimate of `metric` for this client.

        Of several clients only `client/metric` is meant; of one, `metric` says the same.
        """
        estimates = self._results.estimates
        qualified = estimates.get(f"{self.name}/{metric}")
        if qualified is not None or len(self._results.scenario.clients) > 1:
            return qualified
        return estimates.get(metric)

    @cached_property
    def figures(self) -> dict[str, Estimate | None]:
        """An estimate for each of CLIENT_METRICS; counts from the timeline where none was made."""
        figures = {metric: self.estimate(metric) for _, metric in CLIENT_METRICS}
        for metric in ("requests", "rejected", "errors"):
            if figures[metric] is None:
                figures[metric] = Estimate(
                    float(self.series.total(metric).sum()), math.nan, 1, "count"
                )
        if figures["throughput"] is None and self.duration_s > 0:
            requests = float(self.series.total("requests").sum())
            figures["throughput"] = Estimate(requests / self.duration_s, math.nan, 1, "1/s")
        return figures

    @property
    def most_connections(self) -> int:
        """The highest number of active connections over all hosts at the end of an interval."""
        total = self.series.total("active")
        return int(total.max()) if len(total) else 0

    @property
    def closed_loop(self) -> bool:
        """Whether a late response delays the next request, so that overload hides itself."""
        return self.client.load.kind in ("closed", "users")

    @property
    def pools(self) -> int:
        """Pools of this client: instances times hosts."""
        return self.client.instances * max(1, len(self.series.hosts))


@dataclass(frozen=True, slots=True)
class FaultTimes:
    """How one client got over the faults of the scenario; None where nothing was estimated."""

    client: str
    detect: Estimate | None
    fail_over: Estimate | None
    recover: Estimate | None
    unnoticed: Estimate | None = None
    """Where a middlebox dropped connections."""


def client_summaries(results: Results) -> list[ClientSummary]:
    """One summary per client entry, in the scenario's order."""
    first = results.replications[0]
    timeline, events = tables.timeline(first), event_counts(tables.events(first))
    return [ClientSummary(results, client, timeline, events) for client in results.scenario.clients]


def fault_times(summaries: list[ClientSummary]) -> list[FaultTimes]:
    """Detection, fail-over and recovery of each client that has an estimate of one of them."""
    times = [
        FaultTimes(
            summary.name,
            detect=summary.estimate("detect"),
            fail_over=summary.estimate("fail_over"),
            recover=summary.estimate("recover"),
            unnoticed=_where_dropped(summary),
        )
        for summary in summaries
    ]
    return [one for one in times if one.detect or one.fail_over or one.recover]


def _where_dropped(summary: ClientSummary) -> Estimate | None:
    unnoticed = summary.estimate(DROPS_METRIC)
    return unnoticed if unnoticed is not None and unnoticed.mean > 0 else None


def event_counts(events: tables.Table) -> EventCounts:
    """Number of events by (client, node, kind)."""
    client, clients = tables.codes(events, "client")
    node, nodes = tables.codes(events, "node")
    kind, kinds = tables.codes(events, "kind")
    counted = Counter(zip(client.tolist(), node.tolist(), kind.tolist(), strict=True))
    return Counter(
        {(clients[c], nodes[n], kinds[k]): count for (c, n, k), count in counted.items()}
    )


def _hosts(series: ClientSeries, events: EventCounts) -> tuple[HostSummary, ...]:
    values = series.values
    widths = series.edges_s[1:] - series.edges_s[:-1]
    use = np.divide(
        values["in_flight"],
        values["max_load"],
        out=np.zeros_like(values["in_flight"]),
        where=values["max_load"] > 0,
    )
    hosts = []
    for row, node in enumerate(series.hosts):

        def last(column: str, row: int = row) -> int:
            return int(values[column][row, -1])

        def peak(column: str, row: int = row) -> int:
            return int(values[column][row].max())

        def total(column: str, row: int = row) -> int:
            return int(values[column][row].sum())

        def noted(kind: str, node: str = node) -> int:
            return events[series.client, node, kind]

        hosts.append(
            HostSummary(
                client=series.client,
                node=node,
                connections=last("active"),
                most_connections=peak("active"),
                trashed_now=last("trashed"),
                load=last("in_flight"),
                peak_load=peak("in_flight"),
                max_load=peak("max_load"),
                peak_use=float(use[row].max()),
                pending=last("pending"),
                peak_pending=peak("pending"),
                opened=noted("opened"),
                trashed=noted("trashed"),
                resurrected=noted("resurrected"),
                closed=noted("closed"),
                lost=noted("connection_broke"),
                rejected=total("rejected"),
                requests=total("requests"),
                errors=total("errors"),
                down_s=float(widths[values["down"][row] > 0].sum()),
            )
        )
    return tuple(hosts)
