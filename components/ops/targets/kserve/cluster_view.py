"""What a cluster shows of a model: its InferenceService, its pods, and the wait for both."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from components.core.errors import ApiUnavailable, ClusterError, DeadlineExceeded
from components.ops.cluster.protocol import INFERENCE_SERVICE, POD, KubeClient, Object
from components.ops.targets.kserve.inference_service import (
    SERVICE_LABEL,
    candidate_name,
    names_version,
)
from components.ops.targets.kserve.pods import Pod, PodUnreachable, pod_http_get, read_pods
from components.ops.targets.kserve.record import PublishedVersion
from components.ops.targets.kserve.status import failure_details

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

    def schema(self) -> Mapping[str, Any] | None:
        """Returns the published schema of InferenceService."""
        return self.cluster.openapi_schema(INFERENCE_SERVICE)

    def pods(self, *, stable: bool = True, candidate: bool = True) -> tuple[Pod, ...]:
        """Returns the pods of the model's service, of its candidate's, or of both."""
        names = [self.model] * stable + [candidate_name(self.model)] * candidate
        found = [
            pod
            for name in names
            for pod in self.cluster.list(POD, self.namespace, {SERVICE_LABEL: name})
        ]
        return read_pods(found)

    def ready(self, published: PublishedVersion, *, stable_only: bool = False) -> tuple[Pod, ...]:
        """Returns the pods that serve a version and get requests."""
        pods = self.pods(candidate=not stable_only)
        return tuple(p for p in pods if p.is_ready and p.url and names_version(p.found, published))

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
            DeadlineExceeded: With the last conditions, events and troubles of pods.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                found = read()
            except ApiUnavailable:  # retried until the deadline
                found = None
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(f"{what} within {timeout_s:g} s{self._failure_details()}")
            time.sleep(min(self.poll_s, max(0.0, deadline - time.monotonic())))

    def _failure_details(self) -> str:
        try:
            name = candidate_name(self.model)
            preview = self.cluster.get(INFERENCE_SERVICE, self.namespace, name)
            service = preview or self.service()
            pods = self.pods()
            names = [name if preview else self.model, *(pod.name for pod in pods)]
            events = [event for one in names for event in self.cluster.events(self.namespace, one)]
        except ClusterError as error:
            return f"\nThe cluster does not say why: {error}"
        return failure_details(service, pods, events)
