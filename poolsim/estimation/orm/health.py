"""`getHealthStatus()`: the pool and its hosts at the end of the run, and what to do.

The document names the three states and no rule for them (chosen): a host is unhealthy while the
driver holds it for down, its health check fails, or its circuit is not closed; degraded where
more than 1 % of its requests since the last but one collection of metrics failed, it has fewer
connections than its pool keeps (core, or the size that adaptive pooling gave it last), or these are
used above 80 %. The pool is healthy where all its hosts are, unhealthy where more than half of them
are unhealthy, else degraded. Each reason has its recommendation.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.estimation.orm.metrics import utilization
from poolsim.estimation.orm.view import Usage, View
from poolsim.model import kinds
from poolsim.model.wrappers.cassandraorm_tables import pool_sizes

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
MOST_ERRORS = 0.01
MOST_UTILIZATION = 0.8

_DOWN = "find out why it is down; until then the others carry its load"
_UNANSWERED = "it accepts connections and does not answer in time: restart it or take it out"
_CIRCUIT = "its requests failed in a row: look at its latency and at readTimeout"
_ERRORS = "look at the first failures of the report"
_MISSING = "connections are missing: see whether it refuses them"
_FULL = "raise maxConnectionsPerHost, or add nodes"


@dataclass(frozen=True, slots=True)
class HostHealth:
    """One host; `reasons` say why it is not healthy, `advice` in the same order what to do."""

    address: str
    status: str
    connections: int
    average_latency_s: float | None
    error_rate: float | None
    reasons: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """All of it."""

    overall: str
    hosts: tuple[HostHealth, ...]
    recommendations: tuple[str, ...]


def health(view: View) -> Health:
    """The state at the end of the run."""
    hosts = tuple(_host(view, node, usage) for node, usage in sorted(view.at_end.items()))
    bad = sum(host.status == UNHEALTHY for host in hosts)
    overall = HEALTHY
    if bad * 2 > len(hosts):
        overall = UNHEALTHY
    elif any(host.status != HEALTHY for host in hosts):
        overall = DEGRADED
    return Health(overall, hosts, tuple(_recommendations(hosts)))


def _host(view: View, node: int, usage: Usage) -> HostHealth:
    now = view.end_ns
    since_ns = view.collections[-2][0] if len(view.collections) > 1 else 0
    recent = view.requests(since_ns, None, node)
    whole = view.requests(0, None, node)
    ill: list[tuple[str, str]] = []
    if not view.up(now).get(node, True):
        ill.append(("down", _DOWN))
    if not view.healthy(now).get(node, True):
        ill.append(("its health check fails", _UNANSWERED))
    circuit = view.circuits(now).get(node, "closed")
    if circuit != "closed":
        ill.append((f"its circuit is {circuit}", _CIRCUIT))
    weak: list[tuple[str, str]] = []
    if (recent.error_rate or 0.0) > MOST_ERRORS:
        weak.append((f"{recent.error_rate:.1%} of its requests fail", _ERRORS))
    expected = _expected(view, node)
    if usage.total < expected and not ill:
        weak.append((f"{usage.total} of {expected} connections", _MISSING))
    used = utilization(view, usage)
    if used is not None and used > MOST_UTILIZATION:
        weak.append((f"its connections are used to {used:.0%}", _FULL))
    found = [*ill, *weak]
    status = UNHEALTHY if ill else DEGRADED if weak else HEALTHY
    return HostHealth(
        view.host(node),
        status,
        usage.total,
        whole.average_latency_s,
        whole.error_rate,
        tuple(reason for reason, _ in found),
        tuple(advice for _, advice in found),
    )


def _expected(view: View, node: int) -> int:
    """Connections that a pool to the node keeps: idle ones above are closed, and an adaptive pool
    has the size that its last evaluation gave it."""
    options = view.client.options
    is_local = view.region(node) == view.client.datacenter
    is_local = is_local or options.balancing.policy == "round_robin"
    sizes = pool_sizes(view.client, view.host(node), is_remote=not is_local)
    if not options.orm.adaptive.enabled:
        return sizes.floor
    resized = (kinds.POOL_GREW, kinds.POOL_SHRANK)
    given = [size for _, kind, of, _, size in view.notes if of == node and kind in resized]
    return given[-1] if given else sizes.initial


def _recommendations(hosts: tuple[HostHealth, ...]) -> list[str]:
    return [
        f"{host.address} ({reason}): {advice}"
        for host in hosts
        for reason, advice in zip(host.reasons, host.advice, strict=True)
    ]
