"""Files of measured values: arrivals of a trace, samples of an empirical law.

CSV with a header or Parquet. A time column holds seconds (or text with a unit, `1.5ms`); the same
column with `_ns` holds whole nanoseconds. A bad row is a mistake at its line (Parquet: its row).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from poolsim.scenario import units
from poolsim.scenario.mistakes import Mistake

LARGEST_FILE = 1 << 30
MOST_BAD_ROWS = 20
"""Shown of one file."""


class UnreadableFileError(Exception):
    """A file that cannot be read at all; the mistake belongs to the scenario's line."""


class BadRowsError(Exception):
    """A file with wrong rows."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length; a missing optional column is empty."""

    columns: dict[str, tuple[int, ...]]
    sha256: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be read: times (in nanoseconds) or whole numbers."""

    name: str
    is_time: bool = True
    required: bool = False


TRACE_COLUMNS = (
    Column("time", required=True),
    Column("service"),
    Column("key", is_time=False),
)
SAMPLE_COLUMNS = (Column("service", required=True),)


def read_table(path: Path, columns: tuple[Column, ...]) -> Table:
    """The columns of a CSV or Parquet file; raises UnreadableFileError or BadRowsError."""
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if content[:4] == b"PAR1":
        return Table(_read_parquet(content, str(path), columns), digest)
    return Table(_read_csv(content, str(path), columns), digest)


def _content(path: Path) -> bytes:
    """The bytes of an ordinary file of bearable size."""
    try:
        if not path.exists():
            raise UnreadableFileError(f"there is no file {path}")
        if not path.is_file():
            raise UnreadableFileError(f"{path} is not an ordinary file")
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableFileError(f"{path} has more than {units.format_size(LARGEST_FILE)}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFileError(f"{path} cannot be read: {reason}") from None


def _read_csv(content: bytes, name: str, columns: tuple[Column, ...]) -> dict[str, tuple[int, ...]]:
    """The columns of a CSV file with a header line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadRowsError(
            [Mistake(name, line, 1, "", "this is neither CSV text nor Parquet")]
        ) from None
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        found = _find_columns(header, name, columns)
        width = len(header)

        def rows() -> Iterator[tuple[int, list[str]]]:
            for row in reader:
                if row:
                    yield reader.line_num, row

        return _convert(name, width, found, rows())
    except csv.Error as error:
        raise BadRowsError(
            [Mistake(name, max(reader.line_num, 1), 1, "", f"not CSV: {error}")]
        ) from None


def _read_parquet(
    content: bytes, name: str, columns: tuple[Column, ...]
) -> dict[str, tuple[int, ...]]:
    """The columns of a Parquet file; its mistakes count rows from 1."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFileError(f"{name} is not a Parquet file: {reason}") from None
    order: list[_Found] = []
    lists: list[list[Any]] = []
    for column, convert, index in _find_columns(list(table.column_names), name, columns):
        values = table.column(index)
        if pyarrow.types.is_duration(values.type):
            # As whole nanoseconds: Python's own durations end at microseconds.
            values = values.cast(pyarrow.duration("ns")).cast(pyarrow.int64())
            convert = _whole
        order.append((column, convert, len(lists)))
        lists.append(values.to_pylist())
    rows = enumerate((list(row) for row in zip(*lists, strict=True)), start=1)
    return _convert(name, len(order), order, rows)


_Found = tuple[Column, Callable[[Any], int], int]


def _find_columns(header: list[str], name: str, columns: tuple[Column, ...]) -> list[_Found]:
    """Where each column stands and how its cells are read."""
    found: list[_Found] = []
    for column in columns:
        if column.name in header:
            convert = _seconds if column.is_time else _whole
            found.append((column, convert, header.index(column.name)))
        elif column.is_time and f"{column.name}_ns" in header:
            found.append((column, _whole, header.index(f"{column.name}_ns")))
        elif column.required:
            shown = ", ".join(header)[:100] or "nothing"
            message = f"no column '{column.name}' in the header (it has {shown})"
            raise BadRowsError([Mistake(name, 1, 1, "", message)])
    return found


def _convert(
    name: str, width: int, found: list[_Found], rows: Iterable[tuple[int, list[Any]]]
) -> dict[str, tuple[int, ...]]:
    """All cells as integers; every bad row is a mistake."""
    values: list[list[int]] = [[] for _ in found]
    mistakes: list[Mistake] = []
    for line, row in rows:
        if len(mistakes) >= MOST_BAD_ROWS:
            break
        if len(row) != width:
            message = f"{len(row)} cells where the header has {width}"
            mistakes.append(Mistake(name, line, 1, "", message))
            continue
        for place, (column, convert, index) in enumerate(found):
            try:
                values[place].append(convert(row[index]))
            except units.UnitError as error:
                mistakes.append(Mistake(name, line, index + 1, column.name, str(error)))
    if not mistakes and not values[0]:
        mistakes.append(Mistake(name, 1, 1, "", "no rows below the header"))
    if mistakes:
        raise BadRowsError(mistakes)
    return {column.name: tuple(values[place]) for place, (column, _, _) in enumerate(found)}


def _seconds(cell: Any) -> int:
    """Nanoseconds of a number of seconds, or of text with a unit."""
    text = str(cell).strip()
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        if text[:1].isdigit():
            return units.parse_duration(text)
        raise units.UnitError(f"'{text[:40]}' is not a time in seconds") from None
    # An exponent of thousands must not be expanded into digits.
    is_sane = seconds.is_finite() and (seconds == 0 or -40 < seconds.adjusted() < 12)
    nanoseconds = int(seconds.scaleb(9).to_integral_value()) if is_sane else -1
    if not 0 <= nanoseconds <= units.LONGEST_DURATION_NS:
        raise units.UnitError(f"'{text[:40]}' is not a time in seconds from 0 on")
    return nanoseconds


def _whole(cell: Any) -> int:
    try:
        number = int(str(cell).strip())
    except ValueError:
        raise units.UnitError(f"'{str(cell)[:40]}' is not a whole number") from None
    if not 0 <= number <= 2**62:
        raise units.UnitError(f"{str(cell)[:40]} is not between 0 and 2^62")
    return number
