"""Learning limits from held-out blocks, and being beyond them."""

import math

import pytest

from components.core.artifacts import BlockScore
from components.core.errors import InputError
from components.core.spec import Monitoring
from components.core.tasks import task_of
from components.data.monitor.limits import Limit, chance, learned_limit, limits_of

BINARY = task_of("binary")
ERROR, AUC = BINARY.metrics["calibration_error"], BINARY.metrics["auc"]


def blocks(name, values, rows=1000):
    return [BlockScore(block=str(i), rows=rows, metrics={name: v}) for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("metric", "values", "bound", "typical"),
    [
        # The held-out months of a half-year, and the limit that they taught.
        (ERROR, [0.03, 0.077, 0.02, 0.05, 0.04, 0.06], 0.077, 0.045),
        (AUC, [0.75, 0.66, 0.71], 0.66, 0.71),
        (ERROR, [0.01, 0.03], None, None),
        (ERROR, [0.01, 0.02, 0.03, float("nan")], 0.03, 0.02),
        # From 39 blocks on: ceil(.95 * 40) = 38th of 39, ceil(.95 * 100) = 95th of 99.
        (ERROR, [i / 100 for i in range(1, 39)], 0.38, 0.195),
        (ERROR, [i / 100 for i in range(1, 40)], 0.38, 0.20),
        (ERROR, [i / 100 for i in range(1, 100)], 0.95, 0.50),
        (AUC, [i / 100 for i in range(1, 100)], 0.05, 0.50),
    ],
)
def test_a_learned_limit_is_the_worst_block_or_the_twentieth_worst(metric, values, bound, typical):
    limit = learned_limit(metric, blocks(metric.name, values), 1000, 0.3)
    if bound is None:
        assert limit is None
    else:
        assert (limit.bound, limit.typical) == (pytest.approx(bound), pytest.approx(typical))


def test_small_blocks_teach_nothing():
    scores = [*blocks("auc", [0.7, 0.75, 0.8]), *blocks("auc", [0.2], rows=999)]
    assert learned_limit(AUC, scores, 1000, None).bound == 0.7
    assert learned_limit(AUC, scores, 1001, None) is None


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
def test_beyond_is_worse_than_all_seen_and_surely_worse_than_usual(
    metric, estimate, low, high, beyond
):
    bound, typical = (0.08, 0.04) if metric is ERROR else (0.65, 0.70)
    assert Limit(metric, bound, typical, 6).is_beyond(estimate, low, high) is beyond


@pytest.mark.parametrize(("estimate", "beyond"), [(0.081, True), (0.08, False)])
def test_a_given_limit_is_a_persons_word(estimate, beyond):
    assert Limit(ERROR, 0.08, None, 0).is_beyond(estimate, 0.0, 1.0) is beyond


def test_what_is_judged():
    scores = [
        BlockScore(block=str(i), rows=1000, metrics=dict.fromkeys(BINARY.metrics, 0.1 * i))
        for i in range(3)
    ]
    learned = limits_of(Monitoring(), BINARY, scores, None)
    assert list(learned) == ["calibration_error", "auc", "log_loss", "brier"]
    assert all(limit.blocks == 3 for limit in learned.values())

    given = limits_of(Monitoring(limits={"pr_auc": 0.2}), BINARY, scores, None)
    assert {n: limit.origin for n, limit in given.items()} == {
        "pr_auc": "given in the spec",
        "calibration_error": "learned from 3 held-out blocks",
    }
    one = limits_of(Monitoring(calibration={"limit": 0.5}), BINARY, [], None)
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
def test_what_the_rate_alone_would_lose(metric, rate, loss):
    found = chance(BINARY.metrics[metric], rate)
    assert found is None if loss is None else found == pytest.approx(loss)


def test_a_loss_is_held_against_what_the_rate_alone_would_lose():
    """Blocks at rates .1, .2 and .5 lost .9, .8 and .7 of .09, .16 and .25."""
    scores = [
        BlockScore(block="a", rows=1000, metrics={"brier": 0.9 * 0.09, "rate": 0.1}),
        BlockScore(block="b", rows=1000, metrics={"brier": 0.8 * 0.16, "rate": 0.2}),
        BlockScore(block="c", rows=1000, metrics={"brier": 0.7 * 0.25, "rate": 0.5}),
    ]
    limit = learned_limit(BINARY.metrics["brier"], scores, 1000, 0.4)
    # Of a window at rate .4, which alone would lose .24.
    assert (limit.bound, limit.typical) == (pytest.approx(0.9 * 0.24), pytest.approx(0.8 * 0.24))
    plain = learned_limit(BINARY.metrics["brier"], scores, 1000, None)
    assert plain.bound == pytest.approx(0.175)


def test_a_limit_of_no_metric_is_an_error():
    with pytest.raises(InputError, match=r"monitoring\.limits.*auk"):
        limits_of(Monitoring(limits={"auk": 0.5}), BINARY, [], None)
