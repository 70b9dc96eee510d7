"""A run on a cluster, followed to its end."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.core.errors import ApiUnavailable
from components.core.spans import parse_instant
from pipelines.local.results import RunObserver, StepResult, StepState

_RUNNING = "RUNNING"
_ENDED: Mapping[str, StepState] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        state: SUCCEEDED, FAILED or CANCELED.
        error: What KFP says went wrong; empty for nothing.
    """

    state: str
    error: str

    @property
    def is_good(self) -> bool:
        """Whether every step succeeded."""
        return self.state == "SUCCEEDED"


def follow(
    read: Callable[[], Row],
    steps: Collection[str],
    observer: RunObserver,
    poll_s: float = 3.0,
    unavailable_timeout_s: float = 300.0,
) -> RunOutcome:
    """Tells an observer of each step of a run until the run has ended.

    Args:
        read: Reads the run as it is now (KFP's V2beta1Run).
        steps: The names of steps; every other task is KFP's own.
        observer: Is told.
        poll_s: Seconds between two reads.
        unavailable_timeout_s: Seconds for which the server may be away.

    Raises:
        ApiUnavailable: The server was away for longer; the run goes on.
        ApiRejected: It does not let the caller read the run any more; the run goes on.
    """
    told: dict[tuple[str, str], str] = {}
    seen = time.monotonic()
    while True:
        try:
            run = read()
            seen = time.monotonic()
        except ApiUnavailable:
            if time.monotonic() - seen > unavailable_timeout_s:
                raise
            time.sleep(poll_s)
            continue
        _tell(run, steps, observer, told)
        if run.get("state") in _ENDED:
            return RunOutcome(str(run["state"]), _message(run))
        time.sleep(poll_s)


def _tell(
    run: Row, steps: Collection[str], observer: RunObserver, told: dict[tuple[str, str], str]
) -> None:
    tasks = (run.get("run_details") or {}).get("task_details") or ()
    known = [
        task for task in tasks if task.get("display_name") in steps and _at(task, "start_time")
    ]
    for task in sorted(known, key=lambda one: (one["start_time"], one["display_name"])):
        # A nested pipeline may have a step of the same name.
        name, state = task["display_name"], task.get("state", "")
        key = (name, task["start_time"])
        if state == told.get(key):
            continue
        if state in (_RUNNING, *_ENDED) and told.get(key) != _RUNNING:
            observer.step_started(name)
        if state in _ENDED:
            observer.step_finished(_result(task))
        told[key] = state


def _result(task: Row) -> StepResult:
    start, end = _at(task, "start_time"), _at(task, "end_time")
    return StepResult(
        name=task["display_name"],
        state=_ENDED[task["state"]],
        seconds=max((end - start).total_seconds(), 0.0) if start and end else 0.0,
        log=Path(),
        parameters={"reason": _message(task)},
    )


def _at(task: Row, field: str) -> datetime | None:
    return parse_instant(task[field]) if task.get(field) else None


def _message(row: Row) -> str:
    return str((row.get("error") or {}).get("message") or "")
