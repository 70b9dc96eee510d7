"""The instants at which a recurring run falls due, numbered so that they can be counted."""

from datetime import UTC, datetime, timedelta

from components.core.spans import SpanKind

_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_LENGTHS = {SpanKind.HOUR: timedelta(hours=1), SpanKind.DAY: timedelta(days=1)}

Every = SpanKind | timedelta


def number_at(every: Every, instant: datetime) -> int:
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
    return boundary(every, number_at(every, instant) + 1)


def _length(every: Every) -> timedelta:
    return every if isinstance(every, timedelta) else _LENGTHS[every]
