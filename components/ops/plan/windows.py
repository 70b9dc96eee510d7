"""Event time, cut into what is trained on, the two holdouts, and what monitoring watches."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from components.core import storage
from components.core.errors import InputError
from components.core.plan import Windows
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
    """How many windows before the one that is watched the labels are judged.

    0 where a label takes less than a window: then those of the watched window that are due. Else
    the fewest after which every label of a window is due. Months count as the shortest there are,
    so that each check looks back by as many, and no window is left out or judged twice.
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
    """Where the history begins: with the first span, or where ``primary.start`` says."""
    start = spec.data.primary.start
    return max(first.start, start) if start else first.start


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


def subtract(interval: TimeInterval, holes: Iterable[TimeInterval]) -> tuple[TimeInterval, ...]:
    """What is left of an interval when holes, in order and apart, are taken out."""
    pieces, start = [], interval.start
    for hole in holes:
        pieces.append((start, min(hole.start, interval.end)))
        start = max(start, hole.end)
    pieces.append((start, interval.end))
    return tuple(TimeInterval(start=a, end=b) for a, b in pieces if a < b)


def _interval(start: datetime, end: datetime) -> TimeInterval:
    return TimeInterval(start=start, end=max(start, end))


# ---- available: The spans that have data, found by the names of their files.

_MARK = re.compile(r"\{(?:hour|day|month)\}")


def available_spans(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    """The spans with data that start before an instant, oldest first.

    Where the uri has no placeholder, one file holds all, and the spans are those from
    ``primary.start``.

    Raises:
        InputError: There is none.
    """
    primary = spec.data.primary
    if primary.placeholder is None:
        spans = _of_one_file(spec, as_of)
    else:
        spans = _of_files(primary.uri, primary.placeholder, spec.data.span)
    start = primary.start if primary.start else None
    usable = [s for s in spans if s.start < as_of and (start is None or s.end > start)]
    if not usable:
        raise InputError(
            f"data.primary.uri: {primary.uri}",
            f"no file of a {spec.data.span} before {as_of:%Y-%m-%dT%H:%MZ}",
            "at least one",
            _do(primary.uri, spans),
        )
    return tuple(usable)


def span_of_file(path: str, template: str, mark: str, kind: SpanKind) -> Span | None:
    """The span that a file's path stands for; None where it is another kind of file.

    Args:
        path: The file's path.
        template: The path with placeholders, such as ``flights/{month}.parquet``.
        mark: The placeholder that names the span; another one only has to agree with it.
        kind: The length of the span.
    """
    pieces = [re.escape(piece) for piece in _MARK.split(template)]
    groups = (r"([^/]+)" for _ in pieces[1:])
    joined = pieces[0] + "".join(g + piece for g, piece in zip(groups, pieces[1:], strict=True))
    match = re.fullmatch(joined, path)
    if match is None:
        return None
    named = match.groups()[_MARK.findall(template).index(mark)]
    try:
        span = Span.named(kind, named)
    except ValueError:
        return None
    return span if path == _MARK.sub(lambda m: _name(m[0], span), template) else None


def _name(mark: str, span: Span) -> str:
    return Span.holding(SpanKind(mark.strip("{}")), span.start).name


def _of_files(uri: str, mark: str, kind: SpanKind) -> tuple[Span, ...]:
    _, template = storage.resolve(uri)
    paths = (storage.resolve(file)[1] for file in storage.list_files(_MARK.sub("*", uri)))
    spans = (span_of_file(path, template, mark, kind) for path in paths)
    return tuple(sorted((s for s in spans if s is not None), key=lambda s: s.start))


def _of_one_file(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    primary = spec.data.primary
    if not storage.exists(primary.uri):
        raise InputError(f"data.primary.uri: {primary.uri}", "no such file", "an existing file")
    assert primary.start is not None  # the spec asks for it where the uri has no span
    return spans_between(spec.data.span, primary.start, as_of)


def _do(uri: str, spans: tuple[Span, ...]) -> str:
    if spans:
        return f"The oldest that is there is {spans[0].name}; choose a later as_of."
    folder = PurePosixPath(_MARK.split(uri)[0]).as_posix()
    return f"Make the data, or mend the uri: nothing under {folder} has such a name."
