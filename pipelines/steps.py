"""What a cluster has to know of each step: its duty, resources, retries, caching and deadline."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from kfp import kubernetes

from components.core.errors import InputError

Duty = Literal["data", "model", "plan", "deploy", "schedule"]

DUTY_LABEL = "ratoon.dev/duty"
# The user of our images: a volume keeps one owner, whatever image wrote to it.
USER_ID = 10001
BACKOFF, BACKOFF_FACTOR = "10s", 2.0


@dataclass(frozen=True)
class Step:
    """One step on a cluster.

    Attributes:
        duty: What it may do: selects the service account, secrets and network rules of its pod.
        cpu: Requested cores and their limit.
        memory: Requested memory and its limit.
        deadline: A pod that runs longer is stopped.
        retries: How often it is tried again; every step may be, for it finds what it made before.
        cached: Whether an earlier result of the same inputs may be taken. Never for a step that
            reads the world: yesterday's "no drift" says nothing of today.
    """

    duty: Duty
    cpu: tuple[str, str]
    memory: tuple[str, str]
    deadline: timedelta
    retries: int = 2
    cached: bool = False

    @property
    def deadline_of_all(self) -> timedelta:
        """For all attempts together.

        Argo counts a retry's longest duration from the start of the first attempt: one that is
        shorter than the step itself means that the step is never tried again.
        """
        return self.deadline * (self.retries + 1)


# Requests are about twice what a year of flights takes (train 1.0 GiB, evaluate 0.8, validate 0.4,
# the others below 0.2); limits leave room for ten times as many rows. Deadlines are for a step that
# hangs, not for one that is slow: a canary has one of its own in the spec.
STEPS = {
    "plan": Step("plan", ("100m", "1"), ("256Mi", "1Gi"), timedelta(minutes=30)),
    "prepare": Step("data", ("500m", "4"), ("512Mi", "8Gi"), timedelta(hours=6)),
    "validate": Step("data", ("500m", "2"), ("1Gi", "8Gi"), timedelta(hours=2), cached=True),
    "train": Step("model", ("1", "4"), ("2Gi", "8Gi"), timedelta(hours=12), 1, cached=True),
    "evaluate": Step("model", ("500m", "2"), ("2Gi", "8Gi"), timedelta(hours=3), cached=True),
    "deploy": Step("deploy", ("100m", "1"), ("256Mi", "2Gi"), timedelta(hours=2)),
    "rollout": Step("deploy", ("100m", "1"), ("256Mi", "2Gi"), timedelta(hours=24)),
    "schedule": Step("schedule", ("100m", "1"), ("256Mi", "1Gi"), timedelta(minutes=30)),
    "observe": Step("data", ("500m", "2"), ("512Mi", "8Gi"), timedelta(hours=2)),
    "monitor": Step("data", ("500m", "2"), ("1Gi", "8Gi"), timedelta(hours=2)),
}


def equipped(task: Any) -> Any:
    """Gives a task of a pipeline what its step has in the table.

    Args:
        task: What calling a component gave.

    Returns:
        The same task.

    Raises:
        InputError: The table has no such step.
    """
    name = task.component_spec.name
    if name not in STEPS:
        raise InputError("pipelines/steps.py: STEPS", name, ", ".join(STEPS), "Add the step.")
    step = STEPS[name]
    task.set_cpu_request(step.cpu[0]).set_cpu_limit(step.cpu[1])
    task.set_memory_request(step.memory[0]).set_memory_limit(step.memory[1])
    task.set_retry(step.retries, BACKOFF, BACKOFF_FACTOR, _seconds(step.deadline_of_all))
    task.set_caching_options(step.cached)
    kubernetes.add_pod_label(task, DUTY_LABEL, step.duty)
    kubernetes.set_timeout(task, int(step.deadline.total_seconds()))
    kubernetes.set_security_context(
        task, run_as_user=USER_ID, run_as_group=USER_ID, run_as_non_root=True
    )
    return task


def _seconds(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())}s"
