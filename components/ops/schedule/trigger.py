"""When a recurring run on a cluster falls due: a cron expression, or an interval in seconds.

KFP reads six fields, seconds first, UTC, by robfig/cron v1 (its
backend/src/crd/controller/scheduledworkflow/util), which knows ``*``, ``?``, lists, ranges, steps
and the first three letters of months and week days; Sunday is 0. If both days are restricted, one
of them is enough.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from components.core.artifacts import Record
from components.core.errors import InputError
from components.core.spans import Every, SpanKind, boundary, boundary_number, next_boundary
from components.core.units import format_duration

_CALENDAR = {
    SpanKind.HOUR: "0 0 * * * *",
    SpanKind.DAY: "0 0 0 * * *",
    SpanKind.MONTH: "0 0 0 1 * *",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("second", 0, 59, []),
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_ITEM = re.compile(r"(\*|\?|[a-z]{3}|\d+)(?:-([a-z]{3}|\d+))?(?:/(\d+))?")
_ACCEPTED = "six fields, seconds first, in UTC, such as '0 0 6 * * 1' for Mondays at 06:00"
# 29 February falls on a given week day once in 28 years, or 40 across a year such as 2100.
_YEARS = 41


class Trigger(Record):
    """What KFP is told: a cron of six fields in UTC, or an interval if no cron can say it."""

    cron: str = ""
    interval_s: int = 0

    @property
    def text(self) -> str:
        """``cron '0 0 0 * * 1' (UTC)`` or ``every 36h``."""
        if self.interval_s:
            return f"every {format_duration(timedelta(seconds=self.interval_s))}"
        return f"cron {self.cron!r} (UTC)"


def trigger_of(every: Every) -> Trigger:
    """The trigger that falls due at the boundaries of a spec's ``monitoring.every``.

    A duration counts from a Monday's midnight; one that divides an hour, a day or a week is a
    cron, and any other, such as 36h, an interval.
    """
    if isinstance(every, SpanKind):
        return Trigger(cron=_CALENDAR[every])
    seconds = int(every.total_seconds())
    if seconds == 7 * _DAY:
        return Trigger(cron="0 0 0 * * 1")
    if seconds == _DAY:
        return Trigger(cron=_CALENDAR[SpanKind.DAY])
    if seconds % _HOUR == 0 and _DAY % seconds == 0:
        return Trigger(cron=f"0 0 {_step(seconds // _HOUR)} * * *")
    if seconds % _MINUTE == 0 and _HOUR % seconds == 0:
        return Trigger(cron=f"0 {_step(seconds // _MINUTE)} * * * *")
    return Trigger(interval_s=seconds)


def start_of(every: Every) -> str:
    """The parameter `as_of` of a run that falls due with `every`, such as ``start of day``."""
    return f"start of {every.value if isinstance(every, SpanKind) else format_duration(every)}"


def next_runs(trigger: Trigger, now: datetime, count: int) -> tuple[datetime, ...]:
    """The next instants at which a trigger falls due, oldest first.

    Those of an interval are on its boundaries, which KFP keeps to until it misses one.
    """
    if not trigger.interval_s:
        return tuple(islice(parse_cron(trigger.cron, "cron").after(now), count))
    every = timedelta(seconds=trigger.interval_s)
    return tuple(next_boundary(every, now) + every * number for number in range(count))


def interval_start(trigger: Trigger, now: datetime) -> datetime:
    """The start that an interval is given: KFP's first run is one interval after it."""
    every = timedelta(seconds=trigger.interval_s)
    return boundary(every, boundary_number(every, now.astimezone(UTC)))


@dataclass(frozen=True)
class Cron:
    """A parsed cron expression; of the weekdays, Sunday is 0."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def falls_on(self, day: datetime) -> bool:
        """Whether it falls due on the day of an instant."""
        in_month = day.day in self.days
        in_week = (day.weekday() + 1) % 7 in self.weekdays
        is_either = not self.any_day and not self.any_weekday
        is_day = in_month or in_week if is_either else in_month and in_week
        return day.month in self.months and is_day

    def after(self, instant: datetime) -> Iterator[datetime]:
        """The instants at which it falls due after another one, oldest first."""
        clock = ((h, m, s) for h in self.hours for m in self.minutes for s in self.seconds)
        times = [time(*one, tzinfo=UTC) for one in sorted(clock)]
        day = datetime.combine(instant.astimezone(UTC).date(), time(), UTC)
        for _ in range(366 * _YEARS):
            if self.falls_on(day):
                on_day = (datetime.combine(day.date(), at) for at in times)
                yield from (due for due in on_day if due > instant)
            day += timedelta(days=1)


def parse_cron(text: str, where: str) -> Cron:
    """Parses a cron expression.

    Raises:
        InputError: It is not one, or no day ever fits it.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise InputError(where, text, _ACCEPTED, f"These are {len(fields)} field(s).")
    seconds, minutes, hours, days, months, weekdays = (
        _values(field, number, where, text) for number, field in enumerate(fields)
    )
    any_day, any_weekday = ("*" in fields[n] or "?" in fields[n] for n in (3, 5))
    if any_weekday and min(days) > max(monthrange(2000, month)[1] for month in months):
        raise InputError(where, text, _ACCEPTED, "No month that it names has such a day.")
    return Cron(seconds, minutes, hours, days, months, weekdays, any_day, any_weekday)


def _values(field: str, number: int, where: str, text: str) -> frozenset[int]:
    name, low, high, names = _FIELDS[number]
    values: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        found = _range(match, low, high, names) if match else None
        if not found:
            do = f"Its {name} is {field!r}; that goes from {low} to {high}."
            raise InputError(where, text, _ACCEPTED, do)
        values.update(found)
    return frozenset(values)


def _range(match: re.Match[str], low: int, high: int, names: list[str]) -> range | None:
    """The values of one item such as ``1-5``, ``*/15`` or ``mon``; None if out of bounds."""
    first, last, step = match[1], match[2], int(match[3] or 1)
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


def _step(size: int) -> str:
    return "*" if size == 1 else f"*/{size}"
