"""Derived features by hand, and hours and days in the graph against Python's zoneinfo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tensorflow as tf
from train_factories import feature

from components.core.spec import Derive
from components.model.train.features import (
    day_of_week,
    day_of_year,
    hour_of,
    local_seconds,
    tz_offsets,
    value_of,
)

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kolkata",
    "Africa/Casablanca",  # summer time with a pause
    "America/Sao_Paulo",  # once at midnight
    "Pacific/Apia",  # a whole day was left out
)


def _in_graph(seconds, zone):
    local = local_seconds(tf.constant(seconds, tf.int64), zone)
    return np.stack([hour_of(local), day_of_week(local), day_of_year(local)], axis=1).tolist()


def _in_python(seconds, zone):
    start = datetime(1970, 1, 1, tzinfo=UTC)
    found = []
    for second in seconds:
        local = (start + timedelta(seconds=int(second))).astimezone(ZoneInfo(zone))
        found.append([local.hour, local.weekday(), local.timetuple().tm_yday])
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_random_instants_and_those_beside_every_change_of_offset(zone):
    random = np.random.default_rng(5)
    anywhere = random.integers(0, 2_556_057_600, 2_000)  # to 2050-12-31
    changes = np.array(tz_offsets(zone).since, np.int64)
    beside = [changes + by for by in (-3600, -1, 0, 1, 3599, 3600)]
    seconds = np.concatenate([anywhere, *beside])
    assert _in_graph(seconds, zone) == _in_python(seconds, zone)


def test_ends_of_years_leap_or_not():
    days = [
        (y, m, d)
        for y in (1970, 1999, 2000, 2023, 2024, 2049)
        for m, d in ((1, 1), (2, 28), (3, 1), (12, 31))
    ]
    days.append((2000, 2, 29))
    seconds = [int(datetime(*day, 23, 59, 59, tzinfo=UTC).timestamp()) for day in days]
    assert _in_graph(seconds, "UTC") == _in_python(seconds, "UTC")


def test_before_1970_the_arithmetic_still_holds():
    seconds = [-1, -86_400, -86_401, -2_208_988_800]
    assert _in_graph(seconds, "UTC") == _in_python(seconds, "UTC")


def test_new_york_changes_twice_a_year():
    offsets = tz_offsets("America/New_York")
    spring = int(datetime(2013, 3, 10, 7, tzinfo=UTC).timestamp())
    at = offsets.since.index(spring)
    assert offsets.seconds[at : at + 2] == (-5 * 3600, -4 * 3600)


# ---- test_train_derived: Derived features by hand.

NAN = float("nan")


@pytest.mark.parametrize(
    ("derive", "operands", "expected"),
    [
        (Derive.DIFFERENCE, ([5, NAN, 1], [2, 1, NAN]), [3, NAN, NAN]),
        (Derive.RATIO, ([6, 1, 0, NAN, -1], [3, 0, 0, 2, 0]), [2, NAN, NAN, NAN, NAN]),
        (Derive.LOG1P, ([0, np.e - 1, -0.5, NAN],), [0, 1, NAN, NAN]),
        (None, ([1.5, NAN, np.inf, -np.inf],), [1.5, NAN, NAN, NAN]),
    ],
)
def test_numbers(derive, operands, expected):
    names = ("a", "b")[: len(operands)]
    inputs = {n: tf.constant(v, tf.float32) for n, v in zip(names, operands, strict=True)}
    value = value_of(feature("f", derive=derive, of=names), inputs)
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value.numpy(), np.array(expected, np.float32), rtol=1e-6)


def test_time_in_the_zone_of_the_feature():
    inputs = {"t": tf.constant([1_711_846_799, 1_711_846_800], tf.int64)}  # clocks go forward
    read = {d: value_of(feature("f", derive=d, of=("t",)), inputs) for d in list(Derive)[:3]}
    assert read[Derive.HOUR_OF].numpy().tolist() == [1, 3]
    assert read[Derive.DAY_OF_WEEK].numpy().tolist() == [6, 6]
    assert read[Derive.DAY_OF_YEAR].numpy().tolist() == [91, 91]


def test_a_category_is_itself():
    value = value_of(feature("c", "category"), {"c": tf.constant(["a", ""])})
    assert value.numpy().tolist() == [b"a", b""]
