"""What Python cannot say of integers: count bits, choose without a jump."""

# ruff: noqa: ARG001  (numba asks for functions with given arguments)

# numba publishes types, but not of what extends it.
# mypy: disable-error-code="attr-defined, no-untyped-call, untyped-decorator"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_YES = ir.Constant(ir.IntType(1), 1)


@intrinsic
def leading_zeros(typing_context: Any, value: types.Type) -> Any:
    """Zeros above the highest bit of a positive int64."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.ctlz(args[0], _YES)

    return types.int64(types.int64), code


@intrinsic
def trailing_zeros(typing_context: Any, value: types.Type) -> Any:
    """Zeros below the lowest bit of an int64 that is not 0."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.cttz(args[0], _YES)

    return types.int64(types.int64), code


@intrinsic
def either(typing_context: Any, which: types.Type, one: types.Type, other: types.Type) -> Any:
    """`one` where `which` is true, else `other`, without a jump: for what nobody could guess."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        condition, one, other = args
        if condition.type.width > 1:
            condition = builder.trunc(condition, ir.IntType(1))
        chosen = builder.select(condition, one, other)
        chosen.set_metadata("unpredictable", builder.module.add_metadata([]))
        return chosen

    return types.int64(types.boolean, types.int64, types.int64), code
