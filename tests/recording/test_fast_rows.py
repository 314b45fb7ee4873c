"""The recorder on machine code against the recorder on numpy: the same record, whatever the rows
and however they are batched."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("numba")

from poolsim.machine_code import cache
from poolsim.model.kinds import OUTCOME_NAMES
from poolsim.recording import fast_rows
from poolsim.recording.fast_rows import PROGRAM, ROWS_AT_ONCE, FastRows
from poolsim.recording.record import Record
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Fault, Load, Phase, Scenario
from tests.recording.synthetic_runs import MILLISECOND, SECOND, Rows, client, request_rows, scenario

INTERVAL_NS = 100 * MILLISECOND
SESSIONS = 7
ROWS = 150_000


def eventful() -> Scenario:
    """Two clients of three and four instances, segments by phases and a fault."""
    phases = (Phase("rush", "rate", 2 * SECOND, 3 * SECOND, 2000.0),)
    return scenario(
        clients=(
            client("one", instances=3),
            client("two", instances=4, load=Load("poisson", rate=500.0, phases=phases)),
        ),
        faults=(Fault(4 * SECOND, SECOND, 1, "dc1/2", "stop", 1.0),),
    )


def rows_of(count: int, widest_ns: int, seed: int) -> Rows:
    """Requests of all outcomes, with latencies of every order up to `widest_ns`."""
    random = np.random.default_rng(seed)
    intended = np.sort(random.integers(0, 10 * SECOND, count))
    latency = np.exp(random.uniform(0, np.log(widest_ns), count)).astype(np.int64)
    latency = np.minimum(latency, 10 * SECOND - intended)
    failed = random.random(count) < 0.2
    kinds = np.where(failed, random.integers(1, 1 << 12, count), 0)
    wait = np.where(random.random(count) < 0.5, 0, latency // 3)
    rows = request_rows(
        intended,
        latency,
        session=random.integers(0, SESSIONS, count),
        node=random.integers(-1, 3, count),
        outcome=np.where(failed, random.integers(1, len(OUTCOME_NAMES), count), 0),
        attempts=1 + random.integers(0, 3, count) * failed,
        wait_ns=wait,
        error_kinds=kinds,
        error_hosts=np.where(failed, random.integers(0, 1 << 20, count), 0),
    )
    return rows


def recorded(rows: Rows, cuts: list[int], fast: bool) -> Record:
    recorder = Recorder(eventful(), INTERVAL_NS)
    if fast:
        recorder.go_faster()
    for batch in np.split(rows, cuts):
        recorder.requests(batch)
    return recorder.finish(10 * SECOND, (0, 0))


def assert_same(one: object, other: object, where: str = "record") -> None:
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            name = f"{where}.{field.name}"
            assert_same(getattr(one, field.name), getattr(other, field.name), name)
    elif isinstance(one, np.ndarray):
        assert_array_equal(one, other, where)
    else:
        assert one == other, where


@pytest.fixture(params=["window", "no window"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of counting: a window of plain counters, and hash tables alone."""
    if request.param == "no window":
        monkeypatch.setattr(fast_rows, "LARGEST_WINDOW", 0)
    return str(request.param)


@pytest.mark.parametrize("order", ["as due", "at random"])
@pytest.mark.parametrize("widest_ns", [1, 5 * MILLISECOND, 10 * SECOND])
@pytest.mark.usefixtures("window")
def test_the_same_record_as_with_numpy(widest_ns: int, order: str) -> None:
    rows = rows_of(ROWS, widest_ns, seed=1)
    random = np.random.default_rng(2)
    if order == "at random":
        rows = random.permutation(rows)
    cuts = np.sort(random.integers(0, len(rows), 9)).tolist()
    expected = recorded(rows, [], fast=False)
    assert_same(recorded(rows, [], fast=True), expected)
    assert_same(recorded(rows, cuts, fast=True), expected)
    assert_same(recorded(rows, [ROWS_AT_ONCE, ROWS_AT_ONCE + 1], fast=True), expected)


@pytest.mark.parametrize("room", ["listed", "hash"])
def test_the_test_above_fills_what_can_be_full(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would not test what happens then: a part of the rows is added, the rest after a
    merge."""
    merges = 0

    def merge(self: FastRows) -> None:
        nonlocal merges
        merges += 1
        whole_merge(self)

    whole_merge = FastRows.merge
    monkeypatch.setattr(FastRows, "merge", merge)
    if room == "hash":
        monkeypatch.setattr(fast_rows, "LARGEST_WINDOW", 0)
    recorded(rows_of(ROWS, 10 * SECOND, seed=1), [], fast=True)
    assert merges > 1  # the last one is at the end


def test_a_recorder_may_become_faster_on_the_way() -> None:
    rows = rows_of(5_000, 5 * MILLISECOND, seed=3)
    recorder = Recorder(eventful(), INTERVAL_NS)
    recorder.requests(rows[:1001])
    recorder.go_faster()
    recorder.requests(rows[1001:])
    assert_same(recorder.finish(10 * SECOND, (0, 0)), recorded(rows, [], fast=False))


def test_code_that_was_kept_for_fewer_outcomes_has_another_name() -> None:
    """The sums' layout follows the model's list of outcomes, whose source is not the recorder's."""
    assert PROGRAM.constants[0] == len(OUTCOME_NAMES)
    older = dataclasses.replace(PROGRAM, constants=(len(OUTCOME_NAMES) - 1, *PROGRAM.constants[1:]))
    assert cache._hashed_name(older) != cache._hashed_name(PROGRAM)
