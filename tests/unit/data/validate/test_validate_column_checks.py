"""Columns that alone tell the label, and holdouts against the training rows, by hand."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from validate_factories import START

from components.core.artifacts import ModelColumn, SplitName
from components.core.tasks import task_of
from components.core.verdict import Severity
from components.data.schema.statistics import divergence
from components.data.validate.column_checks import (
    bin_codes,
    category_codes,
    check_skew,
    check_target_leakage,
    rates_elsewhere,
)


def test_rates_are_learned_on_the_other_folds():
    # One value everywhere; the first of five parts has all the positive rows.
    answer = np.repeat([1.0, 0, 0, 0, 0], 20)
    rates = rates_elsewhere(np.zeros(100, np.int64), answer)
    assert rates[:20].tolist() == [0.0] * 20
    # 20 of 80 elsewhere, drawn towards their own mean: the same quarter.
    assert rates[20:].tolist() == pytest.approx([0.25] * 80)


def test_bins_and_codes_keep_missing_apart():
    assert category_codes(pa.chunked_array([["a", None, "b", "a"]])).tolist() == [0, 1, 2, 0]
    codes = bin_codes(np.array([1.0, np.nan, 2.0, 3.0]))
    assert len({*codes.tolist()}) == 4
    assert codes[0] < codes[2] < codes[3] < codes[1]
    assert bin_codes(np.array([np.nan, np.nan])).tolist() == [0, 0]


def leaky(values):
    """Training rows whose column x is made from the label; at most 4,000."""
    random = np.random.default_rng(9)
    label = (random.random(4000) < 0.3).astype(np.int8)
    at = pa.array([START + i * dt.timedelta(minutes=1) for i in range(4000)])
    x = pa.array(values(label, random), from_pandas=True)
    return pa.table({"at": at, "x": x, "returned": label})


@pytest.mark.parametrize(
    ("kind", "values", "severity"),
    [
        ("number", lambda y, r: y + r.normal(0, 0.2, len(y)), Severity.FAIL),
        ("number", lambda y, r: -y + r.normal(0, 0.2, len(y)), Severity.FAIL),
        ("number", lambda y, r: y + r.normal(0, 0.5, len(y)), Severity.WARN),
        ("number", lambda y, r: y + r.normal(0, 2, len(y)), None),
        ("number", lambda y, r: np.where(y == 1, np.nan, r.random(len(y))), Severity.FAIL),
        ("number", lambda y, r: y * r.choice([-9, 9], len(y)) + r.random(len(y)), Severity.FAIL),
        ("category", lambda y, r: np.where(y == 1, "yes", "no"), Severity.FAIL),
        ("category", lambda y, r: r.choice([*"abc"], len(y)), None),
        ("category", lambda y, r: [f"id{i}" for i in range(len(y))], None),
    ],
)
def test_a_leaking_column_is_found(kind, values, severity):
    columns = [ModelColumn(name="x", source="x", kind=kind)]
    found = check_target_leakage(leaky(values), columns, "returned", "at", "binary")
    told = [f.severity for f in found if f.subject == "x"]
    assert told == ([] if severity is None else [severity])


def test_an_instant_is_judged_by_its_distance_from_the_event():
    rows = leaky(lambda y, r: y * 1.0)
    hours = rows["returned"].to_numpy() * 3_600_000_000
    ended = pa.array(rows["at"].cast(pa.int64()).to_numpy() + hours, pa.timestamp("us", "UTC"))
    columns = [
        ModelColumn(name="ended", source="ended", kind="timestamp"),
        ModelColumn(name="at", source="at", kind="timestamp"),
    ]
    found = check_target_leakage(
        rows.append_column("ended", ended), columns, "returned", "at", "binary"
    )
    assert {f.subject for f in found if f.severity is Severity.FAIL} == {"ended"}


def test_leakage_is_measured_by_the_tasks_auc():
    rows = leaky(lambda y, r: y + r.normal(0, 1, len(y)))
    columns = [ModelColumn(name="x", source="x", kind="number")]
    (best,) = check_target_leakage(rows, columns, "returned", "at", "binary")
    auc = task_of("binary").metrics["auc"](rows["returned"].to_numpy(), rows["x"].to_numpy())
    assert best.measured == pytest.approx(auc, abs=0.01)


# ---- test_validate_skew: Holdouts against the training rows, by numbers worked out by hand.


@pytest.mark.parametrize(
    ("one", "other", "bits"),
    [([1, 0], [1, 0], 0), ([1, 0], [0, 1], 1), ([0.5, 0.5], [1, 0], 0.311278)],
)
def test_divergence_is_in_bits(one, other, bits):
    assert divergence(np.array(one, float), np.array(other, float)) == pytest.approx(bits, abs=1e-6)


def table(**columns):
    return pa.table(columns)


def test_skew_warns_and_disjoint_columns_fail():
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
