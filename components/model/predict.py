"""Predicting with a SavedModel over an examples table, whatever made the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import ModelColumn
from components.core.errors import InputError

SIGNATURE = "serving_default"
_BATCH_ROWS = 16_384


def inputs_of(table: pa.Table, columns: Sequence[ModelColumn]) -> dict[str, np.ndarray]:
    """The signature's inputs for the rows of a table.

    Args:
        table: Examples, or rows of the prediction log: raw columns typed as in the examples.
        columns: The model's raw columns.

    Returns:
        Column name to an array [rows]: float32 with NaN where a number is missing, object of str
        with ``""`` where a category is missing, int64 seconds since 1970 UTC for a timestamp.

    Raises:
        InputError: A column is not in the table, or a timestamp is missing.
    """
    return {c.name: _array(_column(table, c.name), c) for c in columns}


class SavedModelPredictor:
    """A SavedModel that answers for whole tables.

    Args:
        path: The folder with ``saved_model.pb``.
        batch_rows: Rows in one call; more are cut, so memory does not grow with the table.
    """

    def __init__(self, path: Path, batch_rows: int = _BATCH_ROWS) -> None:
        import tensorflow as tf

        self._tensorflow = tf
        self._batch_rows = batch_rows
        self._model = tf.saved_model.load(str(path))  # kept: it owns the variables
        self._predict = self._model.signatures[SIGNATURE]

    @property
    def model(self) -> Any:
        """The loaded SavedModel, with its variables."""
        return self._model

    def probability(self, table: pa.Table, columns: Sequence[ModelColumn]) -> np.ndarray:
        """The probability of the positive class of every row, float64 [rows]."""
        return self.probability_of(inputs_of(table, columns))

    def probability_of(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The same for inputs as `inputs_of` makes them, float64 [rows]."""
        rows = len(next(iter(inputs.values())))
        parts = [self._part(inputs, at) for at in range(0, rows, self._batch_rows)]
        return np.concatenate(parts).astype(np.float64) if parts else np.empty(0)

    def _part(self, inputs: Mapping[str, np.ndarray], at: int) -> np.ndarray:
        constant = self._tensorflow.constant
        batch = {n: constant(v[at : at + self._batch_rows]) for n, v in inputs.items()}
        probability: np.ndarray = self._predict(**batch)["probability"].numpy()
        return probability


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise InputError(f"column {name}", table.column_names, "a table with every model column")
    return table.column(name)


def _array(values: pa.ChunkedArray, column: ModelColumn) -> Any:
    if column.kind == "number":
        return pc.fill_null(values.cast(pa.float32(), safe=False), float("nan")).to_numpy()
    if column.kind == "category":
        return _strings(values)
    if values.null_count:
        raise InputError(f"column {column.name}", "a missing timestamp", "an instant in every row")
    return _seconds(values)


def _strings(values: pa.ChunkedArray) -> np.ndarray:
    """By way of a dictionary: one Python string a distinct value, not one a row."""
    encoded = pc.fill_null(values.cast(pa.string()), "").combine_chunks().dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist(), dtype=object)
    return words[encoded.indices.to_numpy()] if len(words) else np.empty(0, dtype=object)


def _seconds(values: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values.cast(pa.timestamp("us", "UTC")), unit="second")
        values = values.cast(pa.timestamp("s", "UTC"))
    seconds: np.ndarray = values.cast(pa.int64()).to_numpy()
    return seconds
