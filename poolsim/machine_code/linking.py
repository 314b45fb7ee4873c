"""Makes one piece of machine code of many functions that call each other.

numba optimises and emits each function together with everything that it calls, so that a rule at
the bottom is compiled again for every rule above it. Nobody calls a rule from Python: here a rule
is only translated, and optimised where all of them come together, in a tenth of the time. The code
is faster, too, because LLVM sees the whole program and knows that nobody else calls a part of it.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock

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


PART: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
    "pipeline_class": PartCompiler,
}
"""How each function is compiled: no check of divisors, no memory management, no way from Python."""


@global_compiler_lock
def object_code(entries: dict[str, tuple[Callable[..., Any], Any]]) -> bytes:
    """Compile functions and all that they call into one object file.

    Args:
        entries: by the symbol under which it will be found, a function and the numba types of its
            arguments.

    Returns:
        An object file for this processor. An entry's C signature is numba's:
        `int32 entry(int64 *result, void **exception, int64 argument, ...)`.
    """
    module = llvm.parse_assembly(f'target triple = "{llvm.get_process_triple()}"')
    module.name = "poolsim"
    symbols = {}
    for symbol, (function, arguments) in entries.items():
        dispatcher = numba.njit(arguments, **PART)(function)
        (compiled,) = dispatcher.overloads.values()
        name = compiled.fndesc.llvm_func_name
        part = compiled.library._get_module_for_linking().clone()
        # Otherwise the linker leaves out what nobody has asked for yet.
        part.get_function(name).linkage = "external"
        module.link_in(part)
        symbols[name] = symbol
    machine = _target_machine()
    module.data_layout = str(machine.target_data)
    for function in list(module.functions):
        if not function.is_declaration:
            function.linkage = "external" if function.name in symbols else "internal"
    for variable in list(module.global_variables):
        variable.linkage = "internal"
    for name, symbol in symbols.items():
        module.get_function(name).name = symbol
    _optimise(module, machine)
    code: bytes = machine.emit_object(module)
    return code


def _target_machine() -> Any:
    """This processor; code that calls what lies near it, wherever it is loaded."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )


def _optimise(module: Any, machine: Any) -> None:
    for _ in range(2):
        # The second run works on what the first has inlined.
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        # Loops over tables are rare and short; made wide, they cost every call that passes by.
        options.loop_vectorization = False
        options.slp_vectorization = False
        # A request goes through a dozen functions, most of which are called in one place.
        options.inlining_threshold = 1200
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    module.verify()
