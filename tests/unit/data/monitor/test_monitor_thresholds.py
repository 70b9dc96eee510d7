"""Learning thresholds from held-out blocks, and being beyond them."""

import math

import numpy as np
import pytest

from components.core.artifacts import BlockScore
from components.core.errors import InputError
from components.core.spec import Monitoring
from components.core.tasks import task_of
from components.data.monitor.thresholds import (
    Threshold,
    baseline_loss,
    learned_threshold,
    thresholds_of,
)

BINARY = task_of("binary")
ERROR, AUC = BINARY.metrics["calibration_error"], BINARY.metrics["auc"]


def blocks(name, values, rows=1000):
    return [BlockScore(block=str(i), rows=rows, metrics={name: v}) for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("metric", "values", "bound", "typical"),
    [
        # Mean .04, sd .02; of 3 values t(.8, 2) = 1.061: .04 + 1.061 * .02 * sqrt(4/3).
        (ERROR, [0.02, 0.04, 0.06], 0.0645, 0.04),
        # Mean .7, sd .05, downwards: .7 - 1.061 * .05 * sqrt(4/3).
        (AUC, [0.75, 0.65, 0.70], 0.6387, 0.70),
        # Mean .05, sd sqrt(.0056 / 5) = .03347; of 6 values t(.8, 5) = .920.
        (ERROR, [0.02, 0.02, 0.03, 0.05, 0.08, 0.10], 0.05 + 0.920 * 0.03347 * 1.0801, 0.04),
        (ERROR, [0.05, 0.05, 0.05], 0.05, 0.05),
        (ERROR, [0.02, 0.04, 0.06, float("nan")], 0.0645, 0.04),
        (ERROR, [0.01, 0.03], None, None),
    ],
)
def test_a_learned_threshold_is_exceeded_one_time_in_five(metric, values, bound, typical):
    threshold = learned_threshold(metric, blocks(metric.name, values), 1000, 0.3)
    if bound is None:
        assert threshold is None
    else:
        assert (threshold.bound, threshold.typical) == (
            pytest.approx(bound, abs=1e-4),
            pytest.approx(typical),
        )


def test_one_more_block_exceeds_the_bound_one_time_in_five():
    random = np.random.default_rng(3)
    draws = random.normal(0.5, 0.1, (4000, 7))
    beyond = [
        row[6] > learned_threshold(ERROR, blocks(ERROR.name, row[:6]), 1000, None).bound
        for row in draws.tolist()
    ]
    assert np.mean(beyond) == pytest.approx(0.2, abs=0.02)


def test_small_blocks_are_left_out():
    scores = [*blocks("auc", [0.7, 0.75, 0.8]), *blocks("auc", [0.2], rows=999)]
    assert learned_threshold(AUC, scores, 1000, None).blocks == 3
    assert learned_threshold(AUC, scores, 1001, None) is None


@pytest.mark.parametrize(
    ("metric", "estimate", "low", "high", "beyond"),
    [
        (ERROR, 0.08, 0.05, 0.11, False),  # as bad as the bound is not beyond
        (ERROR, 0.09, 0.06, 0.12, True),
        (ERROR, 0.09, 0.03, 0.15, False),  # not surely worse than the usual .04
        (ERROR, 0.09, None, None, True),  # no interval: the estimate alone
        (ERROR, 0.01, 0.00, 0.02, False),
        (AUC, 0.60, 0.50, 0.69, True),
        (AUC, 0.60, 0.50, 0.71, False),
        (AUC, 0.90, 0.80, 0.95, False),
    ],
)
def test_beyond_is_worse_than_the_bound_and_surely_worse_than_usual(
    metric, estimate, low, high, beyond
):
    bound, typical = (0.08, 0.04) if metric is ERROR else (0.65, 0.70)
    assert Threshold(metric, bound, typical, 6).is_beyond(estimate, low, high) is beyond


@pytest.mark.parametrize(("estimate", "beyond"), [(0.081, True), (0.08, False)])
def test_a_given_threshold_decides_by_the_estimate_alone(estimate, beyond):
    assert Threshold(ERROR, 0.08, None, 0).is_beyond(estimate, 0.0, 1.0) is beyond


def test_the_judged_metrics():
    scores = [
        BlockScore(block=str(i), rows=1000, metrics=dict.fromkeys(BINARY.metrics, 0.1 * i))
        for i in range(3)
    ]
    learned = thresholds_of(Monitoring(), BINARY, scores, None)
    assert list(learned) == ["calibration_error", "auc", "log_loss", "brier"]
    assert all(threshold.blocks == 3 for threshold in learned.values())

    given = thresholds_of(Monitoring(thresholds={"pr_auc": 0.2}), BINARY, scores, None)
    assert {n: threshold.origin for n, threshold in given.items()} == {
        "pr_auc": "given in the spec",
        "calibration_error": "learned from 3 held-out blocks",
    }
    one = thresholds_of(Monitoring(calibration={"max_error": 0.5}), BINARY, [], None)
    assert one["calibration_error"].bound == 0.5
    assert one["auc"] is None


@pytest.mark.parametrize(
    ("metric", "rate", "loss"),
    [
        ("brier", 0.2, 0.16),  # .8 * .2**2 + .2 * .8**2
        ("log_loss", 0.5, math.log(2)),
        ("calibration_error", 0.2, None),  # the rate itself is calibrated
        ("auc", 0.2, None),
        ("brier", 0.0, None),
        ("brier", None, None),
    ],
)
def test_baseline_loss(metric, rate, loss):
    found = baseline_loss(BINARY.metrics[metric], rate)
    assert found is None if loss is None else found == pytest.approx(loss)


def test_a_loss_is_relative_to_the_baseline_loss():
    """Blocks at rates .1, .2 and .5 lost .9, .8 and .7 of .09, .16 and .25."""
    scores = [
        BlockScore(block="a", rows=1000, metrics={"brier": 0.9 * 0.09, "rate": 0.1}),
        BlockScore(block="b", rows=1000, metrics={"brier": 0.8 * 0.16, "rate": 0.2}),
        BlockScore(block="c", rows=1000, metrics={"brier": 0.7 * 0.25, "rate": 0.5}),
    ]
    threshold = learned_threshold(BINARY.metrics["brier"], scores, 1000, 0.4)
    # Shares of .8 +- .1 of what rate .4 alone would lose, .24: .8 + 1.061 * .1 * sqrt(4/3).
    assert (threshold.bound, threshold.typical) == (
        pytest.approx(0.9225 * 0.24, abs=1e-4),
        pytest.approx(0.8 * 0.24),
    )
    plain = learned_threshold(BINARY.metrics["brier"], scores, 1000, None)
    assert plain.typical == pytest.approx(0.8 * 0.16)


def test_a_threshold_of_an_unknown_metric_is_an_error():
    with pytest.raises(InputError, match=r"monitoring\.thresholds.*auk"):
        thresholds_of(Monitoring(thresholds={"auk": 0.5}), BINARY, [], None)
