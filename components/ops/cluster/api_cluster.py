"""A Kubernetes API server by its paths: everything of `Cluster` but who we are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.core.errors import ApiRejected, InputError
from components.ops.cluster.door import Answer, Door, Request
from components.ops.cluster.events import as_sentences
from components.ops.cluster.openapi import path_of, schema_of
from components.ops.cluster.protocol import (
    EVENT,
    FIELD_MANAGER,
    AlreadyThere,
    Conflict,
    Kind,
    Object,
)
from components.ops.cluster.refusals import is_missing_object, refusal
from components.ops.cluster.rights import Call
from components.ops.cluster.watching import Watched

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class ApiCluster:
    """Keeps to `Cluster`.

    Attributes:
        door: Where requests go through.
        manager: Field manager of the writes.
    """

    door: Door
    manager: str = FIELD_MANAGER

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object; None: there is none."""
        call = Call("get", kind.group, kind.plural, namespace, name)
        return self._found(call, Request("GET", _path(kind, namespace, name)))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        """Every object with these labels, in order of name."""
        query = {"labelSelector": ",".join(f"{key}={labels[key]}" for key in sorted(labels))}
        return self._listed(kind, namespace, query if labels else {})

    def apply(self, kind: Kind, wanted: Object) -> Object:
        """Server-side apply by our field manager."""
        call = _call("patch", kind, wanted)
        path = _path(kind, call.namespace, call.name)
        query = {"fieldManager": self.manager, "force": "false"}
        answer = self.door.ask(call, Request("PATCH", path, query, wanted, APPLY))
        if answer.code == 201:
            # An apply that makes the object needs the right to create too.
            self.door.observe(_call("create", kind, wanted))
        return _accepted(call, answer)

    def create(self, kind: Kind, wanted: Object) -> Object:
        """Creates an object."""
        call = _call("create", kind, wanted)
        request = Request("POST", _path(kind, call.namespace), self._strictly(), wanted)
        answer = self.door.ask(call, request)
        try:
            return _accepted(call, answer)
        except AlreadyThere:
            return self._ours_after_all(call, kind, wanted, answer)

    def replace(self, kind: Kind, wanted: Object) -> Object:
        """Replaces an object, only if it still has the ``resourceVersion`` of `wanted`."""
        call = _call("update", kind, wanted)
        if not wanted["metadata"].get("resourceVersion"):
            raise ApiRejected(f"{kind.plural} {call.name}: to replace it, say its resourceVersion")
        path = _path(kind, call.namespace, call.name)
        answer = self.door.ask(call, Request("PUT", path, self._strictly(), wanted, versioned=True))
        try:
            return _accepted(call, answer)
        except Conflict:
            return self._ours_after_all(call, kind, wanted, answer)

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Removes an object; nothing where there is none."""
        call = Call("delete", kind.group, kind.plural, namespace, name)
        query = {"propagationPolicy": "Background"}
        self._found(call, Request("DELETE", _path(kind, namespace, name), query))

    def watch(
        self, kind: Kind, namespace: str, name: str, timeout_s: float
    ) -> Iterator[Object | None]:
        """The object as it is, then after each change; None: it is gone."""
        _path(kind, namespace, name)
        return Watched(self.door, kind, namespace, name, _path(kind, namespace)).run(timeout_s)

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        """What was last said about an object, oldest first."""
        _path(EVENT, namespace, name)
        return as_sentences(
            self._listed(EVENT, namespace, {"fieldSelector": f"involvedObject.name={name}"})
        )

    def fields(self, kind: Kind) -> Mapping[str, Any] | None:
        """The published schema; every authenticated user may read it, so it is no call."""
        answer = self.door.ask(None, Request("GET", path_of(kind)))
        if answer.code == 404:
            return None
        call = Call("get", kind.group, kind.plural, "")
        return schema_of(_accepted(call, answer), kind)

    def _strictly(self) -> dict[str, str]:
        """An unknown field is refused; unasked, the API server would drop it in silence."""
        return {"fieldManager": self.manager, "fieldValidation": "Strict"}

    def _found(self, call: Call, request: Request) -> Object | None:
        answer = self.door.ask(call, request)
        if answer.code == 404 and is_missing_object(answer.body, call):
            return None
        return _accepted(call, answer)

    def _listed(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> tuple[Object, ...]:
        call = Call("list", kind.group, kind.plural, namespace)
        answer = self.door.ask(call, Request("GET", _path(kind, namespace), query))
        typed = {"apiVersion": kind.api_version, "kind": kind.kind}
        found = ({**typed, **one} for one in _accepted(call, answer)["items"])
        return tuple(sorted(found, key=lambda one: str(one["metadata"]["name"])))

    def _ours_after_all(self, call: Call, kind: Kind, wanted: Object, answer: Answer) -> Object:
        """Where an earlier try broke off: what stands there, if it is what that try wrote."""
        if answer.unsure:
            found = self.get(kind, call.namespace, call.name)
            if found is not None and _holds(found, _written(wanted)):
                return found
        raise refusal(answer.code, answer.body, call)


def _accepted(call: Call, answer: Answer) -> dict[str, Any]:
    if answer.code >= 300:
        raise refusal(answer.code, answer.body, call)
    return answer.body


def _call(verb: str, kind: Kind, wanted: Object) -> Call:
    meta = wanted["metadata"]
    return Call(verb, kind.group, kind.plural, str(meta["namespace"]), str(meta["name"]))


def _path(kind: Kind, namespace: str, name: str | None = None) -> str:
    """Of a kind's objects, or of one. An odd name would be another path: an empty one, of all."""
    for where, given in (("namespace", namespace), ("name", name)):
        if given is not None and not NAME.fullmatch(given):
            raise InputError(
                f"{where} of {kind.kind}",
                given,
                "small letters, digits, '-' and '.', with a letter or digit at both ends",
            )
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    path = f"{root}/namespaces/{namespace}/{kind.plural}"
    return path if name is None else f"{path}/{name}"


def _written(wanted: Object) -> dict[str, Any]:
    meta = {key: one for key, one in wanted["metadata"].items() if key in ("labels", "annotations")}
    body = {key: one for key, one in wanted.items() if key not in ("metadata", "status")}
    return {**body, "metadata": meta}


def _holds(found: Any, wanted: Any) -> bool:
    """Whether all of `wanted` stands in `found`, which may have defaults beside."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and _holds(found[key], one) for key, one in wanted.items()
        )
    return bool(found == wanted)
