"""`analyzePerformance()`: what limits the pool over the whole run, and what to do about it.

The document gives neither rules nor limits (chosen). A bottleneck is what made requests wait or
fail, or connections come and go: full connections, circuits and breaks, failing requests, pools
that shrink and grow again, batches that wait, a load that waited for its connections; and a pool
that may have far more connections than it ever had says so. Efficiency is the
mean share, over the collections of metrics, of connections that had requests in flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from poolsim.estimation.orm.view import NS, View
from poolsim.model import kinds
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.scenario.cassandraorm_warnings import MOST_CONNECTIONS

_REJECTED = SAMPLE_COLUMNS.index("rejected")
MOST_TURNOVERS = 3
"""Connections of a pool that may be given up and made again."""
LONG_WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """Bottlenecks and, in the same order, recommendations; None where there is no figure."""

    bottlenecks: tuple[str, ...]
    recommendations: tuple[str, ...]
    avg_connection_time_s: float | None
    avg_request_time_s: float | None
    pool_efficiency: float | None


def analysis(view: View) -> Analysis:
    """Of the whole run."""
    found = [*_full(view), *_circuits(view), *_breaks(view), *_churn(view), *_waits(view)]
    found += _unused(view)
    return Analysis(
        tuple(bottleneck for bottleneck, _ in found),
        tuple(recommendation for _, recommendation in found),
        connection_time_s(view),
        view.requests().average_latency_s,
        efficiency(view),
    )


def _full(view: View) -> Iterator[tuple[str, str]]:
    """Requests that a host refused for lack of room; of all instances."""
    circuits = view.by_host((kinds.CIRCUIT_OPENED,))
    samples = view.record.samples
    if not len(samples):
        return
    for node, refused in enumerate(samples[-1, view.place, :, _REJECTED].tolist()):
        if refused and not circuits[node]:
            yield (
                f"{view.host(node)}: {refused:,} times its connections were full or there was none",
                "raise maxConnectionsPerHost or maxRequestsPerConnection, or have more connections "
                "from the start (coreConnectionsPerHost, warmup)",
            )


def _circuits(view: View) -> Iterator[tuple[str, str]]:
    for node, opened in sorted(view.by_host((kinds.CIRCUIT_OPENED,)).items()):
        yield (
            f"{view.host(node)}: its circuit opened {opened:,} times",
            "it timed out or broke connections again and again; see whether readTimeout is above "
            "what it takes under this load",
        )


def _breaks(view: View) -> Iterator[tuple[str, str]]:
    broken = view.by_host((kinds.CONNECTION_BROKE, kinds.CONNECT_FAILED, kinds.REPLACED))
    for node, times in sorted(broken.items()):
        yield (
            f"{view.host(node)}: {times:,} connections broke or could not be made",
            "look at the network, at faults of the node, and at connectionTimeout",
        )


def _churn(view: View) -> Iterator[tuple[str, str]]:
    grown, shrunk = view.by_host((kinds.POOL_GREW,)), view.by_host((kinds.POOL_SHRANK,))
    for node in sorted(grown):
        again = min(grown[node], shrunk[node])
        if again > MOST_TURNOVERS:
            adaptive = view.client.options.orm.adaptive.enabled
            advice = "set scaleDownThreshold lower" if adaptive else "raise idleTimeout"
            yield (
                f"{view.host(node)}: {again:,} connections were given up and made again",
                f"{advice}, or keep more connections",
            )


def _waits(view: View) -> Iterator[tuple[str, str]]:
    batching = view.client.options.orm.batching
    rate = view.requests().ended / (view.end_ns * NS) / view.client.instances
    if batching.enabled and rate and rate * batching.timeout_ns * NS < batching.size:
        yield (
            f"batches go out at batchTimeout, not full: {rate:,.0f} requests/s are "
            f"{rate * batching.timeout_ns * NS:,.1f} in that time, not {batching.size}",
            "lower batchTimeout or switch enableBatching off: it makes requests wait for nothing",
        )
    for _, kind, _, _, value in view.notes:
        if kind == kinds.WARMED_UP and value * NS > LONG_WARM_UP_S:
            yield (
                f"the load waited {value * NS:.1f} s for its connections",
                "have fewer connections at the start, or a shorter warmupTimeout",
            )


def _unused(view: View) -> Iterator[tuple[str, str]]:
    """Too many connections, which no load asked for."""
    options = view.client.options
    if options.orm.adaptive.enabled or view.by_host((kinds.POOL_GREW,)):
        return
    core, most = options.local.core, options.local.max
    if most > max(MOST_CONNECTIONS, core):
        yield (
            f"no pool grew beyond its {core:,} connection{'s' * (core != 1)}: of the {most:,} that "
            "it may have none was asked for",
            f"set maxConnectionsPerHost to what the load needs: here {core:,} carry all of it",
        )


def connection_time_s(view: View) -> float | None:
    """Mean time from the start of a handshake to the connection, without those at time zero."""
    started: dict[int, int] = {}
    taken = []
    for time, kind, _, connection, _ in view.notes:
        if kind == kinds.CONNECT_STARTED:
            started[connection] = time
        elif kind == kinds.OPENED and time > 0:
            taken.append(time - started[connection])
    return sum(taken) / len(taken) * NS if taken else None


def efficiency(view: View) -> float | None:
    """Mean share of connections in use."""
    shares = [
        sum(one.active for one in usage.values()) / total
        for _, usage in view.collections
        if (total := sum(one.total for one in usage.values()))
    ]
    return sum(shares) / len(shares) if shares else None
