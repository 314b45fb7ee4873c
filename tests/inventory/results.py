"""What a result of poolsim says, for rows that name a place of it: the keys of its document and the
names of its files, of a run by each driver that has something of its own to tell."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from poolsim.cli import app

SCENARIO = """
duration: 40s
warm_up: 0s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 3}}
  node: {service: {constant: 2ms}}
clients:
  - name: monitored
    driver: async_cassandra
    options: {connection_monitor: {enabled: true, interval: 5s}, request_timeout: 1s}
    load: {uniform: {rate: 20/s}}
  - name: generic
    driver: generic
    load: {uniform: {rate: 20/s}}
  - name: orm
    driver: cassandraorm
    options: {pooling: {enableMetrics: true, metricsInterval: 5s}}
    load: {uniform: {rate: 20/s}}
faults:
  - {at: 8s, for: 4s, node: dc1/2, kind: silent}
  - {at: 15s, for: 4s, node: dc1/3, kind: stop}
  - {at: 35s, node: dc1/3, kind: stop}
"""


@dataclass(frozen=True)
class Result:
    """A document of `poolsim run`, and the names of the files beside it."""

    document: dict[str, Any]
    files: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether a path leads to a key, in any item of the lists on its way."""
        return _leads(self.document, path.split("."))


@cache
def result() -> Result:
    """The result of the one run, made at its first use."""
    with tempfile.TemporaryDirectory() as folder:
        scenario, out = Path(folder, "result.yaml"), Path(folder, "out")
        scenario.write_text(SCENARIO, encoding="utf-8")
        arguments = ["run", str(scenario), "--out", str(out), "--requests", "--no-report"]
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 0, ended.output
        return Result(
            json.loads((out / "summary.json").read_text(encoding="utf-8")),
            frozenset(path.name for path in out.iterdir()),
        )


def _leads(value: Any, parts: list[str]) -> bool:
    if isinstance(value, list):
        return any(_leads(item, parts) for item in value)
    if not parts:
        return True
    return isinstance(value, dict) and parts[0] in value and _leads(value[parts[0]], parts[1:])
