"""Columns as Parquet files, written in batches and without pandas.

pyarrow imports pandas as soon as it is given a list or a numpy array to convert, so arrays go in
as the buffers they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poolsim.recording.frames import Column, Columns, Names

if TYPE_CHECKING:
    import pyarrow


def write_parquet(path: Path, batches: Iterable[Columns]) -> None:
    """One file of all batches, which have the same columns. No batch: no file."""
    import pyarrow
    import pyarrow.parquet

    writer = None
    try:
        for columns in batches:
            arrays = [_array(column) for column in columns.values()]
            batch = pyarrow.RecordBatch.from_arrays(arrays, names=list(columns))
            if writer is None:
                writer = pyarrow.parquet.ParquetWriter(path, batch.schema)
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()


def _array(column: Column) -> pyarrow.Array:
    import pyarrow

    if isinstance(column, Names):
        return _strings(column)
    values = np.ascontiguousarray(column)
    types = {"int64": pyarrow.int64(), "float64": pyarrow.float64()}
    buffers = [None, pyarrow.py_buffer(values)]
    return pyarrow.Array.from_buffers(types[values.dtype.name], len(values), buffers)


def _strings(column: Names) -> pyarrow.Array:
    import pyarrow

    encoded = [name.encode() for name in column.names]
    lengths = np.array([len(name) for name in encoded])[column.codes]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    text = b"".join([encoded[code] for code in column.codes.tolist()])
    buffers = pyarrow.py_buffer(offsets), pyarrow.py_buffer(text)
    return pyarrow.StringArray.from_buffers(len(column.codes), *buffers)
