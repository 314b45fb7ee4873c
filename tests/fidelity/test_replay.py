"""Decisions of the real Java driver, replayed: every line agrees, and a changed line is found.

`traces/` holds what was recorded from Java driver 3.11.5 on Cassandra 5.0.5 with four settings of
its pool (core, max, max_requests, threshold, queue): 2/8/128/100/256, 1/4/16/8/0, 2/6/12/12/6 and
0/4/8/5/8.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from poolsim.fidelity.replay import TraceError, replay_file

TRACES = Path(__file__).parent / "traces"
LINES = {"java3-1": 1336, "java3-2": 1385, "java3-3": 1737, "java3-4": 1489}
"""Operations of each trace, the first line not counted."""
CHANGED = 6
"""Lines of each trace in which each kind of change is tried."""

Line = dict[str, Any]


@cache
def recorded(name: str) -> tuple[str, ...]:
    return tuple((TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", LINES)
def test_a_recorded_trace_agrees_line_by_line(name: str) -> None:
    replay = replay_file(TRACES / f"{name}.jsonl")
    assert replay.difference is None
    assert replay.lines == LINES[name] == len(recorded(name)) - 1


def test_the_traces_hold_what_they_are_for() -> None:
    """Growth, rejections, waiters that are served, trash and resurrections; nothing closes."""
    lines = [json.loads(line) for name in LINES for line in recorded(name)[1:]]
    assert {line["op"] for line in lines} == {"init", "borrow", "release", "cleanup"}
    results = [line["result"] for line in lines if line["op"] == "borrow"]
    assert {result: results.count(result) for result in set(results)} == {
        "granted": 2433,
        "queued": 191,
        "rejected": 1036,
    }
    assert sum("grants" in line for line in lines) == 185
    states = [line["state"] for line in lines]
    assert max(state["open"] for state in states) == 4
    assert sum(state["trashed"] > 0 for state in states) == 474
    left = {
        line["op"]
        for before, line in pairwise(lines)
        if {entry[0] for entry in before["state"]["trash"]}
        - {entry[0] for entry in line["state"]["trash"]}
        and line["op"] != "init"
    }
    assert left == {"borrow"}


# A changed line -----------------------------------------------------------------------------------


def count(field: str, by: int) -> Callable[[Line], bool]:
    def change(line: Line) -> bool:
        line["state"][field] += by
        return True

    return change


def other_result(line: Line) -> bool:
    if "result" not in line:
        return False
    line["result"] = {"granted": "queued", "queued": "rejected", "rejected": "queued"}[
        line["result"]
    ]
    return True


def other_connection(line: Line) -> bool:
    if "connection" not in line:
        return False
    line["connection"] += 1
    return True


def swapped_connections(line: Line) -> bool:
    connections = line["state"]["connections"]
    connections[:2] = connections[1::-1]
    return len(connections) > 1


def busier_connection(line: Line) -> bool:
    connections = line["state"]["connections"]
    if connections:
        connections[-1][1] += 1
    return bool(connections)


def renamed_connection(line: Line) -> bool:
    connections = line["state"]["connections"]
    if connections:
        connections[0][0] += 100
    return bool(connections)


def missing_connection(line: Line) -> bool:
    return bool(line["state"]["connections"]) and bool(line["state"]["connections"].pop())


def missing_trash(line: Line) -> bool:
    return bool(line["state"]["trash"]) and bool(line["state"]["trash"].pop())


def busier_trash(line: Line) -> bool:
    trash = line["state"]["trash"]
    if trash:
        trash[0][1] += 1
    return bool(trash)


def swapped_trash(line: Line) -> bool:
    trash = line["state"]["trash"]
    trash[:2] = trash[1::-1]
    return len(trash) > 1


def invented_grant(line: Line) -> bool:
    line.setdefault("grants", []).append([1_000_000, 0])
    return True


def missing_grant(line: Line) -> bool:
    return bool(line.get("grants")) and bool(line["grants"].pop())


def other_grant(line: Line) -> bool:
    grants = line.get("grants", [])
    if grants:
        grants[0][1] += 1
    return bool(grants)


CHANGES: dict[str, Callable[[Line], bool]] = {
    "one more open": count("open", 1),
    "one open fewer": count("open", -1),
    "one more trashed": count("trashed", 1),
    "one more in flight": count("in_flight", 1),
    "one pending fewer": count("pending", -1),
    "other result": other_result,
    "other connection": other_connection,
    "swapped connections": swapped_connections,
    "busier connection": busier_connection,
    "renamed connection": renamed_connection,
    "missing connection": missing_connection,
    "missing trash": missing_trash,
    "busier trash": busier_trash,
    "swapped trash": swapped_trash,
    "invented grant": invented_grant,
    "missing grant": missing_grant,
    "other grant": other_grant,
}
"""Each changes what a line expects, and says whether there was something to change."""

IMPOSSIBLE = {
    *((name, change) for name in ("java3-1", "java3-2") for change in CHANGES if "grant" in change),
    *((name, change) for name in ("java3-1", "java3-3") for change in CHANGES if "trash" in change),
} - {(name, change) for name in LINES for change in ("invented grant", "one more trashed")}
"""Two traces serve no waiters, two trash nothing."""


def changed_lines(
    name: str, change: Callable[[Line], bool], seed: str
) -> Iterator[tuple[int, Line]]:
    """Line numbers (from 1) and changed lines, drawn from those that the change can change."""
    lines = recorded(name)
    order = list(range(1, len(lines)))
    random.Random(seed).shuffle(order)
    found = 0
    for index in order:
        line = json.loads(lines[index])
        before = copy.deepcopy(line)
        if change(line) and line != before:
            yield index + 1, line
            found += 1
            if found == CHANGED:
                return


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", LINES)
def test_a_changed_expectation_is_found_at_its_line(name: str, change: str, tmp_path: Path) -> None:
    copied = tmp_path / "changed.jsonl"
    tried = 0
    for number, line in changed_lines(name, CHANGES[change], f"{name}/{change}"):
        lines = list(recorded(name))
        lines[number - 1] = json.dumps(line)
        # What follows would agree; it is left out to save time.
        copied.write_text("\n".join(lines[: number + 1]) + "\n", encoding="utf-8")
        difference = replay_file(copied).difference
        assert difference is not None
        assert difference.line == number
        assert json.loads(difference.operation)["op"] == line["op"]
        assert json.loads(difference.expected)["state"] == line["state"]
        assert difference.simulated != difference.expected
        tried += 1
    assert tried == (0 if (name, change) in IMPOSSIBLE else CHANGED)


@pytest.mark.parametrize("name", LINES)
def test_a_missing_line_is_found(name: str, tmp_path: Path) -> None:
    """Where it changed something, by the line after it."""
    lines = recorded(name)
    states = [None, *(json.loads(line)["state"] for line in lines[1:])]
    effective = [k for k in range(2, len(lines) - 1) if states[k] != states[k - 1]]
    for number in random.Random(name).sample(effective, 12):
        copied = tmp_path / "shorter.jsonl"
        copied.write_text("\n".join(lines[:number] + lines[number + 1 :]), encoding="utf-8")
        assert found_at(copied) == number + 1


def found_at(path: Path) -> int:
    """The line at which a trace differs or makes no sense."""
    try:
        difference = replay_file(path).difference
    except TraceError as error:
        return int(str(error).removeprefix(f"{path}:").split(":")[0])
    assert difference is not None
    return difference.line


@pytest.mark.parametrize("name", ["java3-2", "java3-4"])
def test_a_changed_deadline_is_found_after_the_line_that_trashes(name: str, tmp_path: Path) -> None:
    lines = list(recorded(name))
    parsed = [json.loads(line) for line in lines]
    index = next(
        k
        for k in range(2, len(lines))
        if parsed[k]["state"]["trash"]
        and parsed[k]["state"]["trash"] == parsed[k - 1]["state"]["trash"]
    )
    parsed[index]["state"]["trash"][0][2] += 1
    lines[index] = json.dumps(parsed[index])
    copied = tmp_path / "changed.jsonl"
    copied.write_text("\n".join(lines), encoding="utf-8")
    difference = replay_file(copied).difference
    assert difference is not None
    assert difference.line == index + 1


# What is compared ---------------------------------------------------------------------------------

HEADER: Line = {
    "format": "poolsim.decisions/1",
    "driver": "java3",
    "driver_version": "3.11.5",
    "protocol": 4,
    "options": {
        "core": 1,
        "max": 2,
        "max_requests": 2,
        "new_connection_threshold": 1,
        "max_queue_size": 2,
        "pool_timeout": "600s",
        "idle_timeout": "120s",
    },
}


def written(path: Path, *lines: Line | str | bytes) -> Path:
    """A trace of these lines."""
    encoded = (
        line
        if isinstance(line, bytes)
        else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    )
    path.write_bytes(b"\n".join(encoded) + b"\n")
    return path


def test_only_what_a_line_carries_is_compared(tmp_path: Path) -> None:
    path = written(
        tmp_path / "short.jsonl",
        HEADER,
        {"op": "init", "state": {}},
        {"op": "borrow", "request": 0, "state": {"in_flight": 1}},
        {
            "op": "borrow",
            "request": 1,
            "result": "granted",
            "state": {"connections": [[0, 2], [1, 0]]},
        },
    )
    assert replay_file(path).difference is None


def test_the_operations_that_the_recorded_traces_lack(tmp_path: Path) -> None:
    """Timeouts, late responses, expiries, held and refused handshakes, passing time."""
    path = written(
        tmp_path / "all.jsonl",
        HEADER,
        {"op": "init", "state": {"open": 1, "creating": 0, "connections": [[0, 0]], "trash": []}},
        {"op": "hold_connects", "value": True, "state": {"creating": 0}},
        {"op": "borrow", "request": 0, "result": "granted", "connection": 0, "state": {"open": 1}},
        {"op": "borrow", "request": 1, "result": "granted", "connection": 0,
         "state": {"open": 2, "creating": 1, "connections": [[0, 2]]}},
        {"op": "borrow", "request": 2, "result": "queued", "state": {"pending": 1}},
        {"op": "borrow", "request": 3, "result": "queued", "state": {"pending": 2}},
        {"op": "borrow", "request": 4, "result": "rejected", "state": {"pending": 2}},
        {"op": "expire", "request": 2, "state": {"pending": 2}},
        {"op": "timeout", "request": 0, "grants": [[3, 0]],
         "state": {"pending": 0, "in_flight": 2, "connections": [[0, 2]]}},
        {"op": "late_response", "request": 0, "state": {"in_flight": 2}},
        {"op": "connect_failed", "state": {"open": 1, "creating": 0, "connections": [[0, 2]]}},
        {"op": "hold_connects", "value": False, "state": {"open": 1}},
        {"op": "release", "request": 1, "state": {"open": 1, "in_flight": 1}},
        {"op": "borrow", "request": 5, "result": "granted", "connection": 0, "state": {"open": 1}},
        {"op": "release", "request": 5, "state": {"open": 1, "in_flight": 1}},
        {"op": "advance", "seconds": 1.0, "state": {"open": 1}},
        {"op": "borrow", "request": 6, "result": "granted", "connection": 0,
         "state": {"open": 2, "connections": [[0, 2], [1, 0]]}},
    )  # fmt: skip
    replay = replay_file(path)
    assert replay.difference is None
    assert replay.lines == 17


def test_a_lost_connection(tmp_path: Path) -> None:
    path = written(
        tmp_path / "lost.jsonl",
        HEADER,
        {"op": "borrow", "request": 0, "result": "granted", "connection": 0, "state": {"open": 1}},
        {"op": "lose", "connection": 0,
         "state": {"open": 0, "in_flight": 0, "connections": [], "trash": []}},
    )  # fmt: skip
    assert replay_file(path).difference is None


# Malformed traces ---------------------------------------------------------------------------------

INIT: Line = {"op": "init", "state": {}}
MALFORMED: dict[str, tuple[int, tuple[Line | str | bytes, ...]]] = {
    "empty": (1, ()),
    "not an object": (1, ("[1, 2]",)),
    "another format": (1, ({**HEADER, "format": "poolsim.decisions/2"},)),
    "no format": (1, ({"driver": "java3"},)),
    "unknown driver": (1, ({**HEADER, "driver": "java9"},)),
    "no options": (1, ({"format": HEADER["format"], "driver": "java3", "protocol": 4},)),
    "options that are no object": (1, ({**HEADER, "options": "none"},)),
    "missing option": (1, ({**HEADER, "options": {"core": 1}},)),
    "option of a wrong type": (1, ({**HEADER, "options": {**HEADER["options"], "core": "1"}},)),
    "duration without a unit": (
        1,
        ({**HEADER, "options": {**HEADER["options"], "idle_timeout": "120"}},),
    ),
    "line that is no object": (3, (HEADER, INIT, "7")),
    "line without op": (3, (HEADER, INIT, {"state": {}})),
    "line without state": (3, (HEADER, INIT, {"op": "init"})),
    "state that is no object": (3, (HEADER, INIT, {"op": "init", "state": []})),
    "unknown operation": (2, (HEADER, {"op": "steal", "state": {}})),
    "borrow without request": (2, (HEADER, {"op": "borrow", "state": {}})),
    "release of an unknown request": (2, (HEADER, {"op": "release", "request": 1, "state": {}})),
    "timeout of an unknown request": (2, (HEADER, {"op": "timeout", "request": 1, "state": {}})),
    "late response to nobody": (2, (HEADER, {"op": "late_response", "request": 1, "state": {}})),
    "expiry of an unknown request": (2, (HEADER, {"op": "expire", "request": 1, "state": {}})),
    "loss of an unknown connection": (2, (HEADER, {"op": "lose", "connection": 9, "state": {}})),
    "cleanup without a time": (2, (HEADER, {"op": "cleanup", "state": {}})),
    "refusal where nothing is held": (2, (HEADER, {"op": "connect_failed", "state": {}})),
    "advance by words": (2, (HEADER, {"op": "advance", "seconds": "two", "state": {}})),
    "trash of a wrong shape": (2, (HEADER, {"op": "init", "state": {"trash": [1]}})),
    "blank lines count": (5, (HEADER, "", INIT, "", {"op": "steal", "state": {}})),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_trace_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    number, lines = MALFORMED[kind]
    path = written(tmp_path / "malformed.jsonl", *lines)
    with pytest.raises(TraceError) as refused:
        replay_file(path)
    assert str(refused.value).startswith(f"{path}:{number}: ")


@pytest.mark.parametrize("number", [1, 3])
def test_a_line_that_is_not_json_is_refused_with_its_number(number: int, tmp_path: Path) -> None:
    lines: list[Line | str] = [HEADER, INIT, INIT]
    lines[number - 1] = '{"op": "borrow", "request"'
    path = written(tmp_path / "malformed.jsonl", *lines)
    with pytest.raises(TraceError) as refused:
        replay_file(path)
    assert str(refused.value).startswith(f"{path}:{number}: not JSON")


BORROW: Line = {"op": "borrow", "request": 1, "state": {}}
BEYOND: dict[str, tuple[Line | str, ...]] = {
    "nested too deeply": (HEADER, "[" * 100_000),
    "a number of too many digits": (HEADER, '{"op": "borrow", "request": ' + "9" * 5_000 + "}"),
    "an endless time": (HEADER, '{"op": "advance", "seconds": Infinity, "state": {}}'),
}


@pytest.mark.parametrize("kind", BEYOND)
def test_what_python_cannot_hold_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path / "beyond.jsonl", *BEYOND[kind])
    with pytest.raises(TraceError, match=r"beyond\.jsonl:2: "):
        replay_file(path)


def on(operation: str) -> Line:
    return {"op": operation, "request": 1, "state": {}}


SENSELESS: dict[str, tuple[Line, ...]] = {
    "borrowed twice": (BORROW, BORROW),
    "expired in flight": (BORROW, on("expire")),
    "timed out twice": (BORROW, on("timeout"), on("timeout")),
    "released after a timeout": (BORROW, on("timeout"), on("release")),
    "late without a timeout": (BORROW, on("late_response")),
}


@pytest.mark.parametrize("kind", SENSELESS)
def test_an_operation_that_makes_no_sense_is_refused(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path / "senseless.jsonl", HEADER, *SENSELESS[kind])
    with pytest.raises(TraceError, match=r"senseless\.jsonl:\d: operation"):
        replay_file(path)


def test_bytes_that_are_not_utf8_are_refused_with_their_number(tmp_path: Path) -> None:
    path = written(tmp_path / "latin.jsonl", HEADER, INIT, b'{"op": "\xe9", "state": {}}')
    with pytest.raises(TraceError) as refused:
        replay_file(path)
    assert str(refused.value).startswith(f"{path}:3: not UTF-8")


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "latin.jsonl", HEADER, INIT, b'{"op": "\xe9", "state": {}}')
    with pytest.raises(TraceError, match="not UTF-8"):
        replay_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"nowhere\.jsonl(:1)?: cannot be read"):
        replay_file(tmp_path / "nowhere.jsonl")


def test_a_folder_is_no_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read"):
        replay_file(tmp_path)
