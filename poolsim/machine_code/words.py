"""Memory as numba sees it here: 64-bit words behind an address, without bounds or owner."""

# ruff: noqa: ARG001, ARG002  (numba asks for functions with given arguments)

# numba publishes types, but not of what extends it.
# mypy: disable-error-code="attr-defined, no-untyped-call, override, untyped-decorator"

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, models, register_model


class WordsType(types.Type):
    """Integers behind an address, which is its value."""

    def __init__(self) -> None:
        super().__init__(name="Words")


WORDS = WordsType()
_INTEGER = ir.IntType(64)
_POINTER = _INTEGER.as_pointer()


@register_model(WordsType)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _POINTER)


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], WordsType) and isinstance(args[1], types.Integer):
            return signature(types.int64, WORDS, types.int64)
        return None


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], WordsType) and isinstance(args[1], types.Integer):
            return signature(types.none, WORDS, types.int64, types.int64)
        return None


@lower_builtin(operator.getitem, WordsType, types.int64)
def _get(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    return builder.load(builder.gep(args[0], [args[1]], inbounds=True))


@lower_builtin(operator.setitem, WordsType, types.int64, types.int64)
def _set(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    builder.store(args[2], builder.gep(args[0], [args[1]], inbounds=True))
    return context.get_dummy_value()


@intrinsic
def words_at(typing_context: Any, address: types.Type) -> Any:
    """The words behind an address."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.inttoptr(args[0], _POINTER)

    return WORDS(types.int64), code


@intrinsic
def float_pattern(typing_context: Any, value: types.Type) -> Any:
    """The bit pattern of an integer as a float64."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.bitcast(builder.sitofp(args[0], ir.DoubleType()), _INTEGER)

    return types.int64(types.int64), code


@intrinsic
def pattern_of(typing_context: Any, value: types.Type) -> Any:
    """The bit pattern of a float64."""

    def code(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.bitcast(args[0], _INTEGER)

    return types.int64(types.float64), code
