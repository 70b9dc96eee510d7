"""Recalibration: known numbers are found again, and what has no sound fit has none."""

from datetime import UTC, datetime

import numpy as np
import pytest

from components.model.evaluate.recalibration import (
    PlattScaling,
    fit_platt_scaling,
    logit,
    newest_rows,
    sigmoid,
)


def drifted(scale, offset, rows=60_000, seed=1):
    """Probabilities of a model, and labels for which it should be scaled and moved."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1, 1.2, rows)
    label = random.random(rows) < sigmoid(scale * odds + offset)
    return sigmoid(odds), label.astype(float)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1.0, -0.9), (0.5, 0.4), (1.8, 1.0)])
def test_a_known_scale_and_offset_are_found_again(scale, offset):
    found = fit_platt_scaling(*drifted(scale, offset))
    assert found.scale == pytest.approx(scale, abs=0.05)
    assert found.offset == pytest.approx(offset, abs=0.05)
    assert found.rows == 60_000


def test_no_neighbour_of_the_fit_is_better():
    probability, label = drifted(0.7, 0.3, rows=3_000)
    found = fit_platt_scaling(probability, label)
    positives, negatives = label.sum(), (1 - label).sum()
    target = np.where(label > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(scale, offset):
        p = sigmoid(scale * logit(probability) + offset)
        return -np.mean(target * np.log(p) + (1 - target) * np.log(1 - p))

    best = loss(found.scale, found.offset)
    for step in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loss(found.scale + step[0], found.offset + step[1]) > best


def test_a_constant_probability_is_only_moved():
    label = np.array([1.0] * 300 + [0.0] * 700)
    found = fit_platt_scaling(np.full(1_000, 0.6), label)
    assert found.apply(np.array([0.6])) == pytest.approx([0.3], abs=0.01)


def test_the_mean_is_put_right():
    probability, label = drifted(1.0, -1.0)
    found = fit_platt_scaling(probability, label)
    assert found.apply(probability).mean() == pytest.approx(label.mean(), abs=1e-3)


def test_separable_rows_do_not_run_away():
    found = fit_platt_scaling(
        np.r_[np.full(50, 0.2), np.full(50, 0.8)], np.r_[np.zeros(50), np.ones(50)]
    )
    assert np.isfinite([found.scale, found.offset]).all()


def test_certain_probabilities_are_borne():
    probability, label = drifted(1.0, -0.5, rows=2_000)
    probability[:20] = 0.0
    probability[20:40] = 1.0
    assert fit_platt_scaling(probability, label).scale > 0


@pytest.mark.parametrize(
    ("probability", "label"),
    [
        (np.full(100, 0.5), np.zeros(100)),
        (np.full(100, 0.5), np.r_[np.ones(19), np.zeros(81)]),
        (np.full(100, np.nan), np.r_[np.ones(50), np.zeros(50)]),
        (np.empty(0), np.empty(0)),
        # The order is the wrong way round: no positive scale helps.
        (np.linspace(0.1, 0.9, 200), (np.arange(200) < 100).astype(float)),
    ],
)
def test_no_sound_fit_is_none(probability, label):
    assert fit_platt_scaling(probability, label) is None


def test_applying_is_the_formula():
    found = PlattScaling(2.0, -1.0, 10).apply(np.array([0.5, 0.8]))
    # logit(.5) = 0 -> sigmoid(-1); logit(.8) = ln 4 -> sigmoid(2 ln 4 - 1) = 16/(16 + e).
    assert found == pytest.approx([1 / (1 + np.e), 16 / (16 + np.e)])


def days(*numbers):
    return np.datetime64("2024-01-01", "us") + np.array(numbers) * np.timedelta64(1, "D")


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_the_last_thirty_days_are_fitted_on():
    times = days(50, 0, 19, 20, 49)  # in any order
    assert newest_rows(times, LONG_AGO, min_rows=2).tolist() == [3, 4, 0]


def test_more_days_are_taken_where_rows_are_few():
    assert newest_rows(days(0, 1, 2, 90), LONG_AGO, min_rows=3).tolist() == [1, 2, 3]
    assert newest_rows(days(0, 1), LONG_AGO, min_rows=9).tolist() == [0, 1]
    assert newest_rows(days(), LONG_AGO).tolist() == []


def test_rows_that_the_champion_saw_are_left_out_where_enough_are_newer():
    times, seen = days(*range(20)), datetime(2024, 1, 11, tzinfo=UTC)
    assert newest_rows(times, seen, min_rows=5).tolist() == list(range(10, 20))
    assert newest_rows(times, seen, min_rows=15).tolist() == list(range(20))
