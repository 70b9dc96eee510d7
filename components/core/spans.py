"""Spans: how time is cut, and how incremental work is keyed. All instants are UTC."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


class SpanKind(StrEnum):
    """The lengths that a span can have."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_FORMATS = {SpanKind.HOUR: "%Y-%m-%dT%H", SpanKind.DAY: "%Y-%m-%d", SpanKind.MONTH: "%Y-%m"}


class TimeInterval(BaseModel):
    """A half-open interval of event time: `start` belongs to it and `end` does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: datetime
    end: datetime

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in the interval."""
        return self.start <= instant < self.end


class Span(BaseModel):
    """One calendar piece of time, such as the month 2013-07."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: SpanKind
    start: datetime

    @classmethod
    def holding(cls, kind: SpanKind, instant: datetime) -> Self:
        """The span in which an instant lies."""
        day = instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if kind is not SpanKind.HOUR:
            day = day.replace(hour=0)
        if kind is SpanKind.MONTH:
            day = day.replace(day=1)
        return cls(kind=kind, start=day)

    @classmethod
    def named(cls, kind: SpanKind, name: str) -> Self:
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
        if self.kind is SpanKind.MONTH:
            return (self.start + timedelta(days=32)).replace(day=1)
        return self.start + timedelta(**{f"{self.kind}s": 1})

    @property
    def interval(self) -> TimeInterval:
        """The span as an interval."""
        return TimeInterval(start=self.start, end=self.end)

    def next(self) -> Self:
        """The span that follows."""
        return type(self)(kind=self.kind, start=self.end)

    def before(self) -> Self:
        """The span that precedes."""
        return self.holding(self.kind, self.start - timedelta(seconds=1))


def spans_between(kind: SpanKind, start: datetime, end: datetime) -> tuple[Span, ...]:
    """The spans that have an instant in [start, end), oldest first."""
    spans, span = [], Span.holding(kind, start)
    while span.start < end:
        spans.append(span)
        span = span.next()
    return tuple(spans)


def parse_instant(text: str) -> datetime:
    """Reads an ISO 8601 instant; a date alone is its midnight, and no zone means UTC.

    Raises:
        ValueError: The text is not ISO 8601.
    """
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"{text!r} is no instant; write 2013-07-01 or 2013-07-01T06:00Z")
    instant = datetime.fromisoformat(text)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Writes an instant as ``2013-07-01T06:00:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
