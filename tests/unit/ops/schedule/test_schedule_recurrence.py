"""What is due, and when; every expected instant is read off a calendar."""

from datetime import UTC, datetime, timedelta

import pytest

from components.core.spans import SpanKind, boundary, boundary_number, format_instant, next_boundary
from components.ops.schedule.local_schedule import (
    LocalSchedule,
    due,
    missed,
    scheduled,
    with_done,
)
from components.ops.schedule.manifest import RecurringRunManifest


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wanted(every: str = "month", **more: str) -> RecurringRunManifest:
    parameters = {"model": "models/churn", "target": "local://serving", **more}
    return RecurringRunManifest.model_validate(
        {"model": "churn", "parameters": parameters, "every": every}
    )


def schedule(every: str = "month", as_of: str = "2013-07-01") -> LocalSchedule:
    return scheduled(wanted(every), at(as_of), None)


@pytest.mark.parametrize(
    ("every", "instant", "newest", "following"),
    [
        (SpanKind.HOUR, "2013-07-01T05:59:59", "2013-07-01T05:00", "2013-07-01T06:00"),
        (SpanKind.DAY, "2012-02-29T12:00", "2012-02-29", "2012-03-01"),
        (SpanKind.DAY, "2012-02-29", "2012-02-29", "2012-03-01"),
        (SpanKind.MONTH, "2013-12-31T23:59", "2013-12-01", "2014-01-01"),
        (SpanKind.MONTH, "2013-01-01", "2013-01-01", "2013-02-01"),
        (timedelta(days=7), "2013-07-03", "2013-07-01", "2013-07-08"),  # Mondays
        (timedelta(hours=36), "1970-01-06T11:59", "1970-01-05", "1970-01-06T12:00"),
        (timedelta(days=7), "1970-01-01", "1969-12-29", "1970-01-05"),
    ],
)
def test_boundaries(every: SpanKind | timedelta, instant: str, newest: str, following: str) -> None:
    number = boundary_number(every, at(instant))

    assert boundary(every, number) == at(newest)
    assert next_boundary(every, at(instant)) == at(following)
    assert boundary_number(every, boundary(every, number)) == number


def test_the_first_run_is_due_at_the_boundary_after_the_run_that_deployed() -> None:
    monthly = schedule("month", as_of="2013-07-01")

    assert format_instant(monthly.first_due) == "2013-08-01T00:00:00Z"
    assert due(monthly, at("2013-07-31T23:59:59")) == ()
    assert due(monthly, at("2013-08-01")) == (at("2013-08-01"),)
    assert due(monthly, at("2013-08-20")) == (at("2013-08-01"),)


def test_what_was_done_is_not_due_again() -> None:
    monthly = with_done(schedule(), at("2013-08-01"), "run-1")

    assert due(monthly, at("2013-08-31")) == ()
    assert due(monthly, at("2013-09-01")) == (at("2013-09-01"),)
    assert with_done(monthly, at("2013-08-01"), "run-2") == monthly


def test_only_the_newest_missed_run_is_due_and_the_others_are_counted() -> None:
    monthly = with_done(schedule(), at("2013-08-01"), "run-1")

    assert due(monthly, at("2013-12-24")) == (at("2013-12-01"),)
    late = with_done(monthly, at("2013-12-01"), "run-2")

    assert [(format_instant(d.due), d.skipped) for d in late.done] == [
        ("2013-08-01T00:00:00Z", 0),
        ("2013-12-01T00:00:00Z", 3),
    ]
    assert due(late, at("2013-12-31")) == ()
    assert due(late, at("2013-10-01")) == ()  # what was passed over is never caught up


def test_a_first_run_that_comes_late_passes_over_those_before() -> None:
    assert missed(schedule(), at("2013-08-01")) == 0
    assert missed(schedule(), at("2013-11-01")) == 3


def test_the_same_wish_leaves_the_schedule_as_it_is() -> None:
    stands = with_done(schedule(), at("2013-08-01"), "run-1")

    assert scheduled(wanted(), at("2014-01-01"), stands) is stands


@pytest.mark.parametrize(
    "change",
    [{"every": "day"}, {"model": "models/other"}, {"overlay": "o.yaml"}, {"target": "local://b"}],
)
def test_another_wish_replaces_it_and_keeps_what_was_done(change: dict[str, str]) -> None:
    stands = with_done(schedule(), at("2013-08-01"), "run-1")

    new = scheduled(wanted(**change), at("2013-08-01T00:00"), stands)

    assert new.digest != stands.digest
    assert new.done == stands.done
    assert due(new, at("2013-08-01")) == ()
    following = at("2013-08-02") if "every" in change else at("2013-09-01")
    assert due(new, following) == (following,)


def test_a_longer_rhythm_counts_from_what_was_done() -> None:
    daily = with_done(schedule("day", as_of="2013-08-14"), at("2013-08-15"), "run-1")
    monthly = scheduled(wanted("month"), at("2013-08-15"), daily)

    assert format_instant(monthly.first_due) == "2013-09-01T00:00:00Z"
    assert missed(monthly, at("2013-09-01")) == 0
    assert missed(monthly, at("2013-11-01")) == 2


def test_a_schedule_comes_back_from_json() -> None:
    for every in ("hour", "month", "36h"):
        stands = with_done(schedule(every), at("2013-08-05"), "run-1")
        assert LocalSchedule.model_validate_json(stands.model_dump_json()) == stands
