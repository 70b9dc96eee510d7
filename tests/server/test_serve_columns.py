from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from components.core.artifacts import ModelCard, ModelColumn
from components.model.serve.columns import Contract, Given
from components.model.serve.refusal import Refusal

CONTRACT = Contract(
    kinds={"a": "number", "c": "category", "b": "number", "t": "timestamp"},
    carried={"id": "key", "seen": "timestamp"},
    key=("c", "id"),
    most_rows=3,
)


def given(**change):
    cells = {"a": [1, None], "b": [2.5, True], "c": ["x", None], "t": [0, "1970-01-01T00:01Z"]}
    return {name: Given(column) for name, column in (cells | change).items()}


def test_columns_are_arrays_in_the_models_order():
    columns = CONTRACT.read(given(id=[7, 8], seen=["1970-01-01T00:00:00.5Z", None]), 2)
    np.testing.assert_array_equal(columns.numbers, [[1, np.nan], [2.5, 1]])
    assert columns.categories.tolist() == [["x", ""]]
    assert columns.instants.tolist() == [[0, 60_000_000]]
    assert columns.carried["id"].equals(pa.array([7, 8]))
    half = datetime(1970, 1, 1, 0, 0, 0, 500_000, UTC)
    assert columns.carried["seen"].to_pylist() == [half, None]


def test_a_contract_is_read_from_the_card():
    card = ModelCard(
        name="m", version="1", method="trained", task="binary", label="y", threshold=0.5,
        columns=(ModelColumn(name="a", source="a", kind="number"),
                 ModelColumn(name="c", source="c", kind="category")),
        key=("c", "id", "seen"), event_time="seen", as_of="", run="", digests={}, metrics={},
        rows=1,
    )  # fmt: skip
    contract = Contract.of(card, 5)
    assert contract.kinds == {"a": "number", "c": "category"}
    assert contract.carried == {"id": "key", "seen": "timestamp"}


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
    assert CONTRACT.read(given(id=cells), 2).carried["id"].equals(typed)


@pytest.mark.parametrize(
    ("cells", "lacking"),
    [({}, 2), ({"id": [1, 2]}, 1), ({"id": [None, 2]}, 2), ({"id": [1, 2], "c": ["x", "y"]}, 0)],
)
def test_rows_without_key(cells, lacking):
    assert CONTRACT.rows_without_key(CONTRACT.read(given(**cells), 2)) == lacking


INSTANTS = {
    "2013-07-01T06:30:00Z": 1372660200,
    "2013-07-01T06:30:00": 1372660200,
    "2013-07-01T06:30": 1372660200,
    "2013-07-01 06:30:00+00:00": 1372660200,
    "2013-07-01T02:30:00-04:00": 1372660200,
    "2013-07-01": 1372636800,
    "0001-01-01T00:00:00Z": -62135596800,
    "9999-12-31T23:59:59Z": 253402300799,
}


@pytest.mark.parametrize("text", INSTANTS)
def test_instants_alone_and_among_others(text):
    seconds = INSTANTS[text]
    for cells in ([text, text], [text, 0], [seconds, seconds]):
        columns = CONTRACT.read(given(t=cells), 2)
        assert columns.instants[0, 0] == seconds * 1_000_000


@pytest.mark.parametrize(
    "cell", ["", "x", "2013-13-01", "20130701", 253402300800, -(10**30), "0001-01-01T00:00+01:00"]
)
def test_no_instants(cell):
    with pytest.raises(Refusal, match="column t, row 1"):
        CONTRACT.read(given(t=[0, cell]), 2)


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
    columns = given() | {"a": Given(cells, datatype)}
    if accepted:
        assert CONTRACT.read(columns, 2).numbers.shape == (2, 2)
    else:
        with pytest.raises(Refusal, match="column a"):
            CONTRACT.read(columns, 2)


def test_a_long_name_and_a_long_cell_are_cut():
    with pytest.raises(Refusal) as refused:
        CONTRACT.read(given(**{"n" * 10**6: [1, 2]}), 2)
    assert len(str(refused.value)) < 400
    with pytest.raises(Refusal) as refused:
        CONTRACT.read(given(a=["x" * 10**6, 2]), 2)
    assert len(str(refused.value)) < 400
