"""Hours and days in the graph against Python's zoneinfo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tensorflow as tf

from components.model.train.civil import day_of_week, day_of_year, hour_of, local_seconds
from components.model.train.zones import offsets_of

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
    changes = np.array(offsets_of(zone).since, np.int64)
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
    offsets = offsets_of("America/New_York")
    spring = int(datetime(2013, 3, 10, 7, tzinfo=UTC).timestamp())
    at = offsets.since.index(spring)
    assert offsets.seconds[at : at + 2] == (-5 * 3600, -4 * 3600)
