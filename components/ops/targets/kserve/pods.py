"""The pods of a version, as the API server describes them (core/v1 Pod)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.names import CONTAINER, REVISION_LABEL, VERSION, metadata

_PORT = 8080


@dataclass(frozen=True)
class Pod:
    """A pod of a model server.

    Attributes:
        name: Its name.
        uid: Told apart from a later one of the same name.
        version: The version that it serves.
        revision: Its Knative revision; empty in Standard mode.
        url: Where its server answers; None: it has no address yet.
        is_ready: Whether it gets requests.
        is_leaving: Whether it is being removed.
        restarts: How often its server's container was started again.
        trouble: What keeps it from being ready; empty where nothing is known.
        found: The object.
    """

    name: str
    uid: str
    version: str
    revision: str
    url: str | None
    is_ready: bool
    is_leaving: bool
    restarts: int
    trouble: str
    found: Object


def read_pods(found: Iterable[Object]) -> tuple[Pod, ...]:
    """Reads pods of a model server; those that are no such are left out."""
    return tuple(_read(one) for one in found if VERSION in metadata(one, "annotations"))


def _read(found: Object) -> Pod:
    meta, status = found["metadata"], found.get("status") or {}
    servers = [s for s in status.get("containerStatuses") or () if s.get("name") == CONTAINER]
    return Pod(
        name=meta["name"],
        uid=str(meta.get("uid", meta["name"])),
        version=metadata(found, "annotations")[VERSION],
        revision=metadata(found, "labels").get(REVISION_LABEL, ""),
        url=_url_of(found),
        is_ready=_is_ready(status) and not meta.get("deletionTimestamp"),
        is_leaving=bool(meta.get("deletionTimestamp")),
        restarts=sum(server.get("restartCount", 0) for server in servers),
        trouble="; ".join(_troubles(status)),
        found=found,
    )


def _url_of(found: Object) -> str | None:
    address = (found.get("status") or {}).get("podIP")
    if not address:
        return None
    containers = (found.get("spec") or {}).get("containers") or ()
    ports = [p for c in containers if c.get("name") == CONTAINER for p in c.get("ports") or ()]
    port = ports[0]["containerPort"] if ports else _PORT
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _is_ready(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _troubles(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"{condition.get('reason', '')} {condition.get('message', '')}".strip()
    lists = ("initContainerStatuses", "containerStatuses")
    for one in [container for name in lists for container in status.get(name) or ()]:
        state = one.get("state") or {}
        waits, ended = state.get("waiting"), state.get("terminated") or _last_end(one)
        if waits and waits.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            yield _said(one, waits)
        if ended and ended.get("exitCode", 0) != 0:
            yield _said(one, ended)


def _last_end(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return (container.get("lastState") or {}).get("terminated")


def _said(container: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    code = f" (exit code {state['exitCode']})" if state.get("exitCode") else ""
    message = f": {state['message'].strip()}" if state.get("message") else ""
    return f"{container.get('name')} {state.get('reason', 'ended')}{code}{message}"
