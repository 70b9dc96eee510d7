"""The recurring run of a model on this machine: ``schedule.json`` in the target's folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import Record
from components.core.digest import digest_of
from components.core.errors import InputError
from components.core.spans import (
    Instant,
    SpanKind,
    boundary,
    boundary_number,
    next_boundary,
)
from components.core.units import Duration

SCHEDULE = "schedule.json"


class LocalRecurringRun(Record):
    """The recurring run that a spec asks for: how often, the pipeline and its parameters.

    Attributes:
        name: The model's name.
    """

    name: str
    pipeline: str
    model: str
    overlay: str
    target: str
    every: SpanKind | Duration

    @property
    def digest(self) -> str:
        """Names it."""
        return digest_of(self.model_dump(mode="json"))


class CompletedRun(Record):
    """A run that was done at its due instant.

    Attributes:
        skipped: How many due instants before it were skipped, because only the newest missed one
            is run.
    """

    due: Instant
    run: str
    skipped: int


class LocalSchedule(Record):
    """``schedule.json``.

    Attributes:
        first_due: The first instant at which it is due.
        done: The completed runs, oldest first, of this recurring run and those before it.
    """

    wanted: LocalRecurringRun
    digest: str
    first_due: Instant
    done: tuple[CompletedRun, ...] = ()


def scheduled(
    wanted: LocalRecurringRun, as_of: datetime, old: LocalSchedule | None
) -> LocalSchedule:
    """The new schedule, first due after `as_of`; the old one if its recurring run is the same."""
    if old is not None and old.digest == wanted.digest:
        return old
    first = next_boundary(wanted.every, as_of)
    done = old.done if old else ()
    return LocalSchedule(wanted=wanted, digest=wanted.digest, first_due=first, done=done)


def due(schedule: LocalSchedule, now: datetime) -> tuple[datetime, ...]:
    """The instants that are due: the newest one that was not done, or none.

    Older missed ones are never caught up: what they would have looked at is past.
    """
    newest = boundary(schedule.wanted.every, boundary_number(schedule.wanted.every, now))
    return (newest,) if newest >= _open_from(schedule) else ()


def missed(schedule: LocalSchedule, instant: datetime) -> int:
    """How many due instants before this one were neither done nor skipped."""
    every = schedule.wanted.every
    first = boundary_number(every, _open_from(schedule))
    if boundary(every, first) < _open_from(schedule):
        first += 1
    return max(0, boundary_number(every, instant) - first)


def with_done(schedule: LocalSchedule, instant: datetime, run: str) -> LocalSchedule:
    """The schedule with the run of a due instant completed; idempotent."""
    if any(one.due == instant for one in schedule.done):
        return schedule
    entry = CompletedRun(due=instant, run=run, skipped=missed(schedule, instant))
    return schedule.model_copy(update={"done": (*schedule.done, entry)})


def _open_from(schedule: LocalSchedule) -> datetime:
    """The first instant that can still be due."""
    after = [next_boundary(schedule.wanted.every, one.due) for one in schedule.done]
    return max([schedule.first_due, *after])


def read(folder: Path) -> LocalSchedule | None:
    """The schedule of a folder; None if there is none.

    Raises:
        InputError: The file is damaged.
    """
    file = folder / SCHEDULE
    if not file.exists():
        return None
    try:
        return LocalSchedule.read(file)
    except ValidationError as error:
        do = "Remove it; the next run that deploys writes it again."
        raise InputError(str(file), "a damaged file", "a schedule", do) from error


def put(folder: Path, wanted: LocalRecurringRun, as_of: datetime) -> bool:
    """Makes the schedule hold a recurring run; False if it already did."""
    with _locked(folder, "schedule.lock"):
        old = read(folder)
        new = scheduled(wanted, as_of, old)
        if new == old:
            return False
        _write(folder, new)
        return True


def mark_done(folder: Path, instant: datetime, run: str) -> None:
    """Records that the run of a due instant was completed.

    Raises:
        InputError: There is no schedule.
    """
    with _locked(folder, "schedule.lock"):
        schedule = read(folder)
        if schedule is None:
            raise InputError(str(folder / SCHEDULE), "no such file", "a schedule")
        _write(folder, with_done(schedule, instant, run))


@contextmanager
def lock(
    folder: Path, now: datetime
) -> Iterator[tuple[LocalSchedule, tuple[datetime, ...]] | None]:
    """Holds the lock on what is due for as long as the context lasts.

    Of two processes that ask at once, one gets what is due and the other nothing. The lock of a
    process that dies before it called `mark_done` is released, and the instant is due again.

    Yields:
        The schedule and what is due; None if there is no schedule or another process has the lock.
    """
    if read(folder) is None:
        yield None
        return
    with _locked(folder, "turn.lock", wait=False) as mine:
        schedule = read(folder) if mine else None
        yield (schedule, due(schedule, now)) if schedule else None


def _write(folder: Path, schedule: LocalSchedule) -> None:
    content = schedule.model_dump_json(by_alias=True, indent=1) + "\n"
    storage.write_bytes(str(folder / SCHEDULE), content.encode())


@contextmanager
def _locked(folder: Path, name: str, wait: bool = True) -> Iterator[bool]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
