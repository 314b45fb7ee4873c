"""The tables of a compiled run: arrays that grow, and the block that points at them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.compiled.layout import (
    ADDRESS,
    BLOCK_WORDS,
    FINDING_WIDTH,
    GROWING,
    LINE_WORDS,
    PLAIN,
    ROOM,
    ROWS,
    SINGLE_FIELDS,
    SLOTS_A_LANE,
    TABLE_FIELDS,
    WIDTH,
    WORD,
)
from poolsim.model.records import FIELDS, TABLES, World

Integers = NDArray[np.int64]

FEWEST_ROWS = 256
"""Room of a growing table at first."""

LEAST_ROOM = 16
"""Room for one row of values, which may be written even when there is no more memory."""


class Tables:
    """All tables of one run.

    A table without room moves to one of twice the rows. What it leaves stays readable until
    `forget`: the rule under way may still hold a record of it, to read.
    """

    def __init__(self, world: World, lanes: int, fewest_rows: int = FEWEST_ROWS) -> None:
        """Take over what `model.build.build` made.

        Args:
            world: its tables are copied.
            lanes: how many streams of draws there are.
            fewest_rows: room of a growing table at first.
        """
        self._arrays: dict[str, Integers] = {}
        self._initial: dict[str, list[int]] = {}
        self._left: list[Integers] = []
        self._fewest_rows = fewest_rows
        self.block = np.zeros(BLOCK_WORDS, dtype=np.int64)
        for table, record in TABLES.items():
            fields = TABLE_FIELDS[table]
            padding = [0] * (WIDTH[table] - len(fields))
            rows = np.pad(rows_of(getattr(world, table), fields), ((0, 0), (0, len(padding))))
            self._add(table, rows, [*(FIELDS[record][field] for field in fields), *padding])
        for table in PLAIN:
            self._add(table, np.array(getattr(world, table), dtype=np.int64), [-1])
        for table in ("agenda", "note_values", "end_values"):
            width = len(TABLE_FIELDS[table])
            self._add(
                table, np.empty((0, width) if width else 0, dtype=np.int64), [0] * (width or 1)
            )
        slots = np.full((lanes * SLOTS_A_LANE, len(TABLE_FIELDS["draw_slots"])), -1, dtype=np.int64)
        self._add("draw_slots", slots, [-1])
        self._add("findings", np.zeros(FINDING_WIDTH, dtype=np.int64), [0])
        self._add_single("run", rows_of([world.run], SINGLE_FIELDS["run"])[0])
        self._add_single("engine", np.zeros(len(SINGLE_FIELDS["engine"]), dtype=np.int64))

    def _add(self, name: str, rows: Integers, initial: list[int]) -> None:
        self._initial[name] = initial
        room = max(self._fewest_rows, LEAST_ROOM, len(rows)) if name in GROWING else len(rows)
        self._place(name, rows, room)
        self.block[WORD[name] + ROWS] = len(rows)

    def _add_single(self, name: str, row: Integers) -> None:
        self._arrays[name] = row
        self.block[WORD[name] + ADDRESS] = row.ctypes.data

    def _place(self, name: str, rows: Integers, room: int) -> None:
        values = _aligned((room, *rows.shape[1:]))
        values[: len(rows)] = rows
        if self._initial[name] != [0] and len(rows) < room:
            values[len(rows) :] = self._initial[name]
        self._arrays[name] = values
        self.block[WORD[name] + ADDRESS] = values.ctypes.data
        self.block[WORD[name] + ROOM] = room

    @property
    def address(self) -> int:
        """Where the block is."""
        return self.block.ctypes.data

    def grow(self, name: str, rows: int) -> None:
        """Give a table room for at least so many rows."""
        used = self.table(name)
        self._left.append(self._arrays[name])
        self._place(name, used, max(rows, 2 * len(self._arrays[name])))

    def forget(self) -> None:
        """Let go of what grown tables have left: no rule is under way."""
        self._left.clear()

    def length(self, name: str) -> int:
        """How many rows a table has."""
        return int(self.block[WORD[name] + ROWS])

    def table(self, name: str) -> Integers:
        """A table as it is now, shape (rows, words), fields first, or (rows,) of plain integers.
        No copy."""
        return self._arrays[name][: self.length(name)]

    def clear(self, name: str) -> None:
        """Take all rows out of a table."""
        self.block[WORD[name] + ROWS] = 0

    def single(self, record: str, field: str) -> Any:
        """A field of the record `run` or `engine`, as an array without dimensions."""
        return self._arrays[record][SINGLE_FIELDS[record].index(field), ...]


def _aligned(shape: tuple[int, ...]) -> Integers:
    """An array without values that begins at the beginning of a line of the cache."""
    words = int(np.prod(shape))
    memory = np.empty(words + LINE_WORDS, dtype=np.int64)
    first = -memory.ctypes.data // 8 % LINE_WORDS
    return memory[first : first + words].reshape(shape)


def rows_of(records: list[Any], fields: tuple[str, ...]) -> Integers:
    """Slotted records as an array, shape (records, fields)."""
    rows = np.empty((len(records), len(fields)), dtype=np.int64)
    for place, field in enumerate(fields):
        rows[:, place] = list(map(attrgetter(field), records))
    return rows
