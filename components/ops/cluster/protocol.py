"""The Kubernetes API as the deploy code uses it.

The real client and the in-memory fake of the tests implement `KubeClient`; one contract test runs
against both.
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
    """

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def typed(self, item: Object) -> dict[str, Any]:
        """An item of a list with ``apiVersion`` and ``kind``, which lists leave out."""
        return {"apiVersion": self.api_version, "kind": self.kind, **item}


INFERENCE_SERVICE = Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("", "v1", "Event", "events")


class Conflict(ApiRejected):
    """The object changed, or another manager owns a field: read it again and decide anew."""


class AlreadyExists(ApiRejected):
    """An object of this name exists."""


class Forbidden(ApiRejected):
    """The service account lacks a right; the message holds the missing rule."""


class KubeClient(Protocol):
    """A Kubernetes API server as one service account sees it.

    Every method retries transient errors (429, 503, a broken connection) with backoff until its
    deadline, then raises `ApiUnavailable`; every method may raise `Forbidden`.
    """

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object; None if there is none."""

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        """Every object with these labels, sorted by name."""

    def apply(self, kind: Kind, wanted: Object) -> Object:
        """Applies an object server-side; fields applied before and now left out are removed.

        Raises:
            Conflict: Another manager owns a field; the message names both.
            ApiRejected: The object is invalid; the message is the API server's.
        """

    def create(self, kind: Kind, wanted: Object) -> Object:
        """Creates an object.

        Raises:
            AlreadyExists: An object of this name exists.
        """

    def replace(self, kind: Kind, wanted: Object) -> Object:
        """Replaces an object if it still has the ``resourceVersion`` of `wanted`.

        Raises:
            Conflict: It changed, or is gone.
        """

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Deletes an object; does nothing if there is none."""

    def watch(
        self, kind: Kind, namespace: str, name: str, timeout_s: float
    ) -> Iterator[Object | None]:
        """Yields the object as it is, then each change (None if deleted), until the timeout.

        A broken watch is resumed; one whose version is too old starts again from a list.
        """

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        """The events of an object as ``reason: message``, oldest first."""

    def openapi_schema(self, kind: Kind) -> Mapping[str, Any] | None:
        """The published schema of a kind, references resolved; None if the kind is unknown."""
