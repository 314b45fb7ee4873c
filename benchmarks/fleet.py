"""Scenarios for the growth curve: W and larger fleets, written as a user would."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from poolsim.scenario.load import load
from poolsim.scenario.scenario import Scenario

_TEXT = """
name: growth
question: How does the time per request grow?
seed: 7
duration: {duration_s:.6f}s
warm_up: 0s
replications: 1
cluster:
  datacenters:
    dc1: {{nodes: {nodes}, replication_factor: {replication}, network: {{delay: 0.25ms}}}}
  node:
    workers: {workers}
    service: {{exponential: {{mean: {service}}}}}
clients:
  - name: api
    instances: {instances}
    datacenter: dc1
    driver: java3
    protocol: {protocol}
    options:
      pooling:
        local: {{core: {connections}, max: {connections}, max_requests: {streams}}}
    cpu: {{issue: 0s}}
    load:
      {load}
faults: {faults}
"""


def fleet(
    requests: int,
    *,
    rate_per_s: float = 5000.0,
    instances: int = 1,
    nodes: int = 1,
    connections: int = 4,
    streams: int = 128,
    workers: int = 8,
    service: str = "1.4ms",
    replication: int = 1,
    in_flight: int = 0,
    lost_node: bool = False,
) -> Scenario:
    """A scenario of about so many requests.

    `rate_per_s` is of the open load, over all instances. `in_flight`, if not 0, makes it a closed
    loop of so many requests; `rate_per_s` must then be what that loop makes. `lost_node` stops the
    last node at a third of the run, for good. Streams above 128 need protocol v4 and get it.
    """
    duration_s = requests / rate_per_s
    faults = "[]"
    if lost_node:
        faults = f"[{{at: {duration_s / 3:.6f}s, node: dc1/{nodes}, kind: stop}}]"
    load_text = f"poisson: {{rate: {rate_per_s:.6f}/s}}"
    if in_flight:
        load_text = f"closed: {{window: {in_flight}, error_pause: 1ms}}"
    text = _TEXT.format(
        duration_s=duration_s,
        nodes=nodes,
        replication=replication,
        workers=workers,
        service=service,
        instances=instances,
        protocol="v2" if streams <= 128 else "v4",
        connections=connections,
        streams=streams,
        load=load_text,
        faults=faults,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "growth.yaml"
        path.write_text(text)
        return load(path, [])


THREE_NODES: dict[str, Any] = {"nodes": 3, "replication": 3, "rate_per_s": 15_000.0}
"""A cluster on which every plan has three replicas to choose from."""

LARGE_FLEET: dict[str, Any] = {
    "instances": 1000,
    "nodes": 50,
    "connections": 1,
    "rate_per_s": 100_000.0,
    "replication": 3,
    "lost_node": True,
}
"""50,000 pools."""


def closed_loop(in_flight: int) -> dict[str, Any]:
    """So many requests in flight all the time, each of them served at once for 20 ms on average."""
    return {
        "in_flight": in_flight,
        "rate_per_s": in_flight / 0.0205,
        "service": "20ms",
        "workers": in_flight,
        "streams": 32768,
    }
