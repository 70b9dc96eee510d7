"""What a cluster shows of a model: its InferenceService, its pods, and the wait for both.

The deployment mode is read from the status or the annotation, and ``spec.canary[]`` from the
published schema; neither is guessed from a version of KServe.

``status.observedGeneration`` is not compared: KServe copies there the generation of its Deployment
or Knative Service (inference_service_status.go, PropagateRawStatus and PropagateStatus). What was
observed is known from the annotations of the pods.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any, TypeVar

from components.core.errors import ApiUnavailable, ClusterError, DeadlineExceeded, InputError
from components.ops.cluster.protocol import (
    INFERENCE_SERVICE,
    POD,
    KubeClient,
    Object,
    conditions,
    has_field,
)
from components.ops.targets.kserve.inference_service import (
    DEPLOYMENT_MODE,
    SERVICE_LABEL,
    candidate_name,
    metadata_of,
    names_version,
)
from components.ops.targets.kserve.pods import Pod, PodUnreachable, pod_http_get, read_pods
from components.ops.targets.kserve.record import Mode, PublishedVersion, Strategy

# The older names are those of KServe until 0.15, which it still accepts.
_MODES = {
    "Knative": Mode.KNATIVE,
    "Serverless": Mode.KNATIVE,
    "Standard": Mode.STANDARD,
    "RawDeployment": Mode.STANDARD,
}
NO_CANARY_REASON = (
    "this cluster runs the model in KServe's Standard mode, and its InferenceService has no "
    "spec.canary[] (KServe has it from 0.20), so live traffic cannot be shared."
)
_MAX_EVENTS = 5

_T = TypeVar("_T")


@dataclass(frozen=True)
class ClusterView:
    """One model in a namespace, as its controllers and servers show it."""

    cluster: KubeClient
    namespace: str
    model: str
    poll_s: float = 0.5

    def service(self) -> Object | None:
        """Returns the InferenceService with its status."""
        return self.cluster.get(INFERENCE_SERVICE, self.namespace, self.model)

    def pods(self, *, stable: bool = True, candidate: bool = True) -> tuple[Pod, ...]:
        """Returns the pods of the model's service, of its candidate's, or of both."""
        names = [self.model] * stable + [candidate_name(self.model)] * candidate
        found = (self.cluster.list(POD, self.namespace, {SERVICE_LABEL: name}) for name in names)
        return read_pods(chain.from_iterable(found))

    def ready(self, published: PublishedVersion, *, stable_only: bool = False) -> tuple[Pod, ...]:
        """Returns the pods that serve a version and get requests."""
        pods = self.pods(candidate=not stable_only)
        return tuple(p for p in pods if p.is_ready and p.url and names_version(p.raw, published))

    def answers_ready(self, pod: Pod) -> bool:
        """Whether a pod's server reports the model as ready (v2 protocol)."""
        try:
            status, _ = pod_http_get(str(pod.url), f"/v2/models/{self.model}/ready")
        except PodUnreachable:
            return False
        return status == HTTPStatus.OK

    def wait_for(self, read: Callable[[], _T | None], what: str, timeout_s: float) -> _T:
        """Polls until a reading is not None; a short absence of the API server does no harm.

        Args:
            read: Returns None until then.
            what: What did not happen, for the error: "version v2 was not ready".
            timeout_s: How long to wait.

        Raises:
            DeadlineExceeded: With the last conditions, events and problems of pods.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            found = None
            with suppress(ApiUnavailable):  # retried until the deadline
                found = read()
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(f"{what} within {timeout_s:g} s{self._failure_details()}")
            time.sleep(min(self.poll_s, max(0.0, deadline - time.monotonic())))

    def _failure_details(self) -> str:
        try:
            name = candidate_name(self.model)
            candidate = self.cluster.get(INFERENCE_SERVICE, self.namespace, name)
            service = candidate or self.service()
            pods = self.pods()
            names = [name if candidate else self.model, *(pod.name for pod in pods)]
            events = [event for one in names for event in self.cluster.events(self.namespace, one)]
        except ClusterError as error:
            return f"\nThe cluster does not say why: {error}"
        return failure_details(service, pods, events)


def address_of(service: Object | None) -> str | None:
    """Returns the URL that clients use; None before there is one."""
    url = _status_of(service).get("url")
    return str(url).rstrip("/") if url else None


def revision_of(service: Object | None, which: str) -> str:
    """Returns a Knative revision by its status field, such as ``latestReadyRevision``."""
    components = _status_of(service).get("components") or {}
    return str((components.get("predictor") or {}).get(which) or "")


def newest_revision(service: Object | None) -> str | None:
    """Returns the newest revision once Knative can send traffic to it; None before."""
    created = revision_of(service, "latestCreatedRevision")
    return created if created and created == revision_of(service, "latestReadyRevision") else None


def is_rolled_out(service: Object | None) -> bool:
    """Whether the newest revision is the one that a Knative canary falls back to."""
    created = revision_of(service, "latestCreatedRevision")
    return bool(created) and created == revision_of(service, "latestRolledoutRevision")


def failure_details(service: Object | None, pods: Iterable[Pod], events: Iterable[str]) -> str:
    """Describes why a service is not ready, one line each, the cause last."""
    model = _status_of(service).get("modelStatus") or {}
    failure = model.get("lastFailureInfo") or {}
    lines = [
        *_unmet_conditions(service),
        *tuple(events)[-_MAX_EVENTS:],
        *(f"pod {pod.name}: {pod.problem}" for pod in pods if pod.problem),
        " ".join(str(failure[key]) for key in ("reason", "message") if failure.get(key)),
    ]
    return "".join(f"\n{line}" for line in lines if line)


def _status_of(service: Object | None) -> Mapping[str, Any]:
    return (service or {}).get("status") or {}


def _unmet_conditions(service: Object | None) -> Iterator[str]:
    if service is None:
        yield "The InferenceService does not exist."
        return
    for one in conditions(service):
        if one.status != "True" and one.type != "Stopped":
            yield one.sentence()


def mode_of(service: Object | None) -> Mode | None:
    """Returns the mode that an InferenceService runs in; None if not reported yet."""
    annotated = metadata_of(service or {}, "annotations").get(DEPLOYMENT_MODE)
    name = _status_of(service).get("deploymentMode") or annotated
    if name in _MODES:
        return _MODES[name]
    return Mode.KNATIVE if revision_of(service, "latestCreatedRevision") else None


def check_mode(service: Object | None, named: Mode | None) -> Mode | None:
    """Returns the mode that the InferenceService runs in, or else the one that the target names.

    Raises:
        InputError: The target names another mode than the InferenceService runs in.
    """
    runs = mode_of(service)
    if runs and named and runs is not named:
        raise InputError(
            "serving.target",
            f"?mode={named.lower()}",
            f"the mode that the model runs in: {runs.lower()}",
            "KServe does not change it; leave ?mode out, or remove the InferenceService first.",
        )
    return runs or named


def strategy_of(mode: Mode | None, schema: Mapping[str, Any] | None, where: str) -> Strategy:
    """Chooses how a candidate is rolled out beside a champion, by mode and published schema.

    Raises:
        ApiUnavailable: Either is unknown (None), which is no reason to leave out a canary.
    """
    if mode is Mode.KNATIVE:
        return Strategy.KNATIVE
    if mode is None:
        raise ApiUnavailable(
            f"{where}: its status does not say how KServe deploys it, so it is not known how to "
            "share traffic. Does KServe's controller run? If so, name the mode in the target: "
            "?mode=knative or ?mode=standard."
        )
    if schema is None:
        raise ApiUnavailable(
            f"{where}: the cluster does not publish the schema of InferenceService, so it is not "
            "known how to share traffic. That takes some seconds after KServe was installed."
        )
    return Strategy.CANARY if has_field(schema, "spec", "canary") else Strategy.BLUE_GREEN
