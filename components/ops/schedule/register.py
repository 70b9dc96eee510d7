"""``schedule.json`` in a target's folder, and whose turn it is to run what is due."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from components.core import storage
from components.core.errors import InputError
from components.ops.schedule.recurrence import Schedule, Wanted, due, scheduled, with_done

SCHEDULE = "schedule.json"


def read(folder: Path) -> Schedule | None:
    """The schedule that stands; None where there is none.

    Raises:
        InputError: The file is damaged.
    """
    file = folder / SCHEDULE
    if not file.exists():
        return None
    try:
        return Schedule.read(file)
    except ValidationError as error:
        do = "Remove it; the next run that deploys writes it again."
        raise InputError(str(file), "a damaged file", "a schedule", do) from error


def put(folder: Path, wanted: Wanted, as_of: datetime) -> bool:
    """Makes the schedule equal to what is wanted; False where it already was."""
    with _locked(folder, "schedule.lock"):
        old = read(folder)
        new = scheduled(wanted, as_of, old)
        if new == old:
            return False
        _write(folder, new)
        return True


def done(folder: Path, instant: datetime, run: str) -> None:
    """Records that the run of a due instant was done.

    Raises:
        InputError: There is no schedule.
    """
    with _locked(folder, "schedule.lock"):
        schedule = read(folder)
        if schedule is None:
            raise InputError(str(folder / SCHEDULE), "no such file", "a schedule")
        _write(folder, with_done(schedule, instant, run))


@contextmanager
def turn(folder: Path, now: datetime) -> Iterator[tuple[Schedule, tuple[datetime, ...]] | None]:
    """Claims what is due, for as long as the context lasts.

    Of two processes that ask at once, one gets what is due and the other nothing; where the first
    dies without having called `done`, its claim dies with it and the instant is due again.

    Args:
        folder: The target's folder.
        now: The present.

    Yields:
        The schedule and what is due; None where there is no schedule or another has the turn.
    """
    if read(folder) is None:
        yield None
        return
    with _locked(folder, "turn.lock", wait=False) as mine:
        schedule = read(folder) if mine else None
        yield (schedule, due(schedule, now)) if schedule else None


def _write(folder: Path, schedule: Schedule) -> None:
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
