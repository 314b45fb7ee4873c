"""The decision recorder of the Node.js driver: short walks over real pools, replayed."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolsim.fidelity.replay import replay_file
from poolsim.harness import place
from poolsim.harness.cluster import running_cluster
from poolsim.harness.decisions import record_decisions

pytestmark = pytest.mark.container

OPERATIONS = 200


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with running_cluster(1) as cluster:
        yield f"{cluster.addresses[0]}:9042"


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")


def test_walks_are_recorded_and_replayed(node: str, tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    traces = record_decisions("nodejs", 8, OPERATIONS, tmp_path, said.append, seed=5, node=node)
    assert len(said) == len(traces) == 8
    assert sorted(tmp_path.iterdir()) == sorted(traces)
    for trace in traces:
        replay = replay_file(trace)
        assert replay.difference is None
        assert replay.lines >= OPERATIONS


def test_the_same_seed_gives_the_same_walk(node: str, tmp_path: Path) -> None:
    first, second = (
        record_decisions("nodejs", 2, OPERATIONS, tmp_path / name, lambda _: None, node=node)
        for name in ("first", "second")
    )
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_recording_is_taken_up_where_it_was(node: str, tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    kept = record_decisions("nodejs", 1, OPERATIONS, tmp_path, said.append, node=node)
    before = kept[0].read_bytes()
    record_decisions("nodejs", 2, OPERATIONS, tmp_path, said.append, node=node)
    assert [line.get("skipped", False) for line in said] == [False, True, False]
    assert kept[0].read_bytes() == before
    header = json.loads(before.splitlines()[0])
    assert header["driver_version"] == "4.8.0"
