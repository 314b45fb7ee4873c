"""What a wrapper's monitor would have printed: its rounds over the hosts, and its warm-up.

The fields are those of async-cassandra's ConnectionMonitor (model/wrappers/async_cassandra.py says
whence); those that hold a time end in its unit here. A round's timestamp is its beginning.
`connection_count` is what the document says: 1 for a host that is up, 0 for one that is down. A
cluster's name is the scenario's, a host's address its name, its release version what the scenario
says of all nodes. There is a monitor in each session, and what is told is the first instance's:
its requests too, as of the end of the round.

`health` sums a round up as the document's health check does: a host is healthy if its query was
answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolsim.model import kinds
from poolsim.recording.record import Record

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

_SECOND_NS = 1_000_000_000
_LOOKS = (kinds.CHECK_OK, kinds.CHECK_FAILED, kinds.CHECK_FOUND_DOWN)
_COUNTERS = (kinds.COUNTED_SENT, kinds.COUNTED_COMPLETED, kinds.COUNTED_FAILED)
_DOWN = "down"


@dataclass(frozen=True, slots=True)
class HostLook:
    """One host in one round; `latency_ms` None and `error` "" where they do not apply."""

    address: str
    datacenter: str
    rack: str
    is_up: bool
    release_version: str
    connection_count: int
    latency_ms: float | None
    error: str


@dataclass(frozen=True, slots=True)
class AppMetrics:
    """The application's own counters, of one instance: what it sent to the driver, what of that
    ended well and what failed; the rest is under way."""

    requests_sent: int
    requests_completed: int
    requests_failed: int
    last_health_check_s: float | None


@dataclass(frozen=True, slots=True)
class Health:
    """The health check's result: how many hosts are healthy, and what is wrong with the others."""

    healthy: int
    unhealthy: int
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Round:
    """Connection statistics as of one round."""

    timestamp_s: float
    took_s: float
    hosts: tuple[HostLook, ...]
    total_connections: int
    app_metrics: AppMetrics

    @property
    def down_hosts(self) -> int:
        """Hosts that are not up."""
        return sum(not host.is_up for host in self.hosts)

    @property
    def warning(self) -> str:
        """What the monitor prints where hosts are down, else ""."""
        return f"WARNING: {self.down_hosts} hosts are down" if self.down_hosts else ""

    @property
    def health(self) -> Health:
        """Healthy hosts and the others."""
        details = tuple(
            (host.address, host.error or _DOWN)
            for host in self.hosts
            if host.error or not host.is_up
        )
        return Health(len(self.hosts) - len(details), len(details), details)


@dataclass(frozen=True, slots=True)
class Monitored:
    """What one instance's wrapper saw. `warm_up_s` is None where there was none, or it did not end;
    `warm_up` holds its looks."""

    client: str
    instance: int
    cluster_name: str
    protocol_version: int
    interval_s: float
    warm_up_s: float | None
    warm_up: tuple[HostLook, ...]
    rounds: tuple[Round, ...]

    @property
    def warnings(self) -> tuple[tuple[float, str], ...]:
        """When each warning was printed, and what it said."""
        return tuple((one.timestamp_s, one.warning) for one in self.rounds if one.warning)


def monitored(scenario: Scenario, record: Record) -> tuple[Monitored, ...]:
    """What the first instance of each client with a wrapper saw, in the scenario's order."""
    found = []
    session = 0
    for place, client in enumerate(scenario.clients):
        wrapper = client.options.wrapper
        if wrapper.name and (wrapper.warm_up or wrapper.monitored):
            found.append(_of_session(scenario, record, place, session))
        session += client.instances
    return tuple(found)


def _of_session(scenario: Scenario, record: Record, place: int, session: int) -> Monitored:
    client = scenario.clients[place]
    notes = record.notes[record.notes[:, 2] == session]
    interval_ns = client.options.wrapper.monitor_interval_ns
    warm_up_s: float | None = None
    warm_up: tuple[HostLook, ...] = ()
    rounds: list[Round] = []
    looks: list[HostLook] = []
    counters: list[int] = []
    begins_ns = 0
    for time_ns, kind, _, node, _, value in notes.tolist():
        if kind in _LOOKS:
            looks.append(_look(scenario, node, kind, value))
        elif kind in _COUNTERS:
            counters.append(value)
        elif kind == kinds.WARMED_UP:
            warm_up_s, warm_up, begins_ns, looks = value / _SECOND_NS, tuple(looks), time_ns, []
        elif kind == kinds.MONITORED:
            last = rounds[-1].timestamp_s if rounds else None
            sent, completed, failed = counters
            rounds.append(
                Round(
                    begins_ns / _SECOND_NS,
                    (time_ns - begins_ns) / _SECOND_NS,
                    tuple(looks),
                    sum(look.connection_count for look in looks),
                    AppMetrics(sent, completed, failed, last),
                )
            )
            begins_ns, looks, counters = time_ns + interval_ns, [], []
    if client.options.wrapper.warm_up and warm_up_s is None:
        warm_up = tuple(looks)
    return Monitored(
        client.name,
        0,
        scenario.name,
        client.protocol,
        interval_ns / _SECOND_NS,
        warm_up_s,
        warm_up,
        tuple(rounds),
    )


def _look(scenario: Scenario, node: int, kind: int, value: int) -> HostLook:
    datacenter, rack = _place(scenario, node)
    is_up = kind != kinds.CHECK_FOUND_DOWN
    return HostLook(
        address=scenario.node_names[node],
        datacenter=datacenter,
        rack=rack,
        is_up=is_up,
        release_version=scenario.node.release_version,
        connection_count=int(is_up),
        latency_ms=value * 1e-6 if kind == kinds.CHECK_OK else None,
        error=kinds.OUTCOME_NAMES[value].replace("_", " ") if kind == kinds.CHECK_FAILED else "",
    )


def _place(scenario: Scenario, node: int) -> tuple[str, str]:
    """Datacenter and rack of a node."""
    for datacenter in scenario.datacenters:
        if node < datacenter.nodes:
            return datacenter.name, f"rack{node % datacenter.racks + 1}"
        node -= datacenter.nodes
    raise ValueError(f"there is no node {node}")


def as_document(one: Monitored) -> dict[str, Any]:
    """One wrapper's view as plain data, in the document's own names; times say their unit: what it
    calls timestamp and last_health_check is timestamp_s and last_health_check_s here."""
    return {
        "client": one.client,
        "instance": one.instance,
        "cluster_name": one.cluster_name,
        "protocol_version": one.protocol_version,
        "interval_s": one.interval_s,
        "warm_up_s": one.warm_up_s,
        "warm_up": [_host_document(host) for host in one.warm_up],
        "rounds": [_round_document(round_) for round_ in one.rounds],
        "warnings": [{"at_s": at_s, "text": text} for at_s, text in one.warnings],
    }


def _round_document(one: Round) -> dict[str, Any]:
    health = one.health
    return {
        "timestamp_s": one.timestamp_s,
        "took_s": one.took_s,
        "hosts": [_host_document(host) for host in one.hosts],
        "total_connections": one.total_connections,
        "app_metrics": {
            "requests_sent": one.app_metrics.requests_sent,
            "requests_completed": one.app_metrics.requests_completed,
            "requests_failed": one.app_metrics.requests_failed,
            "last_health_check_s": one.app_metrics.last_health_check_s,
        },
        "health": {
            "healthy": health.healthy,
            "unhealthy": health.unhealthy,
            "details": [list(pair) for pair in health.details],
        },
    }


def _host_document(host: HostLook) -> dict[str, Any]:
    document: dict[str, Any] = {
        "address": host.address,
        "datacenter": host.datacenter,
        "rack": host.rack,
        "is_up": host.is_up,
        "release_version": host.release_version,
        "connection_count": host.connection_count,
        "latency_ms": host.latency_ms,
    }
    return document | ({"error": host.error} if host.error else {})
