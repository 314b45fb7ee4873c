"""What numba knows of a world: its tables, its records, and how to get at a field.

Nothing here counts references, and nothing checks an index: whoever makes the block
(`tables.py`) keeps the arrays alive. A field of a table is told apart from every other field for
LLVM's alias analysis, so that a store to one does not make it read all others again.
"""

# ruff: noqa: ARG001, ARG002  (numba asks for functions with given arguments)

# numba publishes types, but not of what extends it.
# mypy: disable-error-code="attr-defined, no-untyped-call, override, untyped-decorator"

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin, lower_getattr_generic, lower_setattr_generic
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global
from numba.extending import infer_getattr, intrinsic, models, register_model

from poolsim.engine.compiled.layout import (
    ADDRESS,
    ENGINE_FIELDS,
    ROOM,
    ROWS,
    SINGLE_FIELDS,
    TABLE_FIELDS,
    WIDTH,
    WORD,
)


class RowType(types.Type):
    """A record of a table, or the only one of its kind; its value is its address."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.fields = TABLE_FIELDS.get(table) or SINGLE_FIELDS[table]
        super().__init__(name=f"Row({table})")


class TableType(types.Type):
    """A table; its value is the address of its words in the block."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.row = RowType(table) if TABLE_FIELDS[table] else types.int64
        super().__init__(name=f"Table({table})")


class WorldType(types.Type):
    """A world whose clients use some drivers; its value is the address of its block."""

    def __init__(self, drivers: tuple[str, ...]) -> None:
        self.drivers = drivers
        super().__init__(name=f"World({','.join(drivers)})")


for _type in (RowType, TableType, WorldType):
    register_model(_type)(models.OpaqueModel)

MEMBERS: dict[str, types.Type] = {
    **{table: TableType(table) for table in TABLE_FIELDS},
    **{name: RowType(name) for name in SINGLE_FIELDS},
}
"""Type of `w.<name>`."""

# Types of `w.pools`, `row.field`, `table[i]`, `table[i] = value` and `len(table)` ----------------


@infer_getattr
class _WorldAttributes(AttributeTemplate):
    key = WorldType

    def generic_resolve(self, value: types.Type, name: str) -> Any:
        return MEMBERS.get(name)


@infer_getattr
class _RowAttributes(AttributeTemplate):
    key = RowType

    def generic_resolve(self, value: RowType, name: str) -> Any:
        return types.int64 if name in value.fields else None


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


def _tagged(instruction: Any, name: str) -> Any:
    """Say that an access is to the memory of that name, which overlaps with no other's."""
    module = instruction.parent.module
    root = module.add_metadata(["poolsim"])
    kind = module.add_metadata([name, root, _INTEGER(0)])
    instruction.set_metadata("tbaa", module.add_metadata([kind, kind, _INTEGER(0)]))
    return instruction


def _word(builder: ir.IRBuilder, address: ir.Value, index: int) -> ir.Value:
    """Address of a word, counted from an address."""
    return builder.gep(builder.bitcast(address, _WORDS), [_INTEGER(index)], inbounds=True)


def _base(builder: ir.IRBuilder, table: TableType, address: ir.Value) -> ir.Value:
    """Address of a table's first row."""
    base = _tagged(builder.load(_word(builder, address, ADDRESS)), f"{table.table} address")
    return builder.inttoptr(base, _WORDS)


def _row(builder: ir.IRBuilder, table: TableType, address: ir.Value, index: ir.Value) -> ir.Value:
    """Address of a row."""
    width = WIDTH[table.table]
    first = builder.mul(index, _INTEGER(width)) if width > 1 else index
    return builder.gep(_base(builder, table, address), [first], inbounds=True)


@lower_getattr_generic(WorldType)
def _member(context: Any, builder: ir.IRBuilder, _: Any, block: ir.Value, name: str) -> ir.Value:
    word = _word(builder, block, WORD[name])
    if name in SINGLE_FIELDS:
        address = _tagged(builder.load(word), f"{name} address")
        return builder.inttoptr(address, block.type)
    return builder.bitcast(word, block.type)


@lower_getattr_generic(RowType)
def _get_field(
    context: Any, builder: ir.IRBuilder, row: RowType, address: ir.Value, name: str
) -> ir.Value:
    place = _word(builder, address, row.fields.index(name))
    return _tagged(builder.load(place), f"{row.table}.{name}")


@lower_setattr_generic(RowType)
def _set_field(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, name: str) -> None:
    row, given = sig.args
    address, value = args
    value = context.cast(builder, value, given, types.int64)
    place = _word(builder, address, row.fields.index(name))
    _tagged(builder.store(value, place), f"{row.table}.{name}")


@lower_builtin(operator.getitem, TableType, types.int64)
def _get_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    table = sig.args[0]
    row = _row(builder, table, *args)
    if sig.return_type == types.int64:
        return _tagged(builder.load(row), table.table)
    return builder.bitcast(row, context.get_value_type(sig.return_type))


@lower_builtin(operator.setitem, TableType, types.int64, types.int64)
def _set_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    table = sig.args[0]
    _tagged(builder.store(args[2], _row(builder, table, *args[:2])), table.table)
    return context.get_dummy_value()


@lower_builtin(len, TableType)
def _length(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    return _tagged(builder.load(_word(builder, args[0], ROWS)), f"{sig.args[0].table} rows")


# What rules do not see ----------------------------------------------------------------------------


@intrinsic
def room_of(typing_context: Any, table: types.Type) -> Any:
    """For how many rows a table has room."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return _tagged(builder.load(_word(builder, args[0], ROOM)), f"{sig.args[0].table} room")

    return types.int64(table), code


@intrinsic
def set_length(typing_context: Any, table: types.Type, rows: types.Type) -> Any:
    """Make a table so many rows long; there must be room."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        rows = context.cast(builder, args[1], sig.args[1], types.int64)
        word = _word(builder, args[0], ROWS)
        _tagged(builder.store(rows, word), f"{sig.args[0].table} rows")
        return context.get_dummy_value()

    return types.none(table, rows), code


def world_at(world: WorldType) -> Any:
    """A function that gives the world of that type whose block is at an address."""

    @intrinsic
    def at(typing_context: Any, address: types.Type) -> Any:
        def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            return builder.inttoptr(args[0], context.get_value_type(world))

        return world(types.int64), code

    return at


@intrinsic
def value_at(typing_context: Any, address: types.Type, place: types.Type) -> Any:
    """The integer at a place (counted in words) behind an address."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        words = builder.inttoptr(args[0], _WORDS)
        return _tagged(builder.load(builder.gep(words, [args[1]])), "draws")

    return types.int64(types.int64, types.int64), code


@intrinsic
def ask_door(
    typing_context: Any,
    world: types.Type,
    what: types.Type,
    one: types.Type,
    two: types.Type,
    three: types.Type,
) -> Any:
    """Ask Python for something (layout.ASK_ROOM, ASK_DRAWS). Tables may lie elsewhere then."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        engine = builder.inttoptr(builder.load(_word(builder, args[0], WORD["engine"])), _WORDS)
        door = builder.load(builder.gep(engine, [_INTEGER(ENGINE_FIELDS.index("door"))]))
        kind = ir.FunctionType(_INTEGER, [_INTEGER] * 4)
        builder.call(builder.inttoptr(door, kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    integers = (types.int64,) * 4
    return types.none(world, *integers), code
