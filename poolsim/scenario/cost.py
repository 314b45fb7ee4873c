"""The cost of settings: a formula of settings and metrics, in the units of whoever writes it.

`open_connections.max@peak + 40 * instances`: numbers (`1.5`, `20k`), `+ - * /` with spaces around
them, brackets, and names. A name is a metric, as in expectations, in SI units, or a setting of a
client: `api/instances`, without a client the sum over all of them.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolsim.scenario import units
from poolsim.scenario.metrics import METRICS, ExpressionError, MetricName, parse_metric
from poolsim.scenario.mistakes import did_you_mean

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Client, Scenario

SETTINGS: dict[str, Callable[[Client], int]] = {
    "instances": lambda client: client.instances,
    "io_threads": lambda client: client.instances * client.io_threads,
    "core": lambda client: client.options.local.core,
    "max": lambda client: client.options.local.max,
    "max_requests": lambda client: client.options.local.max_requests,
    "max_queue_size": lambda client: client.options.max_queue_size,
    "max_concurrent": lambda client: client.max_concurrent,
}
"""What a formula may name besides metrics; `io_threads` is of all instances together."""

LONGEST_FORMULA = 500
_TOKEN = re.compile(r"\(|\)|[-+*/](?=\s|\()|[^\s()]+")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Cost:
    """A formula that can be read. `tree` is its syntax, with `names[k]` as the variable `_k`."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Full names of the metrics in it."""
        return tuple(name for name in self.names if _setting(name) is None)

    def value(self, scenario: Scenario, metrics: Mapping[str, float]) -> float:
        """The cost for one replication's metrics; NaN where one of them does not exist, or where
        it divides by 0."""
        numbers = [
            _sum_of(name, scenario) if _setting(name) is not None else metrics[name]
            for name in self.names
        ]
        try:
            return _computed(self.tree, numbers)
        except ZeroDivisionError:
            return math.nan


def parse_cost(text: str) -> Cost:
    """The formula in a text. Raises ExpressionError with what to write instead."""
    if len(text) > LONGEST_FORMULA:
        raise ExpressionError(f"a formula of {len(text)} characters: at most {LONGEST_FORMULA}")
    names: dict[str, int] = {}
    tokens = _TOKEN.findall(text)
    words = [token if token in "()+-*/" else _word(token, names) for token in tokens]
    try:
        tree = ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ExpressionError(
            f"'{text[:60]}' is not a formula: write names and numbers joined by + - * / with "
            "spaces around them, such as open_connections.max + 40 * instances"
        ) from None
    _refuse_others(tree, text)
    return Cost(" ".join(text.split()), tree, tuple(names))


def default_cost(peak: str) -> str:
    """All open connections at the peak (a phase's name, or "" for the whole run); of equals, the
    fewest instances; of those, the smallest acquisition queue."""
    phase = f"@{peak}" if peak else ""
    return f"open_connections.max{phase} + instances / 1k + max_queue_size / 100M"


def clients_and_phases(cost: Cost) -> list[tuple[str, str]]:
    """The client and the phase ("" for none) that each name in a formula mentions."""
    found = []
    for name in cost.names:
        if _setting(name) is None:
            metric = parse_metric(name)
            found.append((metric.client, metric.phase))
        else:
            found.append((name.rpartition("/")[0], ""))
    return found


def _word(token: str, names: dict[str, int]) -> str:
    """A number as Python writes it, or the variable that stands for a name."""
    if token[0] == "-":
        return f"- {_word(token[1:], names)}"
    if token[0].isdigit() or token[0] == ".":
        try:
            return repr(units.parse_number(token))
        except units.UnitError as error:
            raise ExpressionError(str(error)) from None
    name = token if _setting(token) is not None else str(_metric(token))
    return f"_{names.setdefault(name, len(names))}"


def _metric(token: str) -> MetricName:
    bare = token.rpartition("/")[2].partition(".")[0].partition("@")[0]
    if bare not in METRICS:
        known = [*METRICS, *SETTINGS]
        hint = did_you_mean(bare, known)
        raise ExpressionError(
            f"'{token[:60]}' is neither a metric nor one of the settings "
            f"{', '.join(SETTINGS)}{hint}"
        )
    return parse_metric(token)


def _setting(name: str) -> Callable[[Client], int] | None:
    return SETTINGS.get(name.rpartition("/")[2])


def _sum_of(name: str, scenario: Scenario) -> float:
    client_name = name.rpartition("/")[0]
    setting = _setting(name)
    assert setting is not None, "a metric is no setting"
    chosen = [one for one in scenario.clients if client_name in ("", one.name)]
    return float(sum(setting(one) for one in chosen))


def _refuse_others(tree: ast.expr, text: str) -> None:
    allowed = (ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.Load)
    for node in ast.walk(tree):
        is_known = isinstance(node, allowed)
        if isinstance(node, ast.BinOp) and type(node.op) not in _OPERATORS:
            is_known = False
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.USub):
            is_known = False
        if not is_known:
            raise ExpressionError(f"'{text[:60]}' holds more than + - * /, numbers and names")


def _computed(node: ast.expr, numbers: list[float]) -> float:
    match node:
        case ast.Constant(value=float(number)):
            return number
        case ast.Name(id=name):
            return numbers[int(name[1:])]
        case ast.UnaryOp(operand=operand):
            return -_computed(operand, numbers)
        case ast.BinOp(left=left, op=sign, right=right):
            return _OPERATORS[type(sign)](_computed(left, numbers), _computed(right, numbers))
    raise AssertionError("nothing else passes parse_cost")
