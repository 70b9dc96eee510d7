"""Slices by a column's values, counted by hand."""

import numpy as np
import pyarrow as pa
import pytest

from components.core.errors import InputError
from components.core.spec import Gates, Slice
from components.core.tasks import task_of
from components.model.evaluate.comparison import score_slices
from components.model.examples import LabelledRows

TASK = task_of("binary")
LABEL = np.array([0, 1, 0, 1, 1, 0], float)
PROBABILITY = np.array([0.1, 0.9, 0.8, 0.2, 0.5, 0.5])


def scores(column, rows=2, by="c", label=LABEL, probability=PROBABILITY):
    gates = Gates(slices=[Slice(by=by, floors={"auc": 0.5}, min_rows=rows)])
    times = np.zeros(len(label), "datetime64[us]")
    labelled = LabelledRows(pa.table({"c": column}), label, times)
    return score_slices(TASK, gates, {"recent": labelled}, {"recent": probability})


def test_each_value_is_a_slice_the_largest_first():
    found = scores(["a", "a", "b", "b", "b", None])
    assert [(s.value, s.rows, s.is_judged) for s in found] == [
        ("b", 3, True),
        ("a", 2, True),
        ("(missing)", 1, False),
    ]
    # b: .8(0) .2(1) .5(1): no positive above the negative; a: perfect; one row: not defined.
    assert [s.metrics["auc"] for s in found] == [0.0, 1.0, None]
    assert {s.holdout for s in found} == {"recent"}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1999.0] * 3 + [2000.0] * 3), ["1999", "2000"]),
        (pa.array([0.5] * 3 + [1.0] * 3), ["0.5", "1"]),
        (pa.array([1] * 3 + [2] * 3), ["1", "2"]),
        (pa.array(["b"] * 3 + ["a"] * 3), ["a", "b"]),
        (pa.chunked_array([["a"] * 3, ["b"] * 2, ["a"]]), ["a", "b"]),
    ],
)
def test_slices_are_named_by_their_values(column, values):
    assert [s.value for s in scores(column)] == values


def test_a_column_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(InputError, match=r"gates.slices: by: d.*accepted: c"):
        scores(["a"] * 6, by="d")


def test_too_many_values_make_no_slices():
    label, probability = np.arange(3_000) % 2, np.linspace(0, 1, 3_000)
    with pytest.raises(InputError, match="3000 values"):
        scores(np.arange(3_000), label=label, probability=probability)
