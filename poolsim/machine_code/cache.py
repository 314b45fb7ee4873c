"""Keeps machine code on disk, so that it is compiled once a version.

A file's name is a hash of everything that decides what is in it: the sources, numbers that they
take from elsewhere, the versions of numba and llvmlite, the processor. The files lie in
`$POOLSIM_CACHE`, else in `poolsim/machine-code` below `$XDG_CACHE_HOME` or `~/.cache`; where
nothing can be written the code lasts as long as the process.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from poolsim.machine_code.library import Library

_CHECK_BYTES = 16


@dataclass(frozen=True)
class Program:
    """What is compiled: `title` for people, `name` for its file, the packages whose sources decide
    it, its `entries` (symbol: how many integers it takes), what compiles it, and `constants` that
    the compiled code has from other packages than these."""

    name: str
    title: str
    packages: tuple[str, ...]
    entries: dict[str, int]
    compile: Callable[[], bytes] = field(compare=False)
    constants: tuple[int, ...] = ()


Compiling = Callable[[Program], contextlib.AbstractContextManager[None]]
"""What is told of a compilation: it is entered before and left after it."""

_loaded: dict[str, Library] = {}
_names: dict[str, str] = {}
"""What this process has loaded, and the names of files: sources do not change under a process."""


def numba_is_there() -> bool:
    """Whether machine code can be made and loaded here."""
    return bool(_version("numba")) and bool(_version("llvmlite"))


def is_kept(program: Program) -> bool:
    """Whether a program need not be compiled."""
    name = _file_name(program)
    return name in _loaded or _read(_folder() / name) is not None


def library(program: Program, compiling: Compiling | None = None) -> Library:
    """The machine code of a program: of this process, from the disk, or compiled now."""
    name = _file_name(program)
    if name not in _loaded:
        path = _folder() / name
        code = _read(path)
        if code is None:
            with _only_one(path):
                code = _read(path) or _made(program, path, compiling)
        _loaded[name] = Library(code, program.entries)
    return _loaded[name]


def _made(program: Program, path: Path, compiling: Compiling | None) -> bytes:
    with compiling(program) if compiling is not None else contextlib.nullcontext():
        code = program.compile()
    with contextlib.suppress(OSError):
        _write(path, code)
    return code


@functools.cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _file_name(program: Program) -> str:
    if program.name not in _names:
        _names[program.name] = _hashed_name(program)
    return _names[program.name]


def _hashed_name(program: Program) -> str:
    from llvmlite import binding as llvm

    decided = hashlib.blake2b(digest_size=16)
    features = llvm.get_host_cpu_features().flatten()
    machine = (platform.machine(), platform.system(), llvm.get_host_cpu_name(), features)
    versions = (platform.python_version(), _version("numba"), _version("llvmlite"))
    constants = map(str, program.constants)
    for part in (program.name, *machine, *versions, *constants, *_sources(program.packages)):
        text = part.encode()
        decided.update(len(text).to_bytes(8, "little"))
        decided.update(text)
    return f"{program.name}-{decided.hexdigest()}.code"


def _sources(packages: tuple[str, ...]) -> Iterator[str]:
    for package in packages:
        for path, text in sorted(_python_files(files(package), package)):
            yield path
            yield text


def _python_files(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _python_files(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", entry.read_text(encoding="utf-8")


def _folder() -> Path:
    given = os.environ.get("POOLSIM_CACHE")
    if given:
        return Path(given)
    caches = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):
        return (Path(caches) if caches else Path.home() / ".cache") / "poolsim" / "machine-code"
    return Path(tempfile.gettempdir()) / "poolsim-machine-code"


def _read(path: Path) -> bytes | None:
    """The code in a file; None where there is none or it is not whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    check, code = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
    return code if check == _check(code) else None


def _check(code: bytes) -> bytes:
    return hashlib.blake2b(code, digest_size=_CHECK_BYTES).digest()


def _write(path: Path, code: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_check(code) + code)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Let one process at a time compile a program, where the platform has locks."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        lock = (path.parent / f".{path.name}.lock").open("w")
    except (ImportError, OSError):
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        with contextlib.suppress(OSError):
            os.unlink(lock.name)
