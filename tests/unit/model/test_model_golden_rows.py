"""Golden rows: which rows are selected, and how they are recorded."""

import numpy as np

from components.core.artifacts import ModelColumn
from components.model.examples import golden_inputs, make_golden, select_golden_rows


def test_golden_rows_hold_every_missing_and_unseen_value():
    columns = [ModelColumn(name=f"x{i}", source=f"x{i}", kind="number") for i in range(30)]
    columns += [
        ModelColumn(name="c", source="c", kind="category"),
        ModelColumn(name="t", source="t", kind="timestamp"),
    ]
    inputs = {c.name: np.arange(200, dtype=np.float32) for c in columns[:30]}
    inputs |= {"c": np.array(["w"] * 200, object), "t": np.arange(200)}
    rows = select_golden_rows(inputs, np.linspace(0.9, 0.1, 200), columns)
    made = make_golden(rows, np.linspace(0, 1, 64))
    assert {len(values) for values in made.columns.values()} == {64}
    assert all(made.columns[c.name].count(None) >= 1 for c in columns[:31])
    assert "never seen in training" in made.columns["c"]
    assert made.columns["t"][0] == 199
    assert made.columns["t"][-1] == 0
    assert np.isfinite(inputs["x0"]).all()


def test_fewer_rows_than_golden_ones():
    columns = [ModelColumn(name="x", source="x", kind="number")]
    rows = select_golden_rows({"x": np.array([1, 2], np.float32)}, np.array([0.5, 0.1]), columns)
    assert make_golden(rows, np.array([0.1, 0.5])).columns["x"] == (None, 1.0)


def test_recorded_rows_are_read_as_a_model_takes_them():
    columns = [
        ModelColumn(name="x", source="x", kind="number"),
        ModelColumn(name="c", source="c", kind="category"),
        ModelColumn(name="t", source="t", kind="timestamp"),
    ]
    rows = {
        "x": np.array([1.5, np.nan], np.float32),
        "c": np.array(["a", ""], object),
        "t": np.array([0, 1], np.int64),
    }
    read = golden_inputs(make_golden(rows, np.array([0.1, 0.5])), columns)
    for name, values in rows.items():
        assert read[name].dtype == values.dtype
        np.testing.assert_array_equal(read[name], values)
