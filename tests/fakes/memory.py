"""A cluster in memory that implements `KubeClient`; the contract tests hold it to the real one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.ops.cluster.errors import ApiCall, api_error
from components.ops.cluster.protocol import (
    EVENT,
    FIELD_MANAGER,
    Conflict,
    Kind,
    Object,
    event_sentences,
)
from tests.fakes.schemas import Schemas, known
from tests.fakes.status_errors import StatusError, no_rights
from tests.fakes.store import Change, Store


@dataclass(frozen=True)
class MemoryKubeClient:
    """`KubeClient`, and what a fake controller needs: `set_status`, `watch_all`.

    Attributes:
        store: The objects; several clusters over one store are several users of one API server.
        manager: Field manager of the writes.
        observe: Told of every call, as the real client tells it.
        user: Who acts, as a `Forbidden` names them.
        allows: Whether a call is allowed; a forbidden one raises `Forbidden`.
    """

    store: Store = field(default_factory=lambda: Store(known()))
    manager: str = FIELD_MANAGER
    observe: Callable[[ApiCall], None] = lambda call: None
    user: str = "system:serviceaccount:here:ratoon"
    allows: Callable[[ApiCall], bool] = lambda call: True

    @classmethod
    def knowing(cls, schemas: Schemas) -> "MemoryKubeClient":
        """A cluster of these kinds: `schemas.known(canary=True)`, `schemas.from_crds(…)`."""
        return cls(Store(schemas))

    def acting_as(self, manager: str) -> "MemoryKubeClient":
        """The same objects, written by another manager."""
        return replace(self, manager=manager)

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        call = ApiCall("get", kind.group, kind.plural, namespace, name)
        return self._or_none(kind, call, lambda: self.store.read(kind, namespace, name))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        call = ApiCall("list", kind.group, kind.plural, namespace)
        return tuple(self._ask(kind, call, lambda: self.store.listed(kind, namespace, labels)[0]))

    def apply(self, kind: Kind, wanted: Object) -> Object:
        call = _about("patch", kind, wanted)
        self._may(kind, call)
        if not self._exists(kind, call):
            # An apply that makes the object needs the right to create too.
            self._may(kind, replace(call, verb="create"))
        return self._told(call, lambda: self.store.apply(kind, wanted, self.manager)[0])

    def create(self, kind: Kind, wanted: Object) -> Object:
        call = _about("create", kind, wanted)
        return self._ask(kind, call, lambda: self.store.create(kind, wanted, self.manager))

    def replace(self, kind: Kind, wanted: Object) -> Object:
        call = _about("update", kind, wanted)
        if not wanted["metadata"].get("resourceVersion"):
            raise Conflict(f"{kind.plural}: a replacement names the resourceVersion it replaces")
        return self._ask(kind, call, lambda: self.store.replace(kind, wanted, self.manager))

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        call = ApiCall("delete", kind.group, kind.plural, namespace, name)
        self._or_none(kind, call, lambda: self.store.delete(kind, namespace, name))

    def watch(
        self, kind: Kind, namespace: str, name: str, timeout_s: float
    ) -> Iterator[Object | None]:
        calls = [
            ApiCall(verb, kind.group, kind.plural, namespace, name) for verb in ("list", "watch")
        ]
        found, version = self._ask(kind, calls[0], lambda: self.store.listed(kind, namespace))
        yield next((one for one in found if one["metadata"]["name"] == name), None)
        self._may(kind, calls[1])
        for one in self.store.changes(kind, version, timeout_s):
            if (one.key.namespace, one.key.name) == (namespace, name):
                yield None if one.type == "DELETED" else one.value

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        found = self.list(EVENT, namespace, {})
        return event_sentences(one for one in found if one["involvedObject"].get("name") == name)

    def openapi_schema(self, kind: Kind) -> Mapping[str, Any] | None:
        return self.store.schemas.get(kind)

    def set_status(self, kind: Kind, namespace: str, name: str, status: Object) -> Object:
        """Writes the status subresource, as the kind's controller does: no new generation."""
        call = ApiCall("update", kind.group, f"{kind.plural}/status", namespace, name)
        write = self.store.write_status
        return self._ask(kind, call, lambda: write(kind, namespace, name, status, self.manager))

    def watch_all(
        self, kind: Kind, timeout_s: float, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[str, Object]]:
        """Every object of a kind in every namespace, then each change: ``(ADDED…, object)``."""
        found, version = self.store.listed(kind)
        for one in found:
            yield "ADDED", one
        changes: Iterator[Change] = self.store.changes(kind, version, timeout_s, stopped)
        for change in changes:
            yield change.type, change.value

    def _may(self, kind: Kind, call: ApiCall) -> None:
        self.observe(call)
        if not self.allows(call):
            said = no_rights(self.user, call.verb, kind, call.namespace, call.name)
            raise api_error(403, said.status(), call)

    def _ask(self, kind: Kind, call: ApiCall, work: Callable[[], Any]) -> Any:
        self._may(kind, call)
        return self._told(call, work)

    def _told(self, call: ApiCall, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except StatusError as refused:
            raise api_error(refused.code, refused.status(), call) from refused

    def _or_none(self, kind: Kind, call: ApiCall, work: Callable[[], Any]) -> Any:
        def found() -> Any:
            try:
                return work()
            except StatusError as refused:
                if refused.reason == "NotFound":
                    return None
                raise

        return self._ask(kind, call, found)

    def _exists(self, kind: Kind, call: ApiCall) -> bool:
        try:
            return bool(self.store.read(kind, call.namespace, call.name))
        except StatusError:
            return False


def _about(verb: str, kind: Kind, wanted: Object) -> ApiCall:
    meta = wanted["metadata"]
    return ApiCall(verb, kind.group, kind.plural, meta["namespace"], meta["name"])
