"""Frames have the columns of the contract, names where there were numbers, and no pandas before."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from poolsim.model import kinds
from poolsim.recording import frames
from poolsim.recording.columns import SAMPLE_COLUMNS
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Datacenter, Scenario
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import COLUMN, SECOND

NOTES = [
    [0, kinds.OPENED, 0, 0, 0, 1],
    [2 * SECOND, kinds.HOST_DOWN, 2, 3, -1, 0],
    [2 * SECOND, kinds.NODE_STOPPED, -1, 3, -1, 0],
    [3 * SECOND, kinds.OPTION_CHANGED, 1, -1, -1, 4],
]


def two_datacenters() -> Scenario:
    return runs.scenario(
        datacenters=(Datacenter("dc1", 2, 1, 1, 0), Datacenter("dc2", 2, 1, 1, 0)),
        clients=(runs.client("api", 2), runs.client("batch")),
    )


def recorded(scenario: Scenario) -> Record:
    recorder = Recorder(scenario, SECOND)
    recorder.notes(np.array(NOTES, dtype=np.int64))
    rows = runs.request_rows(np.array([SECOND]), np.array([SECOND // 2]), node=2, session=2)
    recorder.requests(rows)
    runs.sample_all(
        recorder,
        scenario,
        lambda at_s: {"active": np.arange(8), "sent": int(at_s) ** 2, "pending": int(at_s)},
    )
    return recorder.finish(scenario.duration_ns, [0, 0])


def test_a_timeline_has_a_row_per_interval_client_and_node() -> None:
    scenario = two_datacenters()
    table = frames.timeline(recorded(scenario), scenario)
    assert list(table.columns) == [
        "time_s",
        "end_s",
        "client",
        "node",
        *SAMPLE_COLUMNS,
        "requests",
        "errors",
        "latency_p50_s",
        "latency_p99_s",
        "latency_max_s",
        "wait_p99_s",
    ]
    assert len(table) == 10 * 2 * 4
    first = table[table["time_s"] == 0]
    assert first["client"].tolist() == ["api"] * 4 + ["batch"] * 4
    assert first["node"].tolist() == ["dc1/1", "dc1/2", "dc2/1", "dc2/2"] * 2
    assert first["active"].tolist() == list(range(8))
    own = table[(table["client"] == "batch") & (table["node"] == "dc2/1")]
    # As it stands at the end of the interval, but what was sent within it.
    assert own["pending"].tolist() == list(range(1, 11))
    assert own["sent"].tolist() == [2 * k + 1 for k in range(10)]
    assert own["requests"].tolist() == [0, 1, *[0] * 8]
    assert own["latency_max_s"].tolist()[1] == 0.5
    assert own["latency_p50_s"].isna().sum() == 9


def test_events_name_who_they_happened_to() -> None:
    scenario = two_datacenters()
    table = frames.events(recorded(scenario), scenario)
    assert table.to_dict("split")["data"] == [
        [0.0, "opened", "api", 0, "dc1/1", 0, 1],
        [2.0, "host_down", "batch", 0, "dc2/2", -1, 0],
        [2.0, "node_stopped", "", -1, "dc2/2", -1, 0],
        [3.0, "option_changed", "api", 1, "", -1, 4],
    ]
    assert list(table.columns) == [
        "time_s", "kind", "client", "instance", "node", "connection", "value",
    ]  # fmt: skip


def test_requests_have_names_and_all_their_columns() -> None:
    scenario = two_datacenters()
    rows = runs.request_rows(np.arange(2), np.ones(2, dtype=np.int64))
    rows[:, COLUMN["session"]] = [1, 2]
    rows[:, COLUMN["node"]] = [-1, 3]
    rows[:, COLUMN["outcome"]] = [kinds.NO_HOST_AVAILABLE, kinds.OK]
    table = frames.frame(frames.request_columns(rows, scenario))
    assert table[["client", "instance", "node", "outcome"]].to_numpy().tolist() == [
        ["api", 1, "", "no_host_available"],
        ["batch", 0, "dc2/2", "ok"],
    ]
    assert set(COLUMN) < set(table.columns)


def test_recording_imports_no_pandas() -> None:
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tempfile import TemporaryDirectory\n"
        "from tests.recording import test_frames as t\n"
        "from poolsim.recording import frames, parquet\n"
        "scenario = t.two_datacenters()\n"
        "columns = frames.timeline_columns(t.recorded(scenario), scenario)\n"
        "with TemporaryDirectory() as folder:\n"
        "    parquet.write_parquet(Path(folder) / 'timeline.parquet', [columns])\n"
        "assert 'pandas' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env={"PYTHONPATH": "."})
