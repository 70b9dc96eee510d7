"""What an API server keeps: objects, their versions, their owners, and the log of changes."""

import copy
import datetime
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from components.ops.cluster.protocol import Kind
from tests.fakes import ownership
from tests.fakes.ownership import Manager
from tests.fakes.schemas import Schemas, unknown_fields
from tests.fakes.status_errors import (
    StatusError,
    changed_meanwhile,
    exists,
    missing,
    not_of_schema,
    owned_by_others,
    strictly_unknown,
)

KEPT = 1000
NAMESPACE = Kind("", "v1", "Namespace", "namespaces")


class Key(NamedTuple):
    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True)
class Kept:
    value: dict[str, Any]
    owners: ownership.Owners


@dataclass(frozen=True)
class Change:
    version: int
    type: str
    key: Key
    value: dict[str, Any]


@dataclass
class Store:
    """Objects, kept in memory. Every method may be called from any thread.

    Attributes:
        schemas: The kinds that are known.
        namespaces: The namespaces that there are; None: any.
    """

    schemas: Schemas
    namespaces: Container[str] | None = None
    _objects: dict[Key, Kept] = field(default_factory=dict)
    _log: list[Change] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _version: int = 0
    _oldest: int = 0

    def read(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        self._known(kind)
        with self._changed:
            kept = self._objects.get(Key(kind, namespace, name))
        if kept is None:
            raise missing(kind, name)
        return copy.deepcopy(kept.value)

    def listed(
        self, kind: Kind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[list[dict[str, Any]], int]:
        """Objects in order of name, and the version that they are true of; no namespace: all."""
        self._known(kind)
        with self._changed:
            found = [
                copy.deepcopy(kept.value)
                for key, kept in sorted(self._objects.items(), key=lambda item: item[0][1:])
                if key.kind == kind and namespace in ("", key.namespace)
            ]
            version = self._version
        wanted = (labels or {}).items()
        return [one for one in found if wanted <= _labels(one).items()], version

    def create(self, kind: Kind, wanted: Mapping[str, Any], manager: str) -> dict[str, Any]:
        key = self._key(kind, wanted)
        if unknown := unknown_fields(self.schemas[kind], wanted):
            raise strictly_unknown(kind, unknown)
        with self._changed:
            if key in self._objects:
                raise exists(kind, key.name)
            by = Manager(manager, "Update")
            value = {**copy.deepcopy(dict(wanted)), "metadata": _named(wanted, key)}
            if self._has_status(kind):
                value.pop("status", None)
            return self._keep(key, value, ownership.updated({}, {}, value, by))

    def apply(
        self, kind: Kind, wanted: Mapping[str, Any], manager: str, force: bool = False
    ) -> tuple[dict[str, Any], bool]:
        """The object after a server-side apply, and whether it was made by it."""
        key = self._key(kind, wanted)
        if unknown := unknown_fields(self.schemas[kind], wanted):
            raise not_of_schema(kind, key.namespace, key.name, unknown)
        by = Manager(manager, "Apply")
        with self._changed:
            kept = self._objects.get(key)
            live = kept.value if kept else {"metadata": _named({}, key)}
            owners = kept.owners if kept else {}
            wanted = {name: part for name, part in wanted.items() if name != "status"}
            found = ownership.conflicts(live, owners, wanted, by)
            if found and not force:
                raise owned_by_others(found, kind)
            stolen = {path for _, path in found}
            owners = {
                other: frozenset(path for path in owned if path not in stolen)
                for other, owned in owners.items()
            }
            value, owners = ownership.applied(live, owners, wanted, by)
            value = {"apiVersion": kind.api_version, "kind": kind.kind, **value}
            return self._keep(key, value, owners), kept is None

    def replace(self, kind: Kind, wanted: Mapping[str, Any], manager: str) -> dict[str, Any]:
        key = self._key(kind, wanted)
        if unknown := unknown_fields(self.schemas[kind], wanted):
            raise strictly_unknown(kind, unknown)
        with self._changed:
            kept = self._held(key, wanted)
            value = {**copy.deepcopy(dict(wanted)), "metadata": _named(wanted, key)}
            if self._has_status(kind):
                value.pop("status", None)
                if "status" in kept.value:
                    value["status"] = kept.value["status"]
            owners = ownership.updated(kept.value, kept.owners, value, Manager(manager, "Update"))
            return self._keep(key, value, owners)

    def write_status(
        self, kind: Kind, namespace: str, name: str, status: Mapping[str, Any], manager: str
    ) -> dict[str, Any]:
        self._known(kind)
        key = Key(kind, namespace, name)
        with self._changed:
            kept = self._held(key, {})
            value = {**kept.value, "status": copy.deepcopy(dict(status))}
            by = Manager(manager, "Update", "status")
            return self._keep(key, value, ownership.updated(kept.value, kept.owners, value, by))

    def delete(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        self._known(kind)
        key = Key(kind, namespace, name)
        with self._changed:
            value = copy.deepcopy(self._held(key, {}).value)
            del self._objects[key]
            self._version = next(self._versions)
            value["metadata"]["resourceVersion"] = str(self._version)
            self._say("DELETED", key, value)
            return copy.deepcopy(value)

    def changes(
        self, kind: Kind, since: int, wait_s: float, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Change]:
        """Changes of a kind after a version, as they come, for so long; 410 if no longer known."""
        ends = time.monotonic() + wait_s
        while not stopped():
            with self._changed:
                if since < self._oldest:
                    raise StatusError(410, "Expired", f"too old resource version: {since}")
                found = [one for one in self._log if one.version > since and one.key.kind == kind]
                if not found:
                    left = ends - time.monotonic()
                    if left <= 0:
                        return
                    self._changed.wait(min(left, 0.2))
                    continue
            for one in found:
                yield Change(one.version, one.type, one.key, copy.deepcopy(one.value))
                since = one.version

    def forget(self) -> None:
        """Drops the log of changes: a watch from an older version is answered 410."""
        with self._changed:
            self._version = next(self._versions)
            self._log.clear()
            self._oldest = self._version

    def _keep(self, key: Key, value: dict[str, Any], owners: ownership.Owners) -> dict[str, Any]:
        before = self._objects.get(key)
        owned = ownership.managed_fields(owners)
        meta = {**value["metadata"], "managedFields": owned} if owned else dict(value["metadata"])
        value = {**value, "metadata": meta}
        if before and before.owners == owners and _same(before.value, value):
            return copy.deepcopy(before.value)
        self._version = next(self._versions)
        meta.update(self._written(key, before, value))
        self._objects[key] = Kept(value, owners)
        self._say("MODIFIED" if before else "ADDED", key, value)
        return copy.deepcopy(value)

    def _written(self, key: Key, before: Kept | None, value: dict[str, Any]) -> dict[str, Any]:
        old = before.value["metadata"] if before else {}
        written = {
            "uid": old.get("uid") or str(uuid.uuid4()),
            "creationTimestamp": old.get("creationTimestamp") or now(),
            "resourceVersion": str(self._version),
        }
        if self._has_status(key.kind):
            changed = before is None or _spec(before.value) != _spec(value)
            written["generation"] = old.get("generation", 0) + changed
        return written

    def _say(self, type_: str, key: Key, value: dict[str, Any]) -> None:
        self._log.append(Change(self._version, type_, key, value))
        if len(self._log) > KEPT:
            self._oldest = self._log.pop(0).version
        self._changed.notify_all()

    def _held(self, key: Key, wanted: Mapping[str, Any]) -> Kept:
        kept = self._objects.get(key)
        if kept is None:
            raise missing(key.kind, key.name)
        asked = (wanted.get("metadata") or {}).get("resourceVersion")
        if asked and asked != kept.value["metadata"]["resourceVersion"]:
            raise changed_meanwhile(kind=key.kind, name=key.name)
        return kept

    def _key(self, kind: Kind, wanted: Mapping[str, Any]) -> Key:
        self._known(kind)
        meta = wanted.get("metadata") or {}
        if wanted.get("kind") != kind.kind or wanted.get("apiVersion") != kind.api_version:
            raise StatusError(400, "BadRequest", f"the object is no {kind.api_version} {kind.kind}")
        if not meta.get("name") or not meta.get("namespace"):
            raise StatusError(
                422, "Invalid", "metadata.name and metadata.namespace: Required value"
            )
        if self.namespaces is not None and meta["namespace"] not in self.namespaces:
            raise missing(NAMESPACE, meta["namespace"])
        return Key(kind, meta["namespace"], meta["name"])

    def _known(self, kind: Kind) -> None:
        if kind not in self.schemas:
            raise StatusError(404, "", "404 page not found")

    def _has_status(self, kind: Kind) -> bool:
        return bool(kind.group) or kind.plural == "pods"


def now() -> str:
    """This instant as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(wanted: Mapping[str, Any], key: Key) -> dict[str, Any]:
    meta = copy.deepcopy(dict(wanted.get("metadata") or {}))
    return {**meta, "name": key.name, "namespace": key.namespace}


def _labels(value: Mapping[str, Any]) -> dict[str, str]:
    return value["metadata"].get("labels") or {}


def _spec(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name not in ("metadata", "status")}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return dict(ownership.leaves(one)) == dict(ownership.leaves(other))
