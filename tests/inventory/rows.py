"""The inventory as it stands in docs/inventory/: rows, exclusions, tokens, and what is not built.

A mistake in one of these files is an InventoryError with file and line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.inventory.documents import DOCUMENTS, Document, line_numbers, words_of

FOLDER = Path(__file__).parents[2] / "docs" / "inventory"
KINDS = ("option", "behaviour", "metric", "figure")
SYSTEMS = ("java3", "python", "async-cassandra", "generic", "nodejs", "cassandraorm")
"""What a row's id begins with. No document describes nodejs; cassandraorm stands on it."""

Place = tuple[str, int]
"""A document's number and a line of it, counted from 1."""


class InventoryError(ValueError):
    """A file of the inventory that cannot be read; its text says where and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One statement of a document."""

    id: str
    at: str
    """`004:17,79-81 000:3`, as written."""
    places: frozenset[Place]
    quote: str
    kind: str
    meaning: str
    poolsim: str
    """Where it is set or seen: `option …; metric …`."""
    source: str
    """File and line of the row itself."""

    @property
    def system(self) -> str:
        """The driver or wrapper."""
        return self.id.partition(".")[0]

    @property
    def words(self) -> set[str]:
        """Names and numbers of the quotation."""
        return words_of(self.quote)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Tokens that no row needs to name, and why."""

    document: str
    lines: frozenset[int]
    """Empty: the whole document."""
    patterns: tuple[str, ...]
    reason: str
    source: str

    def covers(self, place: Place, token: str) -> bool:
        """Whether it excludes a token at a place."""
        document, line = place
        return (
            self.document in ("*", document)
            and (not self.lines or line in self.lines)
            and any(fnmatchcase(token, pattern) for pattern in self.patterns)
        )


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """Rows, by a pattern of their ids, of what poolsim does not have yet."""

    pattern: str
    why: str
    source: str


def read_rows(folder: Path = FOLDER) -> list[Row]:
    """Every row, in the order of the documents."""
    rows = [
        row
        for document in DOCUMENTS
        if (folder / f"{document.number}.csv").exists()
        for row in _rows_of(folder / f"{document.number}.csv")
    ]
    seen: dict[str, str] = {}
    for row in rows:
        if row.id in seen:
            raise InventoryError(f"{row.source}: the id {row.id} is that of {seen[row.id]}")
        seen[row.id] = row.source
    return rows


def read_exclusions(folder: Path = FOLDER) -> list[Exclusion]:
    """Every exclusion."""
    return [
        Exclusion(
            entry["document"],
            frozenset(_lines(entry["lines"], source)) if entry["lines"] else frozenset(),
            tuple(entry["tokens"].split()),
            _filled(entry, "reason", source),
            source,
        )
        for entry, source in _entries(
            folder / "exclusions.csv", ("document", "lines", "tokens", "reason")
        )
    ]


def read_not_built(folder: Path = FOLDER) -> list[NotBuilt]:
    """The list of what is not built."""
    return [
        NotBuilt(entry["rows"], _filled(entry, "why", source), source)
        for entry, source in _entries(folder / "not-built.csv", ("rows", "why"))
    ]


def is_built(row: Row, not_built: Iterable[NotBuilt]) -> bool:
    """Whether poolsim has what a row states, so that a test must assert it."""
    return not any(fnmatchcase(row.id, one.pattern) for one in not_built)


def tokens_path(document: Document, folder: Path = FOLDER) -> Path:
    """Where a document's tokens stand."""
    return folder / "tokens" / f"{document.number}.txt"


def read_tokens(folder: Path = FOLDER) -> dict[Place, list[str]]:
    """The tokens of all documents."""
    found = {}
    for document in DOCUMENTS:
        for text in tokens_path(document, folder).read_text(encoding="utf-8").splitlines():
            number, _, tokens = text.partition(": ")
            found[document.number, int(number)] = tokens.split(" ")
    return found


def format_tokens(tokens: dict[int, list[str]]) -> str:
    """The text of a token file: a line of the document in a line."""
    return "".join(f"{line}: {' '.join(found)}\n" for line, found in sorted(tokens.items()))


def _rows_of(path: Path) -> Iterator[Row]:
    columns = ("id", "at", "quote", "kind", "meaning", "poolsim")
    for entry, source in _entries(path, columns):
        for column in columns:
            _filled(entry, column, source)
        if entry["kind"] not in KINDS:
            raise InventoryError(f"{source}: kind {entry['kind']} is none of {', '.join(KINDS)}")
        if entry["id"].partition(".")[0] not in SYSTEMS:
            raise InventoryError(f"{source}: the id {entry['id']} begins with no system's name")
        yield Row(places=frozenset(_places(entry["at"], source)), source=source, **entry)


def _places(at: str, source: str) -> Iterator[Place]:
    for part in at.split():
        document, _, lines = part.partition(":")
        if document not in {one.number for one in DOCUMENTS}:
            raise InventoryError(f"{source}: there is no document {document}")
        for line in _lines(lines, source):
            yield document, line


def _lines(text: str, source: str) -> list[int]:
    try:
        return line_numbers(text)
    except ValueError:
        raise InventoryError(f"{source}: {text!r} are no lines; write 17,79-81") from None


def _entries(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[dict[str, str], str]]:
    """Each entry of a CSV file with its file and line."""
    with path.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        header = tuple(next(reader, ()))
        if header != columns:
            raise InventoryError(f"{path.name}:1: the columns are {', '.join(columns)}")
        for entry in reader:
            source = f"{path.name}:{reader.line_num}"
            if len(entry) != len(columns):
                raise InventoryError(
                    f"{source}: {len(entry)} cells of {len(columns)} (a comma within a cell "
                    "needs quotation marks around it)"
                )
            yield dict(zip(columns, entry, strict=True)), source


def _filled(entry: dict[str, str], column: str, source: str) -> str:
    if not entry[column].strip():
        raise InventoryError(f"{source}: {column} is empty")
    return entry[column]
