"""Decisions of the real Node.js driver, replayed: every line agrees, and a changed one is found.

`traces/nodejs` holds 24 walks over pools of cassandra-driver 4.8.0 on Cassandra 5.0.5, recorded by
`poolsim.harness.decisions.record_decisions("nodejs", 60, 900, …, seed=2000)`.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poolsim.fidelity.replay import TraceError, replay_file
from poolsim.model.drivers.nodejs import borrowing, hosts

TRACES = sorted((Path(__file__).parent / "traces" / "nodejs").glob("*.jsonl.gz"))
OPERATIONS = 900

Line = dict[str, Any]


@cache
def recorded(path: Path) -> tuple[Line, ...]:
    text = gzip.decompress(path.read_bytes()).decode("utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.name.split(".")[0])
def test_a_recorded_trace_agrees_line_by_line(path: Path) -> None:
    replay = replay_file(path)
    assert replay.difference is None
    assert replay.lines >= OPERATIONS
    assert replay.lines == len(recorded(path)) - 1


def test_the_traces_hold_what_they_are_for() -> None:
    lines = [line for path in TRACES for line in recorded(path)[1:]]
    assert len(lines) >= 24 * OPERATIONS
    operations = Counter(line["op"] for line in lines)
    assert min(operations.values()) >= 24
    assert set(operations) == {
        "init",
        "borrow",
        "release",
        "timeout",
        "late_response",
        "lose",
        "advance",
        "hold_connects",
        "connect_failed",
        "heartbeat",
        "heartbeat_timeout",
        "status_up",
    }
    results = Counter(line["result"] for line in lines if line["op"] == "borrow")
    assert min(results[result] for result in ("granted", "queued", "rejected")) > 100
    assert sum("failed" in line for line in lines) > 100
    assert sum("grants" in line for line in lines) > 100
    states = [line["state"] for line in lines]
    assert sum(not state["up"] for state in states) > 300
    assert sum(state["creating"] for state in states) > 1_000
    delays = {
        line["state"]["next_attempt_ms"] - line["at_ms"]
        for line in lines
        if line["state"]["next_attempt_ms"] is not None
    }
    assert len(delays) > 100
    headers = [recorded(path)[0] for path in TRACES]
    assert {header["driver_version"] for header in headers} == {"4.8.0"}
    assert {header["protocol"] for header in headers} == {3, 4}
    assert {header["distance"] for header in headers} == {"local", "remote"}


def count(key: str) -> Callable[[Line], bool]:
    def change(line: Line) -> bool:
        line["state"][key] = (line["state"][key] or 0) + 1
        return True

    return change


def other_host_state(line: Line) -> bool:
    line["state"]["up"] = not line["state"]["up"]
    return True


def other_connection(line: Line) -> bool:
    if line["op"] != "borrow" or line["result"] == "rejected" or line["state"]["open"] < 2:
        return False
    others = [name for name, _ in line["state"]["connections"] if name != line["connection"]]
    line["connection"] = others[0]
    return True


def one_timeout_more(line: Line) -> bool:
    if not line["state"]["timed_out"]:
        return False
    line["state"]["timed_out"][-1] += 1
    return True


def other_result(line: Line) -> bool:
    if line["op"] != "borrow":
        return False
    line["result"] = "queued" if line["result"] == "granted" else "granted"
    return True


def missing_failure(line: Line) -> bool:
    return bool(line.get("failed")) and line["failed"].pop() is not None


def missing_grant(line: Line) -> bool:
    return bool(line.get("grants")) and bool(line["grants"].pop())


CHANGES: dict[str, Callable[[Line], bool]] = {
    **{
        key: count(key)
        for key in ("open", "creating", "in_flight", "pending", "next_attempt_ms", "status_ms")
    },
    "up": other_host_state,
    "connection": other_connection,
    "timed out": one_timeout_more,
    "result": other_result,
    "missing failure": missing_failure,
    "missing grant": missing_grant,
}
"""Each changes what a line expects, and says whether there was something to change."""


def written(lines: list[Line], folder: Path) -> Path:
    path = folder / "walk.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_expectation_is_found_at_its_line(change: str, tmp_path: Path) -> None:
    chance = random.Random(change)
    tried = 0
    for path in TRACES:
        if tried == 6:
            break
        order = list(range(1, len(recorded(path))))
        chance.shuffle(order)
        for index in order:
            line = json.loads(json.dumps(recorded(path)[index]))
            if not CHANGES[change](line):
                continue
            lines = [*recorded(path)[:index], line]
            difference = replay_file(written(lines, tmp_path)).difference
            assert difference is not None
            assert difference.line == index + 1
            tried += 1
            break
    assert tried >= 3


# The rules are what agrees ------------------------------------------------------------------------


def differences() -> int:
    return sum(replay_file(path).difference is not None for path in TRACES[:8])


def test_another_rule_would_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borrowing, "INDEX_OVERFLOW", 3)
    assert differences() > 0
    monkeypatch.undo()
    monkeypatch.setattr(hosts, "STATUS_DELAY", 999_000_000)
    assert differences() > 0
    monkeypatch.undo()
    assert differences() == 0


# What makes no sense ------------------------------------------------------------------------------

HEADER = recorded(TRACES[1])[0]
BAD: dict[str, tuple[int, list[Line]]] = {
    "a header without a schedule": (
        1,
        [{**HEADER, "options": {"core": 1, "max_requests": 1}}],
    ),
    "release of nobody": (2, [HEADER, {"op": "release", "request": 0, "at_ms": 0, "state": {}}]),
    "timeout of nobody": (2, [HEADER, {"op": "timeout", "request": 0, "at_ms": 0, "state": {}}]),
    "loss of nothing": (2, [HEADER, {"op": "lose", "connection": 9, "at_ms": 0, "state": {}}]),
    "refusal of nothing": (2, [HEADER, {"op": "connect_failed", "at_ms": 0, "state": {}}]),
    "an event that nobody told": (
        2,
        [HEADER, {"op": "advance", "timer": "status", "at_ms": 0, "state": {}}],
    ),
    "cleanup": (2, [HEADER, {"op": "cleanup", "at_ms": 1, "state": {}}]),
    "no time": (2, [HEADER, {"op": "init", "state": {}}]),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_makes_no_sense_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    number, lines = BAD[kind]
    path = written(lines, tmp_path)
    with pytest.raises(TraceError) as refused:
        replay_file(path)
    assert str(refused.value).startswith(f"{path}:{number}: ")
