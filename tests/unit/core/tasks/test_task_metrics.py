"""Metrics against hand-derived numbers and second formulas."""

import math

import numpy as np
import pytest

from components.core.errors import InputError
from components.core.tasks import known_metrics, task_of
from components.core.tasks.metrics import Sample, calibration_error

METRICS = task_of("binary").metrics
NAN = float("nan")


@pytest.mark.parametrize(
    ("metric", "label", "probability", "expected"),
    [
        # Pairs (positive, negative): .8>.1 .8>.4 .3>.1 .3<.4 -> 3 of 4.
        ("auc", [1, 1, 0, 0], [0.8, 0.3, 0.1, 0.4], 0.75),
        # One tie counts half: .5=.5 (.5), .5>.2 (1) -> 1.5 of 2.
        ("auc", [1, 0, 0], [0.5, 0.5, 0.2], 0.75),
        ("auc", [1, 0, 1, 0], [0.5] * 4, 0.5),
        # Order .9(1) .8(0) .7(1): precision at the positives 1/1 and 2/3, mean 5/6.
        ("pr_auc", [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], 5 / 6),
        # All tied: one threshold, precision is the rate.
        ("pr_auc", [1, 0, 0, 0], [0.5] * 4, 0.25),
        ("log_loss", [1, 0], [0.25, 0.5], (math.log(4) + math.log(2)) / 2),
        ("log_loss", [1], [0.0], -math.log(1e-7)),
        ("brier", [1, 0], [0.25, 0.5], (0.5625 + 0.25) / 2),
        # Ten distinct probabilities, ten bins of one row: mean |p - y|.
        (
            "calibration_error",
            [0] * 5 + [1] * 5,
            [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95],
            0.25,
        ),
        # Equal probabilities share a bin whatever the order: |0.3 - 0.5|.
        ("calibration_error", [0, 1, 0, 1], [0.3] * 4, 0.2),
        ("mean_probability", [0, 1], [0.2, 0.6], 0.4),
        ("rate", [0, 1, 1, 0], [0.5] * 4, 0.5),
    ],
)
def test_the_number_is_the_one_derived_by_hand(metric, label, probability, expected):
    assert METRICS[metric](label, probability) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize(
    ("label", "probability"),
    [([], []), ([0, 1], [0.5, NAN]), ([0, 1], [0.5, math.inf]), ([NAN, 1], [0.5, 0.5])],
)
def test_what_is_not_defined_is_none(metric, label, probability):
    assert METRICS[metric](label, probability) is None


@pytest.mark.parametrize("metric", ["auc", "pr_auc"])
def test_one_class_has_no_ranking(metric):
    assert METRICS[metric]([0, 0, 0], [0.1, 0.2, 0.3]) is None


def test_auc_of_positives_only_is_none_but_their_precision_is_one():
    assert METRICS["auc"]([1, 1], [0.1, 0.2]) is None
    assert METRICS["pr_auc"]([1, 1], [0.1, 0.2]) == 1.0


def test_auc_equals_mann_whitney_pair_counting():
    random = np.random.default_rng(3)
    label = random.integers(0, 2, 400)
    probability = np.round(random.random(400), 2)  # many ties
    positive, negative = probability[label == 1], probability[label == 0]
    above = (positive[:, None] > negative).sum() + (positive[:, None] == negative).sum() / 2
    assert METRICS["auc"](label, probability) == pytest.approx(
        above / positive.size / negative.size
    )


def test_average_precision_equals_the_sum_over_thresholds():
    random = np.random.default_rng(4)
    label = random.integers(0, 2, 300)
    probability = np.round(random.random(300), 2)
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(probability), reverse=True):
        chosen = label[probability >= threshold]
        recall = chosen.sum() / label.sum()
        total += (recall - recall_before) * chosen.mean()
        recall_before = recall
    assert METRICS["pr_auc"](label, probability) == pytest.approx(total)


def test_calibration_error_of_a_shift_is_the_shift():
    random = np.random.default_rng(6)
    truth = random.random(200_000) * 0.8
    label = random.random(200_000) < truth
    assert METRICS["calibration_error"](label, truth) < 0.005
    assert METRICS["calibration_error"](label, truth + 0.1) == pytest.approx(0.1, abs=0.005)


def test_more_bins_see_what_one_bin_averages_away():
    label, probability = [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]
    sample = Sample.of(label, probability)
    assert calibration_error(sample, bins=1) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(sample, bins=2) == pytest.approx(0.85)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="lengths differ"):
        METRICS["auc"]([0, 1], [0.5])


def test_a_floor_is_reached_from_the_better_side():
    assert METRICS["auc"].reaches(0.7, 0.6)
    assert METRICS["auc"].reaches(0.6, 0.6)
    assert not METRICS["auc"].reaches(0.59, 0.6)
    assert METRICS["brier"].reaches(0.1, 0.2)
    assert not METRICS["brier"].reaches(0.3, 0.2)
    assert not METRICS["auc"].reaches(None, 0.0)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(InputError, match="binary"):
        task_of("ternary")
    with pytest.raises(InputError, match=r"gates.floors.*auc, log_loss"):
        known_metrics(task_of("binary"), ["acu"], "gates.floors")
    with pytest.raises(InputError, match="'rate'"):
        known_metrics(task_of("binary"), ["rate"], "gates.floors")
    assert [m.name for m in known_metrics(task_of("binary"), ["brier", "auc"], "x")] == [
        "brier",
        "auc",
    ]
