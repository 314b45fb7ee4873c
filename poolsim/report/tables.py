"""Reading the tables of a replication, as pandas frames or as the columns they are made from.

Whoever only prints a result should not have to import pandas, which takes longer than a small run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from poolsim.estimation.replication import RecordedReplication
from poolsim.estimation.results import Replication
from poolsim.recording.frames import Column, Columns, Names, events_columns, timeline_columns

if TYPE_CHECKING:
    import pandas

    Table: TypeAlias = pandas.DataFrame | Columns


def timeline(replication: Replication) -> Table:
    """The timeline, without pandas where the replication was recorded in this process."""
    if isinstance(replication, RecordedReplication):
        return timeline_columns(replication.record, replication.scenario)
    return replication.timeline


def events(replication: Replication) -> Table:
    """The event table, without pandas where the replication was recorded in this process."""
    if isinstance(replication, RecordedReplication):
        return events_columns(replication.record, replication.scenario)
    return replication.events


def numbers(table: Table, column: str) -> npt.NDArray[np.float64]:
    """A column of numbers, shape (rows,)."""
    values = table[column]
    if isinstance(values, Names):
        raise TypeError(f"{column} holds names, not numbers")
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    converted: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return converted


def codes(table: Table, column: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """A column of names as (codes of shape (rows,), names): row k reads `names[codes[k]]`."""
    values = table[column]
    if isinstance(values, Names):
        return values.codes, values.names
    if isinstance(values, np.ndarray):
        raise TypeError(f"{column} holds numbers, not names")
    found, names = values.factorize()
    return found.astype(np.int64), tuple(str(name) for name in names)


def rows(table: Table) -> int:
    """Number of rows."""
    if isinstance(table, Mapping):
        first = next(iter(table.values()))
        return len(first.codes if isinstance(first, Names) else first)
    return len(table)


def columns_of(table: Table) -> Columns:
    """The table as columns: names with codes, whole numbers as int64, others as float64."""
    if isinstance(table, Mapping):
        return dict(table)
    columns: Columns = {}
    for name in table.columns:
        values = table[name]
        columns[str(name)] = _column(table, str(name), values.to_numpy())
    return columns


def _column(table: pandas.DataFrame, name: str, values: npt.NDArray[Any]) -> Column:
    if values.dtype.kind in "biu":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    return Names(*codes(table, name))
