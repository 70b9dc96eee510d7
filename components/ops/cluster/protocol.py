"""What is asked of a Kubernetes API server, in the words of its own API.

The real client and the in-memory cluster of the tests both keep to it, and one contract test is run
against each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from components.core.errors import ApiRejected

FIELD_MANAGER = "ratoon"

# A Kubernetes object as its JSON says it.
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of namespaced object.

    Attributes:
        group: API group; empty for the core group.
        version: Version of the group.
        kind: The kind.
        plural: Its name in paths.
    """

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """As an object's ``apiVersion`` says it."""
        return f"{self.group}/{self.version}" if self.group else self.version


INFERENCE_SERVICE = Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("", "v1", "Event", "events")


class Conflict(ApiRejected):
    """The object changed meanwhile, or another manager owns a field: read again and decide anew."""


class AlreadyThere(ApiRejected):
    """An object of this name exists."""


class Forbidden(ApiRejected):
    """The service account may not do it; the message holds the rule that is missing."""


class Cluster(Protocol):
    """A Kubernetes API server as one service account sees it.

    Every method retries what may pass (429, 503, a connection that breaks) with backoff until its
    deadline and then raises `ApiUnavailable`; every method may raise `Forbidden`.
    """

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object; None: there is none."""

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        """Every object with these labels, in order of name."""

    def apply(self, kind: Kind, wanted: Object) -> Object:
        """Server-side apply by our field manager: a field that we applied and leave out goes.

        Raises:
            Conflict: Another manager owns a field; the message names field and manager.
            ApiRejected: The object is not valid; the message is the API server's.
        """

    def create(self, kind: Kind, wanted: Object) -> Object:
        """Creates an object.

        Raises:
            AlreadyThere: There is one of this name.
        """

    def replace(self, kind: Kind, wanted: Object) -> Object:
        """Replaces an object, only if it still has the ``resourceVersion`` that `wanted` carries.

        Raises:
            Conflict: It changed, or is gone.
        """

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Removes an object; nothing where there is none."""

    def watch(
        self, kind: Kind, namespace: str, name: str, timeout_s: float
    ) -> Iterator[Object | None]:
        """The object as it is, then after each change; None: it is gone. Ends with the deadline.

        A watch that breaks off is taken up again, and one whose version is too old begins anew.
        """

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        """What was last said about an object, oldest first: ``reason: message``."""

    def fields(self, kind: Kind) -> Mapping[str, Any] | None:
        """The published OpenAPI schema of a kind, resolved; None: the cluster does not know it."""
