"""What is recorded for a validation: walks of each driver, and plans with their repetitions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from poolsim.harness import files
from poolsim.harness.recording.record import Plan, Repetition, repetitions
from poolsim.scenario.load import load_plan, load_text
from poolsim.scenario.mistakes import Mistake, ScenarioError

BARE_REPETITIONS = 3
BARE = ("calibration", "open-30", "open-50", "open-70", "closed-6", "closed-16")
"""Performance plans that are recorded without the proxy as well: how far a figure of bare nodes
reaches is shown by the spread between identical runs, and has no bar."""

QUICK_PLANS = ("trash", "kill-one-of-two")
"""One plan that grows and trashes on one node, one kill and restart under load on two."""

_NODES = re.compile(r"^(\s*nodes:\s*)paced\b", re.MULTILINE)
_NAME = re.compile(r"^name:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Walks:
    """Decision walks of one driver (harness/decisions.py)."""

    driver: str
    walks: int
    operations: int

    @property
    def folder(self) -> str:
        """Where they are kept: other sizes are other walks."""
        return f"{self.driver}-{self.walks}x{self.operations}"


@dataclass(frozen=True, slots=True)
class Programme:
    """All that is recorded."""

    walks: tuple[Walks, ...]
    repetitions: tuple[Repetition, ...]

    def of_size(self, nodes: int) -> list[Repetition]:
        """The recordings that need a cluster of so many nodes, interleaved."""
        return [one for one in self.repetitions if one.plan.nodes == nodes]

    @property
    def sizes(self) -> list[int]:
        """The clusters that are needed, the smallest first; walks need one node."""
        return sorted({1} | {one.plan.nodes for one in self.repetitions})


FULL_WALKS = (
    Walks("java3", 120, 1_800),
    Walks("dse", 80, 1_800),
    Walks("python", 80, 1_800),
    Walks("python-legacy", 60, 1_800),
    Walks("nodejs", 60, 1_800),
)
"""400 walks and about 700,000 operations; a walk that a stall ends early has fewer."""

QUICK_WALKS = (Walks("java3", 14, 900), Walks("python", 14, 900))
"""At least 10,000 operations of each, some lost to stalls included."""


def programme(recordings: Path, *, quick: bool) -> Programme:
    """What a validation records, below a directory.

    Raises:
        ScenarioError: a plan of the harness is wrong or missing.
    """
    directory = files.directory() / "plans"
    if quick:
        paths = [directory / "mechanism" / f"{name}.yaml" for name in QUICK_PLANS]
        plans = [_plan(path) for path in paths]
        return Programme(QUICK_WALKS, tuple(repetitions(plans, recordings, 1)))
    paths = sorted(directory.glob("*/*.yaml"))
    if not paths:
        raise ScenarioError([Mistake(str(directory), 1, 1, "", "there are no plans here")])
    plans = [_plan(path) for path in paths]
    bare = [_bare(plan) for plan in plans if plan.name in BARE]
    wanted = repetitions(plans, recordings) + repetitions(bare, recordings, BARE_REPETITIONS)
    return Programme(FULL_WALKS, tuple(wanted))


def _plan(path: Path) -> Plan:
    scenario = load_plan(path)
    return Plan(scenario, path.read_text(encoding="utf-8"))


def _bare(plan: Plan) -> Plan:
    """The same plan on nodes without a proxy in front of them."""
    name = f"{plan.name}-bare"
    text = _NAME.sub(f"name: {name}", _NODES.sub(r"\1bare", plan.text), count=1)
    scenario = load_text(text, f"{name}.yaml")
    assert scenario.recording is not None
    assert scenario.recording.nodes == "bare", "the record block says paced"
    return Plan(replace(scenario, path=plan.scenario.path), text)
