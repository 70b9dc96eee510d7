"""The time that a run works on: its `as_of`, the windows before it, and the spans with data.

How a run of a recurring run on Kubeflow learns when it was due (read in kubeflow/pipelines at
2.16.1 and 2.17.0):

- ``[[ScheduledTime]]`` in a recurring run's parameters is not replaced where the recurring run is
  pinned to a version: the API server compiles the parameters into the workflow as they stand
  (backend/src/apiserver/template/v2_template.go, ScheduledWorkflow), and the controller replaces
  only what the workflow itself has as arguments, which are none of ours
  (backend/src/crd/controller/scheduledworkflow/util/scheduled_workflow.go, NewWorkflow;
  backend/src/common/util/workflow.go, OverrideParameters).
- ``dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER`` given to a task is the scheduled time from 2.17
  on, and the workflow's creation for a run by hand (backend/src/v2/cmd/driver/main.go). 2.16 knows
  it but never sets it, so a task gets an empty text (backend/src/v2/driver/resolve.go); before, and
  on a laptop, a task gets the placeholder itself.

So a recurring run asks for ``start of month``, which is the instant at which it was due whichever
version runs it and however late its pod starts, and the placeholder is taken where it says a time.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from components.core import storage
from components.core.errors import InputError
from components.core.plan import Windows
from components.core.span_files import existing_spans
from components.core.spans import (
    Every,
    Span,
    SpanKind,
    TimeInterval,
    boundary,
    boundary_number,
    parse_instant,
    shift_back,
    shortest_length,
    spans_between,
)
from components.core.spec import Spec, window_spans
from components.core.units import parse_duration

_FIRST_YEAR, _END_YEAR = 1970, 2200
_START_OF = "start of "
_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)
_ACCEPTED = (
    "an instant such as 2013-07-01 or 2013-07-01T06:00Z, start of hour, day, month or a duration "
    "such as 7d, or nothing for now"
)


def resolve_as_of(text: str, now: datetime | None = None, scheduled: str = "") -> datetime:
    """The instant of a run, to the second: the one asked for, else the scheduled one, else now.

    Args:
        text: The instant (ISO 8601), or ``start of month`` for the newest month's start, or empty.
        now: The present; None to ask the clock.
        scheduled: When the run was due; empty, or a placeholder, if the platform does not say it.

    Raises:
        InputError: The text is neither.
    """
    asked = text.strip()
    if asked.startswith(_START_OF):
        every = _every(asked.removeprefix(_START_OF), text)
        return boundary(every, boundary_number(every, resolve_as_of("", now, scheduled)))
    if asked:
        return _parsed("as_of", asked)
    told = scheduled.strip()
    if told and not told.startswith("{{"):
        return _parsed("the scheduled time", told)
    return (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def _parsed(where: str, text: str) -> datetime:
    try:
        instant = parse_instant(text).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise InputError(where, text, _ACCEPTED) from error
    if not _FIRST_YEAR <= instant.year < _END_YEAR:
        raise InputError(where, text, f"{_ACCEPTED}, from {_FIRST_YEAR} to {_END_YEAR}")
    return instant


def _every(said: str, text: str) -> Every:
    try:
        every = SpanKind(said) if said in list(SpanKind) else parse_duration(said)
    except ValueError as error:
        raise InputError("as_of", text, _ACCEPTED) from error
    if not every:
        raise InputError("as_of", text, _ACCEPTED)
    return every


def split_windows(spec: Spec, spans: Sequence[Span], as_of: datetime) -> Windows:
    """Splits event time as the spec's split and window say.

    Returns:
        The windows; `train` and `reference` are empty if the history is too short, which the
        history gate then rejects.
    """
    labels_until = as_of - spec.label.known_after
    recent_end = labels_until.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = TimeInterval(start=recent_end - spec.split.recent, end=recent_end)
    first = max(spans[0].start, spec.data.primary.start or spans[0].start)
    history = _interval(first, recent.start)
    weeks = reference_weeks(history, spec.split.reference_weeks)
    last = window_spans(spec.window)
    start = history.start if last is None else max(history.start, spans[-last:][0].start)
    every = spec.monitoring.every
    watched, before = shift_back(as_of, every, 1), shift_back(as_of, every, 2)
    labelled_end, labelled_start = (shift_back(as_of, every, label_lag(spec) + n) for n in (0, 1))
    return Windows(
        train=subtract(_interval(start, recent.start), weeks),
        recent=(recent,),
        reference=weeks,
        labels_until=labels_until,
        watch=TimeInterval(start=watched, end=as_of),
        before=TimeInterval(start=before, end=watched),
        labelled=TimeInterval(start=labelled_start, end=labelled_end),
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
    start = primary.start
    if primary.placeholder is not None:
        spans = existing_spans(primary.uri, spec.data.span)
    elif storage.exists(primary.uri):
        assert start is not None  # the spec requires it if the uri has no placeholder
        spans = spans_between(spec.data.span, start, as_of)
    else:
        raise InputError(f"data.primary.uri: {primary.uri}", "no such file", "an existing file")
    usable = [s for s in spans if s.start < as_of and (start is None or s.end > start)]
    if not usable:
        folder = PurePosixPath(primary.uri.partition("{")[0]).as_posix()
        do = f"Make the data, or correct the uri: nothing under {folder} has such a name."
        if spans:
            do = f"The oldest one is {spans[0].name}; choose a later as_of."
        given = f"no file of a {spec.data.span} before {as_of:%Y-%m-%dT%H:%MZ}"
        raise InputError(f"data.primary.uri: {primary.uri}", given, "at least one", do)
    return tuple(usable)
