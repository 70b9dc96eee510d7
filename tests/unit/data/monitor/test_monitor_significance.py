"""What the drift rule promises: few false alarms at any sample size, and real shifts found."""

import numpy as np
import pyarrow as pa
import pytest

from components.core.verdict import Severity
from components.data.monitor.drift import check_column_drift, compare_columns, distributions_of
from components.data.monitor.significance import (
    chi_square_tail,
    day_inflation,
    holm,
    homogeneity,
)
from components.data.schema.statistics import statistics_of
from tests.unit.data.monitor.drift_simulation import rates


@pytest.mark.parametrize(
    ("statistic", "freedom", "tail"),
    [(3.841, 1, 0.05), (5.991, 2, 0.05), (16.919, 9, 0.05), (27.877, 9, 0.001), (0, 3, 1.0)],
)
def test_the_tail_of_a_chi_square_is_that_of_the_tables(statistic, freedom, tail):
    assert chi_square_tail(statistic, freedom) == pytest.approx(tail, rel=1e-2)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == (True, False, False, True)
    assert holm([], 0.05) == ()


def test_homogeneity_by_hand():
    """30 and 20 of 50 against 20 and 30: 4 cells of 5 * 5 / 25, so 4 with one degree."""
    p_value = homogeneity(np.array([0.6, 0.4]), np.array([0.4, 0.6]), (50, 50))
    assert p_value == pytest.approx(chi_square_tail(4, 1))
    assert homogeneity(np.array([1.0, 0.0]), np.array([0.0, 1.0]), (3, 50)) == 1.0


def test_days_that_are_all_alike_or_all_different_inflate_as_they_should():
    day = np.repeat(np.arange(10), 100)
    assert day_inflation(np.tile([0, 1], 500), day) == 1.0
    assert day_inflation((day % 2).astype(np.int64), day) > 50
    assert day_inflation((day[:400] % 2).astype(np.int64), day[:400]) == 1.0


@pytest.mark.parametrize("rows", [3, 20, 50, 200, 1_500, 10_000, 100_000])
def test_an_unchanged_world_has_drift_in_at_most_5_percent_of_checks(rows):
    runs = 200 if rows <= 1_500 else 20 if rows <= 10_000 else 4
    assert rates(rows, runs)[0] <= 0.05


@pytest.mark.parametrize("rows", [200, 1_500, 10_000])
def test_a_real_shift_is_found(rows):
    assert rates(rows, 20, shift=0.3)[0] >= 0.95


def test_three_rows_are_too_few_and_say_so_once():
    random = np.random.default_rng(0)
    tables = [
        pa.table({"town": random.choice(["a", "b", "c"], n), "size": random.random(n)})
        for n in (150, 3)
    ]
    before, now = (distributions_of(statistics_of(table)) for table in tables)
    compared = compare_columns(before, now, ["town", "size"], {})
    (only,) = check_column_drift(compared, "drift", Severity.FAIL)
    assert (only.severity, only.measured, only.limit) == ("info", 3, 50)
    assert "too few rows to compare with the window before" in only.sentence
