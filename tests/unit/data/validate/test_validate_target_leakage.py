"""Columns that alone tell the answer."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from validate_factories import START

from components.core.artifacts import ModelColumn
from components.core.tasks import task_of
from components.core.verdict import Severity
from components.data.validate.column_checks import (
    bin_codes,
    category_codes,
    check_target_leakage,
    rates_elsewhere,
)


def test_rates_are_learned_elsewhere():
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
def test_a_column_that_tells_the_label_is_found(kind, values, severity):
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


def test_the_telling_power_is_the_tasks_own_auc():
    rows = leaky(lambda y, r: y + r.normal(0, 1, len(y)))
    columns = [ModelColumn(name="x", source="x", kind="number")]
    (best,) = check_target_leakage(rows, columns, "returned", "at", "binary")
    auc = task_of("binary").metrics["auc"](rows["returned"].to_numpy(), rows["x"].to_numpy())
    assert best.measured == pytest.approx(auc, abs=0.01)
