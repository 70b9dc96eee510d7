"""Curves and calibration bins for drawing."""

import numpy as np
import pytest

from components.core.tasks import task_of

TASK = task_of("binary")


def test_roc_passes_through_the_points_counted_by_hand():
    curve = TASK.curves["roc"]([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    assert curve.x == (0.0, 0.0, 0.5, 0.5, 1.0)
    assert curve.y == (0.0, 0.5, 0.5, 1.0, 1.0)
    assert curve.threshold == (1.0, 0.9, 0.8, 0.7, 0.1)


def test_precision_recall_passes_through_the_points_counted_by_hand():
    curve = TASK.curves["precision_recall"]([1, 1, 0], [0.9, 0.7, 0.8])
    assert curve.x == (0.5, 1.0)
    assert curve.y == pytest.approx((1.0, 2 / 3))


def test_a_thinned_roc_keeps_its_ends_and_its_area():
    random = np.random.default_rng(1)
    probability = random.random(20_000)
    label = random.random(20_000) < probability
    curve = TASK.curves["roc"](label, probability)
    area = np.sum(np.diff(curve.x) * (np.array(curve.y)[1:] + np.array(curve.y)[:-1]) / 2)
    assert len(curve.x) <= 120
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert area == pytest.approx(TASK.metrics["auc"](label, probability), abs=1e-3)
    assert all(np.isfinite(curve.threshold))


@pytest.mark.parametrize("name", ["roc", "precision_recall"])
@pytest.mark.parametrize(
    ("label", "probability"), [([], []), ([0, 0], [0.1, 0.2]), ([0, 1], [0.1, float("nan")])]
)
def test_a_curve_that_is_not_defined_is_none(name, label, probability):
    assert TASK.curves[name](label, probability) is None


def test_roc_without_negatives_is_none():
    assert TASK.curves["roc"]([1, 1], [0.1, 0.2]) is None


def test_bins_hold_equal_shares_of_the_rows():
    bins = TASK.calibration([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8], 2)
    assert bins.rows == (3, 3)
    assert bins.mean == pytest.approx((0.2, 0.7))
    assert bins.rate == pytest.approx((1 / 3, 2 / 3))


@pytest.mark.parametrize(
    ("rows", "bins"),  # of the probabilities 0.1, 0.2 and 0.3; three rows are a bin of two
    [
        ((1, 3, 2), ((1, 3), (2,))),  # the middle of 0.2 is at 2.5 of 6, its end at 4
        ((2, 3, 1), ((2,), (3, 1))),  # the middle of 0.2 is at 3.5 of 6, its start at 2
        ((2, 2, 2), ((2,), (2, 2))),  # the middle of 0.2 is the edge of the second bin
    ],
)
def test_a_probability_lies_in_the_bin_of_its_middle_row(rows, bins):
    probability = np.repeat([0.1, 0.2, 0.3], rows)

    found = TASK.calibration(np.zeros(6), probability, 2)

    assert found.rows == tuple(sum(parts) for parts in bins)
    first, second = probability[: found.rows[0]], probability[found.rows[0] :]
    assert found.mean == pytest.approx((first.mean(), second.mean()))


def test_from_the_threshold_on_a_row_counts_as_positive():
    below, above = np.nextafter(0.3, 0), np.nextafter(0.3, 1)

    matrix = TASK.confusion([1, 1, 1, 0, 0, 0], [below, 0.3, above, below, 0.3, above], 0.3)

    assert matrix == ((1, 2), (1, 2))


def test_a_constant_prediction_is_one_bin():
    bins = TASK.calibration([0, 1, 0, 1], [0.3] * 4, 10)
    assert bins.rows == (4,)
    assert bins.mean == pytest.approx((0.3,))
    assert bins.rate == pytest.approx((0.5,))


def test_nothing_to_bin_is_none():
    assert TASK.calibration([], [], 10) is None
