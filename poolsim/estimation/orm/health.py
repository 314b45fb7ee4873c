"""`getHealthStatus()`: the pool and its hosts at the end of the run, and what to do.

The document names the three states and no rule for them (chosen): a host is unhealthy while the
driver holds it for down, its health check fails, or its circuit is not closed; degraded where
more than 1 % of its requests since the last but one collection of metrics failed, it has fewer
connections than its pool begins with, or these are used above 80 %. The pool is healthy where all
its hosts are, unhealthy where more than half of them are unhealthy, else degraded.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.estimation.orm.metrics import utilization
from poolsim.estimation.orm.view import Usage, View

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
MOST_ERRORS = 0.01
MOST_UTILIZATION = 0.8


@dataclass(frozen=True, slots=True)
class HostHealth:
    """One host; `reasons` say why it is not healthy."""

    address: str
    status: str
    connections: int
    average_latency_s: float | None
    error_rate: float | None
    reasons: tuple[str, ...]


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
    ill = []
    if not view.up(now).get(node, True):
        ill.append("down")
    if not view.healthy(now).get(node, True):
        ill.append("its health check fails")
    circuit = view.circuits(now).get(node, "closed")
    if circuit != "closed":
        ill.append(f"its circuit is {circuit}")
    weak = []
    if (recent.error_rate or 0.0) > MOST_ERRORS:
        weak.append(f"{recent.error_rate:.1%} of its requests fail")
    expected = _expected(view, node)
    if usage.total < expected and not ill:
        weak.append(f"{usage.total} of {expected} connections")
    used = utilization(view, usage)
    if used is not None and used > MOST_UTILIZATION:
        weak.append(f"its connections are used to {used:.0%}")
    status = UNHEALTHY if ill else DEGRADED if weak else HEALTHY
    return HostHealth(
        view.host(node),
        status,
        usage.total,
        whole.average_latency_s,
        whole.error_rate,
        (*ill, *weak),
    )


def _expected(view: View, node: int) -> int:
    """Connections that a pool to the node keeps: core, as far as its region allows."""
    options = view.client.options
    is_local = view.region(node) == view.client.datacenter
    is_local = is_local or options.balancing.policy == "round_robin"
    core = options.local.core if is_local else options.remote.core
    for region in options.orm.regions:
        if region.name == view.region(node) and region.max_connections is not None:
            core = min(core, region.max_connections)
    return core


_ADVICE = {
    "down": "find out why it is down; until then the others carry its load",
    "its health check fails": "it accepts connections and does not answer in time: restart it or "
    "take it out",
    "its circuit is": "its requests failed in a row: look at its latency and at readTimeout",
    "of its requests fail": "look at the first failures of the report",
    "connections": "connections are missing: see whether it refuses them",
    "its connections are used": "raise maxConnectionsPerHost, or add nodes",
}


def _recommendations(hosts: tuple[HostHealth, ...]) -> list[str]:
    found = []
    for host in hosts:
        for reason in host.reasons:
            advice = next(text for key, text in _ADVICE.items() if key in reason)
            found.append(f"{host.address} ({reason}): {advice}")
    return found
