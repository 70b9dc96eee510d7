"""The instant of a run: asked for, else scheduled, else now."""

from datetime import UTC, datetime

import pytest

from components.core.errors import InputError
from components.ops.plan.windows import resolve_as_of

# A Tuesday.
NOW = datetime(2013, 7, 2, 6, 30, 15, tzinfo=UTC)
PLACEHOLDER = "{{$.pipeline_job_schedule_time_utc}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start of hour", "2013-07-02T06:00"),
        ("start of day", "2013-07-02T00:00"),
        ("start of month", "2013-07-01T00:00"),
        ("start of 7d", "2013-07-01T00:00"),
        # 36h from Monday 1970-01-05: 2013-06-30T00Z, 2013-07-01T12Z, 2013-07-03T00Z.
        ("start of 36h", "2013-07-01T12:00"),
        (" start of day ", "2013-07-02T00:00"),
    ],
)
def test_a_recurring_run_looks_back_from_when_it_was_due(text: str, expected: str) -> None:
    assert resolve_as_of(text, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("late", ["2013-07-01T00:00:03Z", "2013-07-15T11:00:00Z", NOW.isoformat()])
def test_a_pod_that_starts_late_looks_back_from_the_same_instant(late: str) -> None:
    instant = resolve_as_of("start of month", datetime.fromisoformat(late))

    assert instant == datetime(2013, 7, 1, tzinfo=UTC)


def test_the_scheduled_time_goes_before_the_clock_and_after_what_is_asked_for() -> None:
    told = "2013-07-01T00:00:00Z"

    assert resolve_as_of("", NOW, told) == datetime(2013, 7, 1, tzinfo=UTC)
    assert resolve_as_of("start of day", NOW, told) == datetime(2013, 7, 1, tzinfo=UTC)
    assert resolve_as_of("2013-01-20", NOW, told) == datetime(2013, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize("told", ["", " ", PLACEHOLDER])
def test_a_platform_that_does_not_say_when_leaves_the_clock(told: str) -> None:
    assert resolve_as_of("", NOW, told) == NOW


@pytest.mark.parametrize(
    "text", ["start of", "start of week", "start of 0h", "start of 5y", "[[ScheduledTime]]", "now"]
)
def test_refuses_what_is_no_instant(text: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve_as_of(text, NOW)

    assert repr(text) in str(caught.value)
    assert "start of hour, day, month or a duration" in str(caught.value)


def test_a_scheduled_time_that_is_none_is_said() -> None:
    with pytest.raises(InputError, match="the scheduled time: given 'tomorrow'"):
        resolve_as_of("", NOW, "tomorrow")
