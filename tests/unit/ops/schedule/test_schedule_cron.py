"""Cron expressions of six fields; the expected instants are read off a calendar."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from components.core.errors import InputError
from components.ops.schedule.cron import parse_cron

# 2013-07-01 is a Monday.
NOW = datetime(2013, 7, 1, 10, 30, tzinfo=UTC)


def due(text: str, count: int = 3) -> list[str]:
    return [
        f"{one:%Y-%m-%d %H:%M:%S}" for one in islice(parse_cron(text, "cron").after(NOW), count)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 * * * *", ["2013-07-01 11:00:00", "2013-07-01 12:00:00", "2013-07-01 13:00:00"]),
        ("0 0 0 * * *", ["2013-07-02 00:00:00", "2013-07-03 00:00:00", "2013-07-04 00:00:00"]),
        ("0 0 0 1 * *", ["2013-08-01 00:00:00", "2013-09-01 00:00:00", "2013-10-01 00:00:00"]),
        ("0 0 0 * * 1", ["2013-07-08 00:00:00", "2013-07-15 00:00:00", "2013-07-22 00:00:00"]),
        ("0 0 0 ? * MON", ["2013-07-08 00:00:00", "2013-07-15 00:00:00", "2013-07-22 00:00:00"]),
        ("30 15 6 * * sun", ["2013-07-07 06:15:30", "2013-07-14 06:15:30", "2013-07-21 06:15:30"]),
        ("0 */20 10 * * *", ["2013-07-01 10:40:00", "2013-07-02 10:00:00", "2013-07-02 10:20:00"]),
        ("0 0 6,18 * * *", ["2013-07-01 18:00:00", "2013-07-02 06:00:00", "2013-07-02 18:00:00"]),
        ("0 0 0 * * 6-6", ["2013-07-06 00:00:00", "2013-07-13 00:00:00", "2013-07-20 00:00:00"]),
        ("0 0 0 29 2 *", ["2016-02-29 00:00:00", "2020-02-29 00:00:00", "2024-02-29 00:00:00"]),
        # Both days restricted: either is enough. The 4th is a Thursday.
        ("0 0 0 4 * 5", ["2013-07-04 00:00:00", "2013-07-05 00:00:00", "2013-07-12 00:00:00"]),
        # A step over an open day is still open: both have to hold. 2013-07-05 is a Friday.
        ("0 0 0 */2 * 5", ["2013-07-05 00:00:00", "2013-07-19 00:00:00", "2013-08-09 00:00:00"]),
        ("0 0 22/1 * * *", ["2013-07-01 22:00:00", "2013-07-01 23:00:00", "2013-07-02 22:00:00"]),
    ],
)
def test_falls_due(text: str, expected: list[str]) -> None:
    assert due(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0 * * *", "These are 5 field(s)."),
        ("@daily", "These are 1 field(s)."),
        ("", "These are 0 field(s)."),
        ("0 60 * * * *", "Its minute is '60'; that goes from 0 to 59."),
        ("0 0 0 0 * *", "Its day of the month is '0'; that goes from 1 to 31."),
        ("0 0 0 * * 7", "Its day of the week is '7'; that goes from 0 to 6."),
        ("0 0 0 * foo *", "Its month is 'foo'; that goes from 1 to 12."),
        ("0 0 0 5-2 * *", "Its day of the month is '5-2'"),
        ("0 */0 * * * *", "Its minute is '*/0'"),
        ("0 0 *-5 * * *", "Its hour is '*-5'"),
        ("0 0 0 31 2,4,6 *", "No month that it names has such a day."),
    ],
)
def test_refuses_what_kfp_would_not_run(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_cron(text, "f.yaml: cron")

    assert says in str(caught.value)
    assert "six fields, seconds first, in UTC" in str(caught.value)
