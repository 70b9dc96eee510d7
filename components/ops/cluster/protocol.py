"""The Kubernetes API as the deploy code uses it: its kinds and errors, and what its objects say.

The real client and the in-memory fake of the tests implement `KubeClient`; one contract test runs
against both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from components.core.errors import ApiRejected

FIELD_MANAGER = "ratoon"

GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
# A Kubernetes object, or the OpenAPI schema of one, as its JSON says it.
Object = Mapping[str, Any]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of namespaced object; the core group is empty."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Where the API server has its group and version, such as ``api/v1``."""
        return f"{'apis' if self.group else 'api'}/{self.api_version}"

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


@dataclass(frozen=True)
class Condition:
    """One condition of an object (Kubernetes API conventions)."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""

    def sentence(self) -> str:
        """``Ready is False: RevisionFailed: the image cannot be pulled``."""
        why = ": ".join(word for word in (self.reason, self.message) if word)
        return f"{self.type} is {self.status}{f': {why}' if why else ''}"


def conditions(found: Object) -> tuple[Condition, ...]:
    """Every condition of an object, in its own order."""
    return tuple(
        Condition(
            type=str(one.get("type", "")),
            status=one["status"] if one.get("status") in ("True", "False") else "Unknown",
            reason=str(one.get("reason") or ""),
            message=str(one.get("message") or "").strip(),
        )
        for one in (found.get("status") or {}).get("conditions") or []
    )


def event_sentences(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Events (core/v1) as ``reason: message``, oldest first, each with its count."""
    sentences = []
    for event in sorted(events, key=_last_seen):
        count = (event.get("series") or {}).get("count") or event.get("count") or 1
        text = f"{event.get('reason', 'Unknown')}: {str(event.get('message', '')).strip()}"
        sentences.append(f"{text} ({count} times)" if count > 1 else text)
    return tuple(sentences)


def _last_seen(event: Mapping[str, Any]) -> tuple[str, str]:
    series, metadata = event.get("series") or {}, event.get("metadata") or {}
    created = metadata.get("creationTimestamp")
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    seen = next(filter(None, (*times, created)), "")
    return str(seen).rstrip("Z"), str(metadata.get("name", ""))


def document_path(kind: Kind) -> str:
    """Where the API server publishes the schemas of a kind (Kubernetes: OpenAPI v3)."""
    return f"/openapi/v3/{kind.root}"


def resolve_schema(document: Mapping[str, Any], kind: Kind) -> Schema | None:
    """The schema of a kind with its references resolved; None if the document has none."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    for schema in schemas.values():
        if wanted in schema.get(GROUP_VERSION_KIND, []):
            return _resolved(schema, schemas, ())  # type: ignore[no-any-return]
    return None


def has_field(schema: Schema | None, *path: str) -> bool:
    """Whether a schema declares a field: ``has_field(schema, "spec", "canary")``."""
    for name in path:
        properties = (schema or {}).get("properties") or {}
        if name not in properties:
            return False
        schema = properties[name]
    return schema is not None


def _resolved(value: Any, schemas: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """Resolves references; a schema within itself is left open."""
    if isinstance(value, list):
        return [_resolved(one, schemas, within) for one in value]
    if not isinstance(value, Mapping):
        return value
    match value.get("allOf"):
        case [{"$ref": _} as only]:  # so a reference is written that has a default or a text
            value = only
    if "$ref" in value:
        name = str(value["$ref"]).rsplit("/", 1)[-1]
        return {} if name in within else _resolved(schemas.get(name, {}), schemas, (*within, name))
    return {key: _resolved(one, schemas, within) for key, one in value.items()}
