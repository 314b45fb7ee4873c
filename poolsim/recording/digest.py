"""Hashes that tell whether two runs were the same, and whether they should have been."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

import poolsim

Integers = npt.NDArray[np.int64]

_DIGEST_BYTES = 16
_NOTE_IDENTITY = 5
"""time, kind, session, node, connection: what happened to whom; not the value noted with it."""


class RunDigest:
    """The hash of what one run did: every note (time, kind, session, node, connection) and every
    request's row, in their order, however they were batched.

    The two kinds of rows are hashed apart and joined at the end, since the order between a note
    and a request depends on when an engine hands its rows over.
    """

    __slots__ = ("_notes", "_requests")

    def __init__(self) -> None:
        self._notes = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._requests = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def notes(self, rows: Integers) -> None:
        """Rows of NOTE_COLUMNS, shape (n, 6)."""
        self._notes.update(np.ascontiguousarray(rows[:, :_NOTE_IDENTITY], dtype="<i8").tobytes())

    def requests(self, rows: Integers) -> None:
        """Rows of REQUEST_COLUMNS, shape (n, 12)."""
        self._requests.update(np.ascontiguousarray(rows, dtype="<i8").data)

    def hexdigest(self) -> str:
        """32 hexadecimal digits."""
        return joined_digest((self._notes.hexdigest(), self._requests.hexdigest()))


def joined_digest(digests: tuple[str, ...]) -> str:
    """The digest of several in their order: of a run's parts, of a scenario's replications."""
    joined = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for digest in digests:
        joined.update(digest.encode() + b"\n")
    return joined.hexdigest()


def inputs_hash(resolved: str) -> str:
    """The hash of all that decides a run, 32 hexadecimal digits: the resolved scenario (YAML, with
    its seed), the text of the model, the versions of poolsim and numpy (its random streams may
    change between versions)."""
    inputs = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    versions = f"poolsim {poolsim.__version__}, numpy {np.__version__}"
    for part in (resolved, versions, *_model_texts()):
        text = part.encode()
        inputs.update(len(text).to_bytes(8, "little"))
        inputs.update(text)
    return inputs.hexdigest()


@functools.cache
def _model_texts() -> list[str]:
    """Path and text of every Python file of the model, by path."""
    texts = sorted(_python_files(files("poolsim.model"), ""))
    return [part for path_and_text in texts for part in path_and_text]


def _python_files(folder: Traversable, path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _python_files(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".py"):
            found.append((path + entry.name, entry.read_text(encoding="utf-8")))
    return found
