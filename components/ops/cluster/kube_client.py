"""`KubeClient` over HTTP: the paths of a Kubernetes API server, and a watch that is resumed."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.core.errors import ApiRejected, InputError
from components.ops.cluster.api_client import ApiClient, ApiRequest, ApiResponse, TransientError
from components.ops.cluster.errors import ApiCall, api_error, is_missing_object
from components.ops.cluster.protocol import (
    EVENT,
    FIELD_MANAGER,
    AlreadyExists,
    Conflict,
    Kind,
    Object,
    document_path,
    event_sentences,
    resolve_schema,
)

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
APPLY = "application/apply-patch+yaml"
# The first list may take so long, also if the watch is to be shorter.
FIRST_LIST_S = 5.0
# A stream that ends sooner than this, and says nothing, is not opened again at once.
ENDED_AT_ONCE_S = 0.5


@dataclass(frozen=True)
class HttpKubeClient:
    """Implements `KubeClient`."""

    api: ApiClient
    manager: str = FIELD_MANAGER

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object; None if there is none."""
        call = ApiCall("get", kind.group, kind.plural, namespace, name)
        return self._found(call, ApiRequest("GET", _path(kind, namespace, name)))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        """Every object with these labels."""
        query = {"labelSelector": ",".join(f"{key}={labels[key]}" for key in sorted(labels))}
        return self._listed(kind, namespace, query if labels else {})

    def apply(self, kind: Kind, wanted: Object) -> Object:
        """Applies an object server-side by our field manager."""
        call = _call("patch", kind, wanted)
        path = _path(kind, call.namespace, call.name)
        query = {"fieldManager": self.manager, "force": "false"}
        response = self.api.request(call, ApiRequest("PATCH", path, query, wanted, APPLY))
        if response.code == 201:
            # An apply that creates the object needs the right to create too.
            self.api.observe(_call("create", kind, wanted))
        return _accepted(call, response)

    def create(self, kind: Kind, wanted: Object) -> Object:
        """Creates an object."""
        call = _call("create", kind, wanted)
        request = ApiRequest("POST", _path(kind, call.namespace), self._strict(), wanted)
        return self._write(call, request, kind, wanted)

    def replace(self, kind: Kind, wanted: Object) -> Object:
        """Replaces an object if it still has the ``resourceVersion`` of `wanted`."""
        call = _call("update", kind, wanted)
        if not wanted["metadata"].get("resourceVersion"):
            raise ApiRejected(f"{kind.plural} {call.name}: to replace it, say its resourceVersion")
        path = _path(kind, call.namespace, call.name)
        request = ApiRequest("PUT", path, self._strict(), wanted, versioned=True)
        return self._write(call, request, kind, wanted)

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Deletes an object; does nothing if there is none."""
        call = ApiCall("delete", kind.group, kind.plural, namespace, name)
        query = {"propagationPolicy": "Background"}
        self._found(call, ApiRequest("DELETE", _path(kind, namespace, name), query))

    def watch(
        self, kind: Kind, namespace: str, name: str, timeout_s: float
    ) -> Iterator[Object | None]:
        """Yields the object as it is, then each change; None if it is gone."""
        _path(kind, namespace, name)
        return Watch(self.api, kind, namespace, name, _path(kind, namespace)).run(timeout_s)

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        """The events of an object, oldest first."""
        _path(EVENT, namespace, name)
        query = {"fieldSelector": f"involvedObject.name={name}"}
        return event_sentences(self._listed(EVENT, namespace, query))

    def openapi_schema(self, kind: Kind) -> Mapping[str, Any] | None:
        """The published schema; every user may read it, so no call is observed."""
        response = self.api.request(None, ApiRequest("GET", document_path(kind)))
        if response.code == 404:
            return None
        call = ApiCall("get", kind.group, kind.plural, "")
        return resolve_schema(_accepted(call, response), kind)

    def _strict(self) -> dict[str, str]:
        """Has unknown fields rejected; by default the API server drops them in silence."""
        return {"fieldManager": self.manager, "fieldValidation": "Strict"}

    def _found(self, call: ApiCall, request: ApiRequest) -> Object | None:
        response = self.api.request(call, request)
        if response.code == 404 and is_missing_object(response.body, call):
            return None
        return _accepted(call, response)

    def _listed(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> tuple[Object, ...]:
        call = ApiCall("list", kind.group, kind.plural, namespace)
        response = self.api.request(call, ApiRequest("GET", _path(kind, namespace), query))
        found = (kind.typed(item) for item in _accepted(call, response)["items"])
        return tuple(sorted(found, key=lambda one: str(one["metadata"]["name"])))

    def _write(self, call: ApiCall, request: ApiRequest, kind: Kind, wanted: Object) -> Object:
        """Creates or replaces; an earlier try may have broken off after it had written."""
        response = self.api.request(call, request)
        try:
            return _accepted(call, response)
        except (AlreadyExists, Conflict):
            if not response.outcome_unknown:
                raise
            found = self.get(kind, call.namespace, call.name)
            if found is not None and _contains(found, _written(wanted)):
                return found
            raise


@dataclass
class Watch:
    """A watch of one object over breaks of the stream (Kubernetes API: list, then watch)."""

    api: ApiClient
    kind: Kind
    namespace: str
    name: str
    path: str
    _version: str = ""
    _last: Object | None = None
    _yielded: bool = False

    def run(self, timeout_s: float) -> Iterator[Object | None]:
        """Yields the object as it is, then each change, until the timeout.

        Raises:
            ApiUnavailable: The API server was away when the time was over.
            Forbidden: Its kind may not be listed or watched.
        """
        ends = time.monotonic() + timeout_s
        failures = 0
        while (left_s := ends - time.monotonic()) > 0 or not self._yielded:
            try:
                if not self._version:
                    yield from self._listed(left_s if self._yielded else max(left_s, FIRST_LIST_S))
                for found in self._stream(ends):
                    failures = 0
                    yield found
            except TransientError as error:
                failures += 1
                left_s = max(ends - time.monotonic(), 0)
                backoff_s = self.api.retry_policy.backoff_s(failures, error.retry_after_s)
                time.sleep(min(backoff_s, left_s))
                # A list tells the truth after a break, and fails if nobody answers.
                self._version = "" if failures > 1 else self._version

    def _listed(self, timeout_s: float) -> Iterator[Object | None]:
        call = self._call("list")
        request = ApiRequest("GET", self.path, {"fieldSelector": f"metadata.name={self.name}"})
        listed = _accepted(call, self.api.request(call, request, timeout_s))
        self._version = listed["metadata"]["resourceVersion"]
        found = [self.kind.typed(item) for item in listed["items"]]
        yield from self._new(found[0] if found else None)

    def _stream(self, ends: float) -> Iterator[Object | None]:
        policy = self.api.retry_policy
        stream_s = min(policy.watch_timeout_s, max(ends - time.monotonic(), 0))
        if stream_s <= 0:
            return
        call = self._call("watch")
        self.api.observe(call)
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={self.name}",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(int(stream_s), 1)),
        }
        left_s = max(ends - time.monotonic(), 0.1)
        read_timeout_s = min(stream_s + policy.connect_timeout_s, left_s)
        began, lines = time.monotonic(), 0
        for line in self.api.stream(call, ApiRequest("GET", self.path, query), read_timeout_s):
            lines += 1
            yield from self._read(line["type"], line["object"])
            if not self._version or time.monotonic() >= ends:
                return
        if not lines and time.monotonic() - began < ENDED_AT_ONCE_S:
            raise TransientError("the stream ended at once")

    def _read(self, event: str, found: Object) -> Iterator[Object | None]:
        if event == "ERROR":
            self._version = ""
            if found.get("code") != 410:
                raise TransientError(str(found.get("message")))
            return
        self._version = found["metadata"]["resourceVersion"]
        if event != "BOOKMARK":
            yield from self._new(None if event == "DELETED" else found)

    def _new(self, found: Object | None) -> Iterator[Object | None]:
        """Yields only what is new: a list after a break may hold nothing new."""
        before, self._last = self._last, found
        if not self._yielded or _version(before) != _version(found):
            self._yielded = True
            yield found

    def _call(self, verb: str) -> ApiCall:
        return ApiCall(verb, self.kind.group, self.kind.plural, self.namespace, self.name)


def _accepted(call: ApiCall, response: ApiResponse) -> dict[str, Any]:
    if response.code >= 300:
        raise api_error(response.code, response.body, call)
    return response.body


def _call(verb: str, kind: Kind, wanted: Object) -> ApiCall:
    meta = wanted["metadata"]
    return ApiCall(verb, kind.group, kind.plural, str(meta["namespace"]), str(meta["name"]))


def _path(kind: Kind, namespace: str, name: str | None = None) -> str:
    """The path of a kind's objects, or of one; an odd name would lead to another path."""
    for where, given in (("namespace", namespace), ("name", name)):
        if given is not None and not NAME.fullmatch(given):
            accepted = "small letters, digits, '-' and '.', with a letter or digit at both ends"
            raise InputError(f"{where} of {kind.kind}", given, accepted)
    path = f"/{kind.root}/namespaces/{namespace}/{kind.plural}"
    return path if name is None else f"{path}/{name}"


def _version(found: Object | None) -> str | None:
    return found["metadata"]["resourceVersion"] if found is not None else None


def _written(wanted: Object) -> dict[str, Any]:
    meta = {key: one for key, one in wanted["metadata"].items() if key in ("labels", "annotations")}
    body = {key: one for key, one in wanted.items() if key not in ("metadata", "status")}
    return {**body, "metadata": meta}


def _contains(found: Any, wanted: Any) -> bool:
    """Whether `found` has all of `wanted`; it may have defaults beside."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and _contains(found[key], one) for key, one in wanted.items()
        )
    return bool(found == wanted)
