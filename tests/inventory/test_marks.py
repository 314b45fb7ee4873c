"""Marks are read from the text of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.marks import Mark, MarkError, read_marks

TEXT = """
import pytest

pytestmark = pytest.mark.inventory("a.file")

@pytest.mark.inventory("a.one", "a.two")
def test_marked():
    pass

@pytest.mark.parametrize("k", [1, pytest.param(2, marks=pytest.mark.inventory("a.case"))])
def test_a_case():
    pass

TestMachine = pytest.mark.inventory("a.machine")(Machine.TestCase)

def test_unmarked():
    pytest.mark.inventory("a.nothing")
"""


def marks(folder: Path, text: str) -> list[Mark]:
    (folder / "test_it.py").write_text(text)
    return read_marks(folder, folder)


def test_where_marks_may_stand(tmp_path: Path) -> None:
    assert marks(tmp_path, TEXT) == [
        Mark("a.case", "test_it.py", "test_a_case", 10),
        Mark("a.file", "test_it.py", "", 4),
        Mark("a.machine", "test_it.py", "TestMachine", 14),
        Mark("a.one", "test_it.py", "test_marked", 6),
        Mark("a.two", "test_it.py", "test_marked", 6),
    ]


@pytest.mark.parametrize("arguments", ["", "ROW", "f'a.{k}'", "row='a.one'"])
def test_what_cannot_be_read_is_said(arguments: str, tmp_path: Path) -> None:
    text = f"@pytest.mark.inventory({arguments})\ndef test_it(): pass\n"
    with pytest.raises(MarkError, match=r"test_it\.py:1: write "):
        marks(tmp_path, text)
