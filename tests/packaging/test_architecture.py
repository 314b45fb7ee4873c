"""House rules that no linter knows. Imports between packages are import-linter's (`make lint`)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = sorted((ROOT / "poolsim" / "model").rglob("*.py"))
PACKAGE = sorted((ROOT / "poolsim").rglob("*.py"))
FUNCTION_LINES_MAX = 70

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def is_rule(function: Function) -> bool:
    names = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any(isinstance(name, ast.Name) and name.id == "rule" for name in names)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


RULES = [(path, function) for path in MODEL for function in functions(path) if is_rule(function)]


def test_there_are_rules() -> None:
    assert len(RULES) > 50


@pytest.mark.parametrize("path", MODEL, ids=short)
def test_the_model_touches_no_generator_of_random_numbers(path: Path) -> None:
    """`import numpy` is allowed and `numpy.random` is not, which import rules cannot tell apart."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            # np.random and what hangs on it; an enumeration's or a record's own field may be
            # called so.
            assert not (
                node.attr == "random"
                and isinstance(node.value, ast.Name)
                and node.value.id in ("np", "numpy")
            ), f"{short(path)}:{node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", None) or ""
            full = [*names, module, *(f"{module}.{name}" for name in names)]
            assert not [name for name in full if name.startswith("numpy.random")], short(path)


def test_no_rule_is_a_generator() -> None:
    for path, function in RULES:
        yields = [
            node for node in ast.walk(function) if isinstance(node, ast.Yield | ast.YieldFrom)
        ]
        assert not yields, f"{short(path)}:{function.lineno} {function.name}"


def test_no_rule_iterates_a_set() -> None:
    for path, function in RULES:
        for node in ast.walk(function):
            iterated = node.iter if isinstance(node, ast.For | ast.comprehension) else None
            is_set = isinstance(iterated, ast.Set | ast.SetComp) or (
                isinstance(iterated, ast.Call)
                and isinstance(iterated.func, ast.Name)
                and iterated.func.id in ("set", "frozenset")
            )
            assert not is_set, f"{short(path)}:{function.lineno} {function.name}"


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{short(path)}:{function.lineno} {function.name} has {length} lines"
        for path in PACKAGE
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []
