"""Runs the monitoring runs that are due on this machine, each once."""

from datetime import datetime
from pathlib import Path

from components.core.errors import InputError
from components.core.spans import format_instant
from components.ops.schedule.recurrence import Wanted
from components.ops.schedule.register import SCHEDULE, done, read, turn
from pipelines.local.result import Observer, RunResult
from pipelines.local.runner import run

PIPELINES = Path("manifests/pipelines")


def run_due(
    serving: Path,
    now: datetime,
    workspace: Path,
    observer: Observer,
) -> tuple[RunResult, ...]:
    """Runs what a schedule says is due, and records that it was done.

    Args:
        serving: The folder of the local target, which holds the schedule.
        now: The instant up to which runs are due.
        workspace: Folder of all runs.
        observer: Is told of steps as they run.

    Returns:
        What was run; nothing where nothing is due or another process is at it.

    Raises:
        InputError: There is no schedule.
        RunError: A step failed; its instant stays due.
    """
    if read(serving) is None:
        accepted = "a schedule, which the first deployment writes"
        raise InputError(str(serving / SCHEDULE), "no such file", accepted, "Run `make train`.")
    results = []
    with turn(serving, now) as claimed:
        schedule, instants = claimed or (None, ())
        for instant in instants:
            assert schedule is not None  # what is due comes from a schedule
            result = _run(schedule.wanted, instant, workspace, observer)
            done(serving, instant, result.run_id)
            results.append(result)
    return tuple(results)


def _run(wanted: Wanted, instant: datetime, workspace: Path, observer: Observer) -> RunResult:
    as_of = format_instant(instant)
    parameters = {
        "model": wanted.model,
        "as_of": as_of,
        "target": wanted.target,
        "overlay": wanted.overlay,
    }
    return run(
        PIPELINES / f"{wanted.pipeline}.yaml",
        parameters,
        workspace,
        run_id=f"{wanted.pipeline}-{instant:%Y%m%dT%H%M}",
        title=f"{wanted.pipeline} as of {as_of}",
        observer=observer,
        cache=False,
    )
