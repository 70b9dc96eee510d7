"""The sequential tests of a rollout, against a second formula and against all paths of coins."""

import math

import numpy as np
import pytest

from components.ops.rollout.sequential_test import (
    ErrorRates,
    SampleMean,
    SequentialResult,
    compare_means,
    compare_to_champion,
    compare_to_limit,
    detected_share,
)

RATES = ErrorRates(0.002, 0.03**0.5)


def test_what_a_rollout_may_err_is_split_over_steps_and_checks() -> None:
    assert ErrorRates.of_rollout(2, 5) == RATES
    assert ErrorRates.of_rollout(1, 5) == ErrorRates(0.004, 0.03)


@pytest.mark.parametrize(
    ("accepted", "detected"), [(0.0, 0.05), (0.01, 0.05), (0.02, 0.06), (0.1, 0.14), (0.99, 1.0)]
)
def test_what_is_found_is_five_points_or_four_beyond_the_accepted(
    accepted: float, detected: float
) -> None:
    assert detected_share(accepted) == pytest.approx(detected)


def test_the_sample_that_a_clean_candidate_needs() -> None:
    """log(1/0.1732) / log(0.99/0.95) = 42.5 requests without an error; with one step, 85.02."""
    assert math.log(1 / RATES.miss) / math.log(0.99 / 0.95) == pytest.approx(42.5, abs=0.05)
    assert compare_to_limit(0, 42, 0.01, RATES) is SequentialResult.UNDECIDED
    assert compare_to_limit(0, 43, 0.01, RATES) is SequentialResult.WITHIN
    one_step = ErrorRates.of_rollout(1, 5)
    assert compare_to_limit(0, 85, 0.01, one_step) is SequentialResult.UNDECIDED
    assert compare_to_limit(0, 86, 0.01, one_step) is SequentialResult.WITHIN


def chance_of(outcome: SequentialResult, share: float, looks: int) -> float:
    """The exact chance that this outcome is the first at any of so many looks, by recursion."""
    undecided, found = {0: 1.0}, 0.0
    for size in range(1, looks + 1):
        following: dict[int, float] = {}
        for hits, chance in undecided.items():
            for step, weight in ((1, share), (0, 1 - share)):
                following[hits + step] = following.get(hits + step, 0.0) + chance * weight
        undecided = {}
        for hits, chance in following.items():
            now = compare_to_limit(hits, size, 0.01, RATES)
            found += chance if now is outcome else 0.0
            if now is SequentialResult.UNDECIDED:
                undecided[hits] = chance
    return found


def test_looking_after_every_request_keeps_both_error_rates() -> None:
    assert 0.0 < chance_of(SequentialResult.BEYOND, 0.01, 400) <= RATES.false_alarm
    assert 0.1 < chance_of(SequentialResult.WITHIN, 0.05, 400) <= RATES.miss


def test_no_hit_is_accepted_where_the_limit_is_none_and_all_where_it_is_one() -> None:
    assert compare_to_limit(1, 1000, 0.0, RATES) is SequentialResult.BEYOND
    assert compare_to_limit(0, 1000, 0.0, RATES) is SequentialResult.WITHIN
    assert compare_to_limit(10, 10, 1.0, RATES) is SequentialResult.WITHIN
    assert compare_to_champion((10, 10), (0, 10), 1.0, RATES) is SequentialResult.WITHIN


def most_likely(ours: tuple[int, int], theirs: tuple[int, int], excess: float) -> float:
    """The highest log-likelihood of an excess, searched on a grid of shares."""
    share = np.linspace(1e-6, 1 - excess - 1e-6, 200_001)
    (x, n), (y, m) = ours, theirs
    one = x * np.log(share + excess) + (n - x) * np.log1p(-share - excess)
    return float(np.max(one + y * np.log(share) + (m - y) * np.log1p(-share)))


@pytest.mark.parametrize(
    ("ours", "theirs"), [((90, 500), (45, 500)), ((40, 50), (140, 450)), ((800, 2000), (315, 900))]
)
def test_beyond_is_the_mean_ratio_of_two_alternatives(
    ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    logs = [most_likely(ours, theirs, excess) for excess in (0.01, 0.05, 0.25)]
    evidence = float(np.logaddexp(logs[1] - logs[0], logs[2] - logs[0])) - math.log(2)
    assert evidence > 0
    for nudge, outcome in ((1e-4, SequentialResult.BEYOND), (-1e-4, SequentialResult.UNDECIDED)):
        rates = ErrorRates(math.exp(-evidence + nudge), 1e-30)
        assert compare_to_champion(ours, theirs, 0.01, rates) is outcome


@pytest.mark.parametrize(
    ("ours", "theirs"), [((5, 100), (40, 900)), ((15, 50), (140, 450)), ((1, 60), (3, 60))]
)
def test_within_is_the_ratio_of_the_alternative(
    ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    ratio = most_likely(ours, theirs, 0.05) - most_likely(ours, theirs, 0.01)
    assert ratio < 0
    for nudge, outcome in ((1e-4, SequentialResult.WITHIN), (-1e-4, SequentialResult.UNDECIDED)):
        rates = ErrorRates(1e-30, math.exp(ratio + nudge))
        assert compare_to_champion(ours, theirs, 0.01, rates) is outcome


def test_shares_at_their_ends_are_counted_too() -> None:
    assert compare_to_champion((0, 43), (0, 387), 0.01, RATES) is SequentialResult.WITHIN
    assert compare_to_champion((0, 42), (0, 378), 0.01, RATES) is SequentialResult.UNDECIDED
    assert compare_to_champion((20, 20), (0, 20), 0.01, RATES) is SequentialResult.BEYOND
    assert compare_to_champion((20, 20), (180, 180), 0.01, RATES) is SequentialResult.WITHIN
    assert compare_to_champion((0, 20), (180, 180), 0.01, RATES) is SequentialResult.WITHIN


def test_means_that_are_known_exactly_are_compared_with_the_margin() -> None:
    for mean, outcome in (
        (0.39, SequentialResult.WITHIN),
        (0.41, SequentialResult.BEYOND),
        (0.19, SequentialResult.BEYOND),
    ):
        ours, theirs = SampleMean(50, mean, 0.0), SampleMean(450, 0.3, 0.0)
        assert compare_means(ours, theirs, 0.1, RATES) is outcome


def test_the_confidence_sequence_of_two_means() -> None:
    """Variances 0.02 of 50 and 450: V = 0.000444; margin^2 / V = 22.5; log 23.5 = 3.157.

    Half widths: sqrt(V (1 + 1/22.5) (3.157 + 12.429)) = 0.0851; with 3.507 instead, 0.0556.
    """
    theirs = SampleMean(450, 0.3, 0.02)
    for gap, outcome in (
        (0.090, SequentialResult.WITHIN),
        (0.101, SequentialResult.UNDECIDED),
        (0.184, SequentialResult.UNDECIDED),
        (0.186, SequentialResult.BEYOND),
        (-0.186, SequentialResult.BEYOND),
    ):
        assert compare_means(SampleMean(50, 0.3 + gap, 0.02), theirs, 0.1, RATES) is outcome
    # At a quarter of the rows the width is 0.106: 0.095 + 0.106 is no longer below 0.2.
    few = SampleMean(112.5, 0.3, 0.02)
    assert (
        compare_means(SampleMean(12.5, 0.395, 0.02), few, 0.1, RATES) is SequentialResult.UNDECIDED
    )
