"""The schedule of this machine: what is due, by a calendar, and who does it, by real processes."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.core.errors import InputError
from components.core.spans import SpanKind, boundary, boundary_number, format_instant, next_boundary
from components.ops.schedule import local_schedule
from components.ops.schedule.local_schedule import (
    LocalSchedule,
    due,
    missed,
    scheduled,
    with_done,
)
from components.ops.schedule.manifest import RecurringRunManifest


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wanted(every: str = "month", **more: str) -> RecurringRunManifest:
    parameters = {"model": "models/churn", "target": "local://serving", **more}
    return RecurringRunManifest.model_validate(
        {"model": "churn", "parameters": parameters, "every": every}
    )


def schedule(every: str = "month", as_of: str = "2013-07-01") -> LocalSchedule:
    return scheduled(wanted(every), at(as_of), None)


@pytest.mark.parametrize(
    ("every", "instant", "newest", "following"),
    [
        (SpanKind.HOUR, "2013-07-01T05:59:59", "2013-07-01T05:00", "2013-07-01T06:00"),
        (SpanKind.DAY, "2012-02-29T12:00", "2012-02-29", "2012-03-01"),
        (SpanKind.DAY, "2012-02-29", "2012-02-29", "2012-03-01"),
        (SpanKind.MONTH, "2013-12-31T23:59", "2013-12-01", "2014-01-01"),
        (SpanKind.MONTH, "2013-01-01", "2013-01-01", "2013-02-01"),
        (timedelta(days=7), "2013-07-03", "2013-07-01", "2013-07-08"),  # Mondays
        (timedelta(hours=36), "1970-01-06T11:59", "1970-01-05", "1970-01-06T12:00"),
        (timedelta(days=7), "1970-01-01", "1969-12-29", "1970-01-05"),
    ],
)
def test_boundaries(every: SpanKind | timedelta, instant: str, newest: str, following: str) -> None:
    number = boundary_number(every, at(instant))

    assert boundary(every, number) == at(newest)
    assert next_boundary(every, at(instant)) == at(following)
    assert boundary_number(every, boundary(every, number)) == number


def test_the_first_run_is_due_at_the_boundary_after_the_run_that_deployed() -> None:
    monthly = schedule("month", as_of="2013-07-01")

    assert format_instant(monthly.first_due) == "2013-08-01T00:00:00Z"
    assert due(monthly, at("2013-07-31T23:59:59")) == ()
    assert due(monthly, at("2013-08-01")) == (at("2013-08-01"),)
    assert due(monthly, at("2013-08-20")) == (at("2013-08-01"),)


def test_what_was_done_is_not_due_again() -> None:
    monthly = with_done(schedule(), at("2013-08-01"), "run-1")

    assert due(monthly, at("2013-08-31")) == ()
    assert due(monthly, at("2013-09-01")) == (at("2013-09-01"),)
    assert with_done(monthly, at("2013-08-01"), "run-2") == monthly


def test_only_the_newest_missed_run_is_due_and_the_others_are_counted() -> None:
    monthly = with_done(schedule(), at("2013-08-01"), "run-1")

    assert due(monthly, at("2013-12-24")) == (at("2013-12-01"),)
    late = with_done(monthly, at("2013-12-01"), "run-2")

    assert [(format_instant(d.due), d.skipped) for d in late.done] == [
        ("2013-08-01T00:00:00Z", 0),
        ("2013-12-01T00:00:00Z", 3),
    ]
    assert due(late, at("2013-12-31")) == ()
    assert due(late, at("2013-10-01")) == ()  # what was passed over is never caught up


def test_a_first_run_that_comes_late_passes_over_those_before() -> None:
    assert missed(schedule(), at("2013-08-01")) == 0
    assert missed(schedule(), at("2013-11-01")) == 3


def test_the_same_wish_leaves_the_schedule_as_it_is() -> None:
    stands = with_done(schedule(), at("2013-08-01"), "run-1")

    assert scheduled(wanted(), at("2014-01-01"), stands) is stands


@pytest.mark.parametrize(
    "change",
    [{"every": "day"}, {"model": "models/other"}, {"overlay": "o.yaml"}, {"target": "local://b"}],
)
def test_another_wish_replaces_it_and_keeps_what_was_done(change: dict[str, str]) -> None:
    stands = with_done(schedule(), at("2013-08-01"), "run-1")

    new = scheduled(wanted(**change), at("2013-08-01T00:00"), stands)

    assert new.digest != stands.digest
    assert new.done == stands.done
    assert due(new, at("2013-08-01")) == ()
    following = at("2013-08-02") if "every" in change else at("2013-09-01")
    assert due(new, following) == (following,)


def test_a_longer_rhythm_counts_from_what_was_done() -> None:
    daily = with_done(schedule("day", as_of="2013-08-14"), at("2013-08-15"), "run-1")
    monthly = scheduled(wanted("month"), at("2013-08-15"), daily)

    assert format_instant(monthly.first_due) == "2013-09-01T00:00:00Z"
    assert missed(monthly, at("2013-09-01")) == 0
    assert missed(monthly, at("2013-11-01")) == 2


def test_a_schedule_comes_back_from_json() -> None:
    for every in ("hour", "month", "36h"):
        stands = with_done(schedule(every), at("2013-08-05"), "run-1")
        assert LocalSchedule.model_validate_json(stands.model_dump_json()) == stands


WANTED = wanted()
CHANGED = WANTED.model_copy(update={"experiment": "other"})
JULY, AUGUST, OCTOBER = (datetime(2013, month, 1, tzinfo=UTC) for month in (7, 8, 10))

# Takes the lock, says so, waits for a word, and finishes what was due unless told to die.
_MONITOR = """
import os, sys
from datetime import datetime
from pathlib import Path
from components.ops.schedule import local_schedule
folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with local_schedule.lock(folder, now) as locked:
    print("nothing" if locked is None else [i.isoformat() for i in locked[1]], flush=True)
    if sys.stdin.readline().strip() == "die":
        os._exit(9)
    for instant in locked[1] if locked else ():
        local_schedule.mark_done(folder, instant, "run-1")
"""


def monitor(folder: Path, now: datetime) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _MONITOR, str(folder), now.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_is_written_once_and_then_left_alone(tmp_path: Path) -> None:
    assert local_schedule.read(tmp_path) is None
    assert local_schedule.put(tmp_path / "new", WANTED, JULY)[0]
    file = tmp_path / "new" / "schedule.json"
    before = (file.stat().st_mtime_ns, file.read_bytes())

    assert not local_schedule.put(tmp_path / "new", WANTED, AUGUST)[0]
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


def test_a_change_keeps_what_was_done(tmp_path: Path) -> None:
    local_schedule.put(tmp_path, WANTED, JULY)
    local_schedule.mark_done(tmp_path, AUGUST, "run-1")

    assert local_schedule.put(tmp_path, CHANGED, AUGUST)[0]

    stands = local_schedule.read(tmp_path)
    assert stands is not None
    assert [d.run for d in stands.done] == ["run-1"]
    assert stands.wanted.experiment == "other"


def test_what_is_due_can_be_done_once(tmp_path: Path) -> None:
    local_schedule.put(tmp_path, WANTED, JULY)

    with local_schedule.lock(tmp_path, OCTOBER) as locked:
        assert locked is not None
        assert locked[1] == (OCTOBER,)
        local_schedule.mark_done(tmp_path, OCTOBER, "run-1")
    with local_schedule.lock(tmp_path, OCTOBER) as locked:
        assert locked is not None
        assert locked[1] == ()


def test_the_monitoring_run_may_itself_change_the_schedule(tmp_path: Path) -> None:
    """A retraining within a monitoring run deploys, and so schedules, while the locked is taken."""
    local_schedule.put(tmp_path, WANTED, JULY)

    with local_schedule.lock(tmp_path, AUGUST):
        assert local_schedule.put(tmp_path, CHANGED, AUGUST)[0]
        local_schedule.mark_done(tmp_path, AUGUST, "run-1")

    stands = local_schedule.read(tmp_path)
    assert stands is not None
    assert (stands.wanted.experiment, len(stands.done)) == ("other", 1)


def test_of_two_processes_at_once_one_gets_what_is_due(tmp_path: Path) -> None:
    local_schedule.put(tmp_path, WANTED, JULY)
    first = monitor(tmp_path, AUGUST)
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "['2013-08-01T00:00:00+00:00']"

    second = monitor(tmp_path, AUGUST)
    assert second.communicate("go\n")[0].strip() == "nothing"
    first.communicate("go\n")

    third = monitor(tmp_path, AUGUST)
    assert third.communicate("go\n")[0].strip() == "[]"
    stands = local_schedule.read(tmp_path)
    assert stands is not None
    assert [format_instant(d.due) for d in stands.done] == ["2013-08-01T00:00:00Z"]


def test_the_lock_of_a_process_that_died_is_free_and_its_run_is_due_again(tmp_path: Path) -> None:
    local_schedule.put(tmp_path, WANTED, JULY)
    first = monitor(tmp_path, AUGUST)
    assert first.stdout is not None
    first.stdout.readline()
    first.communicate("die\n")
    assert first.returncode == 9

    assert monitor(tmp_path, AUGUST).communicate("go\n")[0].startswith("['2013-08-01")


def test_many_that_put_at_once_agree(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from components.ops.schedule import local_schedule\n"
        "from components.ops.schedule.manifest import RecurringRunManifest\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "w = RecurringRunManifest.model_validate_json(sys.argv[2])\n"
        "print(local_schedule.put(Path(sys.argv[1]), w, datetime(2013, 7, 1, tzinfo=UTC))[0])\n"
    )
    putters = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), WANTED.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [putter.stdout.readline() for putter in putters if putter.stdout] == ["ready\n"] * 3
    for putter in putters:
        assert putter.stdin is not None
        putter.stdin.write("go\n")
        putter.stdin.flush()
    answers = [putter.communicate()[0].strip() for putter in putters]

    assert sorted(answers) == ["False", "False", "True"]


def test_without_a_schedule_nothing_is_due(tmp_path: Path) -> None:
    with local_schedule.lock(tmp_path / "none", AUGUST) as locked:
        assert locked is None
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="no such file"):
        local_schedule.mark_done(tmp_path, AUGUST, "run-1")


@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_a_damaged_schedule_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "schedule.json").write_text(content)

    for act in (
        lambda: local_schedule.read(tmp_path),
        lambda: local_schedule.put(tmp_path, WANTED, JULY),
    ):
        with pytest.raises(InputError, match=r"schedule\.json: .*accepted: a schedule\. Remove it"):
            act()
