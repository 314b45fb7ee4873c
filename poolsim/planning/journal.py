"""Finished work on disk, line by line, so that a run killed at any moment goes on where it was.

A line is appended with one write and forced to the disk before the work counts as done. Each
begins with a checksum of the rest: what a crash left of a half-written last line is recognised and
cut off. The first line says what the journal is about.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

SCHEMA_VERSION = 1


class JournalError(Exception):
    """A journal that cannot be continued; the message says what to do."""


class Journal:
    """Entries by key. One process writes at a time; others are turned away."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        """Open or create; raises JournalError where the file is about something else, is damaged
        before its last line, or is being written by another process."""
        self.path = path
        self.entries: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
            self._read({"schema_version": SCHEMA_VERSION, **about})
        except BaseException:
            os.close(self._file)
            raise

    def append(self, key: str, entry: Any) -> None:
        """Add an entry; when this returns it is on the disk."""
        self._write({"key": key, "entry": entry})
        self.entries[key] = entry

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def _lock(self) -> None:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise JournalError(
                    f"{self.path} is being written by another process: wait for it or end it"
                ) from None

    def _read(self, about: dict[str, Any]) -> None:
        content = self.path.read_bytes()
        whole = 0
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            entry = _entry(line)
            if entry is None:
                if whole + len(line) < len(content):
                    raise JournalError(
                        f"{self.path}:{number}:1: the line does not fit its checksum: the file was "
                        "edited or damaged; remove it to start over"
                    )
                break
            whole += len(line)
            if number == 1:
                if entry != about:
                    raise JournalError(
                        f"{self.path}:1:1: this is the journal of other work: name another "
                        "directory with --out, or remove this one"
                    )
            else:
                self.entries[entry["key"]] = entry["entry"]
        if whole < len(content):
            os.ftruncate(self._file, whole)
        if not whole:
            self._write(about)

    def _write(self, document: Any) -> None:
        line = _line(document)
        written = os.write(self._file, line)
        if written != len(line):
            raise OSError(28, "the disk took only a part of a line", str(self.path))
        os.fsync(self._file)


def _line(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    payload = text.encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _entry(line: bytes) -> Any:
    """The document of a line, None where it is not whole."""
    checksum, _, payload = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(payload):
        return None
    return json.loads(payload)
