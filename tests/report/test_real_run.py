"""A run from the scenario to the report, without pandas until somebody asks for a frame."""

import json
import os
import subprocess
import sys
from pathlib import Path

import poolsim

SCENARIO = """
name: tiny
question: Does one node carry two hundred requests a second?
duration: 4s
replications: 2
cluster:
  datacenters:
    dc1: {nodes: 2, replication_factor: 2, network: {delay: 0.25ms}}
  node:
    workers: 8
    service: {exponential: {mean: 2ms}}
clients:
  - name: api
    driver: java3
    load:
      poisson: {rate: 200/s}
faults:
  - {at: 1s, for: 1s, node: dc1/2, kind: stop}
expect:
  - latency.p99 < 1s
"""

CODE = """
import io, sys
from pathlib import Path
from rich.console import Console
from poolsim.estimation.run import run_scenario
from poolsim.report.terminal import show
from poolsim.report.write import write_run
from poolsim.scenario.load import load

results = run_scenario(load("tiny.yaml"), source="tiny.yaml", jobs=1)
directory = write_run(results, Path("run"), report=True)
show(results, Console(width=80), directory)
assert "pandas" not in sys.modules
"""


def test_a_run_is_shown_and_written(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    # The package need not be installed.
    environment = {**os.environ, "PYTHONPATH": str(Path(poolsim.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.rstrip().split("\n")
    assert lines[0].split()[1] == "Passed:"
    assert lines[-1].startswith("poolsim run tiny.yaml --seed ")
    assert "dc1/2 stopped from 1.0 s to 2.0 s" in done.stdout
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    (client,) = summary["clients"]
    assert sum(host["requests"] for host in client["hosts"]) > 500
    assert {host["node"] for host in client["hosts"]} == {"dc1/1", "dc1/2"}
    assert sum(host["lost"] for host in client["hosts"]) > 0
    assert client["figures"]["latency.p99"]["half_width"] is not None
    html = (tmp_path / "run/report.html").read_text()
    assert "dc1/2 stopped" in html
    assert "held for down" in html
