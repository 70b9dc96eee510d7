"""Spans, intervals and instants; expected values are read off a calendar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import BaseModel, ValidationError

from components.core.spans import (
    Every,
    Instant,
    Span,
    SpanKind,
    TimeInterval,
    format_instant,
    parse_instant,
    shift_back,
    shortest_length,
    spans_between,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "name", "start", "end", "before"),
    [
        ("hour", "2013-12-31T23", "2013-12-31T23:00", "2014-01-01T00:00", "2013-12-31T22"),
        ("day", "2012-02-28", "2012-02-28", "2012-02-29", "2012-02-27"),
        ("day", "2013-03-01", "2013-03-01", "2013-03-02", "2013-02-28"),
        ("month", "2012-02", "2012-02-01", "2012-03-01", "2012-01"),
        ("month", "2013-12", "2013-12-01", "2014-01-01", "2013-11"),
        ("month", "2013-01", "2013-01-01", "2013-02-01", "2012-12"),
    ],
)
def test_a_span_knows_its_ends_and_neighbours(
    kind: str, name: str, start: str, end: str, before: str
) -> None:
    span = Span.parse(SpanKind(kind), name)

    assert (span.start, span.end) == (at(start), at(end))
    assert span.name == name
    assert Span.parse(SpanKind(kind), before).end == span.start
    assert Span.containing(SpanKind(kind), span.end - timedelta(seconds=1)) == span
    assert span.interval == TimeInterval(start=at(start), end=at(end))


@pytest.mark.parametrize("kind", list(SpanKind))
@pytest.mark.parametrize("name", ["", "2013", "2013-13", "x", "2013-01-01T24", "2013-02-30"])
def test_other_names_are_refused(kind: SpanKind, name: str) -> None:
    with pytest.raises(ValueError, match=r"does not match format|unconverted|out of range"):
        Span.parse(kind, name)


def test_a_span_holds_instants_of_other_zones_by_their_utc() -> None:
    new_year_in_new_york = datetime(2013, 12, 31, 20, tzinfo=timezone(timedelta(hours=-5)))

    assert Span.containing(SpanKind.MONTH, new_year_in_new_york).name == "2014-01"


def test_spans_between_are_those_with_an_instant_in_it() -> None:
    months = spans_between(SpanKind.MONTH, at("2012-12-31T23:59"), at("2013-03-01"))

    assert [s.name for s in months] == ["2012-12", "2013-01", "2013-02"]
    assert spans_between(SpanKind.DAY, at("2013-03-01"), at("2013-03-01")) == ()


def test_an_interval_is_half_open() -> None:
    interval = TimeInterval(start=at("2013-01-01"), end=at("2013-02-01"))

    assert interval.contains(at("2013-01-01"))
    assert not interval.contains(at("2013-02-01"))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2013-07-01", "2013-07-01T00:00"),
        ("2013-07-01T06:00Z", "2013-07-01T06:00"),
        ("2013-07-01 06:00", "2013-07-01T06:00"),
        ("2013-07-01T02:00-04:00", "2013-07-01T06:00"),
    ],
)
def test_reads_instants(text: str, instant: str) -> None:
    assert parse_instant(text) == at(instant)
    assert parse_instant(format_instant(parse_instant(text))) == at(instant)


@pytest.mark.parametrize(
    "text", ["", "July", "20130701", "2013-07-32", "2013-07-01Tea", "1372636800"]
)
def test_refuses_other_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r"instant|out of range|Invalid isoformat"):
        parse_instant(text)


class Dated(BaseModel):
    at: Instant


@pytest.mark.parametrize(
    "given",
    [
        "2013-07-01T06:00",
        "2013-07-01T02:00:00.75-04:00",
        datetime(2013, 7, 1, 2, 0, 0, 7, tzinfo=timezone(timedelta(hours=-4))),
    ],
)
def test_a_record_s_instant_is_a_datetime_and_is_written_to_the_second(given: object) -> None:
    record = Dated(at=given)

    assert record.at == at("2013-07-01T06:00")
    assert record.model_dump_json() == '{"at":"2013-07-01T06:00:00Z"}'
    assert Dated.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("given", ["July", 1372636800, None])
def test_a_record_refuses_what_is_no_instant(given: object) -> None:
    with pytest.raises(ValidationError, match="not an instant"):
        Dated(at=given)


@pytest.mark.parametrize(
    ("every", "times", "earlier"),
    [
        (SpanKind.HOUR, 25, "2013-03-30T05:30"),
        (SpanKind.DAY, 31, "2013-02-28T06:30"),
        (SpanKind.MONTH, 1, "2013-02-28T06:30"),
        (SpanKind.MONTH, 13, "2012-02-29T06:30"),
        (timedelta(days=7), 2, "2013-03-17T06:30"),
    ],
)
def test_goes_back_by_the_calendar(every: Every, times: int, earlier: str) -> None:
    assert shift_back(at("2013-03-31T06:30"), every, times) == at(earlier)


@pytest.mark.parametrize(
    ("every", "times", "days"),
    [(SpanKind.MONTH, 1, 28), (SpanKind.MONTH, 2, 59), (SpanKind.DAY, 3, 3)],
)
def test_the_shortest_that_so_many_can_be(every: Every, times: int, days: int) -> None:
    assert shortest_length(every, times) == timedelta(days=days)


def test_writes_instants_in_utc() -> None:
    summer = datetime(2013, 7, 1, 2, tzinfo=timezone(timedelta(hours=-4)))

    assert format_instant(summer) == "2013-07-01T06:00:00Z"
