"""When a recurring run on a cluster falls due: a cron expression, or an interval in seconds."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from components.core.artifacts import Record
from components.core.spans import SpanKind
from components.core.units import format_duration
from components.ops.schedule.boundaries import Every, boundary, next_boundary, number_at
from components.ops.schedule.cron import Cron, parse_cron

_CALENDAR = {
    SpanKind.HOUR: "0 0 * * * *",
    SpanKind.DAY: "0 0 0 * * *",
    SpanKind.MONTH: "0 0 0 1 * *",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Trigger(Record):
    """What KFP is told; exactly one of both is set.

    Attributes:
        cron: Six fields, seconds first, UTC; empty where no cron can say it.
        interval_s: Seconds between two runs; 0 where the cron says it.
    """

    cron: str = ""
    interval_s: int = 0


def trigger_of(every: Every) -> Trigger:
    """What falls due at the same instants as a spec's ``monitoring.every``.

    A duration counts from a Monday's midnight; one that cuts a minute, an hour, a day or a week
    into equal parts is a cron, and any other, such as 36h, an interval.

    Args:
        every: hour, day, month or a duration.
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
    said = every.value if isinstance(every, SpanKind) else format_duration(every)
    return f"start of {said}"


def in_words(trigger: Trigger) -> str:
    """A trigger as people say it, such as ``every Monday at 06:00 UTC``."""
    if trigger.interval_s:
        return f"every {format_duration(timedelta(seconds=trigger.interval_s))}"
    cron = parse_cron(trigger.cron, "cron")
    if frozenset(cron.seconds) != {0}:
        return f"whenever {cron.text!r} falls due, UTC"
    if len(cron.times) > 1 and _is_every_day(cron):
        return _within_day(cron)
    at = ", ".join(f"{one:%H:%M}" for one in cron.times[:3])
    more = f" and {len(cron.times) - 3} more times" if len(cron.times) > 3 else ""
    return f"{_days(cron)} at {at}{more} UTC"


def next_runs(trigger: Trigger, now: datetime, count: int) -> tuple[datetime, ...]:
    """The next instants at which a trigger falls due, oldest first.

    Those of an interval are on its boundaries, which KFP keeps to until it misses one.
    """
    if not trigger.interval_s:
        return tuple(islice(parse_cron(trigger.cron, "cron").after(now), count))
    every = timedelta(seconds=trigger.interval_s)
    first = next_boundary(every, now)
    return tuple(first + every * number for number in range(count))


def anchor(trigger: Trigger, now: datetime) -> datetime:
    """The start that an interval is given: KFP's first run is one interval after it."""
    every = timedelta(seconds=trigger.interval_s)
    return boundary(every, number_at(every, now.astimezone(UTC)))


def _step(size: int) -> str:
    return "*" if size == 1 else f"*/{size}"


def _is_every_day(cron: Cron) -> bool:
    return cron.any_day and cron.any_weekday and len(cron.months) == 12


def _within_day(cron: Cron) -> str:
    if len(cron.hours) == 24:
        minutes = ", ".join(f"{minute:02d}" for minute in sorted(cron.minutes))
        if minutes == "00":
            return "every hour, on the hour"
        return f"every hour at minute {minutes}"
    at = ", ".join(f"{one:%H:%M}" for one in cron.times[:6])
    more = f" and {len(cron.times) - 6} more times" if len(cron.times) > 6 else ""
    return f"every day at {at}{more} UTC"


def _days(cron: Cron) -> str:
    if _is_every_day(cron):
        return "every day"
    months = "every month" if len(cron.months) == 12 else f"month {_listed(cron.months)}"
    by_month = f"on day {_listed(cron.days)} of {months}"
    by_week = "every " + ", ".join(_WEEKDAYS[day] for day in sorted(cron.weekdays))
    if cron.any_weekday:
        return by_month if not cron.any_day else f"every day of {months}"
    if cron.any_day:
        return by_week if len(cron.months) == 12 else f"{by_week} of {months}"
    return f"{by_month} and {by_week}"


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
