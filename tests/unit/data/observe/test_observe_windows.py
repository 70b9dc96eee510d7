"""Counting silence."""

from datetime import UTC, datetime

import numpy as np
import pytest

from components.core.spans import TimeInterval
from components.data.observe.run import empty_hours

START = datetime(2024, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([], (6, 6.0)),
        ([0.0], (5, 6.0)),
        ([0.5, 0.75, 3.0], (4, 3.0)),  # from 3 to the end
        ([0.5, 5.5, 2.0], (3, 3.5)),  # from 2 to 5.5, in no order
        ([0, 1, 2, 3, 4, 5], (0, 1.0)),
    ],
)
def test_hours_without_a_row_and_the_longest_stretch(hours, expected):
    times = np.array([START_US + int(h * HOUR_US) for h in hours], np.int64)
    window = TimeInterval(start=START, end=datetime(2024, 3, 2, 6, tzinfo=UTC))
    assert empty_hours(times, window) == expected


def test_a_window_that_begins_within_an_hour_touches_one_hour_more():
    window = TimeInterval(
        start=datetime(2024, 3, 2, 0, 30, tzinfo=UTC), end=datetime(2024, 3, 2, 1, 30, tzinfo=UTC)
    )
    assert empty_hours(np.array([START_US + HOUR_US], np.int64), window) == (1, 0.5)
