"""The one place where a kind of task is chosen."""

from collections.abc import Iterable

from components.core.errors import InputError
from components.core.tasks.binary import BINARY
from components.core.tasks.task import Metric, Task

_TASKS = {task.name: task for task in (BINARY,)}


def task_of(name: str) -> Task:
    """The task that a spec names.

    Raises:
        InputError: There is no such task.
    """
    if name not in _TASKS:
        raise InputError("task", name, ", ".join(_TASKS))
    return _TASKS[name]


def known_metrics(task: Task, names: Iterable[str], where: str) -> tuple[Metric, ...]:
    """The metrics that a gate or a limit names.

    Raises:
        InputError: The task has no such metric, or it has no better direction.
    """
    names = tuple(names)
    for name in names:
        if name not in task.judged:
            raise InputError(where, name, f"a metric of {task.name}: {', '.join(task.judged)}")
    return tuple(task.judged[name] for name in names)
