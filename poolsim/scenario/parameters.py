"""What is varied: a path, or several that take the same value together, and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.values import ValuesError, numbers_of, parse_values

TWICE = "varied twice: keep one"


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


def varied_twice(parameters: Sequence[Parameter]) -> str:
    """The first path that two of the parameters set; "" where there is none."""
    paths = [path for parameter in parameters for path in parameter.paths]
    return next((path for path in paths if paths.count(path) > 1), "")


def _wrong(name: str, column: int, message: str) -> ScenarioError:
    return ScenarioError([Mistake(name, 1, column, "", message)])
