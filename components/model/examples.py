"""Rows of the examples: the tables of a split, labelled rows, what a model takes, golden rows.

Golden rows are varied rows whose predictions every later copy of the model must reproduce.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.core.artifacts import Golden, ModelColumn, SplitName, example_files
from components.core.errors import InputError
from components.core.spec import Spec

Inputs = Mapping[str, np.ndarray]
"""Raw column to array [n], as a model's signature takes it."""

_MAX_GOLDEN_ROWS = 64
_MAX_ALTERED = 24
_GOLDEN_TOLERANCE = 1e-5  # float32 sums differ by the number of rows in a call
_UNSEEN = "never seen in training"
_GOLDEN_TYPES = {"number": pa.float64(), "category": pa.string(), "timestamp": pa.int64()}


@dataclass(frozen=True)
class LabelledRows:
    """Rows whose label is known: label float64 [n], event time datetime64[us] [n], UTC."""

    rows: pa.Table
    label: NDArray[np.float64]
    event_time: NDArray[np.datetime64]

    @classmethod
    def of(cls, tables: Sequence[pa.Table], spec: Spec) -> "LabelledRows":
        """Keeps the rows that have a label; without tables there are none."""
        if not tables:
            return cls(pa.table({}), np.empty(0), np.empty(0, dtype="datetime64[us]"))
        rows = pa.concat_tables(tables)
        rows = rows.filter(pc.is_valid(rows.column(spec.label.name)))
        label = rows.column(spec.label.name).cast(pa.float64()).to_numpy()
        return cls(rows, label, event_times(rows, spec))


def read_newest_labelled(
    examples: Path, spec: Spec, period: timedelta, min_rows: int
) -> LabelledRows:
    """Labelled training rows that reach back a period and are at least `min_rows`, if available."""
    found = LabelledRows.of([], spec)
    tables: list[pa.Table] = []
    for file in reversed(example_files(examples, SplitName.TRAIN)):
        tables = [*read_tables([file]), *tables]
        found = LabelledRows.of(tables, spec)
        if len(found.label) >= min_rows and np.ptp(found.event_time) >= np.timedelta64(period):
            break
    return found


def read_tables(files: Iterable[Path], columns: Sequence[str] | None = None) -> list[pa.Table]:
    """Reads examples; all columns if none are named."""
    # Without `partitioning` an '=' in a folder's name would add a column.
    return [pq.read_table(file, columns=columns, partitioning=None) for file in files]


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


def select_golden_rows(
    inputs: Inputs, probability: np.ndarray, columns: Sequence[ModelColumn]
) -> dict[str, np.ndarray]:
    """Selects at most 64 rows from the least to the most probable, and alters some of them.

    Each number and category is missing in one row, and each category is an unseen word in one.
    The probability is float64 [n].
    """
    order = np.argsort(probability, kind="stable")
    chosen = np.linspace(0, len(order) - 1, min(_MAX_GOLDEN_ROWS, len(order))).round().astype(int)
    rows = {name: np.copy(values[order[chosen]]) for name, values in inputs.items()}
    altered = range(0, len(chosen), max(1, len(chosen) // _MAX_ALTERED))
    categories = [c.name for c in columns if c.kind == "category"]
    numbers = [c.name for c in columns if c.kind == "number"]
    alterations: list[tuple[str, float | str]] = [
        *((name, _UNSEEN) for name in categories),
        *((name, float("nan")) for name in numbers),
        *((name, "") for name in categories),
    ]
    for turn, (name, value) in enumerate(alterations):
        rows[name][altered[turn % len(altered)]] = value
    return rows


def make_golden(rows: Inputs, probability: np.ndarray) -> Golden:
    """The record of golden rows [n] and their probabilities [n]; what is missing is None."""
    columns = {
        name: tuple(None if v == "" or v != v else v for v in values.tolist())
        for name, values in rows.items()
    }
    answers = tuple(float(p) for p in probability)
    return Golden(columns=columns, probability=answers, tolerance=_GOLDEN_TOLERANCE)


def golden_inputs(golden: Golden, columns: Sequence[ModelColumn]) -> dict[str, np.ndarray]:
    """The recorded rows as a model takes them."""
    cells = {c.name: pa.array(golden.columns[c.name], _GOLDEN_TYPES[c.kind]) for c in columns}
    return inputs_of(pa.table(cells), columns)


def _array(values: pa.ChunkedArray, column: ModelColumn) -> Any:
    if column.kind == "number":
        return pc.fill_null(values.cast(pa.float32(), safe=False), float("nan")).to_numpy()
    if column.kind == "category":
        # Through a dictionary: one Python string per distinct value, not one per row.
        coded = pc.fill_null(values.cast(pa.string()), "").combine_chunks().dictionary_encode()
        words = np.array(coded.dictionary.to_pylist(), dtype=object)
        return words[coded.indices.to_numpy()] if len(words) else np.empty(0, dtype=object)
    if values.null_count:
        raise InputError(f"column {column.name}", "a missing timestamp", "an instant in every row")
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values.cast(pa.timestamp("us", "UTC")), unit="second")
        values = values.cast(pa.timestamp("s", "UTC"))
    return values.cast(pa.int64()).to_numpy()
