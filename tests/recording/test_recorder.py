"""What a recorder keeps is what the rows say, however they were batched."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolsim.model import kinds
from poolsim.recording.frames import timeline
from poolsim.recording.grid import choose_interval
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Fault
from tests.recording import synthetic_runs as runs
from tests.recording.synthetic_runs import COLUMN, MILLISECOND, SECOND

INTERVAL_NS = 500 * MILLISECOND


def mixed_rows(count: int = 3000, seed: int = 3) -> runs.Rows:
    """Requests of two clients (three sessions) on three nodes, some of which fail."""
    random = np.random.default_rng(seed)
    intended = np.sort(random.integers(0, 9 * SECOND, count))
    outcome = random.choice([0, 0, 0, 0, 1, 2, 3], count)
    rows = runs.request_rows(
        intended,
        random.lognormal(15, 1.5, count).astype(np.int64) % SECOND,
        session=random.integers(0, 3, count),
        node=random.integers(-1, 3, count),
        outcome=outcome,
        attempts=random.integers(1, 4, count),
        wait_ns=random.integers(0, 5, count) * 1000,
        issued_ns=intended + random.integers(0, 100, count),
        error_kinds=np.where(outcome > 0, random.integers(1, 9, count), 0),
        error_hosts=np.where(outcome > 0, random.integers(1, 4, count), 0),
    )
    return rows


def two_clients(**changed: object) -> runs.Scenario:
    return runs.scenario(clients=(runs.client("api", 2), runs.client("batch", 1)), **changed)


def recorded(scenario: runs.Scenario, rows: runs.Rows, sizes: list[int]) -> Record:
    recorder = Recorder(scenario, INTERVAL_NS)
    for batch in runs.batches(rows, sizes):
        recorder.requests(batch)
    runs.sample_all(recorder, scenario, lambda at_s: {"active": 2, "rejected": int(at_s * 10)})
    return recorder.finish(scenario.duration_ns, [0] * len(scenario.clients))


def test_a_timeline_says_what_the_rows_say() -> None:
    scenario, rows = two_clients(), mixed_rows()
    table = timeline(recorded(scenario, rows, [500]), scenario)
    column = {name: rows[:, place] for name, place in COLUMN.items()}
    client = np.where(column["session"] < 2, "api", "batch")
    names = np.array([*scenario.node_names, ""], dtype=object)[column["node"]]
    interval = INTERVAL_NS / SECOND
    for _, row in table.iterrows():
        here = (client == row["client"]) & (names == row["node"])
        ended = here & (column["ended_ns"] // INTERVAL_NS == round(row["time_s"] / interval))
        assert row["requests"] == ended.sum()
        assert row["errors"] == (ended & (column["outcome"] > 0)).sum()
        meant = here & (column["intended_ns"] // INTERVAL_NS == round(row["time_s"] / interval))
        meant &= column["outcome"] == 0
        if not meant.any():
            assert np.isnan(row["latency_max_s"])
            continue
        latency = (column["ended_ns"] - column["intended_ns"])[meant]
        assert row["latency_max_s"] == pytest.approx(latency.max() / SECOND, rel=1e-12)
        median = np.quantile(latency, 0.5, method="inverted_cdf") / SECOND
        assert row["latency_p50_s"] == pytest.approx(median, rel=0.008)
    assert table["requests"].sum() == len(rows)
    with_pools = table[table["node"] != ""]
    assert (with_pools["rejected"] == 5).all()
    assert len(with_pools) == 20 * 2 * 3
    assert (table[table["node"] == ""]["active"] == 0).all()


def test_requests_that_tried_no_host_have_rows_only_where_there_are_any() -> None:
    rows = mixed_rows()
    rows = rows[rows[:, COLUMN["node"]] >= 0]
    scenario = two_clients()
    assert "" not in set(timeline(recorded(scenario, rows, [500]), scenario)["node"])


def as_lists(record: Record) -> list[list[float]]:
    """Everything in a record that numbers can be."""
    parts = [record.samples, record.notes, record.lost_until_ns, record.failures]
    for table in (record.intervals, record.segments, record.distributions):
        parts += [getattr(table, name) for name in table.__slots__]
    return [np.nan_to_num(part.astype(np.float64), nan=-1).ravel().tolist() for part in parts]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_batches_do_not_matter(sizes: list[int]) -> None:
    scenario = two_clients(faults=(Fault(2 * SECOND, SECOND, 1, "dc1/2", "stop"),))
    rows = mixed_rows(1000)
    one, many = recorded(scenario, rows, [len(rows)]), recorded(scenario, rows, sizes)
    assert one.digest == many.digest
    assert as_lists(one) == as_lists(many)


def test_a_distribution_is_kept_per_segment_and_client() -> None:
    scenario, rows = two_clients(warm_up_ns=3 * SECOND), mixed_rows()
    record = recorded(scenario, rows, [700])
    ok = rows[rows[:, COLUMN["outcome"]] == 0]
    api = ok[:, COLUMN["session"]] < 2
    late = ok[:, COLUMN["intended_ns"]] >= 3 * SECOND
    latency = ok[:, COLUMN["ended_ns"]] - ok[:, COLUMN["intended_ns"]]
    assert record.segments.sums[1, 0, 0] == latency[api & late].sum()
    assert record.segments.largest[1, 1, 0] == latency[~api & late].max()
    assert record.segments.smallest[0, 1, 0] == latency[~api & ~late].min()
    cell = np.array([(1 * 2 + 0) * 4])
    assert record.distributions.merged(cell).sum() == (api & late).sum()


def test_retries_and_rejected_requests_are_counted() -> None:
    rows = runs.request_rows(np.arange(4) * MILLISECOND, np.full(4, MILLISECOND))
    rows[:, COLUMN["attempts"]] = [1, 2, 3, 1]
    rows[:, COLUMN["outcome"]] = [0, 0, kinds.NO_HOST_AVAILABLE, 0]
    rows[:, COLUMN["error_kinds"]] = [0, kinds.LOST, kinds.LOST | kinds.BUSY_TIMED_OUT << 4, 0]
    record = recorded(runs.scenario(), rows, [4])
    assert record.segments.retries.sum() == 3
    assert record.segments.refused.sum() == 1
    counts = record.segments.outcomes.sum(axis=(0, 1)).tolist()
    of_outcome = dict(zip(kinds.OUTCOME_NAMES, counts, strict=True))
    assert {name: count for name, count in of_outcome.items() if count} == {
        "ok": 3,
        "no_host_available": 1,
    }


def test_until_when_requests_were_lost_to_a_fault() -> None:
    scenario = runs.scenario(faults=(Fault(2 * SECOND, SECOND, 1, "dc1/2", "stop"),))
    at = np.array([1.9, 2.5, 2.9, 2.95, 3.1]) * SECOND
    rows = runs.request_rows(at.astype(np.int64), np.full(5, SECOND // 2))
    rows[:, COLUMN["outcome"]] = [2, 1, 1, 0, 1]
    # The third went to another node, the fourth ended well, the fifth began after the fault.
    rows[:, COLUMN["error_hosts"]] = [2, 1 | 2 << 10, 3, 2, 2]
    rows[:, COLUMN["node"]] = 2
    record = recorded(scenario, rows, [2])
    assert record.lost_until_ns.tolist() == [[3 * SECOND]]
    rows[2, COLUMN["node"]] = -1
    assert recorded(scenario, rows, [2]).lost_until_ns.tolist() == [[3.4 * SECOND]]


def test_the_first_ten_failures_are_kept() -> None:
    rows = runs.request_rows(np.arange(50) * MILLISECOND, np.full(50, 1))
    rows[::2, COLUMN["outcome"]] = kinds.CLIENT_TIMEOUT
    record = recorded(runs.scenario(), rows, [7])
    assert record.failures[:, 0].tolist() == list(range(0, 20, 2))


def test_notes_are_counted_for_their_client() -> None:
    scenario = two_clients()
    recorder = Recorder(scenario, INTERVAL_NS)
    notes = [
        [1, kinds.OPENED, 0, 0, 0, 1],
        [2, kinds.OPENED, 2, 0, 1, 1],
        [3, kinds.NODE_STOPPED, -1, 0, -1, 0],
    ]
    recorder.notes(np.array(notes, dtype=np.int64))
    record = recorder.finish(scenario.duration_ns, [0, 0])
    counted = record.segments.notes.sum(axis=0)
    assert counted[:, kinds.OPENED].tolist() == [1, 1, 0]
    assert counted[:, kinds.NODE_STOPPED].tolist() == [0, 0, 1]
    assert record.notes.tolist() == notes


def test_a_second_sample_of_an_instant_replaces_the_first_and_none_may_go_back() -> None:
    scenario = runs.scenario()
    recorder = Recorder(scenario, INTERVAL_NS)
    recorder.sample(5, runs.sample_table(scenario, active=1))
    recorder.sample(5, runs.sample_table(scenario, active=2))
    with pytest.raises(ValueError, match="after one at 5"):
        recorder.sample(4, runs.sample_table(scenario))
    record = recorder.finish(scenario.duration_ns, [0])
    assert record.samples[:, 0, 0, 0].tolist() == [2]


def test_rows_of_a_wrong_shape_are_refused() -> None:
    recorder = Recorder(runs.scenario(), INTERVAL_NS)
    with pytest.raises(ValueError, match="request rows"):
        recorder.requests(np.zeros((2, 11), dtype=np.int64))
    with pytest.raises(ValueError, match="note rows"):
        recorder.notes(np.zeros((2, 5), dtype=np.int64))
    with pytest.raises(ValueError, match="unfinished"):
        recorder.finish(1, [0, 0])


def test_request_rows_are_kept_in_a_file_when_asked(tmp_path: Path) -> None:
    rows = mixed_rows(300)
    path = tmp_path / "rows"
    recorder = Recorder(two_clients(), INTERVAL_NS, keep_requests=path)
    for batch in runs.batches(rows, [128]):
        recorder.requests(batch)
    record = recorder.finish(10 * SECOND, [0, 0])
    assert record.request_file == path
    assert np.fromfile(path, dtype=np.int64).reshape(rows.shape).tolist() == rows.tolist()


def test_an_empty_run_has_a_record() -> None:
    scenario = runs.scenario()
    record = Recorder(scenario, choose_interval(scenario)).finish(10 * SECOND, [3])
    table = timeline(record, scenario)
    assert (table["requests"] == 0).all()
    assert table["latency_p99_s"].isna().all()
    assert record.unfinished.tolist() == [3]


def test_memory_does_not_follow_the_number_of_requests() -> None:
    def peak(rate: float) -> int:
        scenario = runs.scenario(duration_ns=20 * SECOND)
        random = np.random.default_rng(1)
        rows = runs.queue_rows(rate, 0.7 / rate, scenario.duration_ns, random)
        rows[:, COLUMN["ended_ns"]] = rows[:, COLUMN["intended_ns"]] + np.minimum(
            random.lognormal(14.5, 0.5, len(rows)).astype(np.int64), SECOND
        )
        rows[:, COLUMN["wait_ns"]] = rows[:, COLUMN["service_ns"]] = 0
        recorder = Recorder(scenario, 50 * MILLISECOND)
        tracemalloc.start()
        for batch in runs.batches(rows, [8192]):
            recorder.requests(batch)
        recorder.finish(scenario.duration_ns, [0])
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    few, many = peak(5_000), peak(40_000)
    assert many < few + 2_000_000, "eight times the requests: 67 MB more if rows were kept"
