from pathlib import Path

import pytest

from poolsim.planning.journal import Journal, JournalError

ABOUT = {"sweep": "abc"}


def written(path: Path, count: int) -> bytes:
    with Journal(path, ABOUT) as journal:
        for number in range(count):
            journal.append(str(number), {"value": number / 3, "name": "ü"})
    return path.read_bytes()


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal"
    written(path, 3)
    with Journal(path, ABOUT) as journal:
        assert journal.entries["2"] == {"value": 2 / 3, "name": "ü"}
        assert len(journal.entries) == 3


def test_a_crash_at_any_byte_loses_at_most_the_line_that_was_being_written(tmp_path: Path) -> None:
    content = written(tmp_path / "whole", 3)
    lines = content.splitlines(keepends=True)
    for length in range(len(content)):
        path = tmp_path / f"cut-{length}"
        path.write_bytes(content[:length])
        whole = sum(length >= len(b"".join(lines[: n + 1])) for n in range(1, 4))
        with Journal(path, ABOUT) as journal:
            assert len(journal.entries) == whole, length
            journal.append("more", 1)
        with Journal(path, ABOUT) as journal:
            assert "more" in journal.entries
            assert len(journal.entries) == whole + 1


def test_an_edited_line_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = written(path, 3)
    path.write_bytes(content.replace(b'"value":0.0', b'"value":9.0'))
    with pytest.raises(JournalError, match=r"journal:2:1: .*edited or damaged"):
        Journal(path, ABOUT)


def test_the_journal_of_other_work_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    before = written(path, 1)
    with pytest.raises(JournalError, match="other work"):
        Journal(path, {"sweep": "def"})
    assert path.read_bytes() == before


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, ABOUT), pytest.raises(JournalError, match="another process"):
        Journal(path, ABOUT)
    with Journal(path, ABOUT):
        pass
