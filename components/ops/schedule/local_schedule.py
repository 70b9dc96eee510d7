"""The recurring run of a model on this machine: ``schedule.json`` in the target's folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from components.core import storage
from components.core.artifacts import Record
from components.core.errors import InputError
from components.core.spans import Every, Instant, boundary, boundary_number, next_boundary
from components.ops.schedule.manifest import RecurringRunManifest

SCHEDULE = "schedule.json"


class CompletedRun(Record):
    """A run that was done at its due instant, and how many missed ones before it were skipped."""

    due: Instant
    run: str
    skipped: int


class LocalSchedule(Record):
    """``schedule.json``.

    Attributes:
        first_due: The first instant at which it is due.
        done: The completed runs, oldest first, of this recurring run and those before it.
    """

    wanted: RecurringRunManifest
    digest: str
    first_due: Instant
    done: tuple[CompletedRun, ...] = ()

    @property
    def every(self) -> Every:
        """How often it falls due."""
        assert self.wanted.every is not None  # a spec never has a cron
        return self.wanted.every

    @property
    def open_from(self) -> datetime:
        """The first instant that can still be due."""
        return max([self.first_due, *(next_boundary(self.every, one.due) for one in self.done)])


def scheduled(
    wanted: RecurringRunManifest, as_of: datetime, old: LocalSchedule | None
) -> LocalSchedule:
    """The new schedule, first due after `as_of`; the old one if its recurring run is the same."""
    if old is not None and old.digest == wanted.digest:
        return old
    assert wanted.every is not None  # a spec never has a cron
    return LocalSchedule(
        wanted=wanted,
        digest=wanted.digest,
        first_due=next_boundary(wanted.every, as_of),
        done=old.done if old else (),
    )


def due(schedule: LocalSchedule, now: datetime) -> tuple[datetime, ...]:
    """The instants that are due: the newest one that was not done, or none.

    Older missed ones are never caught up: what they would have looked at is past.
    """
    newest = boundary(schedule.every, boundary_number(schedule.every, now))
    return (newest,) if newest >= schedule.open_from else ()


def missed(schedule: LocalSchedule, instant: datetime) -> int:
    """How many due instants before this one were neither done nor skipped."""
    every = schedule.every
    first = boundary_number(every, schedule.open_from)
    if boundary(every, first) < schedule.open_from:
        first += 1
    return max(0, boundary_number(every, instant) - first)


def with_done(schedule: LocalSchedule, instant: datetime, run: str) -> LocalSchedule:
    """The schedule with the run of a due instant completed; idempotent."""
    if any(one.due == instant for one in schedule.done):
        return schedule
    entry = CompletedRun(due=instant, run=run, skipped=missed(schedule, instant))
    return schedule.model_copy(update={"done": (*schedule.done, entry)})


def read(folder: Path) -> LocalSchedule | None:
    """The schedule of a folder; None if there is none.

    Raises:
        InputError: The file is damaged.
    """
    file = folder / SCHEDULE
    if not file.exists():
        return None
    do = "Remove it; the next run that deploys writes it again."
    return LocalSchedule.parse(file.read_bytes(), str(file), "a schedule", do)


def put(folder: Path, wanted: RecurringRunManifest, as_of: datetime) -> tuple[bool, LocalSchedule]:
    """Makes the schedule hold a recurring run; whether it did not before, and the schedule."""
    with _locked(folder, "schedule.lock"):
        old = read(folder)
        new = scheduled(wanted, as_of, old)
        if new != old:
            storage.write_bytes(str(folder / SCHEDULE), new.content())
        return new != old, new


def mark_done(folder: Path, instant: datetime, run: str) -> None:
    """Records that the run of a due instant was completed.

    Raises:
        InputError: There is no schedule.
    """
    with _locked(folder, "schedule.lock"):
        schedule = read(folder)
        if schedule is None:
            raise InputError(str(folder / SCHEDULE), "no such file", "a schedule")
        schedule = with_done(schedule, instant, run)
        storage.write_bytes(str(folder / SCHEDULE), schedule.content())


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
