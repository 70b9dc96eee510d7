"""Rows of the examples: splits read as tables, labelled rows, and the arrays that a model takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.core.artifacts import ModelColumn, SplitName, example_files
from components.core.errors import InputError
from components.core.spec import Spec
from components.core.tasks import blocks_of


@dataclass(frozen=True)
class LabelledRows:
    """Rows whose label is known.

    Attributes:
        rows: The columns of the examples.
        label: float64 [n].
        event_time: datetime64[us] [n], UTC.
    """

    rows: pa.Table
    label: NDArray[np.float64]
    event_time: NDArray[np.datetime64]

    @classmethod
    def of(cls, tables: Sequence[pa.Table], spec: Spec) -> "LabelledRows":
        """Keeps the rows that have a label."""
        if not tables:
            return cls(pa.table({}), np.empty(0), np.empty(0, dtype="datetime64[us]"))
        rows = pa.concat_tables(tables)
        rows = rows.filter(pc.is_valid(rows.column(spec.label.name)))
        label = rows.column(spec.label.name).cast(pa.float64()).to_numpy()
        return cls(rows, label, event_times(rows, spec))

    def blocks(self, block: str) -> NDArray[np.int64]:
        """int64 [n], the same number for rows of one hour, day or week."""
        return blocks_of(self.event_time, block)


def read_labelled(examples: Path, split: SplitName, spec: Spec) -> LabelledRows:
    """The labelled rows of a split; empty if it has no file."""
    return LabelledRows.of(read_split(examples, split), spec)


def read_newest_labelled(
    examples: Path, spec: Spec, period: timedelta, min_rows: int
) -> LabelledRows:
    """Labelled training rows that reach back a period and are at least `min_rows`, if available."""
    found = LabelledRows.of([], spec)
    tables: list[pa.Table] = []
    for file in reversed(example_files(examples, SplitName.TRAIN)):
        tables.insert(0, _read(file))
        found = LabelledRows.of(tables, spec)
        if len(found.label) >= min_rows and np.ptp(found.event_time) >= np.timedelta64(period):
            break
    return found


def read_split(
    examples: Path, split: SplitName, columns: Sequence[str] | None = None
) -> list[pa.Table]:
    """The tables of a split, oldest span first; all columns if none are named."""
    return [_read(file, columns) for file in example_files(examples, split)]


def event_times(rows: pa.Table, spec: Spec) -> NDArray[np.datetime64]:
    """When each row happened, datetime64[us] [n], UTC."""
    column = rows.column(spec.data.primary.event_time)
    times: NDArray[np.datetime64] = column.cast(pa.timestamp("us")).to_numpy()
    return times


def inputs_of(table: pa.Table, columns: Sequence[ModelColumn]) -> dict[str, np.ndarray]:
    """The signature's inputs for rows of the examples, or of the prediction log.

    Returns:
        Column name to an array [rows]: float32 with NaN where a number is missing, object of str
        with ``""`` where a category is missing, int64 seconds since 1970 UTC for a timestamp.

    Raises:
        InputError: A column is not in the table, or a timestamp is missing.
    """
    for column in columns:
        if column.name not in table.column_names:
            accepted = "a table with every model column"
            raise InputError(f"column {column.name}", table.column_names, accepted)
    return {c.name: _array(table.column(c.name), c) for c in columns}


def _read(file: Path, columns: Sequence[str] | None = None) -> pa.Table:
    # Without `partitioning` an '=' in a folder's name would add a column.
    return pq.read_table(file, columns=columns, partitioning=None)


def _array(values: pa.ChunkedArray, column: ModelColumn) -> Any:
    if column.kind == "number":
        return pc.fill_null(values.cast(pa.float32(), safe=False), float("nan")).to_numpy()
    if column.kind == "category":
        return _strings(values)
    if values.null_count:
        raise InputError(f"column {column.name}", "a missing timestamp", "an instant in every row")
    return _seconds(values)


def _strings(values: pa.ChunkedArray) -> np.ndarray:
    """Goes through a dictionary: one Python string per distinct value, not one per row."""
    encoded = pc.fill_null(values.cast(pa.string()), "").combine_chunks().dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist(), dtype=object)
    return words[encoded.indices.to_numpy()] if len(words) else np.empty(0, dtype=object)


def _seconds(values: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values.cast(pa.timestamp("us", "UTC")), unit="second")
        values = values.cast(pa.timestamp("s", "UTC"))
    seconds: np.ndarray = values.cast(pa.int64()).to_numpy()
    return seconds
