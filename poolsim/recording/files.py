"""A run on disk: one directory, there whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.frames import Columns, request_columns
from poolsim.recording.parquet import write_parquet

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

_INPUTS_SHOWN = 12
_BATCH_ROWS = 65_536
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def run_directory(parent: Path, name: str, inputs: str) -> Path:
    """Where a run of a scenario belongs: `<parent>/<name>-<first 12 characters of inputs>`."""
    safe = _UNSAFE.sub("-", name).strip(".-") or "scenario"
    return parent / f"{safe}-{inputs[:_INPUTS_SHOWN]}"


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """A temporary sibling of `target` to put files into; it becomes `target` when the block ends
    well, replacing what was there, and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        building.chmod(0o755)
        yield building
        _take_place_of(target, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _take_place_of(target: Path, building: Path) -> None:
    """A directory that is not empty cannot be replaced in one step, so it moves aside first."""
    if not target.exists():
        os.replace(building, target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        os.replace(target, aside / "old")
        try:
            os.replace(building, target)
        except BaseException:
            os.replace(aside / "old", target)
            raise
    finally:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What is written for one run. `timeline` and `events` give the columns of each replication
    (once: they may be generators), `requests` the file of request rows of each, where kept."""

    resolved: str
    summary: dict[str, Any]
    timeline: Iterable[Columns]
    events: Iterable[Columns]
    requests: tuple[Path, ...] = ()


def write_run(
    target: Path,
    scenario: Scenario,
    files: RunFiles,
    add: Callable[[Path], None] | None = None,
) -> Path:
    """Write `scenario.resolved.yaml`, `summary.json`, `timeline.parquet`, `events.parquet` and,
    where request rows were kept, `requests.parquet` into the directory `target`.

    The tables hold all replications, told apart by a first column `replication`. `add` may put
    further files into the directory it is given, before anything appears under `target`.
    """
    with whole_directory(target) as directory:
        (directory / "scenario.resolved.yaml").write_text(files.resolved, encoding="utf-8")
        text = json.dumps(files.summary, indent=2, allow_nan=False, ensure_ascii=False)
        (directory / "summary.json").write_text(text + "\n", encoding="utf-8")
        write_parquet(directory / "timeline.parquet", _numbered(files.timeline))
        write_parquet(directory / "events.parquet", _numbered(files.events))
        if files.requests:
            batches = _request_batches(files.requests, scenario)
            write_parquet(directory / "requests.parquet", batches)
        if add is not None:
            add(directory)
    return target


def _with_replication(replication: int, columns: Columns) -> Columns:
    rows = len(next(array for array in columns.values() if isinstance(array, np.ndarray)))
    return {"replication": np.full(rows, replication, dtype=np.int64)} | columns


def _numbered(tables: Iterable[Columns]) -> Iterator[Columns]:
    for replication, columns in enumerate(tables):
        yield _with_replication(replication, columns)


def _request_batches(paths: tuple[Path, ...], scenario: Scenario) -> Iterator[Columns]:
    width = len(REQUEST_COLUMNS)
    for replication, path in enumerate(paths):
        with path.open("rb") as file:
            while True:
                rows = np.fromfile(file, dtype="<i8", count=_BATCH_ROWS * width)
                if not len(rows):
                    break
                columns = request_columns(rows.reshape(-1, width), scenario)
                yield _with_replication(replication, columns)
