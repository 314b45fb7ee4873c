"""Scenarios of one client of the Node.js driver, for tests of its rules."""

from __future__ import annotations

from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario

MS = 1_000_000
SECOND = 1_000 * MS


def scenario(
    options: str = "{}",
    *,
    load: str = "{uniform: {rate: 100/s}}",
    duration: str = "60s",
    nodes: int = 3,
    service: str = "1ms",
    workers: int = 500,
    faults: str = "[]",
    protocol: str = "v4",
    idempotent: bool = False,
    replication: int = 1,
    seed: int = 1,
    issue: str = "0s",
) -> Scenario:
    """A scenario whose nodes are 0.25 ms away, one way."""
    return load_text(f"""
duration: {duration}
warm_up: 0s
seed: {seed}
replications: 1
cluster:
  datacenters: {{dc1: {{nodes: {nodes}, replication_factor: {replication}}}}}
  node: {{service: {{constant: {service}}}, workers: {workers}}}
clients:
  - name: api
    driver: nodejs
    protocol: {protocol}
    idempotent: {str(idempotent).lower()}
    options: {options}
    cpu: {{issue: {issue}}}
    load: {load}
faults: {faults}
""")


def at(*times: str) -> str:
    """Requests at these times."""
    return f"{{trace: {{times: [{', '.join(times)}]}}}}"


ROUND_ROBIN = "load_balancing: {policy: dc_aware_round_robin, token_aware: false}"
