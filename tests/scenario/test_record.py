"""The block `record`: what a plan may ask for, and that a simulation does not look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolsim.recording.digest import inputs_hash
from poolsim.scenario.load import ScenarioError, load, load_plan, load_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Recording

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / "harness" / "plans").rglob("*.yaml"))
PLAN = """\
name: plan
duration: 30s
cluster:
  datacenters: {dc1: {nodes: 1}}
  node: {workers: 8, service: {constant: 4ms}}
clients:
  - driver: java3
    load: {poisson: {rate: 100/s}}
record: {nodes: paced}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "plan.yaml")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_defaults() -> None:
    recorded = load_text(PLAN).recording
    assert recorded is not None
    assert (recorded.nodes, recorded.repetitions, recorded.driver_version) == ("paced", 5, "")
    assert recorded.sample_every_ns == 20_000_000
    assert len(recorded.compare) == 10


def test_all_of_it() -> None:
    block = (
        "record: {nodes: bare, compare: [wait, growth], repetitions: 2, sample_every: 50ms, "
        "driver_version: 3.11.5}"
    )
    scenario = load_text(PLAN.replace("record: {nodes: paced}", block))
    expected = Recording("bare", ("growth", "wait"), 2, 50_000_000, "3.11.5")
    assert scenario.recording == expected


def test_a_simulation_does_not_look_at_it() -> None:
    with_it, without = load_text(PLAN), load_text(PLAN.replace("record: {nodes: paced}", ""))
    assert without.recording is None
    assert with_it == without
    assert inputs_hash(to_yaml(with_it)) == inputs_hash(to_yaml(without))


def test_a_scenario_without_it_is_no_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert load_plan(path).recording is not None
    path.write_text(PLAN.replace("record: {nodes: paced}", ""))
    with pytest.raises(ScenarioError, match="record: missing"):
        load_plan(path)


CASES = [
    ("nodes: paced", "nodes: fast", "9:17", "none of paced, bare"),
    ("{nodes: paced}", "{compare: [speed]}", "9:20", "none of growth"),
    ("{nodes: paced}", "{repetitions: 0}", "9:23", "at least 1"),
    ("{nodes: paced}", "{sample_every: 100us}", "9:24", "every 1ms at most"),
    ("{nodes: paced}", "{color: red}", "9:10", "unknown key"),
    ("{nodes: 1}", "{nodes: 4}", "4:30", "1 to 3 nodes"),
    ("{nodes: 1}}", "{nodes: 1}, dc2: {nodes: 1}}", "4:3", "one datacenter"),
    ("driver: java3", "driver: java3\n    instances: 2", "8:16", "one instance"),
    ("driver: java3", "driver: java3\n    protocol: v3", "8:15", "v4 only"),
    ("driver: java3", "driver: java3\n    idempotent: 50%", "8:17", "true or false"),
    ("driver: java3", "driver: java3\n    limit: {max_concurrent: 5}", "8:5", "no limit"),
    ("driver: java3", "driver: java3\n    options: {keepalive: true}", "8:15", "keepalive"),
    ("driver: java3", "driver: async_cassandra\n    options: {warm_up: true}", "8:15", "warm_up"),
    (
        "driver: java3",
        "driver: async_cassandra\n    options: {connection_monitor: {enabled: true}}",
        "8:15",
        "connection_monitor: the recorder has none",
    ),
    (
        "load: {poisson: {rate: 100/s}}",
        "load: {users: {count: 5, think: 1s}}",
        "8:12",
        "users cannot be recorded",
    ),
    (
        "driver: java3",
        "driver: java3\n    options: {pooling: {idle_timeout: 1.5s}}",
        "8:5",
        "whole seconds",
    ),
    ("{nodes: 1}", "{nodes: 2}", "7:5", "no routing key"),
    (
        "record: {nodes: paced}",
        "faults: [{at: 5s, node: dc1/1, kind: slow, factor: x2}]\nrecord: {nodes: paced}",
        "9:38",
        "slow cannot be recorded",
    ),
    (
        "record: {nodes: paced}",
        "faults: [{at: 5s, node: dc1/1, kind: stop}]\nrecord: {nodes: bare}",
        "10:17",
        "faults need paced nodes",
    ),
    (
        "record: {nodes: paced}",
        "changes: [{at: 5s, client: client1, set: {pooling.local.max: 2}}]\nrecord: {nodes: paced}",
        "9:1",
        "no changes",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), CASES)
def test_what_cannot_be_recorded_is_said_at_its_place(
    old: str, new: str, place: str, message: str
) -> None:
    assert old in PLAN
    found = mistakes(PLAN.replace(old, new, 1))
    assert [line for line in found if line.startswith(f"plan.yaml:{place}:") and message in line], (
        found
    )


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_harness_s_plans_are_plans(path: Path) -> None:
    scenario = load_plan(path)
    assert scenario.name == path.stem
    assert scenario.question.endswith("?")
    assert load(path) == scenario
    assert scenario.duration_ns <= 75 * 10**9


def test_there_are_plans_enough() -> None:
    folders = [path.parent.name for path in PLANS]
    assert folders.count("mechanism") >= 8
    assert folders.count("performance") >= 10
