"""From a spec's ``monitoring.every`` to what KFP is told, and to words."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from components.core.spans import SpanKind
from components.core.units import parse_duration
from components.ops.schedule.boundaries import Every, next_boundary
from components.ops.schedule.trigger import (
    Trigger,
    anchor,
    in_words,
    next_runs,
    start_of,
    trigger_of,
)


def every(text: str) -> Every:
    return SpanKind(text) if text in list(SpanKind) else parse_duration(text)


@pytest.mark.parametrize(
    ("text", "cron", "words"),
    [
        ("hour", "0 0 * * * *", "every hour, on the hour"),
        ("day", "0 0 0 * * *", "every day at 00:00 UTC"),
        ("month", "0 0 0 1 * *", "on day 1 of every month at 00:00 UTC"),
        ("7d", "0 0 0 * * 1", "every Monday at 00:00 UTC"),
        ("1w", "0 0 0 * * 1", "every Monday at 00:00 UTC"),
        ("24h", "0 0 0 * * *", "every day at 00:00 UTC"),
        ("1h", "0 0 * * * *", "every hour, on the hour"),
        ("12h", "0 0 */12 * * *", "every day at 00:00, 12:00 UTC"),
        ("15m", "0 */15 * * * *", "every hour at minute 00, 15, 30, 45"),
    ],
)
def test_a_cron_where_one_can_say_it(text: str, cron: str, words: str) -> None:
    made = trigger_of(every(text))

    assert made == Trigger(cron=cron)
    assert in_words(made) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("36h", 129_600), ("5h", 18_000), ("2d", 172_800), ("14d", 1_209_600), ("90s", 90)],
)
def test_an_interval_where_none_can(text: str, seconds: int) -> None:
    assert trigger_of(every(text)) == Trigger(interval_s=seconds)
    assert in_words(trigger_of(every(text))) == f"every {text}"


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

    assert anchor(trigger, now) == datetime(2013, 7, 1, 12, tzinfo=UTC)
    assert next_runs(trigger, now, 1) == (anchor(trigger, now) + timedelta(hours=36),)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 30 6 * * 1-5", "every Monday, Tuesday, Wednesday, Thursday, Friday at 06:30 UTC"),
        ("0 0 6 1,15 * *", "on day 1, 15 of every month at 06:00 UTC"),
        ("0 0 6 1 1 *", "on day 1 of month 1 at 06:00 UTC"),
        ("0 0 6 1 * 1", "on day 1 of every month and every Monday at 06:00 UTC"),
        ("0 0 6 * 7 *", "every day of month 7 at 06:00 UTC"),
        ("5 0 6 * * *", "whenever '5 0 6 * * *' falls due, UTC"),
        ("0 0 */2 * * 0", "every Sunday at 00:00, 02:00, 04:00 and 9 more times UTC"),
    ],
)
def test_any_other_cron_in_words(cron: str, words: str) -> None:
    assert in_words(Trigger(cron=cron)) == words


@pytest.mark.parametrize(("text", "said"), [("day", "start of day"), ("36h", "start of 36h")])
def test_the_as_of_of_a_run(text: str, said: str) -> None:
    assert start_of(every(text)) == said


def test_next_runs_of_a_cron_are_its_own() -> None:
    now = datetime(2013, 7, 1, tzinfo=UTC)
    made = next_runs(Trigger(cron="0 0 6 * * *"), now, 2)

    assert list(islice(made, 2)) == [now + timedelta(hours=6), now + timedelta(hours=30)]
