"""From a file and a space to scenarios: every point loaded and checked like any other file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from poolsim.planning.space import Point, Space
from poolsim.recording.digest import inputs_hash
from poolsim.scenario.load import load, load_text
from poolsim.scenario.mistakes import ScenarioError
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario
from poolsim.scenario.search import REFUSED

Load = Callable[[Sequence[str]], Scenario]
"""Gives the scenario with some `PATH=VALUE` applied; raises ScenarioError."""


@dataclass(frozen=True)
class LoadedPoint:
    """A point with its scenario; None and the reason where the driver refuses its values."""

    point: Point
    scenario: Scenario | None
    refusal: str = ""

    @cached_property
    def inputs(self) -> str:
        """The hash of all that decides its results; "" where it is refused."""
        return "" if self.scenario is None else inputs_hash(to_yaml(self.scenario))


def from_file(path: Path | str) -> Load:
    """Loads points of a file, whose `search:` is checked with the first of them only."""
    return _searched_once(lambda overrides, searched: load(path, overrides, searched=searched))


def from_text(text: str, name: str, directory: Path | str = ".") -> Load:
    """Loads points of a text; see poolsim.scenario.load.load_text."""
    return _searched_once(
        lambda overrides, searched: load_text(text, name, directory, overrides, searched=searched)
    )


def _searched_once(load_with: Callable[[Sequence[str], bool], Scenario]) -> Load:
    is_first = True

    def load_next(overrides: Sequence[str]) -> Scenario:
        nonlocal is_first
        scenario = load_with(overrides, is_first)
        is_first = False
        return scenario

    return load_next


def load_point(source: Load, point: Point) -> LoadedPoint:
    """Load one point. Raises ScenarioError for what no driver would run."""
    try:
        return LoadedPoint(point, source(point.overrides))
    except ScenarioError as error:
        if all(REFUSED in mistake.message for mistake in error.mistakes):
            return LoadedPoint(point, None, error.mistakes[0].message)
        raise


def load_points(source: Load, space: Space) -> list[LoadedPoint]:
    """Load all points of a space, those with values that a driver refuses among them.

    Raises ScenarioError where a point has a mistake, or where every point is refused.
    """
    loaded = [load_point(source, point) for point in space]
    if all(one.scenario is None for one in loaded):
        source(loaded[0].point.overrides)
    return loaded
