"""The checker finds what is left out, what is made up, and what excludes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.coverage import complaints, idle_patterns
from tests.inventory.rows import (
    InventoryError,
    NotBuilt,
    is_built,
    read_exclusions,
    read_not_built,
    read_rows,
    read_tokens,
)

ROWS = "id,at,quote,kind,meaning,poolsim\n"
ROW = 'java3.queue,"004:5,7",maxQueueSize; 256,option,Places,option pooling.max_queue_size\n'
EXCLUSIONS = "document,lines,tokens,reason\n"
EXCLUSION = "004,,TCP v*,words\n"
TOKENS = "5: 256 TCP maxQueueSize\n7: v2\n"


def inventory(folder: Path, *, rows: str = ROW, exclusions: str = EXCLUSION) -> Path:
    (folder / "tokens").mkdir()
    for number in ("000", "001", "002", "003"):
        (folder / "tokens" / f"{number}.txt").write_text("")
    (folder / "tokens" / "004.txt").write_text(TOKENS)
    (folder / "004.csv").write_text(ROWS + rows)
    (folder / "exclusions.csv").write_text(EXCLUSIONS + exclusions)
    (folder / "not-built.csv").write_text("rows,why\ngeneric.*,later\n")
    return folder


def found(folder: Path) -> list[str]:
    return complaints(read_tokens(folder), read_rows(folder), read_exclusions(folder))


def test_all_accounted_for(tmp_path: Path) -> None:
    assert found(inventory(tmp_path)) == []


def test_a_token_in_no_row_is_found(tmp_path: Path) -> None:
    folder = inventory(tmp_path, rows=ROW.replace("; 256", ""))
    assert found(folder) == ["004:5: 256 is in no row and not excluded"]


def test_a_row_covers_its_own_lines_only(tmp_path: Path) -> None:
    folder = inventory(tmp_path, rows=ROW.replace('"004:5,7"', "004:7"))
    assert found(folder) == [
        "004:5: 256 is in no row and not excluded",
        "004:5: maxQueueSize is in no row and not excluded",
        "004.csv:2: java3.queue quotes 256, which does not stand at 004:7",
        "004.csv:2: java3.queue quotes maxQueueSize, which does not stand at 004:7",
    ]


def test_what_a_row_quotes_must_be_there(tmp_path: Path) -> None:
    folder = inventory(tmp_path, rows=ROW.replace("; 256", "; 256; 512"))
    assert found(folder) == ["004.csv:2: java3.queue quotes 512, which does not stand at 004:5,7"]


@pytest.mark.parametrize("entry", ["004,,UDP,words\n", "004,7,TCP,words\n", "*,,256,a row's\n"])
def test_an_exclusion_that_excludes_nothing_is_found(entry: str, tmp_path: Path) -> None:
    token = entry.split(",")[2]
    assert found(inventory(tmp_path, exclusions=EXCLUSION + entry)) == [
        f"exclusions.csv:3: {token} excludes nothing that a row leaves"
    ]


def test_what_is_not_built_is_a_pattern_of_rows(tmp_path: Path) -> None:
    folder = inventory(tmp_path)
    rows, not_built = read_rows(folder), read_not_built(folder)
    assert is_built(rows[0], not_built)
    assert idle_patterns(rows, not_built) == ["not-built.csv:2: no row is called generic.*"]
    whole = [NotBuilt("java3.q*", "later", "")]
    assert not is_built(rows[0], whole)
    assert idle_patterns(rows, whole) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROW + ROW, "004.csv:3: the id java3.queue is that of 004.csv:2"),
        (ROW.replace("option,", "choice,"), "004.csv:2: kind choice is none of option"),
        (ROW.replace("java3.", "java9."), "the id java9.queue begins with no system's name"),
        (ROW.replace("004:", "005:"), "004.csv:2: there is no document 005"),
        (ROW.replace("5,7", "5;7"), "004.csv:2: '5;7' are no lines; write 17,79-81"),
        (ROW.replace("Places", ""), "004.csv:2: meaning is empty"),
        (ROW.replace('"', ""), "004.csv:2: 7 cells of 6"),
    ],
)
def test_a_mistake_in_a_file_has_its_place(rows: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"^004\.csv:\d: ") as caught:
        read_rows(inventory(tmp_path, rows=rows))
    assert said in str(caught.value)
