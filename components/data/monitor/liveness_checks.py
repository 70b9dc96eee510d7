"""Liveness: whether anyone still retrains, calls and checks the model, and its labels arrive."""

from collections.abc import Collection
from datetime import datetime, timedelta

from components.core.spans import SpanKind, TimeInterval
from components.core.units import format_duration
from components.core.verdict import Finding, Severity, finding

_LENGTHS = {
    SpanKind.HOUR: timedelta(hours=1),
    SpanKind.DAY: timedelta(days=1),
    SpanKind.MONTH: timedelta(days=31),
}


def check_age(made: datetime, as_of: datetime, max_age: timedelta) -> Finding:
    """Checks that the champion is not older than `max_age`."""
    age = as_of - made
    text = f"the champion was trained as of {made:%Y-%m-%d}, {in_words(age)} ago"
    text += f"; more than {format_duration(max_age)} is too old" if age > max_age else ""
    severity = _fails(age > max_age)
    return finding("age", severity, "champion", in_days(age), in_days(max_age), text)


def check_rhythm(
    previous: datetime | None, as_of: datetime, every: SpanKind | timedelta
) -> Finding:
    """Warns if the previous check, None if there was none, is more than two intervals ago."""
    length = every if isinstance(every, timedelta) else _LENGTHS[every]
    rhythm = every if isinstance(every, SpanKind) else format_duration(every)
    gap, severity, text = None, Severity.INFO, "this is the first check"
    if previous is not None:
        gap = as_of - previous
        severity = Severity.WARN if gap > 2 * length else Severity.INFO
        text = f"the last check was {in_words(gap)} ago"
    days = None if gap is None else in_days(gap)
    text += f"; every {rhythm} is intended"
    return finding("check", severity, "monitoring", days, in_days(2 * length), text)


def check_silence(newest: datetime | None, as_of: datetime, max_silence: timedelta) -> Finding:
    """Checks that the model is still called; `newest` is None if nothing was ever logged."""
    limit = in_days(max_silence)
    if newest is None:
        text = "the prediction log has no request at all"
        return finding("silence", Severity.FAIL, "traffic", None, limit, text)
    gap = as_of - newest
    text = f"the newest request is of {newest:%Y-%m-%d %H:%M}Z, {in_words(gap)} ago"
    if gap > max_silence:
        text += f"; traffic has been silent for more than {format_duration(max_silence)}"
    return finding("silence", _fails(gap > max_silence), "traffic", in_days(gap), limit, text)


def check_labels(labelled: int, due: int, min_share: float, min_rows: int) -> Finding:
    """Checks that labels arrive, if at least `min_rows` of them are due."""
    measured = labelled / due if due else None
    low = due >= min_rows and labelled < min_share * due
    text = f"{labelled:,} of {due:,} due labels have arrived"
    text += "" if measured is None else f" ({measured:.1%})"
    if low:
        text += f", less than {min_share:.0%}: the measured performance may not be the true one"
    return finding("labels", _fails(low), "labels", measured, min_share, text)


def check_row_count(labelled: int, min_rows: int, rows: int, window: str) -> Finding:
    """Checks that there are enough labelled rows to judge; silence is never health."""
    text = f"{labelled:,} of the {rows:,} rows of {window} are labelled"
    text += f"; fewer than {min_rows:,} are too few to judge by" if labelled < min_rows else ""
    return finding("rows", _fails(labelled < min_rows), "window", labelled, min_rows, text)


def report_versions(judged: str, found: Collection[str], window: str) -> Finding:
    """Reports whose predictions were judged, of which window."""
    versions = ", ".join(sorted(found)) or "no version"
    text = f"{window} holds predictions of {versions}; {judged}"
    return finding("versions", Severity.INFO, "window", None, None, text)


def format_window(interval: TimeInterval) -> str:
    """An interval for a person: dates alone if both ends are midnight."""
    ends = (interval.start, interval.end)
    form = "%Y-%m-%d" if not any(e.hour or e.minute for e in ends) else "%Y-%m-%d %H:%MZ"
    return " to ".join(end.strftime(form) for end in ends)


def in_days(duration: timedelta) -> float:
    """A duration in days, rounded to hundredths."""
    return round(duration / timedelta(days=1), 2)


def in_words(duration: timedelta) -> str:
    """A duration for a person: days from two days on, else hours."""
    if abs(duration) >= timedelta(days=2):
        return f"{duration / timedelta(days=1):.0f} days"
    return f"{duration / timedelta(hours=1):.0f} h"


def _fails(condition: bool) -> Severity:
    return Severity.FAIL if condition else Severity.INFO
