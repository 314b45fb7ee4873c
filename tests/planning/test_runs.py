"""compare, explain and export: over runs that are there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from poolsim.cli import app
from poolsim.planning.comparing.compare import compare_runs
from poolsim.planning.run_directory import read_run
from tests.planning.small_scenario import POOLING, SMALL

TIGHT = SMALL.replace(
    "max: 2, max_requests: 4, new_connection_threshold: 3", "max: 1, max_requests: 1"
)


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: tight and wide pools with the same seed, wide ones with another."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "small.yaml").write_text(TIGHT)
    for name, more in (
        ("tight", [f"{POOLING}.max_queue_size=2"]),
        ("wide", [f"{POOLING}.local.max_requests=64"]),
        ("other", [f"{POOLING}.local.max_requests=64", "seed=9"]),
    ):
        words = ["run", str(folder / "small.yaml"), "--no-report", "--out", str(folder / name)]
        for override in ["replications=6", *more]:
            words += ["--set", override]
        assert command(*words).exit_code in (0, 1, 4)
    return folder


def test_the_same_seed_is_compared_in_pairs(runs: Path) -> None:
    paired = compare_runs(read_run(runs / "tight"), read_run(runs / "wide"))
    assert paired.is_paired
    by_name = {one.name: one for one in paired.differences}
    latency, requests = by_name["wait.mean"], by_name["connections_lost"]
    assert latency.is_significant
    assert latency.change.mean == pytest.approx(latency.mean_b - latency.mean_a)
    assert latency.change.mean < 0
    assert not requests.is_significant
    assert requests.change.half_width == 0, "no replication differs"


def test_pairs_tell_more_apart_than_two_samples(runs: Path) -> None:
    paired = compare_runs(read_run(runs / "tight"), read_run(runs / "wide"), ["latency.p50"])
    apart = compare_runs(read_run(runs / "tight"), read_run(runs / "other"), ["latency.p50"])
    assert not apart.is_paired
    assert paired.differences[0].change.half_width < apart.differences[0].change.half_width


def test_welch_agrees_with_scipy(runs: Path) -> None:
    from scipy import stats

    tight, other = read_run(runs / "tight"), read_run(runs / "other")
    for name in ("latency.mean", "service.p99"):
        (found,) = compare_runs(tight, other, [name]).differences
        expected = stats.ttest_ind(other.metrics(name), tight.metrics(name), equal_var=False)
        assert found.p_value == pytest.approx(expected.pvalue)
        low, high = expected.confidence_interval()
        assert found.change.half_width == pytest.approx((high - low) / 2)


def test_paired_agrees_with_scipy(runs: Path) -> None:
    from scipy import stats

    tight, wide = read_run(runs / "tight"), read_run(runs / "wide")
    (found,) = compare_runs(tight, wide, ["latency.mean"]).differences
    expected = stats.ttest_rel(wide.metrics("latency.mean"), tight.metrics("latency.mean"))
    assert found.p_value == pytest.approx(expected.pvalue)


def test_a_run_beside_itself_differs_nowhere(runs: Path) -> None:
    same = compare_runs(read_run(runs / "tight"), read_run(runs / "tight"))
    assert same.significant == ()
    assert all(one.p_value == 1.0 or math.isnan(one.p_value) for one in same.differences)
    result = command("compare", str(runs / "tight"), str(runs / "tight"))
    assert result.exit_code == 0
    assert "~ no difference that chance does not explain" in result.stdout


def test_what_is_no_run_is_an_input_error(runs: Path) -> None:
    result = command("compare", str(runs), str(runs / "tight"))
    assert result.exit_code == 3
    assert "summary.json:1:1: this is not the directory of a run" in result.stderr


# explain ------------------------------------------------------------------------------------------


def test_the_slowest_request_s_life_adds_up(runs: Path) -> None:
    result = command("explain", str(runs / "tight"), "slowest")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("app[0] request ")
    assert "enters the driver" in result.stdout
    assert "waits in the acquisition queue of dc1/" in result.stdout
    assert "is written to dc1/" in result.stdout
    slowest = read_run(runs / "tight").metrics("latency.max")[0]
    total = float(lines[0].rpartition("after ")[2].removesuffix("ms"))
    assert total == pytest.approx(slowest * 1_000, rel=1e-3)
    order = [lines.index(line) for line in lines if "enters" in line or "is written" in line]
    assert order == sorted(order)


@pytest.mark.inventory("java3.no-host-available", "java3.no-host-available.errors")
def test_a_failed_request_names_each_host_s_answer(runs: Path) -> None:
    result = command("explain", str(runs / "tight"), "failed")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("does not take it: pool is busy: queue full") == 2
    assert "NoHostAvailable: no host is left to try" in result.stdout


def test_one_request_by_number(runs: Path) -> None:
    by_number = command("explain", str(runs / "tight"), "17")
    by_client = command("explain", str(runs / "tight"), "app/17")
    assert by_number.exit_code == 0
    assert by_number.stdout == by_client.stdout
    assert by_number.stdout.startswith("app[0] request 17 of replication 0")


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("999999", "there is no such request"),
        ("quickest", "write slowest, failed"),
        ("ap/slowest", "did you mean app"),
    ],
)
def test_what_cannot_be_explained_says_why(runs: Path, which: str, says: str) -> None:
    result = command("explain", str(runs / "wide"), which)
    assert result.exit_code == 3
    assert says in result.stderr


def test_a_run_of_another_model_is_not_explained(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(runs / "wide", copy)
    summary = json.loads((copy / "summary.json").read_text())
    summary["replications"][0]["digest"] = "0" * 32
    (copy / "summary.json").write_text(json.dumps(summary))
    result = command("explain", str(copy))
    assert result.exit_code == 3
    assert "does not come out the same" in result.stderr


# export -------------------------------------------------------------------------------------------


def test_the_hdr_log_reads_back(runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("hdrh")
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    file = tmp_path / "latency.hdr"
    result = command("export", str(runs / "wide"), "--hdr", str(file))
    assert result.exit_code == 0, result.output
    total = HdrHistogram(1_000, 3_600_000_000_000, 3)
    reader = HistogramLogReader(str(file), HdrHistogram(1_000, 3_600_000_000_000, 3))
    count = 0
    while (histogram := reader.get_next_interval_histogram()) is not None:
        total.add(histogram)
        count += histogram.get_total_count()
    run = read_run(runs / "wide")
    succeeded = run.metrics("requests")[0] - run.metrics("errors")[0]
    assert count == succeeded
    reader.close()
    assert total.get_max_value() / 1e9 == pytest.approx(run.metrics("latency.max")[0], rel=1e-3)
    assert total.get_mean_value() / 1e9 == pytest.approx(run.metrics("latency.mean")[0], rel=1e-3)


def test_the_trace_has_every_connection_and_counter(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    result = command("export", str(runs / "wide"), "--trace", str(file))
    assert result.exit_code == 0, result.output
    trace = json.loads(file.read_text())
    events = trace["traceEvents"]
    assert (
        trace["otherData"]["digest"] == read_run(runs / "wide").summary["replications"][0]["digest"]
    )
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert {"app to dc1/1", "app to dc1/2", "node dc1/1"} <= names
    loads = [event["args"]["in_flight"] for event in events if event.get("name") == "load"]
    assert max(loads) > 0
    times = [event["ts"] for event in events if event["ph"] != "M"]
    assert all(0 <= time <= 1e6 for time in times), "microseconds of one second"


def test_nothing_to_export_is_wrong_usage(runs: Path) -> None:
    assert command("export", str(runs / "wide")).exit_code == 2
