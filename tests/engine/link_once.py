"""Compiles many functions that call each other in a quarter of the time.

numba optimises and emits each function together with everything that it calls, so that a rule at
the bottom is compiled again for every rule above it. Nobody calls a rule from Python: here a rule
is only translated, and optimised where all of them come together. The result is faster, too,
because LLVM then sees the whole program.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import itertools
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

_numbers = itertools.count()


class _WithoutEnvironments:
    """A codegen that does not store a function's environment in its code, which does not exist."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        pass


class _TranslatedLibrary(JITCodeLibrary):
    """Code that is neither optimised nor emitted until it is linked into another library."""

    @property
    def codegen(self) -> Any:
        return _WithoutEnvironments(self._codegen)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class PartCompiler(Compiler):
    """A `pipeline_class` for functions that only compiled functions call."""

    def __init__(self, typing_context: Any, target_context: Any, library: Any, *rest: Any) -> None:
        assert library is None
        library = _TranslatedLibrary(target_context.codegen(), f"part {next(_numbers)}")
        super().__init__(typing_context, target_context, library, *rest)
