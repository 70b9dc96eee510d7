"""What the Pod Security Standard "restricted" of Kubernetes 1.34 would refuse a pod for."""

from collections.abc import Iterator
from typing import Any

from tests.manifests.pods import Pod

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}
_VOLUMES |= {"persistentVolumeClaim"}


def breaches(pod: Pod) -> Iterator[str]:
    """Each breach, with the object and the container."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"{pod.owner}: {field}"
    for volume in pod.spec.get("volumes", ()):
        if set(volume) - _VOLUMES - {"name"}:
            yield f"{pod.owner}: volume {volume['name']}"
    for container in pod.containers:
        own = container.get("securityContext", {})
        shared = pod.spec.get("securityContext", {})
        for breach in (*_of_container(own), *_of_either({**shared, **own})):
            yield f"{pod.owner} {container['name']}: {breach}"


def _of_container(own: dict[str, Any]) -> Iterator[str]:
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield "privilege escalation"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities"


def _of_either(context: dict[str, Any]) -> Iterator[str]:
    if not context.get("runAsNonRoot"):
        yield "may be root"
    if not context.get("runAsUser"):
        yield "no user, or user 0"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
