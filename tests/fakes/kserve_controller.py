"""A fake of KServe's controller, Knative and the kubelet: real model servers, real traffic.

It watches the InferenceServices of a cluster, copies each ``storageUri``, starts the model server
with the arguments that KServe would merge, writes pods, status and events, and gives each service
one address, behind which our own gateway splits the requests.

What it does not show: more than one pod for a template, more than one canary at a time, scaling
to zero, autoscaling, admission webhooks, and a gateway that asks a failing canary only once.
"""

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from components.core.errors import ApiRejected, RatoonError
from components.ops.cluster.protocol import (
    EVENT,
    INFERENCE_SERVICE,
    POD,
    AlreadyExists,
    Kind,
    Object,
)
from components.ops.targets.local import processes
from tests.fakes.kserve_knative import KnativeService
from tests.fakes.kserve_objects import event_object, now, pod_object, pod_status
from tests.fakes.kserve_pod import ModelPod, Pods
from tests.fakes.kserve_routes import Address
from tests.fakes.kserve_standard import StandardService
from tests.fakes.kserve_status import PROGRESS_DEADLINE_S, Service, status_of
from tests.fakes.kserve_template import read_runtime

Mode = Literal["knative", "standard-canary", "standard"]
_TICK_S = 0.1
_GRACE_S = 30.0
_WATCH_S = 60.0
_log = logging.getLogger(__name__)
Name = tuple[str, str]


class Observed(Protocol):
    """What a controller needs of a cluster: `MemoryCluster`, or `ControllerClient` over HTTP."""

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None: ...
    def create(self, kind: Kind, wanted: Object) -> Object: ...
    def replace(self, kind: Kind, wanted: Object) -> Object: ...
    def delete(self, kind: Kind, namespace: str, name: str) -> None: ...
    def set_status(self, kind: Kind, namespace: str, name: str, status: Object) -> Object: ...
    def watch_all(
        self, kind: Kind, timeout_s: float, stopped: Callable[[], bool]
    ) -> Iterator[tuple[str, Object]]: ...


class Controller:
    """The fake; it works from `start` to `stop`.

    Args:
        cluster: The cluster.
        folder: For models, logs and gateways; what an earlier one left there is ended and removed.
        mode: How InferenceServices are deployed.
        progress_deadline_s: How long a Deployment may make no progress.
    """

    def __init__(
        self,
        cluster: Observed,
        folder: Path,
        mode: Mode = "knative",
        progress_deadline_s: float = PROGRESS_DEADLINE_S,
    ) -> None:
        self._cluster, self._folder, self._mode = cluster, folder / "services", mode
        self._deadline_s = progress_deadline_s
        self._stopped = threading.Event()
        self._changed: dict[Name, Object | None] = {}
        self._lock = threading.Lock()
        self._services: dict[Name, _Served] = {}
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._watch, self._run)
        ]

    def start(self) -> "Controller":
        """Begins to work."""
        _sweep(self._folder)
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Ends every process that it started."""
        self._stopped.set()
        self._threads[1].join()
        for served in self._services.values():
            served.end()
        for served in self._services.values():
            served.join()
        _sweep(self._folder)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                for type_, one in self._cluster.watch_all(
                    INFERENCE_SERVICE, _WATCH_S, self._stopped.is_set
                ):
                    name = (one["metadata"]["namespace"], one["metadata"]["name"])
                    with self._lock:
                        self._changed[name] = None if type_ == "DELETED" else one
            except RatoonError as error:
                _log.warning("watch: %s", error)
                self._stopped.wait(_TICK_S)

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_S):
            with self._lock:
                changed, self._changed = self._changed, {}
            for name, one in changed.items():
                self._take(name, one)
            for name, served in list(self._services.items()):
                try:
                    served.reconcile(self._cluster)
                except (RatoonError, OSError) as error:  # tried again at the next tick
                    _log.warning("%s: %s", "/".join(name), error)
                except (KeyError, TypeError):  # an object that an admission webhook would refuse
                    _log.exception("%s is no InferenceService", "/".join(name))
                if served.is_gone:
                    del self._services[name]

    def _take(self, name: Name, one: Object | None) -> None:
        served = self._services.get(name)
        if one is None:
            if served:
                served.end()
        elif served is None:
            folder = self._folder / name[0] / name[1]
            self._services[name] = _Served(one, folder, self._mode, self._deadline_s)
        else:
            served.wanted = one


class _Served:
    """One InferenceService and everything behind it."""

    def __init__(self, wanted: Object, folder: Path, mode: Mode, deadline_s: float) -> None:
        self.wanted: Object | None = wanted
        self._namespace: str = wanted["metadata"]["namespace"]
        self._name: str = wanted["metadata"]["name"]
        self._deadline_s = deadline_s
        self._pods = Pods(folder)
        self._address = Address(folder, self._name)
        self._service = _service(mode, self._pods)
        self._written: dict[Any, Any] = {}

    @property
    def is_gone(self) -> bool:
        return self.wanted is None and not self._pods.all

    def reconcile(self, cluster: Observed) -> None:
        if self.wanted is not None:
            self._service.reconcile(self.wanted)
            self._address.route(self._service.split())
        self._write_pods(cluster)
        if self.wanted is not None:
            self._write_status(cluster)

    def end(self) -> None:
        self.wanted = None
        self._address.end()
        self._pods.keep(())

    def join(self) -> None:
        for pod in self._pods.all:
            pod.join()

    def _write_pods(self, cluster: Observed) -> None:
        for pod in self._pods.all:
            self._write_pod(cluster, pod)
        for pod in self._pods.forget_gone():
            cluster.delete(POD, self._namespace, pod.name)

    def _write_pod(self, cluster: Observed, pod: ModelPod) -> None:
        state = pod.state
        if self._written.get(pod.name) == state or state.gone:
            return
        found = cluster.get(POD, self._namespace, pod.name)
        if found is None:
            found = cluster.create(POD, pod_object(pod, self._namespace))
        if state.terminating and "deletionTimestamp" not in found["metadata"]:
            metadata = {**found["metadata"], "deletionTimestamp": now()}
            with contextlib.suppress(ApiRejected):  # a real API server keeps it to itself
                cluster.replace(POD, {**found, "metadata": metadata})
        cluster.set_status(POD, self._namespace, pod.name, pod_status(state))
        before = self._written.get(pod.name)
        if state.words and (before is None or before.restarts < state.restarts):
            text = f"Back-off restarting failed container in pod {pod.name}: {state.words}"
            self._say(cluster, POD, pod.name, "BackOff", text)
        self._written[pod.name] = state

    def _write_status(self, cluster: Observed) -> None:
        before = self._written.get("status", {})
        status = status_of(self._service, self._address.url, before, self._deadline_s)
        if status == before or cluster.get(INFERENCE_SERVICE, self._namespace, self._name) is None:
            return
        cluster.set_status(INFERENCE_SERVICE, self._namespace, self._name, status)
        self._written["status"] = status
        was, is_ = _ready(before), _ready(status)
        if is_ == "True" != was:
            text = f"InferenceService [{self._name}] is Ready"
            self._say(cluster, INFERENCE_SERVICE, self._name, "InferenceServiceReady", text)
        elif is_ == "False" and was == "True":
            text = f"InferenceService [{self._name}] is no longer Ready"
            self._say(cluster, INFERENCE_SERVICE, self._name, "InferenceServiceNotReady", text)

    def _say(self, cluster: Observed, kind: Kind, name: str, reason: str, text: str) -> None:
        try:
            cluster.create(EVENT, event_object(kind, self._namespace, name, reason, text))
        except AlreadyExists:
            return


def _service(mode: Mode, pods: Pods) -> Service:
    runtime = read_runtime()
    if mode == "knative":
        return KnativeService(pods, runtime)
    return StandardService(pods, runtime, with_canary=mode == "standard-canary")


def _ready(status: Any) -> str:
    found = [one["status"] for one in status.get("conditions", ()) if one["type"] == "Ready"]
    return found[0] if found else ""


def _sweep(folder: Path) -> None:
    """Ends and removes what an earlier fake left that was killed."""
    for one in folder.glob("*/*"):
        for process in processes.find_processes(one):
            processes.end(process, _GRACE_S)
    shutil.rmtree(folder, ignore_errors=True)
