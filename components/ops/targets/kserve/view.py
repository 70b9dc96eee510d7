"""What a cluster shows of a model: its service, its pods, and when they are as wanted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from components.core.errors import ApiUnavailable, ClusterError, DeadlineExceeded
from components.ops.cluster.protocol import INFERENCE_SERVICE, POD, KubeClient, Object
from components.ops.targets.kserve.asking import NoAnswer, ask
from components.ops.targets.kserve.conditions import last_words
from components.ops.targets.kserve.names import SERVICE_LABEL, candidate_name, names_version
from components.ops.targets.kserve.pods import Pod, read_pods
from components.ops.targets.kserve.record import Published

_T = TypeVar("_T")


@dataclass(frozen=True)
class View:
    """One model in a namespace, as its controllers and servers show it.

    Attributes:
        cluster: The API server.
        namespace: The namespace.
        model: The model's name.
        poll_s: Seconds between two looks.
    """

    cluster: KubeClient
    namespace: str
    model: str
    poll_s: float = 0.5

    def service(self) -> Object | None:
        """The InferenceService with its status."""
        return self.cluster.get(INFERENCE_SERVICE, self.namespace, self.model)

    def fields(self) -> Mapping[str, Any] | None:
        """The published schema of InferenceService."""
        return self.cluster.fields(INFERENCE_SERVICE)

    def pods(self, *, main: bool = True, candidate: bool = True) -> tuple[Pod, ...]:
        """The pods of the model's service, of the one its candidate is tried in, or of both."""
        names = [self.model] * main + [candidate_name(self.model)] * candidate
        found = [
            pod
            for name in names
            for pod in self.cluster.list(POD, self.namespace, {SERVICE_LABEL: name})
        ]
        return read_pods(found)

    def ready(self, published: Published, *, main_only: bool = False) -> tuple[Pod, ...]:
        """The pods that serve a version and get requests."""
        pods = self.pods(candidate=not main_only)
        return tuple(p for p in pods if p.is_ready and p.url and names_version(p.found, published))

    def answers(self, pod: Pod) -> bool:
        """Whether a server says that the model is ready (v2 protocol)."""
        try:
            status, _ = ask(str(pod.url), f"/v2/models/{self.model}/ready")
        except NoAnswer:
            return False
        return status == HTTPStatus.OK

    def await_(self, look: Callable[[], _T | None], what: str, timeout_s: float) -> _T:
        """Looks until there is something, through short absences of the API server.

        Args:
            look: None: not yet.
            what: What was awaited, for the error: "version v2 was not ready".
            timeout_s: How long.

        Raises:
            DeadlineExceeded: With the last conditions, events and troubles of pods.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                found = look()
            except ApiUnavailable:  # asked again until the deadline
                found = None
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(f"{what} within {timeout_s:g} s{self._words()}")
            time.sleep(min(self.poll_s, max(0.0, deadline - time.monotonic())))

    def _words(self) -> str:
        try:
            name = candidate_name(self.model)
            tried = self.cluster.get(INFERENCE_SERVICE, self.namespace, name)
            service = tried or self.service()
            pods = self.pods()
            about = [name if tried else self.model, *(pod.name for pod in pods)]
            events = [said for one in about for said in self.cluster.events(self.namespace, one)]
        except ClusterError as error:
            return f"\nThe cluster does not say why: {error}"
        return last_words(service, pods, events)
