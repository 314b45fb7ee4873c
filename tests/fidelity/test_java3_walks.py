"""A sample of recorded walks over real pools of the Java and the DSE driver, replayed line by line.

`traces/java3` and `traces/dse` were recorded by `poolsim.harness.decisions.record_decisions` on
Cassandra 5.0.5 (v2: on a stub server), a walk of each family of settings. `java3/served-in-vain` is
the walk that showed what a read timeout does to a queue when no stream id is free.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poolsim.fidelity.replay import TraceError, replay_file

TRACES = Path(__file__).parent / "traces"
WALKS = sorted([*TRACES.glob("java3/*.jsonl.gz"), *TRACES.glob("dse/*.jsonl.gz")])

Line = dict[str, Any]


@cache
def recorded(path: Path) -> tuple[Line, ...]:
    """Header and lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


@pytest.mark.parametrize("path", WALKS, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_a_recorded_walk_agrees_line_by_line(path: Path) -> None:
    replay = replay_file(path)
    assert replay.difference is None
    assert replay.lines == len(recorded(path)) - 1


def test_the_sample_is_from_both_drivers_and_all_protocols() -> None:
    headers = [recorded(path)[0] for path in WALKS]
    assert {header["driver_version"] for header in headers} == {"3.11.5", "1.9.0"}
    assert {header["protocol"] for header in headers} == {2, 3, 4}
    assert {header["distance"] for header in headers} == {"local", "remote"}


def test_the_sample_has_every_operation_also_while_connections_are_made() -> None:
    kinds: Counter[str] = Counter()
    while_creating: Counter[str] = Counter()
    for path in WALKS:
        creating = 0
        for line in recorded(path)[1:]:
            kinds[line["op"]] += 1
            if creating:
                while_creating[line["op"]] += 1
            creating = line["state"]["creating"]
    operations = {
        "borrow", "release", "expire", "cleanup", "timeout", "late_response", "lose",
        "hold_connects", "connect_failed",
    }  # fmt: skip
    assert set(kinds) == operations | {"init"}
    assert set(while_creating) == operations
    assert while_creating.total() >= kinds.total() / 5


def test_the_sample_has_what_is_rare() -> None:
    """Replacement for want of stream ids, resurrection of the living and of the dead, two
    handshakes at once, waiters served in vain."""
    replaced = resurrected = dead_resurrected = two_at_once = in_vain = 0
    for path in WALKS:
        before: Line | None = None
        lost: set[int] = set()
        for line in recorded(path)[1:]:
            state = line["state"]
            if line["op"] == "lose":
                lost.add(line["connection"])
            two_at_once += state["creating"] > 1
            in_vain += len(line.get("failed", [])) > 1
            if before is not None:
                active = {entry[0] for entry in before["connections"]}
                back = {entry[0] for entry in before["trash"]}
                back &= {entry[0] for entry in state["connections"]}
                resurrected += len(back - lost)
                dead_resurrected += len(back & lost)
                replaced += sum(e[0] in active and e[2] is None for e in state["trash"])
            before = state
    assert min(replaced, resurrected, dead_resurrected, two_at_once, in_vain) > 0


FIELDS = ("open", "creating", "scheduled", "trashed", "in_flight", "pending", "peak", "orphans")


@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_count_is_found_at_its_line(field: str, tmp_path: Path) -> None:
    lines = [json.loads(json.dumps(line)) for line in recorded(WALKS[0])]
    number = len(lines) // 2
    lines[number]["state"][field] += 1
    assert difference_at(lines, tmp_path) == number + 1


def test_another_backoff_or_failure_is_found(tmp_path: Path) -> None:
    path = next(path for path in WALKS if any("failed" in line for line in recorded(path)))
    lines = [json.loads(json.dumps(line)) for line in recorded(path)]
    number = next(k for k, line in enumerate(lines) if "failed" in line)
    failed = lines[number].pop("failed")
    assert difference_at(lines, tmp_path) == number + 1
    lines[number]["failed"] = failed
    number = next(k for k, line in enumerate(lines[1:], 1) if line["state"]["backoff"])
    lines[number]["state"]["backoff"][1] *= 2
    assert difference_at(lines, tmp_path) == number + 1
    lines[number]["state"]["backoff"] = None
    assert difference_at(lines, tmp_path) == number + 1


def difference_at(lines: list[Line], folder: Path) -> int:
    trace = folder / "changed.jsonl"
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    difference = replay_file(trace).difference
    assert difference is not None
    return difference.line


def test_a_compressed_trace_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(WALKS[0].read_bytes()[:-200])
    with pytest.raises(TraceError, match=r"cut\.jsonl\.gz:\d+: "):
        replay_file(cut)


def test_what_is_not_compressed_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_text("{}", encoding="utf-8")
    with pytest.raises(TraceError, match=r"plain\.jsonl\.gz:1: cannot be read"):
        replay_file(plain)
