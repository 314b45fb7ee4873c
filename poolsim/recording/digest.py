"""Hashes that tell whether two runs were the same, and whether they should have been."""

from __future__ import annotations

import functools
import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import numpy.typing as npt

import poolsim
from poolsim.recording.columns import REQUEST_COLUMNS

Integers = npt.NDArray[np.int64]

_DIGEST_BYTES = 16
_NOTE_IDENTITY = 5
"""time, kind, session, node, connection: what happened to whom; not the value noted with it."""


DIGEST_ROWS = 32
"""Request rows that are condensed into one number: so few that the weights stay in the processor's
first cache."""


@cache
def digest_weights() -> npt.NDArray[np.uint64]:
    """What the values of DIGEST_ROWS rows are multiplied by, in order: odd numbers below 2**64,
    taken from a hash so that they have nothing in common with anything. Read-only."""
    count = DIGEST_ROWS * len(REQUEST_COLUMNS)
    drawn = hashlib.shake_128(b"poolsim: weights of request rows").digest(8 * count)
    weights = np.frombuffer(drawn, dtype="<u8").astype(np.uint64) | np.uint64(1)
    weights.setflags(write=False)
    return weights


class RunDigest:
    """The hash of what one run did: every note (time, kind, session, node, connection) and every
    request's row, in their order, however they were batched.

    The two kinds of rows are hashed apart and joined at the end, since the order between a note
    and a request depends on when an engine hands its rows over. Of request rows there are many:
    DIGEST_ROWS of them are condensed to the sum of their values times weights, modulo 2**64, and
    the sums are hashed. One value that differs changes the sum for certain, since weights are odd;
    several do by all but one chance in 2**60 or so: enough against accidents, not against malice.
    """

    __slots__ = ("_notes", "_requests", "_rows", "_sum")

    def __init__(self) -> None:
        self._notes = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._requests = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._rows = 0
        self._sum = 0

    def notes(self, rows: Integers) -> None:
        """Rows of NOTE_COLUMNS, shape (n, 6)."""
        self._notes.update(np.ascontiguousarray(rows[:, :_NOTE_IDENTITY], dtype="<i8").tobytes())

    def requests(self, rows: Integers) -> None:
        """Rows of REQUEST_COLUMNS, shape (n, 12)."""
        width = len(REQUEST_COLUMNS)
        values = np.ascontiguousarray(rows, dtype=np.int64).view(np.uint64).ravel()
        weights = digest_weights()
        first = self._rows % DIGEST_ROWS * width
        # Up to the next border, then whole stretches, then what is left.
        begun = min(len(values), len(weights) - first) if first else 0
        if begun:
            self.condensed(_sums(values[:begun], weights[first : first + begun]), begun // width)
        whole = (len(values) - begun) // len(weights) * len(weights)
        if whole:
            stretches = values[begun : begun + whole].reshape(-1, len(weights))
            self.condensed(_sums(stretches, weights), whole // width)
        rest = values[begun + whole :]
        if len(rest):
            self.condensed(_sums(rest, weights[: len(rest)]), len(rest) // width)

    @property
    def rows(self) -> int:
        """Request rows so far."""
        return self._rows

    def condensed(self, sums: npt.NDArray[np.uint64], rows: int) -> None:
        """Add rows of which only the sums are given, shape (stretches,): of the part of a stretch
        of DIGEST_ROWS rows up to its border or the last row, or of so many whole ones."""
        sums = sums.copy()
        sums[:1] += np.uint64(self._sum)  # an array wraps without a warning
        self._rows += rows
        self._sum = 0
        if self._rows % DIGEST_ROWS:
            self._sum, sums = int(sums[-1]), sums[:-1]
        self._requests.update(sums.astype("<u8").tobytes())

    def hexdigest(self) -> str:
        """32 hexadecimal digits."""
        requests = self._requests.copy()
        requests.update(self._sum.to_bytes(8, "little") + self._rows.to_bytes(8, "little"))
        return joined_digest((self._notes.hexdigest(), requests.hexdigest()))


def _sums(values: npt.NDArray[np.uint64], weights: npt.NDArray[np.uint64]) -> Any:
    """The sum over the last axis of values times weights, modulo 2**64, shape (stretches,)."""
    return np.atleast_1d(np.asarray((values * weights).sum(axis=-1, dtype=np.uint64)))


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
