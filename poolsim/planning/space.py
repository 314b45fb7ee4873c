"""What is varied: parameters with their values, and the points that they make together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.parameters import TWICE, Parameter, parse_parameter, varied_twice

MOST_POINTS = 100_000


@dataclass(frozen=True, slots=True)
class Point:
    """One choice of a value for each parameter; `places` are their places in the lists."""

    number: int
    places: tuple[int, ...]
    texts: tuple[str, ...]
    overrides: tuple[str, ...]
    """`PATH=VALUE`, those that hold for all points first."""


@dataclass(frozen=True, slots=True)
class Space:
    """All combinations of the parameters' values. The last parameter varies fastest."""

    parameters: tuple[Parameter, ...]
    fixed: tuple[str, ...] = ()
    """`PATH=VALUE` that hold for every point."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each parameter has."""
        return tuple(len(parameter.texts) for parameter in self.parameters)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __iter__(self) -> Iterator[Point]:
        for number, places in enumerate(itertools.product(*(range(n) for n in self.shape))):
            yield self.point(number, places)

    def at(self, places: Sequence[int]) -> Point:
        """The point at these places of the parameters' lists."""
        number = 0
        for place, size in zip(places, self.shape, strict=True):
            number = number * size + place
        return self.point(number, tuple(places))

    def point(self, number: int, places: tuple[int, ...]) -> Point:
        """A point whose number is known."""
        chosen = list(zip(self.parameters, places, strict=True))
        texts = tuple(parameter.texts[place] for parameter, place in chosen)
        overrides = [*self.fixed]
        for parameter, place in chosen:
            overrides += parameter.overrides(parameter.texts[place])
        return Point(number, places, texts, tuple(overrides))


def parse_space(settings: Sequence[str]) -> Space:
    """The space of some `PATH=VALUES`; those with one value hold for all points.

    Raises ScenarioError, at the `--set`, for what cannot be read and for too many points.
    """
    parameters: list[Parameter] = []
    fixed: list[str] = []
    for setting in settings:
        parameter = parse_parameter(setting)
        if len(parameter.texts) == 1:
            fixed += parameter.overrides(parameter.texts[0])
        else:
            parameters.append(parameter)
    space = Space(tuple(parameters), tuple(fixed))
    twice = varied_twice(parameters)
    if twice:
        raise _wrong(f"--set {twice}", 1, TWICE)
    if len(space) > MOST_POINTS:
        sizes = " x ".join(str(size) for size in space.shape)
        raise _wrong("--set", 1, f"{sizes} are {len(space):,} points: at most {MOST_POINTS:,}")
    return space


def _wrong(name: str, column: int, message: str) -> ScenarioError:
    return ScenarioError([Mistake(name, 1, column, "", message)])
