"""What is varied: parameters with their values, and the points that they make together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from poolsim.planning.values import ValuesError, numbers_of, parse_values
from poolsim.scenario.mistakes import Mistake, ScenarioError

MOST_POINTS = 100_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that is varied. Several paths take the same value together."""

    label: str
    """As the user wrote it: `clients.api.options.pooling.local.core+max`."""
    paths: tuple[str, ...]
    texts: tuple[str, ...]
    """The values, as a file would hold them."""

    @property
    def short_label(self) -> str:
        """The last part of the label, `core+max`, for headings."""
        return self.label.rpartition(".")[2]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values in SI units, None where they are no quantities of one kind."""
        return numbers_of(self.texts)

    def overrides(self, text: str) -> tuple[str, ...]:
        """`PATH=VALUE` for each path."""
        return tuple(f"{path}={text}" for path in self.paths)


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
    paths = [path for parameter in parameters for path in parameter.paths]
    for path in paths:
        if paths.count(path) > 1:
            raise _wrong(f"--set {path}", 1, "varied twice: keep one")
    if len(space) > MOST_POINTS:
        sizes = " x ".join(str(size) for size in space.shape)
        raise _wrong("--set", 1, f"{sizes} are {len(space):,} points: at most {MOST_POINTS:,}")
    return space


def parse_parameter(setting: str) -> Parameter:
    """One `PATH=VALUES`; `a.b.core+max=1..8` gives `a.b.core` and `a.b.max` the same value."""
    path, equals, values = setting.partition("=")
    name = f"--set {setting}"
    if not equals or not path.strip():
        raise _wrong(name, 1, "write --set PATH=VALUES, such as clients.api.instances=1..8")
    try:
        texts = parse_values(values)
    except ValuesError as error:
        raise _wrong(name, len(path) + 2 + error.place, str(error)) from None
    before, dot, last = path.strip().rpartition(".")
    names = last.split("+")
    if not all(names):
        raise _wrong(name, 1, "write names on both sides of +, such as core+max")
    return Parameter(path.strip(), tuple(f"{before}{dot}{one}" for one in names), texts)


def _wrong(name: str, column: int, message: str) -> ScenarioError:
    return ScenarioError([Mistake(name, 1, column, "", message)])
