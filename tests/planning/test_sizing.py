"""Recommendations measured: what is recorded, what counts as agreement, what the report shows.

The real driver is stood in for by recordings made of simulations, with their own draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from poolsim.cli import app
from poolsim.fidelity.validation import course
from poolsim.harness import files
from poolsim.harness.recording.record import Repetition
from poolsim.planning.execute import Executor
from poolsim.planning.sizing.case import RECOMMENDED, SMALLER, Case, make_case
from poolsim.planning.sizing.course import runs_of, scenarios
from poolsim.planning.sizing.verdict import MeasuredCase, MeasuredSide
from poolsim.scenario.mistakes import ScenarioError
from tests.fidelity import synthetic_recordings as synthetic

CALIBRATION = synthetic.STEADY_PLAN.replace("name: steady", "name: calibration")
SCENARIO = """
name: wait
question: How many streams keep the mean wait short?
seed: 40
duration: 8s
warm_up: 1s
replications: 4
cluster:
  datacenters: {dc1: {nodes: 1, network: {delay: 0.1ms}}}
  node: {workers: 8, service: {lognormal: {median: 4ms, p99: 12ms}}}
clients:
  - name: app
    driver: java3
    protocol: v4
    options: {pooling: {local: {core: 1, max: 1, max_requests: 2, new_connection_threshold: 1}}}
    load: {poisson: {rate: 500/s}}
expect: [wait.mean < 2ms]
cost: max
search: {clients.app.options.pooling.local.core+max: 1..4}
record: {nodes: paced, compare: [latency, wait]}
"""


class StandIn:
    """Stands for the cluster and the real driver."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.slower: set[str] = set()
        self.stalled: set[str] = set()

    @contextmanager
    def running_cluster(self, nodes: int, **_said: Any) -> Iterator[Any]:
        assert nodes == 1
        yield SimpleNamespace(contact_points=("127.0.0.1:9042",))

    def record(self, repetition: Repetition, _cluster: Any, *, command: str) -> None:
        name = f"{repetition.plan.name}/{repetition.number}"
        self.recorded.append(name)
        differences = []
        if name in self.slower:
            differences.append(late_at_the_node)
        if name in self.stalled:
            differences += [synthetic.stall_at(second) for second in range(0, 8, 2)]
        parent = repetition.directory.parent.parent
        text = repetition.plan.text
        synthetic.write(parent, text, *differences, repetition=repetition.number)


def late_at_the_node(tables: synthetic.Tables) -> None:
    """As if every request had waited three milliseconds more for a stream."""
    for name in ("arrived_ns", "due_ns", "backend_ns", "sent_ns"):
        tables.node[name] = tables.node[name] + 3 * synthetic.MILLISECOND
    tables.requests["ended_ns"] = tables.requests["ended_ns"] + 3 * synthetic.MILLISECOND


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    for name in ("running_cluster", "record"):
        monkeypatch.setattr(course, name, getattr(stand_in, name))
    return stand_in


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A harness with one small scenario and a calibration plan."""
    folder = tmp_path / "harness"
    (folder / "plans" / "performance").mkdir(parents=True)
    (folder / "sizing").mkdir()
    (folder / "plans" / "performance" / "calibration.yaml").write_text(CALIBRATION)
    (folder / "sizing" / "wait.yaml").write_text(SCENARIO)
    monkeypatch.setattr(files, "directory", lambda: folder)
    return folder


def measured(folder: Path) -> Result:
    words = ["validate", "--sizing", "--out", str(folder / "report")]
    return CliRunner().invoke(app, [*words, "--recordings", str(folder / "recordings")])


def case_of(text: str, folder: Path) -> Case:
    path = folder / "case.yaml"
    path.write_text(text)
    return make_case(path, None, Executor(1))


def test_the_whole_command_records_once_judges_and_reports(
    tmp_path: Path, driver: StandIn, harness: Path
) -> None:
    result = measured(tmp_path)
    assert result.exit_code == 0, result.output
    assert "wait: held, 5 of 5 repetitions agree" in result.stdout
    assert driver.recorded[0] == "calibration/1"
    assert driver.recorded[1:5] == [
        "wait-core-max-2/1", "wait-core-max-1/1", "wait-core-max-2/2", "wait-core-max-1/2",
    ]  # fmt: skip
    assert len(driver.recorded) == 1 + 2 * 5

    document = json.loads((tmp_path / "report" / "sizing.json").read_text())
    (case,) = document["cases"]
    recommended, smaller = case["sides"]
    assert (recommended["role"], smaller["role"]) == (RECOMMENDED, SMALLER)
    assert recommended["met"] == [True] * 5
    assert smaller["met"] == [False] * 5
    means = [one["wait.mean"] for one in recommended["measured"]]
    assert len(set(means)) == 5, "each repetition has draws of its own"
    for name in ("index.html", "report.md"):
        page = (tmp_path / "report" / name).read_text()
        assert "Sizing: recommendations, measured" in page
        assert "wait.mean" in page
        assert "5 of 5 repetitions" in page

    again = measured(tmp_path)
    assert again.exit_code == 0
    assert len(driver.recorded) == 1 + 2 * 5, "what is there is not recorded again"


def test_a_driver_that_waits_longer_fails(tmp_path: Path, driver: StandIn, harness: Path) -> None:
    driver.slower = {f"wait-core-max-2/{number}" for number in (1, 2)}
    result = measured(tmp_path)
    assert result.exit_code == 1
    assert "wait: not held, 3 of 5 repetitions agree" in result.stdout
    assert "✗ not held" in (tmp_path / "report" / "report.md").read_text()


def test_stalls_leave_it_open(tmp_path: Path, driver: StandIn, harness: Path) -> None:
    driver.stalled = {f"wait-core-max-2/{number}" for number in (1, 2)}
    result = measured(tmp_path)
    assert result.exit_code == 4
    assert "wait: not measurable here, 3 of 5" in result.stdout


def test_what_is_too_near_to_its_limit_is_not_recorded(
    tmp_path: Path, driver: StandIn, harness: Path
) -> None:
    file = harness / "sizing" / "wait.yaml"
    text = SCENARIO.replace("wait.mean < 2ms", "latency.p50 < 6ms")
    file.write_text(text)
    case = make_case(file, None, Executor(1))
    assert case.unclear == ""
    near = case.recommended.predictions[0].estimate.mean * 1.06
    file.write_text(text.replace("p50 < 6ms", f"p50 < {near * 1e6:.0f}us"))
    result = measured(tmp_path)
    assert result.exit_code == 2, result.output
    assert "needed for a measurement to tell" in result.stderr
    assert driver.recorded == ["calibration/1"]


def test_both_settings_are_the_same_plan_but_for_the_setting(tmp_path: Path) -> None:
    case = case_of(SCENARIO, tmp_path)
    assert case.unclear == ""
    recommended, smaller = runs_of([case], tmp_path)
    for number in range(5):
        one, other = (runs.repetitions[number].plan.scenario for runs in (recommended, smaller))
        assert one.seed == other.seed == 41 + number
        assert (one.clients[0].options.local.max, other.clients[0].options.local.max) == (2, 1)
        assert one.clients[0].load == other.clients[0].load
        assert one.recording == other.recording == case.plan.recording


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("wait.mean < 2ms", "latency.p99 < 50ms"), "what is measured is one of rejection_rate"),
        (("wait.mean < 2ms", "wait.mean < 1us"), "no setting meets the expectations"),
        (("wait.mean < 2ms", "wait.mean < 10s"), "no smaller setting breaks anything"),
        (("record: {nodes: paced, compare: [latency, wait]}", ""), "a plan says how"),
    ],
)
def test_what_cannot_be_measured_is_said(
    change: tuple[str, str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError, match=says):
        case_of(SCENARIO.replace(*change), tmp_path)


@pytest.mark.parametrize(
    ("recommended", "smaller", "verdict"),
    [
        ([1, 1, 1, 1, 1], [0, 0, 0, 0, 0], "held"),
        ([1, 1, 1, 1, 0], [0, 0, 0, 0, 0], "held"),
        ([1, 1, 1, 1, 0], [1, 0, 0, 0, 0], "not held"),
        ([1, 1, 1, 1, 1], [1, 1, 0, 0, 0], "not held"),
        ([1, 1, 1, 1, None], [0, 0, 0, 0, 0], "held"),
        ([1, 1, 1, None, None], [0, 0, 0, 0, 0], "not measurable here"),
        ([1, 1, 0, None, 0], [0, 0, 0, 0, None], "not held"),
        ([None] * 5, [0, 0, 0, 0, 0], "not measurable here"),
    ],
)
def test_four_of_five_repetitions_agree(
    recommended: list[int | None], smaller: list[int | None], verdict: str
) -> None:
    def side(met: list[int | None]) -> Any:
        return MeasuredSide(None, (), tuple(None if one is None else bool(one) for one in met))  # type: ignore[arg-type]

    assert MeasuredCase(None, side(recommended), side(smaller)).verdict == verdict  # type: ignore[arg-type]


@pytest.mark.parametrize("path", scenarios(), ids=lambda path: path.stem)
def test_the_harness_s_own_scenarios_are_clear_of_their_limits(path: Path, tmp_path: Path) -> None:
    """With an overhead such as the real stack has, of which half is the delay."""
    shorter = path.read_text().replace("duration: 20s", "duration: 10s")
    shorter = shorter.replace("replications: 10", "replications: 6")
    (tmp_path / path.name).write_text(shorter)
    case = make_case(tmp_path / path.name, 300_000, Executor(1))
    assert case.unclear == ""


def test_there_are_three_of_different_metrics() -> None:
    assert len(scenarios()) >= 3
