"""A run on a cluster, followed to its end."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import ApiUnavailable
from pipelines.local.result import Observer, StepResult, StepState

_RUNNING = "RUNNING"
_ENDED: Mapping[str, StepState] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
}


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        state: SUCCEEDED, FAILED or CANCELED.
        error: What KFP says went wrong; empty: nothing.
    """

    state: str
    error: str

    @property
    def is_good(self) -> bool:
        """Whether every step came to its end."""
        return self.state == "SUCCEEDED"


def follow(
    read: Callable[[], Any],
    steps: Collection[str],
    observer: Observer,
    every_s: float = 3.0,
    patience_s: float = 300.0,
) -> Ended:
    """Tells an observer of each step of a run until the run has ended.

    Args:
        read: The run as it is now (KFP's V2beta1Run).
        steps: The names of steps; what else KFP counts as a task is its own.
        observer: Is told.
        every_s: Seconds between two looks.
        patience_s: Seconds for which the server may be away.

    Raises:
        ApiUnavailable: The server was away for longer; the run goes on.
        ApiRejected: It does not let the caller look any more; the run goes on.
    """
    told: dict[tuple[str, str], str] = {}
    seen = time.monotonic()
    while True:
        try:
            run = read()
            seen = time.monotonic()
        except ApiUnavailable:
            if time.monotonic() - seen > patience_s:
                raise
            time.sleep(every_s)
            continue
        _tell(run, steps, observer, told)
        if run.state in _ENDED:
            error = str(run.error.message or "") if run.error else ""
            return Ended(run.state, error)
        time.sleep(every_s)


def _tell(
    run: Any, steps: Collection[str], observer: Observer, told: dict[tuple[str, str], str]
) -> None:
    tasks = (run.run_details.task_details if run.run_details else None) or ()
    known = [task for task in tasks if task.display_name in steps and task.start_time]
    for task in sorted(known, key=lambda one: (one.start_time, one.display_name)):
        # A nested pipeline may have a step of the same name.
        key = (task.display_name, str(task.start_time))
        if task.state == told.get(key):
            continue
        if task.state in (_RUNNING, *_ENDED) and told.get(key) != _RUNNING:
            observer.step_started(task.display_name)
        if task.state in _ENDED:
            observer.step_finished(_result(task))
        told[key] = task.state


def _result(task: Any) -> StepResult:
    seconds = (task.end_time - task.start_time).total_seconds() if task.end_time else 0.0
    reason = str(task.error.message or "") if task.error else ""
    return StepResult(
        name=task.display_name,
        state=_ENDED[task.state],
        seconds=max(seconds, 0.0),
        log=Path(),
        parameters={"reason": reason},
    )
