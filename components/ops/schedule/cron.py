"""Cron expressions as Kubeflow Pipelines takes them: six fields, seconds first, UTC.

KFP reads them by robfig/cron v1 (its backend/src/crd/controller/scheduledworkflow/util), which
knows ``*``, ``?``, lists, ranges, steps and the first three letters of months and week days; Sunday
is 0. Where both days are restricted, one of them is enough.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from components.core.errors import InputError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_ITEM = re.compile(r"(\*|\?|[a-z]{3}|\d+)(?:-([a-z]{3}|\d+))?(?:/(\d+))?")
_ACCEPTED = "six fields, seconds first, in UTC, such as '0 0 6 * * 1' for Mondays at 06:00"
# 29 February falls on a given week day once in 28 years, or 40 across a year such as 2100.
_YEARS = 41


@dataclass(frozen=True)
class Cron:
    """A cron expression, read.

    Attributes:
        text: As written.
        seconds: The seconds of a minute.
        minutes: The minutes of an hour.
        hours: The hours of a day.
        days: The days of a month.
        months: The months of a year.
        weekdays: The days of a week, Sunday is 0.
        any_day: Whether the day of the month is left open.
        any_weekday: Whether the day of the week is left open.
    """

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @property
    def times(self) -> tuple[time, ...]:
        """The times of a day on which it falls due, UTC."""
        clock = ((h, m, s) for h in self.hours for m in self.minutes for s in self.seconds)
        return tuple(time(*one, tzinfo=UTC) for one in sorted(clock))

    def falls_on(self, day: datetime) -> bool:
        """Whether it falls due on the day of an instant."""
        in_month = day.day in self.days
        in_week = (day.weekday() + 1) % 7 in self.weekdays
        is_either = not self.any_day and not self.any_weekday
        is_day = in_month or in_week if is_either else in_month and in_week
        return day.month in self.months and is_day

    def after(self, instant: datetime) -> Iterator[datetime]:
        """The instants at which it falls due after another, oldest first."""
        day = datetime.combine(instant.astimezone(UTC).date(), time(), UTC)
        for _ in range(366 * _YEARS):
            if self.falls_on(day):
                on_day = (datetime.combine(day.date(), at) for at in self.times)
                yield from (due for due in on_day if due > instant)
            day += timedelta(days=1)


def parse_cron(text: str, where: str) -> Cron:
    """Reads a cron expression.

    Args:
        text: The expression.
        where: What to call its place in errors.

    Raises:
        InputError: It is none, or no day ever fits it.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise InputError(where, text, _ACCEPTED, f"These are {len(fields)} field(s).")
    sets = [_values(f, n, where, text) for n, f in enumerate(fields)]
    seconds, minutes, hours, days, months, weekdays = sets
    any_day, any_weekday = ("*" in fields[n] or "?" in fields[n] for n in (3, 5))
    cron = Cron(text, seconds, minutes, hours, days, months, weekdays, any_day, any_weekday)
    if not _ever_falls(cron):
        raise InputError(where, text, _ACCEPTED, "No month that it names has such a day.")
    return cron


def _values(field: str, number: int, where: str, text: str) -> frozenset[int]:
    name, low, high, names = _FIELDS[number]
    values: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        spread = _spread(match, (low, high), list(names)) if match else None
        if not spread:
            do = f"Its {name} is {field!r}; that goes from {low} to {high}."
            raise InputError(where, text, _ACCEPTED, do)
        values.update(spread)
    return frozenset(values)


def _spread(match: re.Match[str], bounds: tuple[int, int], names: list[str]) -> range | None:
    """The values of one item such as ``1-5``, ``*/15`` or ``mon``; None: it is out of bounds."""
    first, last, step = match[1], match[2], int(match[3] or 1)
    low, high = bounds
    try:
        start = low if first in "*?" else _number(first, low, names)
        open_ended = first in "*?" or (match[3] is not None and last is None)
        end = _number(last, low, names) if last else high if open_ended else start
    except ValueError:
        return None
    if (first in "*?" and last) or not low <= start <= end <= high or step < 1:
        return None
    return range(start, end + 1, step)


def _number(text: str, low: int, names: list[str]) -> int:
    return names.index(text) + low if text.isalpha() else int(text)


def _ever_falls(cron: Cron) -> bool:
    longest = max(monthrange(2000, month)[1] for month in cron.months)
    return not cron.any_weekday or min(cron.days) <= longest
