"""run.json: what a recorder program is asked for, in the driver's own units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolsim.harness.recording.schedule import Schedule
from poolsim.scenario.scenario import Client, Scenario

QUERY = "SELECT key FROM system.local WHERE key='local'"
"""Cheap, the same on every node, and read from memory."""
KEYSPACE = "system"
"""One that every node has."""

_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the nodes are, and where the driver shall connect to reach them (the same: bare)."""

    nodes: tuple[str, ...]
    reached_at: tuple[str, ...]
    port: int


def run_file(
    scenario: Scenario,
    schedule: Schedule,
    arrivals: Path | None,
    addresses: Addresses,
    out: Path,
) -> dict[str, Any]:
    """The content of run.json for one repetition; `arrivals` is the file of an open load."""
    assert scenario.recording is not None, "only plans are recorded"
    client = scenario.clients[0]
    load: dict[str, Any]
    if arrivals is not None:
        load = {"kind": "open", "intended_ns": str(arrivals)}
    else:
        load = {
            "kind": "closed",
            "phases": [list(level) for level in schedule.levels],
            "error_pause_ns": client.load.error_pause_ns,
        }
    return {
        "contact_points": list(addresses.reached_at),
        "port": addresses.port,
        "translate": dict(zip(addresses.nodes, addresses.reached_at, strict=True)),
        "hosts": list(addresses.nodes),
        "protocol": client.protocol,
        "driver": client.driver,
        "options": _java3(client) if client.driver == "java3" else _python(client),
        "load": load,
        "duration_ns": scenario.duration_ns,
        "sample_every_ns": scenario.recording.sample_every_ns,
        "issue_gap_ns": client.issue_ns,
        "out": str(out),
        "query": QUERY,
    }


def _common(client: Client) -> dict[str, Any]:
    options = client.options
    return {
        "connect_timeout_ms": options.connect_timeout_ns // _MILLISECOND,
        "reconnection": {
            "kind": options.reconnection.kind,
            "base_ms": options.reconnection.base_ns // _MILLISECOND,
            "max_ms": options.reconnection.max_ns // _MILLISECOND,
        },
        "balancing": {
            "policy": options.balancing.policy,
            "token_aware": options.balancing.token_aware,
            "shuffle_replicas": options.balancing.shuffle_replicas,
            "used_hosts_per_remote_dc": options.balancing.used_hosts_per_remote_dc,
        },
        "retry": options.retry,
        "idempotent": client.idempotent >= 1,
        "executor_threads": options.executor_threads,
        "keyspace": KEYSPACE if options.keyspace else None,
        "read_timeout_ms": options.read_timeout_ns // _MILLISECOND,
        "tcp_nodelay": options.tcp_nodelay,
        "heartbeat_interval_s": options.heartbeat_interval_ns // _SECOND,
    }


def _java3(client: Client) -> dict[str, Any]:
    options = client.options
    return _common(client) | {
        "core": options.local.core,
        "max": options.local.max,
        "max_requests": options.local.max_requests,
        "new_connection_threshold": options.local.new_connection_threshold,
        "max_queue_size": options.max_queue_size,
        "pool_timeout_ms": options.pool_timeout_ns // _MILLISECOND,
        "idle_timeout_s": options.idle_timeout_ns // _SECOND,
    }


def _python(client: Client) -> dict[str, Any]:
    options = client.options
    common = _common(client)
    common["reconnection"]["max_attempts"] = options.reconnection.max_attempts
    return common | {"heartbeat_timeout_s": options.heartbeat_timeout_ns / _SECOND}
