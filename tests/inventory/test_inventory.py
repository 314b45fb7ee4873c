"""The inventory itself: complete, true to the documents' tokens, and asserted by tests."""

from __future__ import annotations

import re
from pathlib import Path

from tests.inventory.coverage import complaints, idle_patterns
from tests.inventory.marks import read_marks
from tests.inventory.page import PAGE, page_text
from tests.inventory.rows import (
    is_built,
    read_exclusions,
    read_not_built,
    read_rows,
    read_tokens,
)
from tests.inventory.settings import unknown_settings

ROOT = Path(__file__).parents[2]
ROWS = read_rows()
NOT_BUILT = read_not_built()


def test_every_number_and_identifier_of_the_documents_is_a_row_or_excluded() -> None:
    assert complaints(read_tokens(), ROWS, read_exclusions()) == []


def test_what_is_not_built_is_rows() -> None:
    assert idle_patterns(ROWS, NOT_BUILT) == []


def test_what_rows_name_in_poolsim_is_there() -> None:
    assert unknown_settings(ROWS, NOT_BUILT) == []


def test_every_mark_names_a_row() -> None:
    known = {row.id for row in ROWS}
    assert [mark for mark in read_marks() if mark.row not in known] == []


def test_every_row_of_what_is_built_is_marked_on_a_test() -> None:
    """That such a test passes too, `make test` sees (joining.py)."""
    marked = {mark.row for mark in read_marks()}
    assert [row.id for row in ROWS if is_built(row, NOT_BUILT) and row.id not in marked] == []


def test_the_page_is_what_its_command_writes() -> None:
    """`python -m tests.inventory page`."""
    assert PAGE.read_text(encoding="utf-8") == page_text(ROWS, NOT_BUILT, read_marks())


def test_make_test_asks_for_it() -> None:
    recipe = re.search(r"^test:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert "--inventory" in recipe[1]
