"""The report is made of results.json alone, says what does not hold, and keeps people's causes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from poolsim.fidelity import validity
from poolsim.fidelity.decisions import replay_all
from poolsim.fidelity.recordings import RecordingError, read_recordings
from poolsim.fidelity.report.write import write_report
from poolsim.fidelity.results import build, read, write
from poolsim.fidelity.validation.judgement import exit_code
from poolsim.scenario.load import load_text
from tests.fidelity import synthetic_recordings as synthetic

TRACES = Path(__file__).parent / "traces"
CALIBRATION = synthetic.STEADY_PLAN.replace("name: steady", "name: calibration")
BARE = CALIBRATION.replace("name: calibration", "name: calibration-bare").replace("paced", "bare")
BARE = BARE.replace("rate: 700/s", "rate: 100/s").replace("duration: 12s", "duration: 24s")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with results.json: three plans held, one missed, decisions identical."""
    directory = tmp_path_factory.mktemp("fidelity")
    recordings = directory / "recordings"
    late = (
        synthetic.without_connection_events,
        synthetic.later_growth(180 * synthetic.MILLISECOND),
    )
    for number in (1, 2):
        synthetic.write(recordings, CALIBRATION, repetition=number)
        synthetic.write(recordings, BARE, repetition=number)
        synthetic.write(recordings, synthetic.GROWTH_PLAN, *late, repetition=number)
        synthetic.write(recordings, synthetic.OVERFLOW_PLAN, repetition=number)
        synthetic.write(recordings, synthetic.LOSS_PLAN, repetition=number)
    document = build(
        read_recordings(recordings),
        replay_all([TRACES / "java3-2.jsonl"]),
        command="poolsim validate --quick",
        date="2026-11-27T05:00:00+00:00",
    )
    write(document, directory / "results.json")
    return directory


@pytest.fixture
def directory(results: Path, tmp_path: Path) -> Path:
    (tmp_path / "results.json").write_bytes((results / "results.json").read_bytes())
    return tmp_path


def _verdict(document: dict[str, Any], plan: str, key: str) -> str:
    found = next(one for one in document["plans"] if one["name"] == plan)
    return next(str(check["verdict"]) for check in found["checks"] if check["key"] == key)


def test_results_are_json_without_numbers_that_are_none(results: Path) -> None:
    document = read(results / "results.json")
    assert document["format"] == "poolsim.fidelity/1"
    assert _verdict(document, "growth", "growth") == "not held"
    assert _verdict(document, "overflow", "wait") == "held"
    assert document["overheads"]["java3"]["delay_ns"] == pytest.approx(300_000, abs=1_000)
    assert document["bare"]["java3"]["workers"] >= 1
    assert document["summary"]["T1"] == {
        "walks": 1,
        "identical": 1,
        "operations": document["decisions"][0]["operations"],
    }
    assert document["summary"]["T2"] == {"held": 2, "not held": 1, "not measurable here": 0}
    # The calibration is no prediction.
    assert document["summary"]["T3"]["p50"]["held"] == 1


def test_what_a_bare_node_is_compared_by(results: Path) -> None:
    document = read(results / "results.json")
    bare = next(one for one in document["plans"] if one["name"] == "calibration-bare")
    assert {check["verdict"] for check in bare["checks"]} == {"no bar"}
    assert any("calibrated" in where for _, where in bare["sources"])


def test_the_report_says_what_misses_and_that_nobody_knows_why(directory: Path) -> None:
    written = write_report(directory)
    page, text = (file.read_text() for file in written[:2])
    for report in (page, text):
        assert "What does not hold" in report
        assert "cause not known yet" in report
        assert "poolsim validate --quick" in report
        assert "growth after the load" in report
        assert "every line identical" in report
        assert "Validity range" in report
        assert "java3 3.11.5" in report
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("http-equiv", "")
    for picture in ("growth-timeline.png", "overflow-timeline.png", "overflow-latency.png"):
        assert (directory / picture).read_bytes()[:4] == b"\x89PNG"
        assert f"]({picture})" in text


def test_a_cause_that_people_wrote_stays(directory: Path) -> None:
    write_report(directory)
    causes = directory / "causes.yaml"
    assert 'growth/growth: ""' in causes.read_text()
    causes.write_text('growth/growth: "The recorder looked every 200 ms."\nold/p50: kept\n')
    page = write_report(directory)[0].read_text()
    assert "The recorder looked every 200 ms." in page
    assert "cause not known yet" not in page
    assert "old/p50" in causes.read_text()
    causes.write_text("- a list\n")
    with pytest.raises(RecordingError, match=r"causes\.yaml"):
        write_report(directory)


def test_the_report_is_made_again_by_the_command(directory: Path) -> None:
    result = CliRunner().invoke(
        app, ["validate", "--report-only", "--quick", "--out", str(directory)]
    )
    assert result.exit_code == 1, result.output
    assert "T2 ✗ not held" in result.output
    first = (directory / "index.html").read_bytes()
    write_report(directory)
    assert (directory / "index.html").read_bytes() == first


def test_no_results_are_invalid_input(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", "--report-only", "--out", str(tmp_path)])
    assert result.exit_code == 3
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(RecordingError, match="its format is not"):
        read(tmp_path / "results.json")


def test_the_exit_code() -> None:
    def document(
        t2: tuple[int, int, int], p50: tuple[int, int, int] = (8, 0, 0), identical: int = 3
    ) -> dict[str, Any]:
        names = ("held", "not held", "not measurable here")
        counts = dict(zip(names, p50, strict=True))
        return {
            "summary": {
                "T1": {"walks": 3, "identical": identical, "operations": 9},
                "T2": dict(zip(names, t2, strict=True)),
                "T3": {"p50": counts, "p99": counts, "wait": {**counts, "held": 2}},
            }
        }

    assert exit_code(document((8, 0, 0)), quick=False) == 0
    assert exit_code(document((6, 0, 2)), quick=False) == 0
    assert exit_code(document((5, 0, 3)), quick=False) == 4
    assert exit_code(document((8, 0, 0), (5, 0, 3)), quick=False) == 4
    assert exit_code(document((8, 1, 0)), quick=False) == 1
    assert exit_code(document((8, 0, 0), (7, 1, 0)), quick=False) == 1
    assert exit_code(document((8, 0, 0), identical=2), quick=False) == 1
    assert exit_code(document((2, 0, 0)), quick=True) == 0
    assert exit_code(document((1, 0, 1)), quick=True) == 4


# The validated range ------------------------------------------------------------------------------


def _known(directory: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    write_report(directory)
    known = json.loads((directory / "validity.json").read_text())
    monkeypatch.setattr(validity, "_known", lambda: known)
    return known


def test_a_scenario_inside_the_validated_range_has_no_warning(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = _known(directory, monkeypatch)
    assert known["drivers"] == ["java3 v4"]
    assert known["faults"] == ["stop"]
    assert validity.outside_validity(load_text(synthetic.STEADY_PLAN)) == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("protocol: v4", "protocol: v3", "java3 v3"),
        ("rate: 700/s", "rate: 1700/s", "95% utilisation"),
        ("nodes: 1, ", "nodes: 9, ", "9 nodes (up to 2)"),
        ("core: 1, max: 1", "core: 1, max: 12", "12 connections"),
        ("median: 4ms, p99: 12ms", "median: 1ms, p99: 2ms", "mean service"),
    ],
)
def test_one_line_outside_of_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, reason: str
) -> None:
    _known(directory, monkeypatch)
    text = synthetic.STEADY_PLAN.partition("record:")[0].replace(old, new)
    warnings = validity.outside_validity(load_text(text))
    assert len(warnings) == 1
    assert reason in warnings[0]
    assert "\n" not in warnings[0]


def test_nothing_is_said_before_anything_was_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "_known", lambda: None)
    assert validity.outside_validity(load_text(synthetic.LOSS_PLAN)) == ()
