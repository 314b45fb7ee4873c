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

Load = Callable[[Sequence[str]], Scenario]
"""Gives the scenario with some `PATH=VALUE` applied; raises ScenarioError."""

_REFUSED = "the driver raises"
"""How mistakes begin that are no mistakes of a file but a driver's refusal of its values."""


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
    """Loads points of a file."""
    return lambda overrides: load(path, overrides)


def from_text(text: str, name: str, directory: Path | str = ".") -> Load:
    """Loads points of a text; see poolsim.scenario.load.load_text."""
    return lambda overrides: load_text(text, name, directory, overrides)


def load_point(source: Load, point: Point) -> LoadedPoint:
    """Load one point. Raises ScenarioError for what no driver would run."""
    try:
        return LoadedPoint(point, source(point.overrides))
    except ScenarioError as error:
        if all(_REFUSED in mistake.message for mistake in error.mistakes):
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
