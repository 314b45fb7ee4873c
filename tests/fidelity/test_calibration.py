"""Calibration gives back what a recording was made with, and says how well it fits."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from poolsim.engine.draws import Draws
from poolsim.fidelity.calibration.calibrate import calibrate, cluster_yaml
from poolsim.fidelity.calibration.laws import fit_laws, law_text
from poolsim.fidelity.calibration.workers import finishes
from poolsim.fidelity.recordings import RecordingError, read_recording
from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Law
from tests.fidelity import synthetic_recordings as synthetic
from tests.fidelity.synthetic_recordings import write

BUSY_PLAN = synthetic.STEADY_PLAN.replace("rate: 700/s", "rate: 1200/s")
BARE_PLAN = (
    synthetic.STEADY_PLAN.replace("paced", "bare")
    .replace("rate: 700/s", "rate: 150/s")
    .replace("seed: 9\nduration: 12s", "seed: 9\nduration: 30s")
)


def _drawn(law: Law, blocks: int = 3) -> np.ndarray:
    draws = Draws(4, 0)
    lane = draws.add("service", quantile_ns(law))
    return np.concatenate([draws.block(lane, block, 0) for block in range(blocks)])


@pytest.mark.parametrize(
    "law",
    [
        Law("lognormal", median_ns=4_000_000, p99_ns=12_000_000),
        Law("gamma", mean_ns=4_000_000, shape=1.5),
        Law(
            "percentiles",
            points=((0.1, 10**6), (0.5, 1_100_000), (0.9, 9 * 10**6), (0.999, 40 * 10**6)),
        ),
    ],
    ids=lambda law: law.kind,
)
def test_the_law_that_made_the_values_fits_best(law: Law) -> None:
    fitted = fit_laws(_drawn(law))
    assert fitted[0].law.kind == law.kind
    assert fitted[0].distance < 0.02
    assert max(one.distance for one in fitted) > fitted[0].distance


def test_a_law_is_written_as_a_scenario_reads_it() -> None:
    for fitted in fit_laws(_drawn(Law("lognormal", median_ns=4_000_000, p99_ns=12_000_000))):
        text = synthetic.STEADY_PLAN.replace(
            "{lognormal: {median: 4ms, p99: 12ms}}", law_text(fitted.law)
        )
        assert load_text(text).node.service.kind == fitted.law.kind


def test_a_queue_of_two_workers() -> None:
    arrivals, services = np.array([0, 1, 2, 30]), np.array([10, 10, 10, 10])
    assert finishes(arrivals, services, 2).tolist() == [10, 11, 20, 40]


def test_a_paced_recording_gives_back_its_plan(tmp_path: Path) -> None:
    calibration = calibrate(read_recording(write(tmp_path, BUSY_PLAN)))
    assert calibration.workers == 8
    assert calibration.delay_ns == pytest.approx(300_000, rel=0.02)
    assert calibration.law.kind == "lognormal"
    assert calibration.law.median_ns == pytest.approx(4_000_000, rel=0.03)
    assert calibration.misfit < 0.05
    text = cluster_yaml(calibration)
    assert "Kolmogorov distance" in text
    assert "Valid for about" in text
    rest = synthetic.STEADY_PLAN
    block = rest[rest.index("cluster:") : rest.index("clients:")]
    scenario = load_text(rest.replace(block, text))
    assert scenario.node.workers == 8


def test_a_bare_recording_gives_service_and_overhead(tmp_path: Path) -> None:
    calibration = calibrate(read_recording(write(tmp_path, BARE_PLAN)))
    # What cannot be told apart: the smallest service time counts as overhead.
    fixed = 2 * calibration.delay_ns
    assert 600_000 < fixed < 2_500_000
    assert calibration.misfit < 0.10
    assert "bare nodes" in cluster_yaml(calibration)


def test_a_closed_loop_on_paced_nodes_is_refused(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, synthetic.CLOSED_OVERFLOW_PLAN))
    with pytest.raises(RecordingError, match="open-loop"):
        calibrate(recording)


def test_the_command_writes_a_file_once(tmp_path: Path) -> None:
    directory = write(tmp_path, BUSY_PLAN)
    out = tmp_path / "cluster.yaml"
    runner = CliRunner()
    first = runner.invoke(app, ["calibrate", str(directory), "-o", str(out)])
    assert first.exit_code == 0, first.output
    assert out.read_text().startswith("# Calibrated by")
    again = runner.invoke(app, ["calibrate", str(directory), "-o", str(out)])
    assert again.exit_code == 2
    assert "--force" in again.output
    missing = runner.invoke(app, ["calibrate", str(tmp_path / "nothing")])
    assert missing.exit_code == 3
