"""What a controller does that Ratoon does not, over HTTP: writes a status, watches a whole kind."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import ApiRejected
from components.ops.cluster.api_cluster import ApiCluster
from components.ops.cluster.client import connect
from components.ops.cluster.door import Broken, Request
from components.ops.cluster.protocol import Conflict, Kind, Object
from components.ops.cluster.refusals import refusal
from components.ops.cluster.rights import Call

STREAM_S = 5.0


@dataclass(frozen=True)
class ControllerClient(ApiCluster):
    """`ApiCluster`, and beside it what `MemoryCluster` has for controllers."""

    @classmethod
    def of(cls, kubeconfig: Path, manager: str = "fake-controller") -> "ControllerClient":
        """Connects by a kubeconfig."""
        here = connect({"RATOON_KUBECONFIG": str(kubeconfig)}, manager=manager)
        return cls(here.door, here.manager)

    def set_status(self, kind: Kind, namespace: str, name: str, status: Object) -> Object:
        """Replaces the status, however often the object changes meanwhile."""
        while True:
            found = self.get(kind, namespace, name)
            if found is None:
                raise ApiRejected(f"{kind.plural} {namespace}/{name}: there is none")
            try:
                return self._put_status(kind, {**found, "status": status})
            except Conflict:
                continue

    def watch_all(
        self, kind: Kind, timeout_s: float, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[str, Object]]:
        """Every object of a kind in every namespace, then each change: ``(ADDED…, object)``."""
        ends = time.monotonic() + timeout_s
        call = Call("watch", kind.group, kind.plural, "")
        path = f"/{'apis' if kind.group else 'api'}/{kind.api_version}/{kind.plural}"
        version = ""
        while time.monotonic() < ends and not stopped():
            if not version:
                listed = self.door.ask(call, Request("GET", path)).body
                version = listed["metadata"]["resourceVersion"]
                typed = {"apiVersion": kind.api_version, "kind": kind.kind}
                yield from (("ADDED", {**typed, **one}) for one in listed["items"])
            query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "2"}
            try:
                for line in self.door.lines(call, Request("GET", path, query), STREAM_S):
                    if line["type"] == "ERROR":
                        version = ""
                        break
                    version = line["object"]["metadata"]["resourceVersion"]
                    yield line["type"], line["object"]
            except Broken:
                time.sleep(0.1)

    def _put_status(self, kind: Kind, body: Object) -> Object:
        meta = body["metadata"]
        resource = f"{kind.plural}/status"
        call = Call("update", kind.group, resource, meta["namespace"], meta["name"])
        root = f"/{'apis' if kind.group else 'api'}/{kind.api_version}"
        path = f"{root}/namespaces/{meta['namespace']}/{kind.plural}/{meta['name']}/status"
        answer = self.door.ask(call, Request("PUT", path, {"fieldManager": self.manager}, body))
        if answer.code >= 300:
            raise refusal(answer.code, answer.body, call)
        return answer.body
