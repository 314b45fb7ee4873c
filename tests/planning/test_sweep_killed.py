"""A sweep that is killed goes on where it was, and ends as if nothing had happened."""

from pathlib import Path

import pytest

from tests.planning.killed_sweeps import RESULTS, command, keys_of, kill_until_done, undisturbed
from tests.planning.small_scenario import POOLING, SMALL

KILLS = 20


def check(folder: Path, settings: list[str], points: int, kills: int, *more: str) -> None:
    scenario = folder / "small.yaml"
    scenario.write_text(SMALL)
    expected = undisturbed(command(scenario, settings, folder / "calm", *more), folder / "calm")
    out = folder / "killed"
    killed, finished = kill_until_done(command(scenario, settings, out, *more), out, kills, seed=5)
    assert killed == kills, f"it ended before it was killed {kills} times: {finished}"
    assert finished == sorted(finished), "no finished point was lost"
    assert {name: (out / name).read_bytes() for name in RESULTS} == expected
    keys = keys_of(out / "points.journal")
    assert len(keys) == points
    assert len(set(keys)) == points, "no point was repeated"


def test_killed_a_few_times(tmp_path: Path) -> None:
    check(tmp_path, [f"{POOLING}.local.max_requests=1..40"], 40, 3, "--jobs", "1")


@pytest.mark.soak
def test_200_points_killed_20_times(tmp_path: Path) -> None:
    """`pytest tests/planning/test_sweep_killed.py -m soak`: two minutes."""
    settings = [f"{POOLING}.local.max_requests=1..25", f"{POOLING}.local.max=1..8"]
    check(tmp_path, settings, 200, KILLS, "--jobs", "2")
