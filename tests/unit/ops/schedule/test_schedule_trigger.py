"""From a spec's ``monitoring.every`` to what KFP is told, and when that falls due."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from components.core.errors import InputError
from components.core.spans import Every, SpanKind, next_boundary
from components.core.units import parse_duration
from components.ops.schedule.trigger import (
    Trigger,
    interval_start,
    next_runs,
    parse_cron,
    start_of,
    trigger_of,
)


def every(text: str) -> Every:
    return SpanKind(text) if text in list(SpanKind) else parse_duration(text)


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("hour", "0 0 * * * *"),
        ("day", "0 0 0 * * *"),
        ("month", "0 0 0 1 * *"),
        ("7d", "0 0 0 * * 1"),
        ("1w", "0 0 0 * * 1"),
        ("24h", "0 0 0 * * *"),
        ("1h", "0 0 * * * *"),
        ("12h", "0 0 */12 * * *"),
        ("15m", "0 */15 * * * *"),
    ],
)
def test_a_cron_where_one_can_say_it(text: str, cron: str) -> None:
    made = trigger_of(every(text))

    assert made == Trigger(cron=cron)
    assert made.text == f"cron {cron!r} (UTC)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("36h", 129_600), ("5h", 18_000), ("2d", 172_800), ("14d", 1_209_600), ("90s", 90)],
)
def test_an_interval_where_none_can(text: str, seconds: int) -> None:
    assert trigger_of(every(text)) == Trigger(interval_s=seconds)
    assert trigger_of(every(text)).text == f"every {text}"


@pytest.mark.parametrize("text", ["hour", "day", "month", "7d", "1d", "6h", "20m", "36h", "2d"])
def test_falls_due_at_the_boundaries_that_a_laptop_keeps(text: str) -> None:
    now = datetime(2013, 2, 26, 22, 41, tzinfo=UTC)
    expected = [next_boundary(every(text), now)]
    while len(expected) < 40:
        expected.append(next_boundary(every(text), expected[-1]))

    assert list(next_runs(trigger_of(every(text)), now, 40)) == expected


def test_an_interval_starts_one_before_its_next_boundary() -> None:
    # 2013-06-30T00Z is 15,882 days after 1970-01-05T00Z, 10,588 times 36h; the next is 07-01T12Z.
    now = datetime(2013, 7, 2, 1, tzinfo=UTC)
    trigger = Trigger(interval_s=129_600)

    assert interval_start(trigger, now) == datetime(2013, 7, 1, 12, tzinfo=UTC)
    assert next_runs(trigger, now, 1) == (interval_start(trigger, now) + timedelta(hours=36),)


@pytest.mark.parametrize(("text", "said"), [("day", "start of day"), ("36h", "start of 36h")])
def test_the_as_of_of_a_run(text: str, said: str) -> None:
    assert start_of(every(text)) == said


def test_next_runs_of_a_cron_are_its_own() -> None:
    now = datetime(2013, 7, 1, tzinfo=UTC)
    made = next_runs(Trigger(cron="0 0 6 * * *"), now, 2)

    assert list(islice(made, 2)) == [now + timedelta(hours=6), now + timedelta(hours=30)]


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


def test_an_instant_at_which_a_cron_falls_due_is_not_after_itself() -> None:
    assert due("0 30 10 * * *", 1) == ["2013-07-02 10:30:00"]
    assert due("1 30 10 * * *", 1) == ["2013-07-01 10:30:01"]


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
def test_rejects_a_cron_that_kfp_would_not_run(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_cron(text, "f.yaml: cron")

    assert says in str(caught.value)
    assert "six fields, seconds first, in UTC" in str(caught.value)
