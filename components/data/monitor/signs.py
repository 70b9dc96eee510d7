"""The signs of a closed model: nobody retrains it, asks it, checks it, or tells it the truth."""

from collections.abc import Collection
from datetime import datetime, timedelta

from components.core.spans import SpanKind, TimeInterval
from components.core.units import format_duration
from components.core.verdict import Finding, Severity

_LENGTHS = {
    SpanKind.HOUR: timedelta(hours=1),
    SpanKind.DAY: timedelta(days=1),
    SpanKind.MONTH: timedelta(days=31),
}


def age(made: datetime, as_of: datetime, oldest: timedelta) -> Finding:
    """How old the champion's knowledge is.

    Args:
        made: The instant that it was trained for.
        as_of: The instant of the check.
        oldest: What is accepted.
    """
    old = as_of - made > oldest
    return Finding(
        code="age",
        severity=Severity.FAIL if old else Severity.INFO,
        subject="champion",
        measured=in_days(as_of - made),
        limit=in_days(oldest),
        sentence=f"the champion was trained as of {made:%Y-%m-%d}, {in_words(as_of - made)} ago"
        + (f"; more than {format_duration(oldest)} is too old" if old else ""),
    )


def check(previous: datetime | None, as_of: datetime, every: SpanKind | timedelta) -> Finding:
    """How long nobody looked; more than twice the spec's own rhythm is worth a warning.

    Args:
        previous: The instant of the last check; None: this is the first.
        as_of: The instant of this one.
        every: How often is intended.
    """
    length = every if isinstance(every, timedelta) else _LENGTHS[every]
    gap = as_of - previous if previous else None
    late = gap is not None and gap > 2 * length
    rhythm = every if isinstance(every, SpanKind) else format_duration(every)
    since = f"the last check was {in_words(gap)} ago" if gap else "this is the first check"
    return Finding(
        code="check",
        severity=Severity.WARN if late else Severity.INFO,
        subject="monitoring",
        measured=in_days(gap) if gap else None,
        limit=in_days(2 * length),
        sentence=f"{since}; every {rhythm} is intended",
    )


def silence(newest: datetime | None, as_of: datetime, accepted: timedelta) -> Finding:
    """Whether anybody still asks.

    Args:
        newest: The newest logged event time; None: there is none.
        as_of: The instant of the check.
        accepted: How long may pass without a request.
    """
    if newest is None:
        text, silent = "nothing was ever asked, as far as the prediction log goes", True
    else:
        silent = as_of - newest > accepted
        text = f"the newest request is of {newest:%Y-%m-%d %H:%M}Z, {in_words(as_of - newest)} ago"
        text += f"; traffic has been silent for more than {format_duration(accepted)}" * silent
    return Finding(
        code="silence",
        severity=Severity.FAIL if silent else Severity.INFO,
        subject="traffic",
        measured=in_days(as_of - newest) if newest else None,
        limit=in_days(accepted),
        sentence=text,
    )


def labels(labelled: int, due: int, share: float, rows: int) -> Finding:
    """Whether the truth comes back.

    Args:
        labelled: Rows whose label is in.
        due: Rows whose label must be known.
        share: The share of them that must be in.
        rows: So many due rows are enough to tell.
    """
    enough = due >= rows
    measured = labelled / due if due else None
    low = enough and labelled < share * due
    text = f"{labelled:,} of {due:,} due labels have arrived"
    if measured is not None:
        text += f" ({measured:.1%})"
    if low:
        text += f", less than {share:.0%}: what is measured may not be what is true"
    return Finding(
        code="labels",
        severity=Severity.FAIL if low else Severity.INFO,
        subject="labels",
        measured=measured,
        limit=share,
        sentence=text,
    )


def enough(labelled: int, rows: int, requests: int, window: str) -> Finding:
    """Whether there is enough to judge by; silence is never health.

    Args:
        labelled: Labelled rows that can be judged.
        rows: The fewest that the spec accepts.
        requests: Rows of the window, labelled or not.
        window: Which window, in words.
    """
    few = labelled < rows
    text = f"{labelled:,} of the {requests:,} rows of {window} are labelled"
    return Finding(
        code="rows",
        severity=Severity.FAIL if few else Severity.INFO,
        subject="window",
        measured=labelled,
        limit=rows,
        sentence=f"{text}; fewer than {rows:,} are too few to judge by" if few else text,
    )


def versions(judged: str, found: Collection[str], window: str) -> Finding:
    """Whose answers were judged, of which window."""
    text = f"{window} holds answers of {', '.join(sorted(found)) or 'no version'}; {judged}"
    return Finding(
        code="versions",
        severity=Severity.INFO,
        subject="window",
        measured=None,
        limit=None,
        sentence=text,
    )


def between(interval: TimeInterval) -> str:
    """An interval as a person says it."""
    ends = (interval.start, interval.end)
    form = "%Y-%m-%d" if not any(e.hour or e.minute for e in ends) else "%Y-%m-%d %H:%MZ"
    return " to ".join(end.strftime(form) for end in ends)


def in_days(duration: timedelta) -> float:
    """A duration in days, rounded to hundredths."""
    return round(duration / timedelta(days=1), 2)


def in_words(duration: timedelta) -> str:
    """A duration as a person says it: days from two days on, else hours."""
    if abs(duration) >= timedelta(days=2):
        return f"{duration / timedelta(days=1):.0f} days"
    return f"{duration / timedelta(hours=1):.0f} h"
