"""Holdouts against the training rows, by numbers worked out by hand."""

import numpy as np
import pyarrow as pa
import pytest

from components.core.artifacts import ModelColumn, SplitName
from components.core.verdict import Severity
from components.data.schema.divergence import divergence
from components.data.validate.column_checks import check_skew


@pytest.mark.parametrize(
    ("one", "other", "bits"),
    [([1, 0], [1, 0], 0), ([1, 0], [0, 1], 1), ([0.5, 0.5], [1, 0], 0.311278)],
)
def test_divergence_is_in_bits(one, other, bits):
    assert divergence(np.array(one, float), np.array(other, float)) == pytest.approx(bits, abs=1e-6)


def table(**columns):
    return pa.table(columns)


def test_skew_warns_and_what_has_nothing_in_common_fails():
    kinds = {"place": "category", "x": "number", "y": "number"}
    columns = [ModelColumn(name=n, source=n, kind=k) for n, k in kinds.items()]
    x = np.arange(1000.0)
    train = table(place=[*"aabb"] * 250, x=x, y=x)
    recent = table(place=[*"abbb"] * 250, x=x + 5000, y=x)
    found = check_skew({SplitName.TRAIN: train, SplitName.RECENT: recent}, columns)
    said = {f.subject: (f.severity, f.measured) for f in found}
    assert said["place in recent"] == (Severity.WARN, 0.25)
    # All is above the last of ten bins, which holds a tenth of the training rows.
    assert said["x in recent"][0] is Severity.WARN
    assert "y in recent" not in said
    gone = table(place=[None] * 1000, x=pa.array([None] * 1000, pa.float64()), y=x)
    gone = gone.set_column(0, "place", pa.array([None] * 1000, pa.string()))
    found = check_skew({SplitName.TRAIN: train, SplitName.RECENT: gone}, columns)
    assert {f.subject for f in found if f.severity is Severity.FAIL} == {
        "place in recent",
        "x in recent",
    }
