"""Decisions of the real Python driver, replayed: every line agrees, and a changed line is found.

`traces/python-*` are the beginnings of walks over pools of cassandra-driver 3.30.1 on Cassandra
5.0.5, up to a little beyond where the rules once differed: waiters whose pool is shut
(`stranded`), borrows on a dead exhausted connection (`spinning`); and of the legacy pool.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poolsim.fidelity.replay import TraceError, replay_file

TRACES = Path(__file__).parent / "traces"
LINES = {
    "python-stranded-1": 53,
    "python-stranded-2": 59,
    "python-stranded-3": 129,
    "python-spinning": 194,
    "python-legacy-1": 100,
    "python-legacy-2": 250,
    "python-legacy-3": 200,
}
"""Operations of each trace."""

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
    lines = [json.loads(line) for name in LINES for line in recorded(name)[1:]]
    assert {line["op"] for line in lines} == {
        "init",
        "borrow",
        "release",
        "timeout",
        "late_response",
        "expire",
        "lose",
        "advance",
        "hold_connects",
        "connect_failed",
        "update_pools",
    }
    results = [line["result"] for line in lines if line["op"] == "borrow"]
    assert min(results.count(result) for result in ("granted", "queued", "rejected")) > 3
    assert any(line["op"] == "lose" and line["state"]["pending"] > 0 for line in lines)
    assert any("failed" in line for line in lines)
    assert sum(line["state"]["trashed"] > 0 for line in lines) > 10
    assert sum(line["state"]["creating"] > 0 for line in lines) > len(lines) / 5


def count(key: str) -> Callable[[Line], bool]:
    def change(line: Line) -> bool:
        line["state"][key] += 1
        return True

    return change


def flag(key: str) -> Callable[[Line], bool]:
    def change(line: Line) -> bool:
        if key not in line["state"]:
            return False
        line["state"][key] = not line["state"][key]
        return True

    return change


def other_result(line: Line) -> bool:
    if line["op"] != "borrow":
        return False
    granted = line["result"] == "granted"
    line.pop("connection", None)
    line["result"] = "queued" if granted else "granted"
    return True


def invented_failure(line: Line) -> bool:
    line.setdefault("failed", []).append(1_000_000)
    return True


def missing_failure(line: Line) -> bool:
    return bool(line.get("failed")) and bool(line["failed"].pop())


def missing_grant(line: Line) -> bool:
    return bool(line.get("grants")) and bool(line["grants"].pop())


CHANGES: dict[str, Callable[[Line], bool]] = {
    **{
        key: count(key)
        for key in ("open", "creating", "trashed", "in_flight", "pending", "orphans")
    },
    **{key: flag(key) for key in ("shut", "up", "replacing")},
    "result": other_result,
    "invented failure": invented_failure,
    "missing failure": missing_failure,
    "missing grant": missing_grant,
}
"""Each changes what a line expects, and says whether there was something to change."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_expectation_is_found_at_its_line(change: str, tmp_path: Path) -> None:
    chance = random.Random(change)
    tried = 0
    for name in LINES:
        order = list(range(1, LINES[name] + 1))
        chance.shuffle(order)
        for index in order:
            lines = list(recorded(name))
            line = json.loads(lines[index])
            if not CHANGES[change](line):
                continue
            lines[index] = json.dumps(line)
            copied = tmp_path / "changed.jsonl"
            copied.write_text("\n".join(lines), encoding="utf-8")
            difference = replay_file(copied).difference
            assert difference is not None
            assert difference.line == index + 1
            tried += 1
            break
    assert tried >= 3


HEADER: Line = json.loads(recorded("python-spinning")[0])
BAD: dict[str, tuple[int, tuple[Line, ...]]] = {
    "a threshold that the driver would not have": (
        1,
        ({**HEADER, "options": {**HEADER["options"], "orphaned_threshold": 1}},),
    ),
    "a reconnection without a unit": (
        1,
        ({**HEADER, "options": {**HEADER["options"], "reconnection": "1"}},),
    ),
    "expiry of nobody": (2, (HEADER, {"op": "expire", "request": 0, "state": {}})),
    "release of nobody": (2, (HEADER, {"op": "release", "request": 0, "state": {}})),
    "loss of nothing": (2, (HEADER, {"op": "lose", "connection": 9, "state": {}})),
    "refusal of nothing": (2, (HEADER, {"op": "connect_failed", "state": {}})),
    "cleanup": (2, (HEADER, {"op": "cleanup", "at_ms": 1, "state": {}})),
    "time of a wrong kind": (2, (HEADER, {"op": "init", "at_ms": [], "state": {}})),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_makes_no_sense_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    number, lines = BAD[kind]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    with pytest.raises(TraceError) as refused:
        replay_file(path)
    assert str(refused.value).startswith(f"{path}:{number}: ")
