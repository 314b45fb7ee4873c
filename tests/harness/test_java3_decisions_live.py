"""The decision recorder of the Java driver: short walks over real pools, replayed."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolsim.fidelity.replay import replay_file
from poolsim.harness import java3_walks, place
from poolsim.harness.cluster import running_cluster
from poolsim.harness.decisions import record_decisions

pytestmark = pytest.mark.container

OPERATIONS = 120


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with running_cluster(1) as cluster:
        yield f"{cluster.addresses[0]}:9042"


@pytest.mark.parametrize("driver", ["java3", "dse"])
def test_every_family_of_walks_is_recorded_and_replayed(
    driver: str, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(place.NAME_VARIABLE, f"test-{secrets.token_hex(4)}")
    count = len(java3_walks.FAMILIES)
    said: list[dict[str, object]] = []
    traces = record_decisions(driver, count, OPERATIONS, tmp_path, said.append, seed=9, node=node)
    assert len(said) == len(traces) == count
    assert sorted(tmp_path.iterdir()) == sorted(traces)
    for trace in traces:
        replay = replay_file(trace)
        assert replay.difference is None
        assert OPERATIONS // 2 <= replay.lines <= OPERATIONS
    headers = [json.loads(trace.read_text(encoding="utf-8").splitlines()[0]) for trace in traces]
    versions = {header["driver_version"] for header in headers}
    assert versions == {{"java3": "3.11.5", "dse": "1.9.0"}[driver]}
