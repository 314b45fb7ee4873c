"""The tables of a compiled run: arrays that grow, and the block that points at them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.compiled.layout import (
    ADDRESS,
    BLOCK_WORDS,
    DIGIT_BITS,
    ENGINE_START,
    FINDING_WIDTH,
    FRONT_ENTRIES,
    GROWING,
    LATEST,
    LINE,
    PART_BYTES,
    PLACES,
    PLAIN_BYTES,
    RANK_DIGITS,
    ROOM,
    ROWS,
    SINGLE_FIELDS,
    SLOTS_A_LANE,
    TABLE_FIELDS,
    TIME_DIGITS,
    TOGETHER,
    WORD,
    WORKERS_A_GROUP,
)
from poolsim.model.records import FIELDS, TABLES, World

Integers = NDArray[np.int64]
Rows = NDArray[Any]
"""Rows of a part of a table: of bytes, shape (rows, bytes), or plain integers, shape (rows,)."""

FEWEST_ROWS = 256
"""Room of a growing table at first."""

LEAST_ROOM = 32
"""Room for one row or chunk of values, which may be written even when there is no more memory."""


class Tables:
    """All tables of one run.

    A table without room moves to one of twice the rows. What it leaves stays readable until
    `forget`: compiled code may still hold the address of one of its rows, to read.
    """

    def __init__(self, world: World, lanes: int, fewest_rows: int = FEWEST_ROWS) -> None:
        """Take over what `model.build.build` made.

        Args:
            world: its tables are copied.
            lanes: how many streams of draws there are.
            fewest_rows: room of a growing table at first.

        Raises:
            OverflowError: the world has a value for which the layout has no room.
        """
        self._parts: dict[str, list[Rows]] = {}
        self._initial: dict[str, list[Rows]] = {}
        self._left: list[list[Rows]] = []
        self._fewest_rows = fewest_rows
        self.block = np.zeros(BLOCK_WORDS, dtype=np.int64)
        for table in TABLES:
            if table not in TOGETHER:
                self._add_records(table, len(getattr(world, table)))
        for table, host in TOGETHER.items():
            self._parts[table] = self._parts[host]
            self._say(table, len(getattr(world, table)))
        for table in TABLES:
            self._fill(table, getattr(world, table))
        self._add_workers(world.heaps)
        for table, size in PLAIN_BYTES.items():
            if table == "workers":
                continue
            values = np.array(getattr(world, table), dtype=f"i{size}")
            self._add(table, [values], [np.array(-1, dtype=values.dtype)])
        self._add_records("draw_slots", lanes * SLOTS_A_LANE)
        self.table("draw_slots")["block"] = -1
        for table in ("note_values", "end_values", "chunks"):
            self._add_words(table, 0)
        self._add_words("findings", FINDING_WIDTH)
        self._add_agenda()
        for field in SINGLE_FIELDS["run"]:
            self.single("run", field)[...] = getattr(world.run, field)

    def _add_records(self, name: str, count: int) -> None:
        """Add a table of records with their initial values."""
        initial = [np.zeros(size, dtype=np.uint8) for size in PART_BYTES[name]]
        for owner in (name, *(other for other, host in TOGETHER.items() if host == name)):
            values = FIELDS[TABLES[owner]] if owner in TABLES else {}
            for field, value in values.items():
                place = PLACES[owner][field]
                bytes_of = np.array([value], dtype=f"i{place.bytes}").view(np.uint8)
                initial[place.part][place.offset : place.offset + place.bytes] = bytes_of
        self._add(name, [np.tile(row, (count, 1)) for row in initial], initial)

    def _add_words(self, name: str, count: int) -> None:
        """Add a table of integers that are 0."""
        self._add(name, [np.zeros(count, dtype=np.int64)], [np.array(0)])

    def _add_workers(self, heaps: Sequence[Sequence[int]]) -> None:
        """Add the workers of all nodes (see layout.WORKERS_A_GROUP)."""
        first = 0
        groups = []
        for node, heap in enumerate(heaps):
            # The first worker is the last one of a line.
            length = -(-(len(heap) + WORKERS_A_GROUP - 1) // WORKERS_A_GROUP) * WORKERS_A_GROUP
            workers = np.full(length, LATEST, dtype=np.int64)
            workers[WORKERS_A_GROUP - 1 :][: len(heap)] = sorted(heap)
            groups.append(workers)
            self.table("nodes")["first_worker"][node] = first + WORKERS_A_GROUP - 1
            first += length
        self._add("workers", [np.concatenate(groups)], [np.array(0)])

    def _add_agenda(self) -> None:
        """Add what an empty agenda is."""
        self._add_records("front", 1 + FRONT_ENTRIES)
        levels = TIME_DIGITS + RANK_DIGITS
        self._add_records("slots", levels << DIGIT_BITS)
        self.table("slots")["chunk"] = -1
        self._add_words("values_used", levels)
        for field, value in ENGINE_START.items():
            self.single("engine", field)[...] = value

    def _fill(self, name: str, records: Sequence[Any]) -> None:
        """Take over the values of the model's own records."""
        for field in TABLE_FIELDS[name]:
            self._field(name, field)[...] = list(map(attrgetter(field), records))

    def _add(self, name: str, parts: list[Rows], initial: list[Rows]) -> None:
        self._initial[name] = initial
        count = len(parts[0])
        room = max(self._fewest_rows, LEAST_ROOM, count) if name in GROWING else count
        self._place(name, parts, room)

    def _place(self, name: str, parts: list[Rows], room: int) -> None:
        """Give a table new memory with so much room."""
        self._parts[name] = placed = []
        for part, initial in zip(parts, self._initial[name], strict=True):
            rows = _aligned(room, part)
            rows[: len(part)] = part
            rows[len(part) :] = initial
            placed.append(rows)
        self._say(name, len(parts[0]))

    def _say(self, name: str, count: int) -> None:
        """Tell compiled code where a table is."""
        word = WORD[name]
        self.block[word + ROWS] = count
        self.block[word + ROOM] = len(self._parts[name][0])
        for k, rows in enumerate(self._parts[name]):
            self.block[word + ADDRESS + k] = rows.ctypes.data

    @property
    def address(self) -> int:
        """Where the block is."""
        return self.block.ctypes.data

    def grow(self, name: str, rows: int) -> None:
        """Give a table room for at least so many rows."""
        left = self._parts[name]
        used = [part[: self.length(name)] for part in left]
        self._left.append(left)
        self._place(name, used, max(rows, 2 * len(left[0])))

    def forget(self) -> None:
        """Let go of what grown tables have left: no rule is under way."""
        self._left.clear()

    def length(self, name: str) -> int:
        """How many rows a table has."""
        return int(self.block[WORD[name] + ROWS])

    def table(self, name: str) -> Any:
        """A table as it is now, shape (rows,): of integers, or of records, each of whose fields
        `table(name)[field]` is an array of that shape. No copy."""
        if TABLE_FIELDS[name]:
            return _Records(self, name)
        return self._parts[name][0][: self.length(name)]

    def _field(self, name: str, field: str) -> Integers:
        place = PLACES[name][field]
        rows = self._parts[name][place.part][: self.length(name)]
        column = rows[:, place.offset : place.offset + place.bytes].view(f"i{place.bytes}")
        return column[:, 0]

    def clear(self, name: str) -> None:
        """Take all rows out of a table."""
        self.block[WORD[name] + ROWS] = 0

    def single(self, record: str, field: str) -> Any:
        """A field of the record `run` or `engine`, as an array without dimensions."""
        return self.block[WORD[record] + SINGLE_FIELDS[record].index(field), ...]


class _Records:
    """The fields of a table of records."""

    def __init__(self, tables: Tables, name: str) -> None:
        self._tables = tables
        self._name = name

    def __getitem__(self, field: str) -> Integers:
        return self._tables._field(self._name, field)

    def __setitem__(self, field: str, values: Any) -> None:
        self._tables._field(self._name, field)[...] = values

    def __len__(self) -> int:
        return self._tables.length(self._name)


def _aligned(count: int, like: Rows) -> Rows:
    """So many rows like others, without values, that begin at the beginning of a line of the
    cache."""
    shape = (count, *like.shape[1:])
    size = int(np.prod(shape)) * like.itemsize
    memory = np.empty(size + LINE, dtype=np.uint8)
    first = -memory.ctypes.data % LINE
    return memory[first : first + size].view(like.dtype).reshape(shape)
