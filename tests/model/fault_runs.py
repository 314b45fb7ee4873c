"""Short runs with faults, written as a user would: the drivers' own defaults, requests at instants
or evenly, everything else constant. One way to a node takes 0.25 ms, a service 1 ms."""

from __future__ import annotations

from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario
from tests.model.python_pools import MS, SECOND, Ran, run

MINUTE = 60 * SECOND
ROUND_TRIP = MS // 2
SERVED = ROUND_TRIP + MS
"""From the write of a request to its delivered response."""

_TEXT = """
name: faults
duration: {duration}
warm_up: 0s
replications: 1
cluster:
  datacenters:
    dc1: {{nodes: {nodes}, replication_factor: 1, network: {{delay: {delay}}}}}
  node: {{workers: 8, service: {{constant: {service}}}}}
clients:
  - name: api
    driver: {driver}
    protocol: {protocol}
    idempotent: {idempotent}
    options: {options}
    kernel: {kernel}
    cpu: {cpu}
    load: {load}
faults: [{faults}]
"""


def told(
    driver: str,
    *faults: str,
    nodes: int = 1,
    duration: str = "60s",
    service: str = "1ms",
    delay: str = "250us",
    protocol: str = "v4",
    idempotent: bool = False,
    options: str = "{}",
    kernel: str = "{}",
    cpu: str = "{}",
    at: tuple[str, ...] = (),
    load: str = "",
) -> Scenario:
    """A scenario of one client; `at`: when its requests are due, unless there is another load."""
    if not load:
        load = f"{{trace: {{times: [{', '.join(at) or '1ms'}]}}}}"
    return load_text(
        _TEXT.format(
            driver=driver,
            duration=duration,
            nodes=nodes,
            service=service,
            delay=delay,
            protocol=protocol,
            idempotent=str(idempotent).lower(),
            options=options,
            kernel=kernel,
            cpu=cpu,
            load=load,
            faults=", ".join(f"{{{one}}}" for one in faults),
        )
    )


def ran(driver: str, *faults: str, **told_more: object) -> Ran:
    """The run of `told`."""
    return run_once(told(driver, *faults, **told_more))  # type: ignore[arg-type]


def run_once(asked: Scenario) -> Ran:
    """A run with few samples: what counts here is what happened."""
    return run(asked, sampled_ns=asked.duration_ns // 20)


def instants(of: Ran, *names: str) -> list[int]:
    """When events with these names happened, in ns."""
    return [time for time, _, _, _ in of.noted(*names)]
