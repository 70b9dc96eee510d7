"""Runs the monitoring runs that are due on this machine, each once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from components.core.errors import InputError
from components.core.spans import format_instant
from components.ops.schedule.kubeflow import connect_kubeflow
from components.ops.schedule.local_schedule import (
    SCHEDULE,
    lock,
    mark_done,
    read,
)
from components.ops.schedule.manifest import PIPELINE, env_defaults
from components.ops.schedule.recurring_run import ActualRecurringRun
from components.ops.schedule.trigger import next_runs
from pipelines.local.results import RunObserver, RunResult
from pipelines.local.runner import run
from pipelines.settings import FOLDER


def run_due(
    serving: Path, now: datetime, workspace: Path, observer: RunObserver
) -> tuple[RunResult, ...]:
    """Runs what is due by a schedule, and records each run.

    Args:
        serving: The folder of the local target, which holds the schedule.
        now: The instant up to which runs are due.
        workspace: Folder of all runs.
        observer: Hears of steps as they run.

    Returns:
        The runs; none if nothing is due or another process runs it.

    Raises:
        InputError: There is no schedule.
        RunError: A step failed; its instant stays due.
    """
    if read(serving) is None:
        accepted = "a schedule, which the first deployment writes"
        raise InputError(str(serving / SCHEDULE), "no such file", accepted, "Run `ratoon train`.")
    results = []
    with lock(serving, now) as claimed:
        schedule, instants = claimed or (None, ())
        for instant in instants:
            assert schedule is not None  # what is due comes from a schedule
            wanted = schedule.wanted
            given = wanted.parameters.model_dump()
            result = _run_as_of(wanted.pipeline, given, instant, workspace, observer)
            mark_done(serving, instant, result.run_id)
            results.append(result)
    return tuple(results)


def run_recurring(
    model: str, instant: datetime, workspace: Path, observer: RunObserver
) -> tuple[RunResult, ...]:
    """Runs here what the recurring run of a model on a cluster would start there at an instant.

    For replays of recorded time: the cluster's own clock is at another instant.

    Returns:
        The run; none if nothing is due.

    Raises:
        InputError: The model does not have exactly one enabled recurring run.
        RunError: A step failed.
        ClusterError: Kubeflow Pipelines did not answer, or refused.
    """
    existing = recurring_run(model)
    if next_runs(existing.trigger, instant - timedelta(seconds=1), 1)[0] != instant:
        return ()
    given = {name: str(value) for name, value in existing.parameters.items()}
    return (_run_as_of(PIPELINE, given, instant, workspace, observer),)


def recurring_run(model: str) -> ActualRecurringRun:
    """The one recurring run that watches a model, as Kubeflow Pipelines keeps it.

    Raises:
        InputError: There is not exactly one that is enabled.
        ClusterError: Kubeflow Pipelines did not answer, or refused.
    """
    with connect_kubeflow() as api:
        namespace = env_defaults().namespace if api.is_multi_user() else ""
        found = [
            one
            for one in api.recurring_runs(namespace)
            if one.enabled and one.belongs_to(model, PIPELINE)
        ]
    if len(found) != 1:
        given = ", ".join(one.name for one in found) or "none"
        do = "The schedule step makes it: look at its report."
        raise InputError(f"{model}: recurring runs", given, "one that is enabled", do)
    return found[0]


def _run_as_of(
    pipeline: str,
    parameters: Mapping[str, str],
    instant: datetime,
    workspace: Path,
    observer: RunObserver,
) -> RunResult:
    as_of = format_instant(instant)
    return run(
        FOLDER / f"{pipeline}.yaml",
        {**parameters, "as_of": as_of},
        workspace,
        run_id=f"{pipeline}-{instant:%Y%m%dT%H%M}",
        title=f"{pipeline} as of {as_of}",
        observer=observer,
        cache=False,
    )
