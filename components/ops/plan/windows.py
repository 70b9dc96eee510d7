"""Event time, cut into what is trained on, the two holdouts, and what monitoring watches."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from components.core.plan import Windows
from components.core.spans import Span, SpanKind, TimeInterval, format_instant, parse_instant
from components.core.spec import Spec, window_spans

_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)
# The first days of the months of a year that no leap year is near.
_FIRSTS = tuple(datetime(2003, month, 1, tzinfo=UTC) for month in range(1, 13))


def cut(spec: Spec, spans: Sequence[Span], as_of: datetime) -> Windows:
    """Cuts event time as the spec's split and window say.

    Args:
        spec: The spec.
        spans: The spans with data, oldest first; at least one.
        as_of: The instant of the run.

    Returns:
        The windows; `train` and `reference` are empty where the history is too short, which the
        history gate then refuses.
    """
    labels_until = as_of - spec.label.known_after
    recent_end = labels_until.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = TimeInterval(start=recent_end - spec.split.recent, end=recent_end)
    history = _interval(first_instant(spec, spans[0]), recent.start)
    weeks = reference_weeks(history, spec.split.reference_weeks)
    last = window_spans(spec.window)
    start = history.start if last is None else max(history.start, spans[-last:][0].start)
    every = spec.monitoring.every
    watched, earlier = _before(as_of, every, 1), _before(as_of, every, 2)
    late = windows_late(spec)
    return Windows(
        train=without(_interval(start, recent.start), weeks),
        recent=(recent,),
        reference=weeks,
        labels_until=format_instant(labels_until),
        watch=TimeInterval(start=watched, end=as_of),
        before=TimeInterval(start=earlier, end=watched),
        labelled=TimeInterval(
            start=_before(as_of, every, late + 1), end=_before(as_of, every, late)
        ),
    )


def windows_late(spec: Spec) -> int:
    """How many windows before the one that is watched the labels are judged.

    0 where a label takes less than a window: then those of the watched window that are due. Else
    the fewest after which every label of a window is due. Months count as the shortest there are,
    so that each check looks back by as many, and no window is left out or judged twice.
    """
    known_after, every = spec.label.known_after, spec.monitoring.every
    length = _shortest(every, 1)
    if known_after < length:
        return 0
    if every is not SpanKind.MONTH:
        return -(-known_after // length)
    months = 1
    while _shortest(every, months) < known_after:
        months += 1
    return months


def first_instant(spec: Spec, first: Span) -> datetime:
    """Where the history begins: with the first span, or where ``primary.start`` says."""
    start = spec.data.primary.start
    return max(first.start, parse_instant(start)) if start else first.start


def reference_weeks(history: TimeInterval, every: int) -> tuple[TimeInterval, ...]:
    """Every `every`-th week (Monday, UTC) of a history, counted from 1970-01-05 and clipped."""
    if history.start >= history.end:
        return ()
    index = (history.start - _FIRST_MONDAY) // _WEEK
    index += -index % every
    weeks = []
    while (start := _FIRST_MONDAY + index * _WEEK) < history.end:
        end = min(start + _WEEK, history.end)
        weeks.append(TimeInterval(start=max(start, history.start), end=end))
        index += every
    return tuple(weeks)


def without(interval: TimeInterval, holes: Iterable[TimeInterval]) -> tuple[TimeInterval, ...]:
    """What is left of an interval when holes, in order and apart, are taken out."""
    pieces, start = [], interval.start
    for hole in holes:
        pieces.append((start, min(hole.start, interval.end)))
        start = max(start, hole.end)
    pieces.append((start, interval.end))
    return tuple(TimeInterval(start=a, end=b) for a, b in pieces if a < b)


def _interval(start: datetime, end: datetime) -> TimeInterval:
    return TimeInterval(start=start, end=max(start, end))


def _shortest(every: SpanKind | timedelta, times: int) -> timedelta:
    """The shortest that so many windows can be."""
    return min(first - _before(first, every, times) for first in _FIRSTS)


def _before(instant: datetime, every: SpanKind | timedelta, times: int) -> datetime:
    if isinstance(every, timedelta):
        return instant - times * every
    if every is not SpanKind.MONTH:
        return instant - times * timedelta(**{f"{every}s": 1})
    month = instant.year * 12 + instant.month - 1 - times
    year, month = month // 12, month % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))
