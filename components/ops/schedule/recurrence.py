"""A recurring run: what is wanted, what was done, and what is due at an instant."""

from datetime import datetime

from components.core.artifacts import Record
from components.core.digest import digest_of
from components.core.spans import SpanKind, format_instant, parse_instant
from components.core.units import Duration
from components.ops.schedule.boundaries import boundary, next_boundary, number_at


class Wanted(Record):
    """The recurring run that a spec wants.

    Attributes:
        name: The model's name.
        pipeline: The pipeline to run.
        model: Its parameter `model`, as the run that deployed was given it.
        overlay: Its parameter `overlay`.
        target: Its parameter `target`: where the model serves.
        every: How often.
    """

    name: str
    pipeline: str
    model: str
    overlay: str
    target: str
    every: SpanKind | Duration

    @property
    def digest(self) -> str:
        """Names what is wanted."""
        return digest_of(self.model_dump(mode="json"))


class Done(Record):
    """A run that was done at its due instant.

    Attributes:
        due: The instant (ISO).
        run: The run.
        skipped: How many due instants before it were passed over, because only the newest
            missed one is run.
    """

    due: str
    run: str
    skipped: int


class Schedule(Record):
    """``schedule.json``.

    Attributes:
        wanted: The recurring run.
        digest: Names what is wanted.
        first_due: The first instant at which it is due (ISO).
        done: What was done, oldest first, under this wanted run and those before it.
    """

    wanted: Wanted
    digest: str
    first_due: str
    done: tuple[Done, ...] = ()


def scheduled(wanted: Wanted, as_of: datetime, old: Schedule | None) -> Schedule:
    """The schedule that should stand; the old one itself where it wants the same.

    Args:
        wanted: The recurring run.
        as_of: The instant of the run that wants it; the first one is due after it.
        old: The schedule that stands; None: none does.
    """
    if old is not None and old.digest == wanted.digest:
        return old
    first = format_instant(next_boundary(wanted.every, as_of))
    done = old.done if old else ()
    return Schedule(wanted=wanted, digest=wanted.digest, first_due=first, done=done)


def due(schedule: Schedule, now: datetime) -> tuple[datetime, ...]:
    """The instants that are due: the newest one that was not done, or none.

    Older ones that were missed are never caught up: what they would have looked at is past.
    """
    newest = boundary(schedule.wanted.every, number_at(schedule.wanted.every, now))
    return (newest,) if newest >= _open_from(schedule) else ()


def missed(schedule: Schedule, instant: datetime) -> int:
    """How many due instants before this one were neither done nor passed over."""
    every = schedule.wanted.every
    first = number_at(every, _open_from(schedule))
    if boundary(every, first) < _open_from(schedule):
        first += 1
    return max(0, number_at(every, instant) - first)


def with_done(schedule: Schedule, instant: datetime, run: str) -> Schedule:
    """The schedule once the run of a due instant was done; twice is the same as once."""
    due_at = format_instant(instant)
    if any(one.due == due_at for one in schedule.done):
        return schedule
    entry = Done(due=due_at, run=run, skipped=missed(schedule, instant))
    return schedule.model_copy(update={"done": (*schedule.done, entry)})


def _open_from(schedule: Schedule) -> datetime:
    """The first instant that can still be due."""
    first = parse_instant(schedule.first_due)
    last = max((parse_instant(one.due) for one in schedule.done), default=None)
    if last is None:
        return first
    return max(first, next_boundary(schedule.wanted.every, last))
