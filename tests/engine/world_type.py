"""What numba knows of a world: its tables, its records, and how to get at a row.

A world is a block of 64-bit words: for each table its address and how many rows it has, for each
single record its address. A table's rows are structured, with dtypes from `records.FIELDS`, or
plain integers. Nothing here counts references, and nothing checks an index: whoever makes the
block keeps the arrays alive and as large as the run needs.
"""

# numba publishes types, but not of what extends it.
# mypy: disable-error-code="attr-defined, no-untyped-call, override, untyped-decorator"

from __future__ import annotations

import operator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.core.imputils import lower_builtin, lower_getattr_generic
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global
from numba.extending import infer_getattr, intrinsic, register_model

from poolsim.model.records import FIELDS, TABLES

PLAIN = ("workers", "streams", "rotation_nodes", "replicas")
"""The model's tables of integers."""

OCCASION_FIELDS = ("time", "rank", "number", "target")
"""An entry of the agenda. `rank` is the canonical order: the event's kind above its `order`.
`number` decides among equals, as SimPy does."""

BOOKKEEPING_FIELDS = (
    "waiting",  # entries on the agenda
    "scheduled",  # entries so far
    "notes",  # rows so far
    "ends",
    "draw_attempts",  # shape of the table of draws: (lane, attempt, number)
    "draw_numbers",
    "failure",  # 1: a table was too small
)

ENGINE_TABLES = ("agenda", "draws", "note_values", "end_values")
"""The engine's own tables."""

TABLE_NAMES = (*TABLES, *PLAIN, *ENGINE_TABLES)
SINGLE = ("run", "bookkeeping")
WORD = {name: 2 * i for i, name in enumerate((*TABLE_NAMES, *SINGLE))}
"""Where a table or record is found in the block: address, and in the next word the rows."""


class TableType(types.Type):
    """A table; its value is the address of its two words in the block."""

    def __init__(self, row: types.Type) -> None:
        self.row = row
        super().__init__(name=f"Table({row})")


class WorldType(types.Type):
    """A world; its value is the address of its block."""

    def __init__(self) -> None:
        super().__init__(name="World")


register_model(TableType)(models.OpaqueModel)
register_model(WorldType)(models.OpaqueModel)


def _record_type(fields: Any) -> types.Type:
    return numba.from_dtype(np.dtype([(field, np.int64) for field in fields], align=True))


WORLD = WorldType()
RECORD_TYPES: dict[str, types.Type] = {
    table: _record_type(FIELDS[record]) for table, record in TABLES.items()
}
_MEMBERS: dict[str, types.Type] = {
    **{table: TableType(RECORD_TYPES.get(table, types.int64)) for table in TABLE_NAMES},
    "agenda": TableType(_record_type(OCCASION_FIELDS)),
    "bookkeeping": _record_type(BOOKKEEPING_FIELDS),
    "run": _record_type(FIELDS["Run"]),
}

# Types of `w.pools`, `table[i]`, `table[i] = value` and `len(table)` ------------------------------


@infer_getattr
class _WorldAttributes(AttributeTemplate):
    key = WorldType

    def generic_resolve(self, value: types.Type, name: str) -> Any:
        return _MEMBERS.get(name)


@infer_global(operator.getitem)
class _GetRow(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        table, index = args
        if isinstance(table, TableType) and isinstance(index, types.Integer):
            return signature(table.row, table, types.int64)
        return None


@infer_global(operator.setitem)
class _SetRow(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        table, index, value = args
        integers = isinstance(index, types.Integer) and isinstance(value, types.Integer)
        if isinstance(table, TableType) and table.row == types.int64 and integers:
            return signature(types.none, table, types.int64, types.int64)
        return None


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], TableType):
            return signature(types.int64, args[0])
        return None


# Code ---------------------------------------------------------------------------------------------

_INTEGER = ir.IntType(64)
_WORDS = _INTEGER.as_pointer()


def _word(builder: ir.IRBuilder, address: ir.Value, index: int) -> ir.Value:
    """Address of a word, counted from an address."""
    words = builder.bitcast(address, _WORDS)
    return builder.gep(words, [_INTEGER(index)])


def _row(builder: ir.IRBuilder, table: TableType, address: ir.Value, index: ir.Value) -> ir.Value:
    """Address of a row."""
    rows = builder.inttoptr(builder.load(_word(builder, address, 0)), _WORDS)
    width = 1 if table.row == types.int64 else table.row.size // 8
    return builder.gep(rows, [builder.mul(index, _INTEGER(width))])


@lower_getattr_generic(WorldType)
def _member(context: Any, builder: ir.IRBuilder, _: Any, block: ir.Value, name: str) -> ir.Value:
    word = _word(builder, block, WORD[name])
    if name in SINGLE:
        return builder.inttoptr(builder.load(word), context.get_value_type(_MEMBERS[name]))
    return builder.bitcast(word, block.type)


@lower_builtin(operator.getitem, TableType, types.int64)
def _get_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    row = _row(builder, sig.args[0], *args)
    if sig.return_type == types.int64:
        return builder.load(row)
    return builder.bitcast(row, context.get_value_type(sig.return_type))


@lower_builtin(operator.setitem, TableType, types.int64, types.int64)
def _set_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    builder.store(args[2], _row(builder, sig.args[0], *args[:2]))
    return context.get_dummy_value()


@lower_builtin(len, TableType)
def _length(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    return builder.load(_word(builder, args[0], 1))


@intrinsic
def lengthen(typing_context: Any, table: types.Type, rows: types.Type) -> Any:
    """Make a table so many rows longer; the index of the first one added."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        word = _word(builder, args[0], 1)
        first = builder.load(word)
        builder.store(builder.add(first, args[1]), word)
        return first

    return types.int64(table, types.int64), code


@intrinsic
def world_at(typing_context: Any, address: types.Type) -> Any:
    """The world whose block is at an address."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.inttoptr(args[0], context.get_value_type(WORLD))

    return WORLD(types.int64), code
