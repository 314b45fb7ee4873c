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
from numba.core import cgutils
from numba.core.imputils import lower_builtin, lower_getattr_generic, lower_setattr_generic
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global
from numba.extending import infer_getattr, intrinsic, models, register_model

from poolsim.engine.compiled.layout import (
    ADDRESS,
    ENGINE_FIELDS,
    PART_BYTES,
    PLACES,
    ROOM,
    ROWS,
    SINGLE_FIELDS,
    TABLE_FIELDS,
    WORD,
    WORD_BYTES,
    Place,
)


class RowType(types.Type):
    """A record of a table, or the only one of its kind; its value is the block and its index, so
    it stays valid when its table moves."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.fields = TABLE_FIELDS.get(table) or SINGLE_FIELDS[table]
        super().__init__(name=f"Row({table})")


class TableType(types.Type):
    """A table; its value is the address of the block."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.row = RowType(table) if TABLE_FIELDS[table] else types.int64
        super().__init__(name=f"Table({table})")


class WorldType(types.Type):
    """A world whose clients use some drivers; its value is the address of its block."""

    def __init__(self, drivers: tuple[str, ...]) -> None:
        self.drivers = drivers
        super().__init__(name=f"World({','.join(drivers)})")


for _type in (TableType, WorldType):
    register_model(_type)(models.OpaqueModel)


@register_model(RowType)
class _RowModel(models.StructModel):
    def __init__(self, manager: Any, kind: RowType) -> None:
        super().__init__(manager, kind, [("block", types.voidptr), ("index", types.int64)])


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
_BYTE = ir.IntType(8)
_WORDS = _INTEGER.as_pointer()
_BYTES = _BYTE.as_pointer()


def _tagged(instruction: Any, name: str) -> Any:
    """Say that an access is to the memory of that name, which overlaps with no other's."""
    module = instruction.parent.module
    root = module.add_metadata(["poolsim"])
    kind = module.add_metadata([name, root, _INTEGER(0)])
    instruction.set_metadata("tbaa", module.add_metadata([kind, kind, _INTEGER(0)]))
    return instruction


def _word(builder: ir.IRBuilder, block: ir.Value, index: int) -> ir.Value:
    """Address of a word of the block."""
    return builder.gep(builder.bitcast(block, _WORDS), [_INTEGER(index)], inbounds=True)


def _row_of(
    builder: ir.IRBuilder, table: str, part: int, block: ir.Value, index: ir.Value
) -> ir.Value:
    """Address of a row in one of the parts of a table."""
    word = _word(builder, block, WORD[table] + ADDRESS + part)
    base = builder.inttoptr(_tagged(builder.load(word), f"{table} address {part}"), _BYTES)
    first = builder.mul(index, _INTEGER(PART_BYTES[table][part]))
    return builder.gep(base, [first], inbounds=True)


def _load(builder: ir.IRBuilder, address: ir.Value, size: int, name: str) -> ir.Value:
    """The integer of some bytes at an address, as a word."""
    kind = ir.IntType(8 * size)
    value = builder.load(builder.bitcast(address, kind.as_pointer()))
    _tagged(value, name)
    return value if size == WORD_BYTES else builder.sext(value, _INTEGER)


def _store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, size: int, name: str) -> None:
    kind = ir.IntType(8 * size)
    narrow = value if size == WORD_BYTES else builder.trunc(value, kind)
    _tagged(builder.store(narrow, builder.bitcast(address, kind.as_pointer())), name)


def _field(
    context: Any, builder: ir.IRBuilder, row: RowType, value: ir.Value, name: str
) -> tuple[ir.Value, Place]:
    """Address of a row's field, and how it is placed."""
    record = cgutils.create_struct_proxy(row)(context, builder, value=value)
    place = PLACES[row.table][name]
    if row.table in SINGLE_FIELDS:
        first = WORD[row.table] + place.offset // WORD_BYTES
        return builder.bitcast(_word(builder, record.block, first), _BYTES), place
    address = _row_of(builder, row.table, place.part, record.block, record.index)
    return builder.gep(address, [_INTEGER(place.offset)], inbounds=True), place


def _record(
    context: Any, builder: ir.IRBuilder, row: RowType, block: ir.Value, index: ir.Value
) -> Any:
    record = cgutils.create_struct_proxy(row)(context, builder)
    record.block = builder.bitcast(block, record.block.type)
    record.index = index
    return record._getvalue()


@lower_getattr_generic(WorldType)
def _member(context: Any, builder: ir.IRBuilder, _: Any, block: ir.Value, name: str) -> Any:
    if name in SINGLE_FIELDS:
        return _record(context, builder, RowType(name), block, _INTEGER(0))
    return block


@lower_getattr_generic(RowType)
def _get_field(
    context: Any, builder: ir.IRBuilder, row: RowType, value: ir.Value, name: str
) -> ir.Value:
    address, place = _field(context, builder, row, value, name)
    return _load(builder, address, place.bytes, f"{row.table}.{name}")


@lower_setattr_generic(RowType)
def _set_field(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, name: str) -> None:
    row, given = sig.args
    value = context.cast(builder, args[1], given, types.int64)
    address, place = _field(context, builder, row, args[0], name)
    _store(builder, value, address, place.bytes, f"{row.table}.{name}")


@lower_builtin(operator.getitem, TableType, types.int64)
def _get_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
    table = sig.args[0].table
    block, index = args
    if sig.return_type == types.int64:
        address = _row_of(builder, table, 0, block, index)
        return _load(builder, address, PART_BYTES[table][0], table)
    return _record(context, builder, sig.return_type, block, index)


@lower_builtin(operator.setitem, TableType, types.int64, types.int64)
def _set_row(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    table = sig.args[0].table
    block, index, value = args
    address = _row_of(builder, table, 0, block, index)
    _store(builder, value, address, PART_BYTES[table][0], table)
    return context.get_dummy_value()


@lower_builtin(len, TableType)
def _length(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    table = sig.args[0].table
    return _tagged(builder.load(_word(builder, args[0], WORD[table] + ROWS)), f"{table} rows")


# What rules do not see ----------------------------------------------------------------------------


@intrinsic
def room_of(typing_context: Any, table: types.Type) -> Any:
    """For how many rows a table has room."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        name = sig.args[0].table
        return _tagged(builder.load(_word(builder, args[0], WORD[name] + ROOM)), f"{name} room")

    return types.int64(table), code


@intrinsic
def set_length(typing_context: Any, table: types.Type, rows: types.Type) -> Any:
    """Make a table so many rows long; there must be room."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        rows = context.cast(builder, args[1], sig.args[1], types.int64)
        name = sig.args[0].table
        _tagged(builder.store(rows, _word(builder, args[0], WORD[name] + ROWS)), f"{name} rows")
        return context.get_dummy_value()

    return types.none(table, rows), code


def prefetch_of(part: int) -> Any:
    """A function (table, index) that has a part of a row brought into the processor's cache; any
    index will do."""

    @intrinsic
    def prefetch(typing_context: Any, table: types.Type, index: types.Type) -> Any:
        def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            address = _row_of(builder, sig.args[0].table, part, *args)
            number = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [_BYTES, number, number, number])
            module = builder.module
            found = module.globals.get("llvm.prefetch.p0")
            function = found or ir.Function(module, kind, "llvm.prefetch.p0")
            to_write, in_all_levels, data = (ir.Constant(number, n) for n in (1, 3, 1))
            builder.call(function, [address, to_write, in_all_levels, data])
            return context.get_dummy_value()

        return types.none(table, types.int64), code

    return prefetch


prefetch = prefetch_of(0)
prefetch_second = prefetch_of(1)


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
        door = builder.load(_word(builder, args[0], WORD["engine"] + ENGINE_FIELDS.index("door")))
        kind = ir.FunctionType(_INTEGER, [_INTEGER] * 4)
        builder.call(builder.inttoptr(door, kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    integers = (types.int64,) * 4
    return types.none(world, *integers), code
