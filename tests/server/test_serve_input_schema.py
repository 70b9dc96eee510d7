from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from components.core.artifacts import ModelCard, ModelColumn
from components.model.serve.input_schema import InputSchema, RawColumn
from components.model.serve.parsers import InvalidInput

SCHEMA = InputSchema(
    kinds={"a": "number", "c": "category", "b": "number", "t": "timestamp"},
    passthrough={"id": "key", "seen": "timestamp"},
    key=("c", "id"),
    max_rows=3,
)


def given(**change):
    cells = {"a": [1, None], "b": [2.5, True], "c": ["x", None], "t": [0, "1970-01-01T00:01Z"]}
    return {name: RawColumn(column) for name, column in (cells | change).items()}


def test_columns_are_arrays_in_the_models_order():
    columns = SCHEMA.parse(given(id=[7, 8], seen=["1970-01-01T00:00:00.5Z", None]), 2)
    np.testing.assert_array_equal(columns.numbers, [[1, np.nan], [2.5, 1]])
    assert columns.categories.tolist() == [["x", ""]]
    assert columns.timestamps.tolist() == [[0, 60_000_000]]
    assert columns.passthrough["id"].equals(pa.array([7, 8]))
    half = datetime(1970, 1, 1, 0, 0, 0, 500_000, UTC)
    assert columns.passthrough["seen"].to_pylist() == [half, None]


def test_the_schema_comes_from_the_model_card():
    card = ModelCard(
        name="m", version="1", method="trained", task="binary", label="y", threshold=0.5,
        columns=(ModelColumn(name="a", source="a", kind="number"),
                 ModelColumn(name="c", source="c", kind="category")),
        key=("c", "id", "seen"), event_time="seen", as_of="2013-07-01", run="", digests={},
        metrics={}, rows=1,
    )  # fmt: skip
    schema = InputSchema.from_card(card, 5)
    assert schema.kinds == {"a": "number", "c": "category"}
    assert schema.passthrough == {"id": "key", "seen": "timestamp"}


@pytest.mark.parametrize(
    ("cells", "typed"),
    [
        ([1, 2], pa.array([1, 2])),
        ([1, None], pa.array([1, None])),
        (["a", "b"], pa.array(["a", "b"])),
        ([1, "b"], pa.array(["1", "b"])),
        (["b", 1], pa.array(["b", "1"])),
        ([2**70, 1], pa.array([str(2**70), "1"])),
    ],
)
def test_key_columns_keep_their_type(cells, typed):
    assert SCHEMA.parse(given(id=cells), 2).passthrough["id"].equals(typed)


@pytest.mark.parametrize(
    ("cells", "lacking"),
    [({}, 2), ({"id": [1, 2]}, 1), ({"id": [None, 2]}, 2), ({"id": [1, 2], "c": ["x", "y"]}, 0)],
)
def test_rows_without_key(cells, lacking):
    assert SCHEMA.rows_without_key(SCHEMA.parse(given(**cells), 2)) == lacking


TIMESTAMPS = {
    "2013-07-01T06:30:00Z": 1372660200,
    "2013-07-01T06:30:00": 1372660200,
    "2013-07-01T06:30": 1372660200,
    "2013-07-01 06:30:00+00:00": 1372660200,
    "2013-07-01T02:30:00-04:00": 1372660200,
    "2013-07-01": 1372636800,
    "0001-01-01T00:00:00Z": -62135596800,
    "9999-12-31T23:59:59Z": 253402300799,
}


@pytest.mark.parametrize("text", TIMESTAMPS)
def test_timestamps_alone_and_among_others(text):
    seconds = TIMESTAMPS[text]
    for cells in ([text, text], [text, 0], [seconds, seconds]):
        columns = SCHEMA.parse(given(t=cells), 2)
        assert columns.timestamps[0, 0] == seconds * 1_000_000


@pytest.mark.parametrize(
    "cell", ["", "x", "2013-13-01", "20130701", 253402300800, -(10**30), "0001-01-01T00:00+01:00"]
)
def test_text_that_is_not_a_timestamp(cell):
    with pytest.raises(InvalidInput, match="column t, row 1"):
        SCHEMA.parse(given(t=[0, cell]), 2)


@pytest.mark.parametrize(
    ("datatype", "cells", "accepted"),
    [
        ("FP16", [1, 2.5], True),
        ("UINT8", [1, 2], True),
        ("INT8", [1, 2.5], False),
        ("FP32", [1, True], False),
        ("BOOL", [True, None], True),
        ("BOOL", [1, 0], False),
        ("BYTES", ["1", "2"], False),
        ("fp32", [1, 2], False),
    ],
)
def test_datatypes_of_a_number(datatype, cells, accepted):
    columns = given() | {"a": RawColumn(cells, datatype)}
    if accepted:
        assert SCHEMA.parse(columns, 2).numbers.shape == (2, 2)
    else:
        with pytest.raises(InvalidInput, match="column a"):
            SCHEMA.parse(columns, 2)


def test_a_long_name_and_a_long_cell_are_cut():
    with pytest.raises(InvalidInput) as caught:
        SCHEMA.parse(given(**{"n" * 10**6: [1, 2]}), 2)
    assert len(str(caught.value)) < 400
    with pytest.raises(InvalidInput) as caught:
        SCHEMA.parse(given(a=["x" * 10**6, 2]), 2)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("datatype", "cells", "texts"),
    [
        (None, [101.0, None], ["101", ""]),
        ("FP64", [float("nan"), 101.0], ["", "101"]),
        ("FP32", [0.10000000149011612, float("nan")], ["0.1", ""]),
        ("FP64", [10**20, 1e20], ["1e+20", "1e+20"]),
        ("INT64", [101, None], ["101", ""]),
        ("BYTES", ["nan", "NA"], ["nan", "NA"]),
    ],
)
def test_categories_are_the_texts_that_the_examples_have(datatype, cells, texts):
    """As the cast of a Parquet column of that type to a category: NaN is missing."""
    columns = SCHEMA.parse(given() | {"c": RawColumn(cells, datatype)}, 2)
    assert columns.categories.tolist() == [texts]


def test_an_empty_key_is_missing():
    columns = SCHEMA.parse(given(id=["", "7"]), 2)
    assert columns.passthrough["id"].to_pylist() == [None, "7"]
    large = SCHEMA.parse(given(id=[2**64 - 1, 7]), 2).passthrough["id"]
    assert large.cast(pa.string()).to_pylist() == [str(2**64 - 1), "7"]
