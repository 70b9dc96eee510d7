"""The settings of each step on a cluster: its role, resources, retries, caching and deadline.

The pipelines do not hold them; `configured` writes them into the compiled document.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kfp.compiler.compiler_utils import _cpu_to_float, _memory_to_float

from components.core.errors import InputError
from pipelines.document import MONITOR_VERSION, UNNAMED, Document, pod_tasks

Role = Literal["data", "model", "plan", "deploy", "schedule"]

ROLE_LABEL = "ratoon.dev/role"
# The user of our images: a volume keeps one owner, whatever image wrote to it.
USER_ID = "10001"


@dataclass(frozen=True)
class StepSettings:
    """One step on a cluster: requested cores and memory, each with its limit, and more.

    Attributes:
        role: Selects the service account, secrets and network rules of its pod.
        hours: A pod that runs longer is stopped.
        retries: How often it is retried; every step may be, because it finds what it made before.
        cached: Whether an earlier result of the same inputs may be taken. Never for a step that
            reads the world: yesterday's "no drift" proves nothing today.
    """

    role: Role
    cpu: tuple[str, str]
    memory: tuple[str, str]
    hours: float
    retries: int = 2
    cached: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def deadline_s(self) -> int:
        """The deadline of one attempt, in seconds."""
        return int(self.hours * 3600)

    def task(self) -> dict[str, Any]:
        """The fields of its task in KFP's PipelineSpec.

        Argo counts a retry's longest duration from the start of the first attempt: one that is
        shorter than the step itself means that the step is never tried again.
        """
        return {
            "cachingOptions": {"enableCache": True} if self.cached else {},
            "retryPolicy": {
                "backoffDuration": "10s",
                "backoffFactor": 2.0,
                "backoffMaxDuration": f"{self.deadline_s * (self.retries + 1)}s",
                "maxRetryCount": self.retries,
            },
        }

    def container(self) -> dict[str, Any]:
        """The fields of its container; KFP wants every quantity as text and as a number."""
        resources: dict[str, Any] = {}
        for kind, cpu, memory in zip(("Request", "Limit"), self.cpu, self.memory, strict=True):
            resources |= {f"resourceCpu{kind}": cpu, f"resourceMemory{kind}": memory}
            resources[f"cpu{kind}"] = _cpu_to_float(cpu)
            resources[f"memory{kind}"] = _memory_to_float(memory)
        env = [{"name": name, "value": value} for name, value in self.env.items()]
        return {"resources": resources, **({"env": env} if env else {})}

    def platform(self) -> dict[str, Any]:
        """The fields of its executor in KFP's PlatformSpec for Kubernetes."""
        return {
            "activeDeadlineSeconds": str(self.deadline_s),
            "podMetadata": {"labels": {ROLE_LABEL: self.role}},
            "securityContext": {"runAsUser": USER_ID, "runAsGroup": USER_ID, "runAsNonRoot": True},
        }


# Requests are about twice what a year of flights takes (train 1.0 GiB, evaluate 0.8, validate 0.4,
# the others below 0.2); limits leave room for ten times as many rows. Deadlines are for a step that
# hangs, not for one that is slow: a canary has one of its own in the spec.
STEPS = {
    "plan": StepSettings("plan", ("100m", "1"), ("256Mi", "1Gi"), hours=0.5),
    "prepare": StepSettings("data", ("500m", "4"), ("512Mi", "8Gi"), hours=6),
    "validate": StepSettings("data", ("500m", "2"), ("1Gi", "8Gi"), hours=2, cached=True),
    "train": StepSettings("model", ("1", "4"), ("2Gi", "8Gi"), hours=12, retries=1, cached=True),
    "evaluate": StepSettings("model", ("500m", "2"), ("2Gi", "8Gi"), hours=3, cached=True),
    "deploy": StepSettings("deploy", ("100m", "1"), ("256Mi", "2Gi"), hours=2),
    "rollout": StepSettings("deploy", ("100m", "1"), ("256Mi", "2Gi"), hours=24),
    "schedule": StepSettings(
        "schedule", ("100m", "1"), ("256Mi", "1Gi"), hours=0.5, env={MONITOR_VERSION: UNNAMED}
    ),
    "observe": StepSettings("data", ("500m", "2"), ("512Mi", "8Gi"), hours=2),
    "monitor": StepSettings("data", ("500m", "2"), ("1Gi", "8Gi"), hours=2),
}


def configured(document: Document) -> Document:
    """The document with the settings of every step.

    Raises:
        InputError: The table has no such step.
    """
    spec = deepcopy(dict(document.spec))
    executors = spec["deploymentSpec"]["executors"]
    # The command line of a step ends with the name of its component's function.
    names = {label: one["container"]["args"][-1] for label, one in executors.items()}
    unknown = [name for name in names.values() if name not in STEPS]
    if unknown:
        raise InputError("pipelines/steps.py: STEPS", unknown, ", ".join(STEPS), "Add the step.")
    for label, executor in executors.items():
        executor["container"] |= STEPS[names[label]].container()
    for _, label, task in pod_tasks(spec):
        task |= STEPS[names[label]].task()
    platform = {label: STEPS[name].platform() for label, name in names.items()}
    kubernetes = {"deploymentSpec": {"executors": platform}}
    return replace(document, spec=spec, platform={"platforms": {"kubernetes": kubernetes}})
