"""What a test needs on a real API server: kinds, a namespace, an account with few rights."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.ops.cluster.api_client import ApiRequest, ApiResponse
from components.ops.cluster.errors import RbacRule
from components.ops.cluster.kube_client import APPLY, HttpKubeClient
from tests.manifests.crds import folders

EXTENSIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RIGHTS = "rbac.authorization.k8s.io"


def crd_files(*names: str) -> tuple[Path, ...]:
    """Files of CustomResourceDefinitions, of the first folder that has them all; may be none."""
    found = (tuple(folder / name for name in names) for folder in folders())
    return next((files for files in found if all(file.is_file() for file in files)), ())


@dataclass(frozen=True)
class Installer:
    """Acts as a cluster's administrator.

    Attributes:
        cluster: Connected as one.
    """

    cluster: HttpKubeClient

    def crd(self, wanted: dict[str, Any]) -> None:
        """Installs a kind where it is not there, and waits until it is served and published."""
        path = f"{EXTENSIONS}/{wanted['metadata']['name']}"
        if self._ask(ApiRequest("GET", path)).code == 404:
            self._accepted(ApiRequest("POST", EXTENSIONS, body=wanted))
        ends = time.monotonic() + 30
        while not (
            _is_established(self._ask(ApiRequest("GET", path)).body) and self._lists(wanted)
        ):
            assert time.monotonic() < ends, f"{path} was not established"
            time.sleep(0.1)

    def crds(self, files: Sequence[Path]) -> None:
        """Installs every document of these files."""
        for document in _documents(files):
            self.crd(document)

    def namespace(self, name: str) -> None:
        """Makes a namespace."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._accepted(ApiRequest("POST", "/api/v1/namespaces", body=body))

    def drop_namespace(self, name: str) -> None:
        """Removes a namespace; what is in it goes with it where controllers run."""
        self._ask(ApiRequest("DELETE", f"/api/v1/namespaces/{name}"))

    def account(self, namespace: str, name: str, rules: Sequence[RbacRule]) -> str:
        """A token of a new service account that may do just this in its namespace."""
        core, rights = (
            f"/api/v1/namespaces/{namespace}",
            f"/apis/{RIGHTS}/v1/namespaces/{namespace}",
        )
        meta = {"name": name, "namespace": namespace}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        role = {
            "apiVersion": f"{RIGHTS}/v1",
            "kind": "Role",
            "metadata": meta,
            "rules": [one for rule in rules for one in yaml.safe_load(rule.text())],
        }
        binding = {
            "apiVersion": f"{RIGHTS}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RIGHTS, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
        self._accepted(ApiRequest("POST", f"{core}/serviceaccounts", body=account))
        self._accepted(ApiRequest("POST", f"{rights}/roles", body=role))
        self._accepted(ApiRequest("POST", f"{rights}/rolebindings", body=binding))
        return self.token(namespace, name)

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account that is there."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self._accepted(ApiRequest("POST", path, body=asked))["status"]["token"])

    def apply(self, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Applies any object, also of a kind without namespaces."""
        query = {"fieldManager": "test-admin", "force": "true"}
        return self._accepted(ApiRequest("PATCH", path, query, wanted, APPLY))

    def objects(self, wanted: Sequence[dict[str, Any]], plurals: Mapping[str, str]) -> None:
        """Applies objects; `plurals` says each kind's, in the order in which they are made."""
        for kind, plural in plurals.items():
            for one in (one for one in wanted if one["kind"] == kind):
                group = one["apiVersion"]
                root = f"/apis/{group}" if "/" in group else f"/api/{group}"
                meta = one["metadata"]
                within = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
                self.apply(f"{root}{within}/{plural}/{meta['name']}", one)

    def _lists(self, wanted: dict[str, Any]) -> bool:
        spec = wanted["spec"]
        served = next(one["name"] for one in spec["versions"] if one["served"])
        path = f"{spec['group']}/{served}"
        listed = self._ask(ApiRequest("GET", f"/apis/{path}/{spec['names']['plural']}")).code == 200
        published = self._ask(ApiRequest("GET", f"/openapi/v3/apis/{path}"))
        return listed and f".{spec['names']['kind']}" in str(published.body)

    def _ask(self, request: ApiRequest) -> ApiResponse:
        return self.cluster.api.request(None, request)

    def _accepted(self, request: ApiRequest) -> dict[str, Any]:
        answer = self._ask(request)
        assert answer.code < 300, f"{request.method} {request.path}: {answer.body}"
        return answer.body


def _documents(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        yield from yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader)


def _is_established(crd: dict[str, Any]) -> bool:
    said = (crd.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in said)
