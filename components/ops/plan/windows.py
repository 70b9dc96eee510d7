"""Splits event time into training window, holdouts and monitored windows, and finds the spans."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from components.core import storage
from components.core.errors import InputError
from components.core.plan import Windows
from components.core.span_files import existing_spans
from components.core.spans import (
    Span,
    SpanKind,
    TimeInterval,
    shift_back,
    shortest_length,
    spans_between,
)
from components.core.spec import Spec, window_spans

_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)


def split_windows(spec: Spec, spans: Sequence[Span], as_of: datetime) -> Windows:
    """Splits event time as the spec's split and window say.

    Returns:
        The windows; `train` and `reference` are empty if the history is too short, which the
        history gate then rejects.
    """
    labels_until = as_of - spec.label.known_after
    recent_end = labels_until.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = TimeInterval(start=recent_end - spec.split.recent, end=recent_end)
    history = _interval(first_instant(spec, spans[0]), recent.start)
    weeks = reference_weeks(history, spec.split.reference_weeks)
    last = window_spans(spec.window)
    start = history.start if last is None else max(history.start, spans[-last:][0].start)
    every = spec.monitoring.every
    watched, before = shift_back(as_of, every, 1), shift_back(as_of, every, 2)
    late = label_lag(spec)
    return Windows(
        train=subtract(_interval(start, recent.start), weeks),
        recent=(recent,),
        reference=weeks,
        labels_until=labels_until,
        watch=TimeInterval(start=watched, end=as_of),
        before=TimeInterval(start=before, end=watched),
        labelled=TimeInterval(
            start=shift_back(as_of, every, late + 1), end=shift_back(as_of, every, late)
        ),
    )


def label_lag(spec: Spec) -> int:
    """How many windows behind the monitored one performance is judged, because labels come late.

    0 if a label takes less than a window: then the labels that are due are judged. Else the fewest
    windows after which every label is due. Months count as the shortest ones, so that every check
    looks back equally far, and no window is left out or judged twice.
    """
    known_after, every = spec.label.known_after, spec.monitoring.every
    length = shortest_length(every, 1)
    if known_after < length:
        return 0
    if every is not SpanKind.MONTH:
        return -(-known_after // length)
    months = 1
    while shortest_length(every, months) < known_after:
        months += 1
    return months


def first_instant(spec: Spec, first: Span) -> datetime:
    """The start of the history: the first span's, or ``primary.start``."""
    start = spec.data.primary.start
    return max(first.start, start) if start else first.start


def reference_weeks(history: TimeInterval, every: int) -> tuple[TimeInterval, ...]:
    """Every nth week of a history, counted from Monday 1970-01-05 UTC, clipped to the history."""
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


def subtract(interval: TimeInterval, holes: Iterable[TimeInterval]) -> tuple[TimeInterval, ...]:
    """An interval without holes, which are sorted and do not overlap."""
    pieces, start = [], interval.start
    for hole in holes:
        pieces.append((start, min(hole.start, interval.end)))
        start = max(start, hole.end)
    pieces.append((start, interval.end))
    return tuple(TimeInterval(start=a, end=b) for a, b in pieces if a < b)


def _interval(start: datetime, end: datetime) -> TimeInterval:
    return TimeInterval(start=start, end=max(start, end))


def available_spans(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    """The spans with data that start before an instant, oldest first.

    Without a placeholder in the uri one file holds all spans, those from ``primary.start`` on.

    Raises:
        InputError: There is none.
    """
    primary = spec.data.primary
    if primary.placeholder is None:
        spans = _of_one_file(spec, as_of)
    else:
        spans = existing_spans(primary.uri, spec.data.span)
    start = primary.start
    usable = [s for s in spans if s.start < as_of and (start is None or s.end > start)]
    if not usable:
        raise InputError(
            f"data.primary.uri: {primary.uri}",
            f"no file of a {spec.data.span} before {as_of:%Y-%m-%dT%H:%MZ}",
            "at least one",
            _do(primary.uri, spans),
        )
    return tuple(usable)


def _of_one_file(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    primary = spec.data.primary
    if not storage.exists(primary.uri):
        raise InputError(f"data.primary.uri: {primary.uri}", "no such file", "an existing file")
    assert primary.start is not None  # the spec requires it if the uri has no placeholder
    return spans_between(spec.data.span, primary.start, as_of)


def _do(uri: str, spans: tuple[Span, ...]) -> str:
    if spans:
        return f"The oldest one is {spans[0].name}; choose a later as_of."
    folder = PurePosixPath(uri.partition("{")[0]).as_posix()
    return f"Make the data, or correct the uri: nothing under {folder} has such a name."
