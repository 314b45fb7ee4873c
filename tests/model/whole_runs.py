"""Whole runs of scenarios written as files are, for tests of what a document says."""

from __future__ import annotations

from typing import Any

from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario
from tests.model.python_pools import Ran, run

MS = 1_000_000
SECOND = 1_000 * MS

TEXT = """
duration: {duration}
warm_up: 0s
replications: 1
cluster:
  datacenters: {datacenters}
  node: {{workers: {workers}, service: {service}}}
clients:
  - name: app
    driver: {driver}
    protocol: {protocol}
    instances: {instances}
    options: {options}
    cpu: {cpu}
    load: {load}
{more}
"""
USUAL = {
    "duration": "2s",
    "datacenters": "{dc1: {nodes: 1, network: {delay: 0.25ms}}}",
    "workers": "1000",
    "service": "{constant: 10ms}",
    "protocol": "v4",
    "instances": "1",
    "options": "{}",
    "cpu": "{issue: 10us}",
    "load": "{poisson: {rate: 100/s}}",
    "more": "",
}


def scenario(driver: str, **parts: str) -> Scenario:
    """A scenario of one client; `parts` replace what is usual, `more` adds lines to the file."""
    return load_text(TEXT.format(driver=driver, **(USUAL | parts)))


def ran(driver: str, *attachments: Any, **parts: str) -> Ran:
    """Its run, all invariants checked, a sample every 100 ms."""
    return run(scenario(driver, **parts), attachments)


def sampled(run: Ran, column: str, at_ns: int) -> list[int]:
    """What stood in the sample of an instant: client by client, node by node."""
    table = dict(run.samples)[at_ns]
    return [int(value) for value in table[:, SAMPLE_COLUMNS.index(column)]]


def sampled_at_all_times(run: Ran, column: str) -> list[list[int]]:
    """The same of every sample after the start, when the first connections are being made."""
    return [sampled(run, column, time) for time, _ in run.samples if time > 0]


class Look:
    """Looks at the world at given instants; `seen` holds what `look` found there."""

    def __init__(self, look: Any, *times_ns: int) -> None:
        self.look = look
        self.times_ns = times_ns
        self.seen: list[Any] = []

    def __call__(self, environment: Any, world: Any) -> None:
        def watch() -> Any:
            for time in self.times_ns:
                yield environment.timeout(time - environment.now)
                self.seen.append(self.look(world))

        environment.process(watch())
