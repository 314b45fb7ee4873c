"""A recording with a hole in it is refused, with a message that says where."""

import json
from pathlib import Path

import numpy as np
import pytest

from poolsim.fidelity.mechanism.transitions import HOST_UP
from poolsim.fidelity.plans import plan_of_text
from poolsim.fidelity.recordings import RecordingError, read_recording, read_recordings
from poolsim.fidelity.simulated import PREDICTED, TRACE_DRIVEN, simulated
from poolsim.scenario.mistakes import ScenarioError
from tests.fidelity import synthetic_recordings as synthetic
from tests.fidelity.synthetic_recordings import Tables, write


def test_a_recording_is_read_whole(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.LOSS_PLAN))
    assert recording.name == "loss/1"
    assert [(f.host, f.from_ns, f.to_ns, f.status_ns) for f in recording.faults] == [
        (1, 5_000_000_000, 19_000_000_000, 19_350_000_000)
    ]
    assert recording.first_cleanup_ns == 10_000_000_000
    assert recording.node is not None
    assert len(recording.observed.hosts) == 2


def test_a_status_event_comes_when_it_came(tmp_path: Path) -> None:
    """The driver hears of a node's return when the other nodes told it, or not at all."""

    # Attempts 1, 2, 4, 8 and 16 s after each other: at 20 s the node is away still.
    plan = synthetic.LOSS_PLAN.replace("for: 14s", "for: 16s")
    for told_ns, first_s, last_s in (
        (21_350_000_000, 22.3, 22.5),
        (25_000_000_000, 26.0, 26.2),
        (None, 36.0, 36.2),
    ):
        directory = write(tmp_path / str(told_ns), plan, _told(told_ns))
        observed = simulated(read_recording(directory), TRACE_DRIVEN).observed
        (up,) = [event.at_ns for event in observed.events_of(HOST_UP, host=1)]
        assert first_s < up / 1e9 < last_s


def _told(at_ns: int | None) -> synthetic.Perturbation:
    def perturb(tables: Tables) -> None:
        tables.events = [event for event in tables.events if event[2] != "node_status_up"]
        if at_ns is not None:
            tables.events.append((at_ns, 1, "node_status_up", ""))

    return perturb


def test_recordings_come_by_plan_and_repetition(tmp_path: Path) -> None:
    for repetition in (2, 1):
        write(tmp_path, synthetic.STEADY_PLAN, repetition=repetition)
    assert [one.name for one in read_recordings(tmp_path)] == ["steady/1", "steady/2"]
    with pytest.raises(RecordingError, match="no recordings here"):
        read_recordings(tmp_path / "nowhere")


def _drop(name: str, key: str) -> synthetic.Perturbation:
    def perturb(tables: Tables) -> None:
        getattr(tables, name).pop(key)

    return perturb


def _set(name: str, key: str, row: int, value: int) -> synthetic.Perturbation:
    def perturb(tables: Tables) -> None:
        getattr(tables, name)[key][row] = value

    return perturb


def _meta(key: str, value: object) -> synthetic.Perturbation:
    def perturb(tables: Tables) -> None:
        tables.meta[key] = value

    return perturb


def _outcome(tables: Tables) -> None:
    tables.requests["outcome"][5] = "lost in the post"


def _no_fault_seen(tables: Tables) -> None:
    tables.events = [event for event in tables.events if event[2] != "fault_seen"]


def _few_samples(tables: Tables) -> None:
    for host in tables.hosts:
        for name in host:
            host[name] = host[name][:100]


@pytest.mark.parametrize(
    ("perturb", "message"),
    [
        (_meta("format", "poolsim.recording/9"), "its format is not"),
        (_meta("finished", False), "not finished"),
        (_meta("driver", "python"), "names the driver python"),
        (_meta("nodes", "fast"), "neither paced nor bare"),
        (_meta("start_ns", "soon"), "start_ns is missing"),
        (_drop("requests", "host"), "no column host"),
        (_drop("node", "service_ns"), "no column service_ns"),
        (_set("requests", "host", 3, 7), "the plan has 2 hosts"),
        (_set("requests", "number", 3, 4), "one number stands twice"),
        (_set("requests", "started_ns", 3, 0), "started before it was due"),
        (_set("requests", "ended_ns", 3, 1), "an end before its start"),
        (_outcome, "lost in the post"),
        (_no_fault_seen, "no fault_seen"),
        (_few_samples, "was sampled 100 times"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, perturb: synthetic.Perturbation, message: str
) -> None:
    directory = write(tmp_path, synthetic.LOSS_PLAN, perturb)
    with pytest.raises(RecordingError, match=message):
        read_recording(directory)


@pytest.mark.parametrize("name", ["requests", "hosts", "events", "node"])
def test_a_table_that_is_missing_or_no_table(tmp_path: Path, name: str) -> None:
    directory = write(tmp_path, synthetic.STEADY_PLAN)
    (directory / f"{name}.parquet").write_text("hello")
    with pytest.raises(RecordingError, match=f"{name}.parquet: not a Parquet file"):
        read_recording(directory)
    (directory / f"{name}.parquet").unlink()
    with pytest.raises(RecordingError, match=f"{name}.parquet: the file is missing"):
        read_recording(directory)


def test_meta_that_is_no_json(tmp_path: Path) -> None:
    directory = write(tmp_path, synthetic.STEADY_PLAN)
    (directory / "meta.json").write_text("{")
    with pytest.raises(RecordingError, match="not JSON"):
        read_recording(directory)


def test_a_scenario_without_a_record_block_is_no_plan() -> None:
    text = synthetic.STEADY_PLAN.partition("record:")[0]
    with pytest.raises(ScenarioError, match="needs a `record` block"):
        plan_of_text(text)


def test_which_tier_a_plan_belongs_to() -> None:
    def tiers(compare: str) -> tuple[bool, bool]:
        text = synthetic.STEADY_PLAN.replace("[latency, throughput]", compare)
        plan = plan_of_text(text)
        return plan.compares_mechanism, plan.compares_performance

    assert tiers("[growth, rejections]") == (True, False)
    assert tiers("[latency, rejections]") == (False, True)
    assert tiers("[rejections]") == (True, False)
    assert tiers("[peak, latency]") == (True, True)


def test_a_trace_driven_simulation_repeats_a_modelled_run(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.STEADY_PLAN))
    simulation = simulated(recording, TRACE_DRIVEN)
    real, other = recording.observed.requests, simulation.observed.requests
    assert simulation.mode == TRACE_DRIVEN
    assert dict(simulation.sources)["arrivals"] == "measured starts"
    assert np.array_equal(real.ended_ns, other.ended_ns)


def test_a_closed_loop_is_predicted_either_way(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.CLOSED_OVERFLOW_PLAN))
    simulation = simulated(recording, TRACE_DRIVEN)
    assert simulation.mode == PREDICTED
    assert dict(simulation.sources)["arrivals"] == "made by the closed loop"


def test_the_cleanup_ticks_when_the_driver_s_did(tmp_path: Path) -> None:
    recording = read_recording(
        write(tmp_path, synthetic.GROWTH_PLAN, origin_ns=-3 * synthetic.SECOND)
    )
    assert recording.first_cleanup_ns == 7 * synthetic.SECOND
    trashed = [
        event.at_ns for event in simulated(recording, PREDICTED).observed.events_of("trashed")
    ]
    assert {round(at / 1e8) for at in trashed} == {270}


def test_a_request_that_reached_no_node_takes_the_seed_s_draw(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.OVERFLOW_PLAN))
    simulation = simulated(recording, TRACE_DRIVEN)
    assert "reached no node" in dict(simulation.sources)["services"]


def test_meta_of_the_harness_has_more_than_is_needed(tmp_path: Path) -> None:
    directory = write(tmp_path, synthetic.STEADY_PLAN, _meta("recorder", {"cpu_ns": 1}))
    assert read_recording(directory).meta["recorder"] == {"cpu_ns": 1}
    assert json.loads((directory / "meta.json").read_text())["finished"] is True
