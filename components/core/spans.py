"""Instants, spans of the calendar, and the boundaries of what recurs. All instants are UTC."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

# Seconds since 1970 UTC of the years 1 to 9999, wherever a whole number is read as an instant.
MIN_INSTANT_S, MAX_INSTANT_S = -62_135_596_800, 253_402_300_799


def parse_instant(text: str) -> datetime:
    """Reads an ISO 8601 instant; a date alone is its midnight, and no zone means UTC.

    Raises:
        ValueError: The text is not ISO 8601.
    """
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"{text!r} is not an instant; write 2013-07-01 or 2013-07-01T06:00Z")
    instant = datetime.fromisoformat(text)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Writes an instant as ``2013-07-01T06:00:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_instant(given: object) -> datetime:
    instant = given if isinstance(given, datetime) else parse_instant(str(given))
    return instant.astimezone(UTC).replace(microsecond=0)


# To the second, so that what a record holds is what its file says.
Instant = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2013-07-01T06:00:00Z"]}),
]


class SpanKind(StrEnum):
    """The lengths that a span can have."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


Every = SpanKind | timedelta

_FORMATS = {SpanKind.HOUR: "%Y-%m-%dT%H", SpanKind.DAY: "%Y-%m-%d", SpanKind.MONTH: "%Y-%m"}
_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
# The first days of the months of a year that is not next to a leap year.
_FIRSTS = tuple(datetime(2003, month, 1, tzinfo=UTC) for month in range(1, 13))
_LENGTHS = {SpanKind.HOUR: timedelta(hours=1), SpanKind.DAY: timedelta(days=1)}


class TimeInterval(BaseModel):
    """A half-open interval of event time: `start` belongs to it and `end` does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Instant
    end: Instant

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies in the interval."""
        return self.start <= instant < self.end


class Span(BaseModel):
    """One calendar piece of time, such as the month 2013-07."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: SpanKind
    start: Instant

    @classmethod
    def containing(cls, kind: SpanKind, instant: datetime) -> Self:
        """The span in which an instant lies."""
        return cls(kind=kind, start=boundary(kind, boundary_number(kind, instant)))

    @classmethod
    def parse(cls, kind: SpanKind, name: str) -> Self:
        """The span of a name such as ``2013-07``.

        Raises:
            ValueError: The name is not one of this kind.
        """
        return cls(kind=kind, start=datetime.strptime(name, _FORMATS[kind]).replace(tzinfo=UTC))

    @property
    def name(self) -> str:
        """``2013-07-01T05``, ``2013-07-01`` or ``2013-07``."""
        return self.start.strftime(_FORMATS[self.kind])

    @property
    def end(self) -> datetime:
        """The first instant after the span."""
        return next_boundary(self.kind, self.start)

    @property
    def interval(self) -> TimeInterval:
        """The span as an interval."""
        return TimeInterval(start=self.start, end=self.end)


def spans_between(kind: SpanKind, start: datetime, end: datetime) -> tuple[Span, ...]:
    """The spans that have an instant in [start, end), oldest first."""
    numbers = range(boundary_number(kind, start), boundary_number(kind, end) + 1)
    starts = (boundary(kind, number) for number in numbers)
    return tuple(Span(kind=kind, start=one) for one in starts if one < end)


def boundary_number(every: Every, instant: datetime) -> int:
    """The number of the newest boundary that is not after an instant.

    Args:
        every: hour, day or month of the UTC calendar, or a duration counted from Monday
            1970-01-05 UTC (so that 7d falls on Mondays).
        instant: The instant.
    """
    if every is SpanKind.MONTH:
        there = instant.astimezone(UTC)
        return there.year * 12 + there.month - 1
    return (instant - _FIRST_MONDAY) // _length(every)


def boundary(every: Every, number: int) -> datetime:
    """The boundary of a number."""
    if every is SpanKind.MONTH:
        return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return _FIRST_MONDAY + number * _length(every)


def next_boundary(every: Every, instant: datetime) -> datetime:
    """The first boundary after an instant."""
    return boundary(every, boundary_number(every, instant) + 1)


def shift_back(instant: datetime, every: Every, times: int) -> datetime:
    """The instant that many units of `every` earlier; a 31st becomes a shorter month's end."""
    if every is not SpanKind.MONTH:
        return instant - times * _length(every)
    month = instant.year * 12 + instant.month - 1 - times
    year, month = month // 12, month % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))


def shortest_length(every: Every, times: int) -> timedelta:
    """The shortest time that this many units of `every` can take."""
    return min(first - shift_back(first, every, times) for first in _FIRSTS)


def _length(every: Every) -> timedelta:
    return every if isinstance(every, timedelta) else _LENGTHS[every]
