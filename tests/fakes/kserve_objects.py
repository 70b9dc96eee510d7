"""The Pod and Event objects that the kubelet and the controllers of a cluster would write."""

import datetime
import secrets
from typing import Any

from components.ops.cluster.protocol import EVENT, INFERENCE_SERVICE, POD, Kind
from tests.fakes.kserve_pod import ModelPod, PodState

_SERVICE = "serving.kserve.io/inferenceservice"
_CONTAINER, _INITIALIZER = "kserve-container", "storage-initializer"
_BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting"}}


def now() -> str:
    """This instant, as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_object(pod: ModelPod, namespace: str) -> dict[str, Any]:
    """The pod without its status; its port is the one that its server has on this machine."""
    template = pod.template
    labels = {**template.labels, _SERVICE: template.service, "component": "predictor"}
    app = pod.revision or pod.name.rpartition("-")[0]
    labels["app"] = app
    if pod.revision:
        labels["serving.knative.dev/revision"] = pod.revision
    container = {
        "name": _CONTAINER,
        "image": "ratoon-model",
        "args": list(template.args),
        "ports": [{"containerPort": pod.port}],
    }
    return {
        "apiVersion": POD.api_version,
        "kind": POD.kind,
        "metadata": {
            "name": pod.name,
            "namespace": namespace,
            "labels": labels,
            "annotations": dict(template.annotations),
        },
        "spec": {"containers": [container]},
    }


def pod_status(state: PodState) -> dict[str, Any]:
    """The pod's status."""
    ready = state.ready and not state.terminating
    names = {
        "PodScheduled": True,
        "Initialized": state.initialized,
        "ContainersReady": ready,
        "Ready": ready,
    }
    conditions = [{"type": n, "status": "True" if true else "False"} for n, true in names.items()]
    failed = state.words.startswith(_INITIALIZER)
    status: dict[str, Any] = {
        "phase": "Running" if state.server else "Pending",
        "conditions": conditions,
        "containerStatuses": [_container(_CONTAINER, state, ready, ended=not failed)],
    }
    if failed:
        status["initContainerStatuses"] = [_container(_INITIALIZER, state, ready, ended=True)]
    if state.server:
        status["podIP"] = "127.0.0.1"
        status["podIPs"] = [{"ip": "127.0.0.1"}]
    return status


def event_object(
    kind: Kind, namespace: str, name: str, reason: str, message: str, count: int = 1
) -> dict[str, Any]:
    """An event about an object."""
    warns = reason in ("BackOff", "InferenceServiceNotReady")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{name}.{secrets.token_hex(6)}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "namespace": namespace,
            "name": name,
        },
        "reason": reason,
        "message": message,
        "type": "Warning" if warns else "Normal",
        "count": count,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "source": {"component": "kubelet" if kind == POD else INFERENCE_SERVICE.plural},
    }


def _container(name: str, state: PodState, ready: bool, ended: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": name,
        "image": "ratoon-model",
        "ready": ready,
        "restartCount": state.restarts if ended else 0,
        "state": {"running": {}} if state.server else {"waiting": {"reason": "PodInitializing"}},
    }
    if state.words and ended:
        shown["lastState"] = {
            "terminated": {"exitCode": 1, "reason": "Error", "message": state.words}
        }
        if not ready:
            shown["state"] = _BACK_OFF
    return shown
