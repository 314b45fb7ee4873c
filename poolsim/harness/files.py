"""Where the harness finds what is not Python of poolsim, and where it keeps what it builds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def directory() -> Path:
    """The folder `harness/`: packed into the package when installed, beside it in a checkout.

    Raises:
        FileNotFoundError: poolsim was installed without it.
    """
    here = Path(__file__).resolve().parent
    packed = here / "files"
    checkout = here.parent.parent / "harness"
    for candidate in (packed, checkout):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"the harness's files are neither in {packed} nor in {checkout}: install poolsim again"
    )


def cache() -> Path:
    """The folder for what is built once, made when it is missing: `~/.cache/poolsim`.

    `XDG_CACHE_HOME` moves it, as the XDG base directory specification says: an absolute path, or
    it does not count.
    """
    wanted = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = wanted if wanted.is_absolute() else Path.home() / ".cache"
    folder = base / "poolsim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def source_key(sources: Iterable[Path]) -> str:
    """Sixteen hex digits that change when any source does: the name of what is built from them.

    A folder counts with every file below it; names count relative to what was given, so a checkout
    and an installed wheel agree.
    """
    digest = hashlib.sha256()
    for source in sources:
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if path.is_file())
        else:
            files = [source]
        for file in files:
            name = file.relative_to(source.parent).as_posix()
            content = file.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:16]
