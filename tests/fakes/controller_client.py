"""What a controller does that Ratoon does not, over HTTP: writes a status, watches a whole kind."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import ApiRejected
from components.ops.cluster.api_client import ApiRequest, TransientError
from components.ops.cluster.connection import connect
from components.ops.cluster.errors import ApiCall, api_error
from components.ops.cluster.kube_client import HttpKubeClient
from components.ops.cluster.protocol import Conflict, Kind, Object

STREAM_S = 5.0


@dataclass(frozen=True)
class ControllerClient(HttpKubeClient):
    """`HttpKubeClient`, and beside it what `MemoryKubeClient` has for controllers."""

    @classmethod
    def of(cls, kubeconfig: Path, manager: str = "fake-controller") -> "ControllerClient":
        """Connects by a kubeconfig."""
        here = connect({"RATOON_KUBECONFIG": str(kubeconfig)}, manager=manager)
        return cls(here.api, here.manager)

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
        call = ApiCall("watch", kind.group, kind.plural, "")
        path = f"/{'apis' if kind.group else 'api'}/{kind.api_version}/{kind.plural}"
        version = ""
        while time.monotonic() < ends and not stopped():
            if not version:
                listed = self.api.request(call, ApiRequest("GET", path)).body
                version = listed["metadata"]["resourceVersion"]
                typed = {"apiVersion": kind.api_version, "kind": kind.kind}
                yield from (("ADDED", {**typed, **one}) for one in listed["items"])
            query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "2"}
            try:
                for line in self.api.stream(call, ApiRequest("GET", path, query), STREAM_S):
                    if line["type"] == "ERROR":
                        version = ""
                        break
                    version = line["object"]["metadata"]["resourceVersion"]
                    yield line["type"], line["object"]
            except TransientError:
                time.sleep(0.1)

    def _put_status(self, kind: Kind, body: Object) -> Object:
        meta = body["metadata"]
        resource = f"{kind.plural}/status"
        call = ApiCall("update", kind.group, resource, meta["namespace"], meta["name"])
        root = f"/{'apis' if kind.group else 'api'}/{kind.api_version}"
        path = f"{root}/namespaces/{meta['namespace']}/{kind.plural}/{meta['name']}/status"
        answer = self.api.request(
            call, ApiRequest("PUT", path, {"fieldManager": self.manager}, body)
        )
        if answer.code >= 300:
            raise api_error(answer.code, answer.body, call)
        return answer.body
