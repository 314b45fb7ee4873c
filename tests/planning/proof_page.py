"""The dated page of the ten questions."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import poolsim
from poolsim.recording.digest import inputs_hash
from poolsim.recording.whole_file import write_whole
from tests.planning.exhaustive import (
    FEWEST_OPTIONS,
    FEWEST_POINTS,
    LARGEST_REGRET,
    LARGEST_SHARE,
    MEETING,
    Comparison,
)


def page(found: Sequence[Comparison], today: str) -> str:
    """The whole page as Markdown."""
    within = sum(one.is_within_bars for one in found)
    low, high = MEETING
    rows = "\n".join(_row(one) for one in found)
    settings = "\n".join(
        f"| {one.name} | {one.best_setting} | {one.found_setting} |" for one in found
    )
    return f"""# {len(found)} questions answered by recommend and by trying everything, {today}

**{within} of {len(found)} within the bars**: a setting that meets the expectations and is at most
{LARGEST_REGRET:.0%} dearer than the best one, found with fewer than {LARGEST_SHARE:.0%} of the
settings simulated.

| question | options | settings | meet | best cost | found | regret | simulated | |
|---|--:|--:|--:|--:|--:|--:|--:|---|
{rows}

Every question has at least {FEWEST_POINTS} settings that its driver accepts, over at least
{FEWEST_OPTIONS} options, of which {low:.0%} to {high:.0%} meet the expectations. The best setting
is known by simulating all of them by the rules by which a recommendation is judged; the found one
is held against what that says of it.

| question | best setting | found setting |
|---|---|---|
{settings}

The questions are `tests/planning/ten_questions.py`. poolsim {poolsim.__version__}, model
`{inputs_hash("")[:12]}`, Python {platform.python_version()}, numpy {np.__version__},
{os.cpu_count()} cores. Written by `make proof`.
"""


def _row(one: Comparison) -> str:
    mark = "✓" if one.is_within_bars else "✗"
    return (
        f"| {one.name} | {one.options} | {one.points:,} | {one.meeting:.0%} | {one.best:,.4g} | "
        f"{one.cost:,.4g} | {one.regret:.1%} | {one.share_simulated:.0%} | {mark} |"
    )


def write_page(folder: Path, found: Sequence[Comparison]) -> Path:
    """Write today's page into a folder, whole or not at all."""
    today = datetime.now(UTC).date().isoformat()
    path = folder / f"{today}.md"
    write_whole(path, page(found, today))
    return path
