"""Which tests are marked with which rows, read from the tests' text.

The text is read and not the collected tests, so that the page is the same whatever is run; row ids
must therefore stand there as they are. Whether a marked test passes, `joining` sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
MARKER = "inventory"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A test and a row that it asserts."""

    row: str
    path: str
    """Of the test's file, below the repository."""
    test: str
    """The test's name; "" where a whole file is marked."""
    line: int


class MarkError(ValueError):
    """A mark that cannot be read; its text says where and what to write."""


def read_marks(folder: Path = TESTS, root: Path = ROOT) -> list[Mark]:
    """All marks of all tests of a folder, by row, then by test."""
    return sorted(
        mark
        for path in folder.rglob("test_*.py")
        for mark in _marks_of(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    )


def _marks_of(text: str, path: str) -> Iterator[Mark]:
    if MARKER not in text:
        return
    for statement in ast.parse(text, path).body:
        name, marked = _marked(statement)
        for expression in marked:
            for call in ast.walk(expression):
                if isinstance(call, ast.Call) and _is_mark(call.func):
                    for argument in call.args:
                        yield Mark(_row(argument, path), path, name, argument.lineno)
                    if call.keywords or not call.args:
                        raise MarkError(f"{path}:{call.lineno}: write row ids, and nothing else")


def _marked(statement: ast.stmt) -> tuple[str, list[ast.expr]]:
    """The name of the test and where its marks stand."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name, statement.decorator_list
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        return "" if name == "pytestmark" else name, [statement.value]
    return "", []


def _is_mark(function: ast.expr) -> bool:
    """pytest.mark.inventory."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr == MARKER
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "mark"
    )


def _row(argument: ast.expr, path: str) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    raise MarkError(f"{path}:{argument.lineno}: write the row's id itself, as a string")
