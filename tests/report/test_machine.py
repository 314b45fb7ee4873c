"""A result as JSON."""

import dataclasses
import json
import math

import pytest

from poolsim.estimation.results import Results
from poolsim.report.machine import SCHEMA_VERSION, summary

ALL = ["staircase", "node_failure", "fleet", "quiet", "faint", "hostile"]


@pytest.mark.parametrize("name", ALL)
def test_it_is_json_without_nan(name: str, request: pytest.FixtureRequest) -> None:
    results = request.getfixturevalue(name)
    document = summary(results)
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document
    assert document["schema_version"] == SCHEMA_VERSION


def test_it_holds_what_the_run_says(node_failure: Results) -> None:
    document = summary(node_failure)
    assert document["inputs"] == node_failure.inputs
    assert document["digest"] == node_failure.digest
    assert (document["status"], document["exit_code"]) == ("failed", 1)
    assert [(one["expectation"], one["status"]) for one in document["verdicts"]] == [
        ("rejected == 0", "failed"),
        ("latency.p99 < 20ms", "passed"),
        ("recover < 15s", "inconclusive"),
    ]
    assert document["estimates"]["api/latency.p99"]["mean"] == pytest.approx(0.01231)
    assert [one["status"] for one in document["recoveries"]] == ["recovered", "not recovered"]
    assert document["stalls"][0]["node"] == "dc1/5"
    assert document["warnings"] == list(node_failure.warnings)
    assert document["reproduce"] == node_failure.reproduce
    api, batch = document["clients"]
    assert (api["name"], batch["closed_loop"]) == ("api", True)
    assert batch["note"] == "closed loop: coordinated omission applies"
    (lost,) = [host for host in api["hosts"] if host["lost"]]
    assert (lost["node"], lost["lost"], lost["down_s"]) == ("dc1/3", 4, 40.0)
    assert len(document["replications"]) == 10
    assert set(document["versions"]) == {"poolsim", "python", "numpy"}


def test_what_does_not_exist_is_null(staircase: Results) -> None:
    document = summary(staircase)
    assert document["verdicts"][1]["estimate"]["half_width"] is None
    assert math.isnan(staircase.verdicts[1].estimate.half_width)


def test_it_knows_no_clock_and_no_engine(node_failure: Results) -> None:
    other = dataclasses.replace(node_failure, elapsed_s=99.0, engine="compiled")
    assert summary(other) == summary(node_failure)


def test_a_lone_surrogate_can_be_written(staircase: Results) -> None:
    broken = dataclasses.replace(staircase, warnings=("a\udc80b",))
    text = json.dumps(summary(broken), ensure_ascii=False)
    assert b"a\\\\udc80b" in text.encode("utf-8")
