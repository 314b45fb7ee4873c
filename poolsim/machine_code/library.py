"""Loads machine code and makes its entries callable. Needs llvmlite, not numba."""

from __future__ import annotations

import ctypes
from typing import Any


class Library:
    """Machine code in this process. Its entries take and return integers."""

    def __init__(self, code: bytes, entries: dict[str, int]) -> None:
        """Load an object file.

        Args:
            code: made by `linking.object_code` for this processor.
            entries: symbols and how many integers each takes.

        Raises:
            RuntimeError: it has no such entry.
        """
        from llvmlite import binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_triple(llvm.get_process_triple())
        machine = target.create_target_machine(jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._object = llvm.ObjectFileRef.from_data(code)
        self._engine.add_object_file(self._object)
        self._engine.finalize_object()
        self._functions = {name: self._function(name, count) for name, count in entries.items()}

    def _function(self, name: str, count: int) -> Any:
        address = self._engine.get_function_address(name)
        if not address:
            raise RuntimeError(f"the machine code has no function {name}")
        result = ctypes.POINTER(ctypes.c_int64)
        exception = ctypes.POINTER(ctypes.c_void_p)
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, result, exception, *[ctypes.c_int64] * count)
        return kind(address)

    def call(self, name: str, *arguments: int) -> int:
        """Call an entry. The interpreter's lock is free meanwhile."""
        result, exception = ctypes.c_int64(), ctypes.c_void_p()
        status = self._functions[name](ctypes.byref(result), ctypes.byref(exception), *arguments)
        assert status == 0, f"{name} ended with status {status}"
        return result.value
