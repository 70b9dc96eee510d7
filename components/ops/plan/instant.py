"""The `as_of` of a run: the instant asked for, else the scheduled one, else now.

How a run of a recurring run on Kubeflow learns when it was due (read in kubeflow/pipelines at
2.16.1 and 2.17.0):

- ``[[ScheduledTime]]`` in a recurring run's parameters is not replaced where the recurring run is
  pinned to a version: the API server compiles the parameters into the workflow as they stand
  (backend/src/apiserver/template/v2_template.go, ScheduledWorkflow), and the controller replaces
  only what the workflow itself has as arguments, which are none of ours
  (backend/src/crd/controller/scheduledworkflow/util/scheduled_workflow.go, NewWorkflow;
  backend/src/common/util/workflow.go, OverrideParameters).
- ``dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER`` given to a task is the scheduled time from 2.17
  on, and the workflow's creation for a run by hand (backend/src/v2/cmd/driver/main.go). 2.16 knows
  it but never sets it, so a task gets an empty text (backend/src/v2/driver/resolve.go); before, and
  on a laptop, a task gets the placeholder itself.

So a recurring run asks for ``start of month``, which is the instant at which it was due whichever
version runs it and however late its pod starts, and the placeholder is taken where it says a time.
"""

from datetime import UTC, datetime

from components.core.errors import InputError
from components.core.spans import Every, SpanKind, boundary, boundary_number, parse_instant
from components.core.units import parse_duration

_FIRST_YEAR, _END_YEAR = 1970, 2200
_START_OF = "start of "
_ACCEPTED = (
    "an instant such as 2013-07-01 or 2013-07-01T06:00Z, start of hour, day, month or a duration "
    "such as 7d, or nothing for now"
)


def resolve_as_of(text: str, now: datetime | None = None, scheduled: str = "") -> datetime:
    """The instant of a run, to the second.

    Args:
        text: The instant (ISO 8601), or ``start of month`` for the newest month's start; empty for
            the scheduled time, or else now.
        now: The present; None to ask the clock.
        scheduled: When the run was due, as the platform says it; empty, or a placeholder that was
            not replaced, if it does not.

    Raises:
        InputError: The text is neither.
    """
    asked = text.strip()
    if asked.startswith(_START_OF):
        every = _every(asked.removeprefix(_START_OF), text)
        return boundary(every, boundary_number(every, _present(now, scheduled)))
    if not asked:
        return _present(now, scheduled)
    return _parsed("as_of", asked)


def _present(now: datetime | None, scheduled: str) -> datetime:
    told = scheduled.strip()
    if told and not told.startswith("{{"):
        return _parsed("the scheduled time", told)
    return (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def _parsed(where: str, text: str) -> datetime:
    try:
        instant = parse_instant(text).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise InputError(where, text, _ACCEPTED) from error
    if not _FIRST_YEAR <= instant.year < _END_YEAR:
        accepted = f"{_ACCEPTED}, from {_FIRST_YEAR} to {_END_YEAR}"
        raise InputError(where, text, accepted)
    return instant


def _every(said: str, text: str) -> Every:
    try:
        every = SpanKind(said) if said in list(SpanKind) else parse_duration(said)
    except ValueError as error:
        raise InputError("as_of", text, _ACCEPTED) from error
    if not every:
        raise InputError("as_of", text, _ACCEPTED)
    return every
