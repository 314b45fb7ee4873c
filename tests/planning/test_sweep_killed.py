"""A sweep that is killed goes on where it was, and ends as if nothing had happened."""

from pathlib import Path

import pytest

from tests.planning.killed_sweeps import KILLS, POINTS, SETTINGS, command, killed, undisturbed
from tests.planning.small_scenario import POOLING, SMALL


def check(folder: Path, settings: list[str], points: int, kills: int, *more: str) -> None:
    scenario = folder / "small.yaml"
    scenario.write_text(SMALL)
    expected = undisturbed(command(scenario, settings, folder / "calm", *more), folder / "calm")
    out = folder / "killed"
    sweep = killed(command(scenario, settings, out, *more), out, points, kills, seed=5)
    assert len(sweep.finished) == kills, f"it ended before it was killed so often: {sweep.finished}"
    assert sweep.finished == sorted(sweep.finished), "no finished point was lost"
    assert sweep.files == expected
    assert len(sweep.keys) == points
    assert len(set(sweep.keys)) == points, "no point was repeated"


def test_killed_a_few_times(tmp_path: Path) -> None:
    check(tmp_path, [f"{POOLING}.local.max_requests=1..40"], 40, 3, "--jobs", "1")


@pytest.mark.soak
def test_200_points_killed_20_times(tmp_path: Path) -> None:
    """`make kills` does the same, with a dask cluster beside it, and writes a page."""
    check(tmp_path, SETTINGS, POINTS, KILLS, "--jobs", "2")
