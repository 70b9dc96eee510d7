"""Spans against the spans before them, by numbers worked out by hand."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from validate_factories import DAY, START

from components.core.spans import Span, SpanKind
from components.data.validate.numbers import (
    distribution_shift,
    ks_distances,
    new_value_rate,
    profile_number,
    unseen_shares,
)
from components.data.validate.span_shifts import mix_change, profile_categories, unseen_rate
from components.data.validate.time_buckets import TimeBuckets, cut_time_buckets, missing_rate


def buckets_of(spans, rows=200, parts=4):
    """Spans of equal buckets, without a table."""
    count = spans * parts
    names = tuple(f"s{i}" for i in range(spans))
    ends = np.arange(1, count + 1) * rows
    return TimeBuckets(ends, np.repeat(np.arange(spans), parts), names, pa.table({}))


def spans_of(*hours):
    """One table a day from 1 January, a row at each hour given."""
    days = [Span(kind=SpanKind.DAY, start=START + i * DAY) for i in range(len(hours))]
    tables = {
        day.name: pa.table(
            {
                "at": pa.array(
                    [day.start + dt.timedelta(hours=h) for h in of], pa.timestamp("us", "UTC")
                )
            }
        )
        for day, of in zip(days, hours, strict=True)
    }
    return tables, {day.name: day for day in days}


def test_spans_are_cut_into_quarters_of_their_time():
    tables, cut = spans_of([0, 5, 6, 12, 23], [1, 2, 20])
    buckets = cut_time_buckets(tables, "at", cut, min_rows=1)
    # Hours 0-6, 6-12, 12-18, 18-24; a quarter without rows is none.
    assert buckets.ends.tolist() == [2, 3, 4, 5, 7, 8]
    assert buckets.span.tolist() == [0, 0, 0, 0, 1, 1]
    assert buckets.starts.tolist() == [0, 2, 3, 4, 5, 7]


def test_small_buckets_join_their_neighbours():
    tables, cut = spans_of([0, 5, 6, 12, 23], [1, 2, 20])
    buckets = cut_time_buckets(tables, "at", cut, min_rows=3)
    # 0, 5, 6 | 12, 23 and the next day's 1, 2 | 20 is too few and joins what is before it.
    assert buckets.ends.tolist() == [3, 8]
    assert buckets.span.tolist() == [0, 1]


def test_distances_are_the_largest_gap_of_the_distributions():
    others = np.array([[0.0, 0.5, 1.0], [0.9, 0.9, 1.0]])
    assert ks_distances(np.array([0.2, 0.6, 1.0]), others).tolist() == pytest.approx([0.2, 0.7])


def test_unseen_values_are_counted_by_span():
    code = np.array([0, 1, 0, 2, 2, 3, 0, 3])
    span = np.array([0, 0, 1, 1, 1, 3, 3, 3])
    assert unseen_shares(code, span, 4).tolist()[:2] == [1.0, 2 / 3]
    assert np.isnan(unseen_shares(code, span, 4)[2])
    assert unseen_shares(code, span, 4)[3] == pytest.approx(2 / 3)
    assert unseen_shares(code, span, 4, np.array([3]))[3] == 0


def noise(spans, scale=1.0):
    return np.random.default_rng(2).normal(0, scale, spans * 800)


def test_a_season_is_no_shift():
    season = np.repeat(20 * np.sin(np.arange(24 * 4) / 24 * 2 * np.pi / 2), 200)
    profile = profile_number(season + noise(24, 5), buckets_of(24))
    assert max(distribution_shift(profile, i).ratio for i in range(6, 24)) < 1


@pytest.mark.parametrize("change", [lambda x: x * 1.8 + 32, lambda x: x / 1000, lambda x: x + 60])
def test_another_unit_is_a_shift(change):
    values = 20 + np.repeat(np.arange(6 * 4), 200) + noise(6, 5)
    values[5 * 800 :] = change(values[5 * 800 :])
    assert distribution_shift(profile_number(values, buckets_of(6)), 5).ratio > 1
    assert distribution_shift(profile_number(values, buckets_of(6)), 4).ratio < 1


def test_a_shift_within_the_noise_shows_in_unseen_values():
    random = np.random.default_rng(4)
    calm = np.repeat(random.integers(4, 13, 6 * 4), 200)
    knots = np.clip(np.round(calm + noise(6, 4)), 0, None)
    knots[5 * 800 :] *= 1.852
    profile = profile_number(knots, buckets_of(6))
    found = new_value_rate(profile, 5)
    assert found.measured > 0.8
    assert found.ratio > 1
    assert new_value_rate(profile_number(noise(6), buckets_of(6)), 5) is None


def test_a_year_that_begins_is_no_shift():
    years = np.repeat([2013.0, 2014.0], [5 * 800, 800])
    profile = profile_number(years, buckets_of(6))
    assert distribution_shift(profile, 5).ratio <= 1
    assert new_value_rate(profile, 5) is None


def test_too_few_spans_are_not_judged():
    profile = profile_number(noise(3), buckets_of(3))
    assert distribution_shift(profile, 1) is None
    assert distribution_shift(profile, 2) is not None
    assert profile_number(np.full(600, np.nan), buckets_of(3, 50)) is None


@pytest.mark.parametrize(
    ("shares", "limit"),
    [
        ([0.0, 0.0, 0.5], 0.1),  # nothing was missing: a tenth more is allowed
        (
            [0.0, 0.3, 0.5],
            0.545,
        ),  # what moved by 0.3 may by 0.3 again; but 65% of 0.7 must be there
        ([0.7, 0.8, 0.9], 0.87),  # 65% of the 0.2 that were there
        ([np.nan, 0.1, 0.2, 0.9], 0.3),
    ],
)
def test_missing_rates_are_compared_with_earlier_spans(shares, limit):
    gap = missing_rate(np.array(shares), len(shares) - 1)
    assert (gap.measured, gap.limit) == (shares[-1], pytest.approx(limit))


def test_missing_is_not_judged_without_earlier_spans():
    assert missing_rate(np.array([0.0, 0.9]), 1) is None


def letters(*spans):
    return pa.chunked_array([pa.array([*"".join(spans)])])


def test_unseen_rate_and_mix_of_categories():
    buckets = buckets_of(4, rows=10, parts=1)
    spans = "aaaaabbbbb", "aaaaabbbbc", "aaaaabbbbb", "aaaaaaaadd"
    profile = profile_categories(letters(*spans), buckets, frozenset())
    assert profile.unseen.tolist() == [1.0, 0.1, 0.0, 0.2]
    # Twice the tenth that was new on the second day; and 8 a, 2 d are 5 rows from 5 a, 5 b.
    assert (unseen_rate(profile, 3).measured, unseen_rate(profile, 3).limit) == (0.2, 0.2)
    assert mix_change(profile, 3).measured == pytest.approx(0.5)
    assert mix_change(profile, 3).limit == 0.3
    assert unseen_rate(profile, 1) is None
    listed = profile_categories(letters(*spans), buckets, frozenset("abcd"))
    assert listed.unseen.tolist() == [0, 0, 0, 0]
