"""Runs compiled KFP pipelines on this machine: any of them, or what a schedule says is due."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from kfp import dsl

from components.core.errors import InputError, RatoonError, RunError
from components.core.spans import format_instant
from components.ops.schedule import local_schedule
from pipelines.local.graph import load_pipeline
from pipelines.local.machine import Machine, require_environments
from pipelines.local.orchestration import execute
from pipelines.local.processes import StepProcesses, last_lines
from pipelines.local.records import choose_folder, lock_run
from pipelines.local.results import RunObserver, RunResult, StepFailed, StepResult
from pipelines.local.task_handler import TaskHandler
from pipelines.settings import FOLDER


def run(
    pipeline_yaml: Path,
    parameters: Mapping[str, object],
    workspace: Path,
    *,
    run_id: str | None = None,
    title: str | None = None,
    observer: RunObserver | None = None,
    machine: Machine | None = None,
    cache: bool = True,
) -> RunResult:
    """Runs a compiled pipeline to its end.

    Args:
        pipeline_yaml: The same file that a cluster runs.
        parameters: Its parameters; texts are read as the declared types.
        workspace: Folder of all runs and their artifacts.
        run_id: Key of the run. A run of this key that failed or was interrupted goes on after its
            last finished step; one that succeeded stays as it is, and a new one begins. Without a
            key every run is new.
        title: What a terminal calls the run.
        observer: Hears of the run and its steps.
        machine: Virtualenvs and code, by default this checkout's.
        cache: Whether a step may take what the same work made in another run; steps for which the
            pipeline switches caching off never do.

    Raises:
        InputError: The document, a parameter or an image cannot be used; nothing has run.
        StepFailed: A step failed.
        RunError: The run cannot go on for another reason.
    """
    machine = machine or Machine.of_checkout()
    observer = observer or RunObserver()
    pipeline = load_pipeline(pipeline_yaml)
    arguments = pipeline.document.bind(parameters)
    require_environments(pipeline.images(), machine.envs)
    workspace = workspace.resolve()
    name = pipeline.document.name
    folder = choose_folder(workspace, run_id or f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    handler = TaskHandler(machine, folder, workspace / "cache" if cache else None, observer)
    started = time.monotonic()
    with lock_run(folder), _reported(handler, title or name):
        outputs = execute(pipeline, arguments, handler)
        if outputs is None:
            raise _failure(handler.results)
    return RunResult(
        run_id=folder.name,
        folder=folder.path,
        state="succeeded",
        seconds=time.monotonic() - started,
        steps=handler.results,
        outputs={
            key: Path(value.uri) if isinstance(value, dsl.Artifact) else value
            for key, value in outputs.items()
        },
    )


def run_due(
    serving: Path, now: datetime, workspace: Path, observer: RunObserver
) -> tuple[RunResult, ...]:
    """Runs what is due up to now by the schedule of a serving folder, and records each run.

    Returns:
        The runs; none if nothing is due or another process runs it.

    Raises:
        InputError: There is no schedule.
        RunError: A step failed; its instant stays due.
    """
    if local_schedule.read(serving) is None:
        accepted = "a schedule, which the first deployment writes"
        file = str(serving / local_schedule.SCHEDULE)
        raise InputError(file, "no such file", accepted, "Run `ratoon train`.")
    results = []
    with local_schedule.lock(serving, now) as claimed:
        if claimed is None:
            return ()
        schedule, instants = claimed
        for instant in instants:
            pipeline, given = schedule.wanted.pipeline, schedule.wanted.parameters.model_dump()
            result = run_as_of(pipeline, given, instant, workspace, observer)
            local_schedule.mark_done(serving, instant, result.run_id)
            results.append(result)
    return tuple(results)


def run_as_of(
    pipeline: str,
    parameters: Mapping[str, str],
    instant: datetime,
    workspace: Path,
    observer: RunObserver,
) -> RunResult:
    """Runs a pipeline of this checkout for an instant, whatever was done before."""
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


def _failure(results: Mapping[str, StepResult]) -> RunError:
    failed = next((step for step in results.values() if step.state == "failed"), None)
    if failed is None:
        return RunError("the run failed before a step could say why")
    return StepFailed(failed, last_lines(failed.log))


@contextmanager
def _reported(handler: TaskHandler, title: str) -> Iterator[None]:
    started = time.monotonic()
    state = "interrupted"
    handler.folder.set_state("running")
    handler.observer.run_started(title)
    try:
        with _interruptible(handler.processes):
            yield
        state = "succeeded"
    except RatoonError:
        state = "failed"
        raise
    finally:
        handler.processes.stop()
        handler.folder.set_state(state)
        handler.observer.run_finished(state, time.monotonic() - started)


@contextmanager
def _interruptible(processes: StepProcesses) -> Iterator[None]:
    """Stops the steps on Ctrl-C and SIGTERM, which then end the run; main thread only."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        # A step has a session of its own, so the terminal's Ctrl-C does not reach it.
        processes.interrupt()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
