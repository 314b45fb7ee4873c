"""Arithmetic of 128 bits, in pairs of int64 (high, low), modulo 2**128."""

# ruff: noqa: ARG001  (numba asks for functions with given arguments)

# numba publishes types, but not of what extends it.
# mypy: disable-error-code="attr-defined, no-untyped-call, untyped-decorator"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_INTEGER = ir.IntType(64)
_WIDE = ir.IntType(128)
_PAIR = types.UniTuple(types.int64, 2)


def _joined(builder: ir.IRBuilder, pair: ir.Value) -> ir.Value:
    high, low = (builder.zext(part, _WIDE) for part in cgutils.unpack_tuple(builder, pair))
    return builder.or_(builder.shl(high, _WIDE(64)), low)


@intrinsic
def multiply_add(typing_context: Any, one: types.Type, other: types.Type, add: types.Type) -> Any:
    """Multiply two pairs and add a third."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        one, other, add = (_joined(builder, pair) for pair in args)
        result = builder.add(builder.mul(one, other), add)
        high = builder.trunc(builder.lshr(result, _WIDE(64)), _INTEGER)
        low = builder.trunc(result, _INTEGER)
        return context.make_tuple(builder, _PAIR, (high, low))

    return _PAIR(_PAIR, _PAIR, _PAIR), code


@intrinsic
def rotated_right(typing_context: Any, value: types.Type, bits: types.Type) -> Any:
    """An int64 whose bits are rotated towards the low end by the lowest six bits of another."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        value, bits = args
        right = builder.and_(bits, _INTEGER(63))
        left = builder.and_(builder.neg(bits), _INTEGER(63))
        return builder.or_(builder.lshr(value, right), builder.shl(value, left))

    return types.int64(types.int64, types.int64), code


@intrinsic
def shifted_right(typing_context: Any, value: types.Type, bits: types.Type) -> Any:
    """An int64 shifted towards the low end by 0 to 63 bits, zeros coming from above."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.lshr(*args)

    return types.int64(types.int64, types.int64), code
