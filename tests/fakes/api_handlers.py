"""What an API server answers, out of the store: one function a verb."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.ops.cluster.protocol import EVENT, Object
from tests.fakes.api_paths import ApiRequest
from tests.fakes.status_errors import StatusError
from tests.fakes.store import Change, Store

APPLY = "application/apply-patch+yaml"
GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"


@dataclass(frozen=True)
class Handlers:
    """Answers of one API server.

    Attributes:
        store: Its objects.
    """

    store: Store

    def answer(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        """HTTP status and object.

        Raises:
            Refused: A Status is the answer.
        """
        if asked.subresource == "status":
            return 200, self._status(asked, body)
        if asked.subresource:
            raise StatusError(404, "", "404 page not found")
        verbs: Mapping[str, Callable[[ApiRequest, Any, str], tuple[int, Object]]] = {
            "get": self._get,
            "list": self._list,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }
        return verbs[asked.verb](asked, body, content_type)

    def stream(self, asked: ApiRequest, stopped: Callable[[], bool]) -> Iterator[Object]:
        """The lines of a watch.

        Raises:
            Refused: The version is too old.
        """
        since = int(asked.query.get("resourceVersion") or 0)
        wait_s = float(asked.query.get("timeoutSeconds") or 300)
        for change in self.store.changes(asked.kind, since, wait_s, stopped):
            if _is_meant(asked, change):
                yield {"type": change.type, "object": change.value}

    def published(self, path: str) -> Object:
        """The OpenAPI v3 document of a group and version."""
        api_version = path.removeprefix("/openapi/v3/").split("/", 1)[-1]
        found = {
            f"{kind.group}.{kind.version}.{kind.kind}": {
                **schema,
                GROUP_VERSION_KIND: [
                    {"group": kind.group, "version": kind.version, "kind": kind.kind}
                ],
            }
            for kind, schema in self.store.schemas.items()
            if kind.api_version == api_version
        }
        if not found:
            raise StatusError(404, "", "404 page not found")
        return {"openapi": "3.0.0", "components": {"schemas": found}}

    def _get(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        return 200, self.store.read(asked.kind, asked.namespace, asked.name)

    def _list(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        found, version = self.store.listed(asked.kind, asked.namespace, asked.labels())
        items = [one for one in found if _has_fields(one, asked)]
        for one in items:
            # As the real one: an item of a list of a core kind does not say its kind.
            if not asked.kind.group:
                del one["kind"], one["apiVersion"]
        return 200, {
            "kind": f"{asked.kind.kind}List",
            "apiVersion": asked.kind.api_version,
            "metadata": {"resourceVersion": str(version)},
            "items": items,
        }

    def _create(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        return 201, self.store.create(asked.kind, _placed(asked, body), _manager(asked))

    def _update(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        return 200, self.store.replace(asked.kind, _placed(asked, body), _manager(asked))

    def _patch(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        if content_type != APPLY:
            raise StatusError(
                415, "UnsupportedMediaType", f"{content_type!r}: only {APPLY} is known"
            )
        if not asked.query.get("fieldManager"):
            raise StatusError(422, "Invalid", "fieldManager: Required value")
        force = asked.query.get("force") == "true"
        wanted = _placed(asked, body)
        made, new = self.store.apply(asked.kind, wanted, asked.query["fieldManager"], force)
        return 201 if new else 200, made

    def _delete(self, asked: ApiRequest, body: Any, content_type: str) -> tuple[int, Object]:
        gone = self.store.delete(asked.kind, asked.namespace, asked.name)
        details = {"name": asked.name, "kind": asked.kind.plural, "uid": gone["metadata"]["uid"]}
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details}

    def _status(self, asked: ApiRequest, body: Any) -> Object:
        if asked.verb == "get":
            return self.store.read(asked.kind, asked.namespace, asked.name)
        if asked.verb != "update":
            raise StatusError(405, "MethodNotAllowed", "the fake replaces a status whole (PUT)")
        status = body.get("status") or {}
        write = self.store.write_status
        return write(asked.kind, asked.namespace, asked.name, status, _manager(asked))


def _placed(asked: ApiRequest, body: Any) -> dict[str, Any]:
    """The object with the namespace of the path; another name or namespace is refused."""
    if not isinstance(body, Mapping):
        raise StatusError(400, "BadRequest", "the body is no object")
    meta = {"namespace": asked.namespace, **(body.get("metadata") or {})}
    if meta["namespace"] != asked.namespace or asked.name not in ("", meta.get("name")):
        raise StatusError(
            400, "BadRequest", "the object is of another name or namespace than the URL"
        )
    return {**body, "metadata": meta}


def _manager(asked: ApiRequest) -> str:
    return asked.query.get("fieldManager") or "unknown"


def _is_meant(asked: ApiRequest, change: Change) -> bool:
    labels = change.value["metadata"].get("labels") or {}
    return (
        asked.namespace in ("", change.key.namespace)
        and asked.labels().items() <= labels.items()
        and _has_fields(change.value, asked)
    )


def _has_fields(found: Mapping[str, Any], asked: ApiRequest) -> bool:
    for path, wanted in asked.fields().items():
        if path not in ("metadata.name", "metadata.namespace") and asked.kind != EVENT:
            raise StatusError(400, "BadRequest", f"field label not supported: {path}")
        value: Any = found
        for key in path.split("."):
            value = (value or {}).get(key)
        if value != wanted:
            return False
    return True
