"""A recorder's CSV and the proxy's log become the Parquet files of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poolsim.harness.not_ready import NotReady
from poolsim.harness.proxy.log import LOG_COLUMNS
from poolsim.harness.recording.faults import EventRow
from poolsim.recording.frames import Columns
from poolsim.recording.parquet import write_parquet

REQUEST_COLUMNS = {
    "number": "int64",
    "intended_ns": "int64",
    "started_ns": "int64",
    "ended_ns": "int64",
    "host": "int16",
    "outcome": "string",
    "error": "string",
}
HOST_COLUMNS = {
    "at_ns": "int64",
    "host": "int16",
    "open": "int64",
    "trashed": "int64",
    "in_flight": "int64",
    "pending": "int64",
}
EVENT_COLUMNS = {"at_ns": "int64", "host": "int16", "kind": "string", "detail": "string"}


def collect_requests(source: Path, target: Path) -> int:
    """requests.csv -> requests.parquet; how many requests there were."""
    table = _read(source / "requests.csv", REQUEST_COLUMNS)
    _write(table, target / "requests.parquet")
    return int(table.num_rows)


def collect_hosts(source: Path, target: Path) -> None:
    """hosts.csv -> hosts.parquet; columns that a recorder adds (creating) are kept."""
    _write(_read(source / "hosts.csv", HOST_COLUMNS), target / "hosts.parquet")


def collect_events(source: Path, target: Path, more: Sequence[EventRow]) -> None:
    """events.csv and the harness's own events -> events.parquet, in the order of time."""
    import pyarrow

    table = _read(source / "events.csv", EVENT_COLUMNS)
    columns = [list(column) for column in zip(*more, strict=True)] or [[], [], [], []]
    schema = pyarrow.schema([(name, kind) for name, kind in EVENT_COLUMNS.items()])
    own = pyarrow.table(dict(zip(EVENT_COLUMNS, columns, strict=True)), schema=schema)
    joined = pyarrow.concat_tables([table.select(list(EVENT_COLUMNS)), own])
    _write(joined.sort_by("at_ns"), target / "events.parquet")


def collect_log(log: Path, target: Path) -> None:
    """The proxy's raw log -> node.parquet, in the order of arrival."""
    rows = np.fromfile(log, dtype="<i8").reshape(-1, len(LOG_COLUMNS)).astype(np.int64)
    rows = rows[np.argsort(rows[:, LOG_COLUMNS.index("arrived_ns")], kind="stable")]
    columns: Columns = {name: rows[:, place].copy() for place, name in enumerate(LOG_COLUMNS)}
    write_parquet(target / "node.parquet", [columns])


def _read(path: Path, columns: dict[str, str]) -> Any:
    """A CSV file with at least these columns, in their types.

    Raises:
        NotReady: the recorder did not write it, or not so.
    """
    import pyarrow
    import pyarrow.csv

    types = {name: pyarrow.type_for_alias(kind) for name, kind in columns.items()}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    try:
        table = pyarrow.csv.read_csv(path, convert_options=options)
    except (OSError, pyarrow.ArrowException) as error:
        raise NotReady(f"the recorder's {path.name} cannot be read: {error}") from None
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise NotReady(f"the recorder's {path.name} has no column {', '.join(missing)}")
    return table


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path)
