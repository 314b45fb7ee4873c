from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from poolsim.scenario.load import ScenarioError, load_text
from poolsim.scenario.recorded import (
    SAMPLE_COLUMNS,
    TRACE_COLUMNS,
    BadRowsError,
    UnreadableFileError,
    read_table,
)
from tests.scenario.test_load import small


def csv(directory: Path, text: str) -> Path:
    path = directory / "trace.csv"
    path.write_text(text)
    return path


def test_csv(tmp_path: Path) -> None:
    path = csv(tmp_path, "key,time,other,service\n3,0.5,x,2ms\n4, 1e-9 ,y,0.001\n\n5,1.5ms,z,0\n")
    assert read_table(path, TRACE_COLUMNS).columns == {
        "time": (500_000_000, 1, 1_500_000),
        "service": (2_000_000, 1_000_000, 0),
        "key": (3, 4, 5),
    }


def test_columns_in_nanoseconds(tmp_path: Path) -> None:
    path = csv(tmp_path, "time_ns,service_ns\n7,8\n")
    assert read_table(path, TRACE_COLUMNS).columns == {"time": (7,), "service": (8,)}


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_parquet(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    durations = pyarrow.array([1, 2], pyarrow.duration(unit))
    table = pyarrow.table({"time": [0.25, 1.0], "service": durations, "key": [5, 6]})
    pyarrow.parquet.write_table(table, path)
    nanoseconds = {"s": 10**9, "ms": 10**6, "ns": 1}[unit]
    assert read_table(path, TRACE_COLUMNS).columns == {
        "time": (250_000_000, 1_000_000_000),
        "service": (nanoseconds, 2 * nanoseconds),
        "key": (5, 6),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", ":1:1: no column 'time' in the header (it has a, b)"),
        ("", ":1:1: no column 'time' in the header (it has nothing)"),
        ("time\n", ":1:1: no rows below the header"),
        ("time\n1\nsoon\n", ":3:1: time: 'soon' is not a time in seconds"),
        ("time\n1\n-2\n", ":3:1: time: '-2' is not a time in seconds from 0 on"),
        ("time\nnan\n", ":2:1: time: 'nan' is not a time in seconds from 0 on"),
        ("time\n1e999999\n", "is not a time in seconds from 0 on"),
        ("time,key\n1,2\n1\n", ":3:1: 1 cells where the header has 2"),
        ("time,key\n1,a\n", ":2:2: key: 'a' is not a whole number"),
        ("time,key\n1,-4\n", ":2:2: key: -4 is not between 0 and 2^62"),
        ("time,service\n1,5 lightyears\n", ":2:2: service: '5 lightyears' has an unknown unit"),
        ('time\n"1\n', "not CSV"),
    ],
)
def test_bad_rows_have_a_place(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(BadRowsError) as caught:
        read_table(csv(tmp_path, text), TRACE_COLUMNS)
    assert expected in str(caught.value)


def test_bytes_that_are_neither(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"time\n\xff\xfe\n")
    with pytest.raises(BadRowsError, match=r":2:1: this is neither CSV text nor Parquet"):
        read_table(path, TRACE_COLUMNS)
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UnreadableFileError, match="is not a Parquet file"):
        read_table(path, SAMPLE_COLUMNS)


def test_only_ordinary_files_are_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path("/dev/zero")):
        with pytest.raises(UnreadableFileError):
            read_table(path, TRACE_COLUMNS)


def test_a_trace_is_read_beside_its_scenario_and_sorted(tmp_path: Path) -> None:
    csv(tmp_path, "time,service,key\n2,3ms,1\n1,4ms,2\n")
    text = small(load="{trace: {file: trace.csv}}")
    load = load_text(text, directory=tmp_path).clients[0].load
    assert load.times_ns == (1_000_000_000, 2_000_000_000)
    assert load.services_ns == (4_000_000, 3_000_000)
    assert load.keys == (2, 1)
    assert load.source is not None
    assert load.source.file == str((tmp_path / "trace.csv").resolve())


def test_mistakes_of_a_trace_name_both_places(tmp_path: Path) -> None:
    csv(tmp_path, "time\n1\nx\ny\n")
    with pytest.raises(ScenarioError) as caught:
        load_text(small(load="{trace: {file: trace.csv}}"), "s.yaml", tmp_path)
    found = [str(mistake) for mistake in caught.value.mistakes]
    assert found[0].startswith("s.yaml:8:26: clients[0].load.trace.file: the file has mistakes")
    assert found[1] == f"{tmp_path}/trace.csv:3:1: time: 'x' is not a time in seconds"
    assert found[2] == f"{tmp_path}/trace.csv:4:1: time: 'y' is not a time in seconds"


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("{trace: {}}", "a file or times are needed here"),
        ("{trace: {file: x.csv, times: [1s]}}", "file and times at once: keep one"),
        ("{trace: {times: [1s, 2s], keys: [1]}}", "1 keys for 2 times: one for each is needed"),
        ("{trace: {file: x.csv}}", "there is no file"),
        ("{users: {count: 1, think: {empirical: {}}}}", "a file or samples are needed here"),
    ],
)
def test_what_a_trace_needs(load: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=expected):
        load_text(small(load=load), directory=tmp_path)
