"""From an examples table to the arrays of a signature."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.model.examples import inputs_of


def _column(name, kind):
    return ModelColumn(name=name, source=name, kind=kind)


def test_numbers_become_float32_with_nan_for_missing():
    table = pa.table({"x": pa.array([1.5, None, -2.0], pa.float64())})
    values = inputs_of(table, [_column("x", "number")])["x"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array([1.5, np.nan, -2.0], np.float32))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None, "", "b", "a"], pa.string()),
        pa.array(["a", None, "", "b", "a"], pa.string()).dictionary_encode(),
        pa.chunked_array([["a", None], [], ["", "b", "a"]], pa.string()),
    ],
)
def test_categories_become_strings_with_empty_for_missing(values):
    inputs = inputs_of(pa.table({"c": values}), [_column("c", "category")])
    assert inputs["c"].dtype == object
    assert inputs["c"].tolist() == ["a", "", "", "b", "a"]


def test_an_all_missing_category_is_all_empty():
    table = pa.table({"c": pa.array([None, None], pa.string())})
    assert inputs_of(table, [_column("c", "category")])["c"].tolist() == ["", ""]


def test_timestamps_become_whole_seconds_rounded_down():
    instants = [
        datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
        datetime(2013, 7, 1, 5, tzinfo=UTC),
    ]
    table = pa.table({"t": pa.array(instants, pa.timestamp("us", "UTC"))})
    values = inputs_of(table, [_column("t", "timestamp")])["t"]
    assert values.dtype == np.int64
    assert values.tolist() == [-1, 1_372_654_800]


def test_no_rows_give_empty_arrays():
    table = pa.table({"x": pa.array([], pa.float64()), "c": pa.array([], pa.string())})
    inputs = inputs_of(table, [_column("x", "number"), _column("c", "category")])
    assert [len(v) for v in inputs.values()] == [0, 0]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match="column y"):
        inputs_of(pa.table({"x": [1.0]}), [_column("y", "number")])


def test_a_missing_timestamp_is_refused():
    table = pa.table({"t": pa.array([None], pa.timestamp("us", "UTC"))})
    with pytest.raises(InputError, match="missing timestamp"):
        inputs_of(table, [_column("t", "timestamp")])
