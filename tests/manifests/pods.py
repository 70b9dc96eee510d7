"""The pods that objects make, wherever their template stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.manifests.kustomize import Object

_TEMPLATES = {"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"}


@dataclass(frozen=True)
class Pod:
    """A pod as some object says it.

    Attributes:
        owner: Kind and name of that object.
        labels: Its labels.
        spec: Its spec; of a ServingRuntime, the part that is ours to say.
        is_whole: Whether the object says everything; KServe adds the account to a runtime's pod.
    """

    owner: str
    labels: dict[str, str]
    spec: dict[str, Any]
    is_whole: bool = True

    @property
    def containers(self) -> list[dict[str, Any]]:
        """Every container, initial ones too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods_of(objects: list[Object]) -> Iterator[Pod]:
    """Every pod that these objects make."""
    for one in objects:
        owner = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] in _TEMPLATES:
            yield _pod(owner, one["spec"]["template"])
        elif one["kind"] == "CronJob":
            yield _pod(owner, one["spec"]["jobTemplate"]["spec"]["template"])
        elif one["kind"] == "ServingRuntime":
            yield Pod(owner, one["spec"].get("labels", {}), one["spec"], is_whole=False)


def _pod(owner: str, template: dict[str, Any]) -> Pod:
    return Pod(owner, template["metadata"].get("labels", {}), template["spec"])
