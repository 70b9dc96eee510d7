"""The paths of a Kubernetes API server, and what a request to one asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.ops.cluster.errors import ApiCall
from components.ops.cluster.protocol import Kind

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class ApiRequest:
    """What one request asks for.

    Attributes:
        verb: In the words of RBAC.
        kind: Of which kind.
        namespace: Where; empty: everywhere.
        name: Which object; empty: all.
        subresource: ``status``, or empty.
        query: Parameters of the URL.
    """

    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]

    @property
    def call(self) -> ApiCall:
        """As RBAC sees it."""
        resource = f"{self.kind.plural}/{self.subresource}".rstrip("/")
        return ApiCall(self.verb, self.kind.group, resource, self.namespace, self.name)

    def labels(self) -> dict[str, str]:
        """Of ``labelSelector``: equalities only."""
        pairs = filter(None, self.query.get("labelSelector", "").split(","))
        return dict(one.split("=", 1) for one in pairs)

    def fields(self) -> dict[str, str]:
        """Of ``fieldSelector``: equalities only."""
        pairs = filter(None, self.query.get("fieldSelector", "").split(","))
        return dict(one.split("=", 1) for one in pairs)


def parse_request(
    method: str, path: str, query: Mapping[str, str], kinds: Iterable[Kind]
) -> ApiRequest | None:
    """What is asked; None: no kind has this path."""
    group_version, parts = _after_group(path.strip("/").split("/"))
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) >= 3:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = (*parts, "", "", "")[:3]
    for kind in kinds:
        if (kind.api_version, kind.plural) == (group_version, plural):
            verb = VERBS.get(method) or _reading(name, query)
            return ApiRequest(verb, kind, namespace, name, subresource, query)
    return None


def _after_group(parts: list[str]) -> tuple[str, list[str]]:
    if parts[0] == "apis":
        return "/".join(parts[1:3]), parts[3:]
    return "/".join(parts[1:2]), parts[2:]


def _reading(name: str, query: Mapping[str, str]) -> str:
    if name:
        return "get"
    return "watch" if query.get("watch") in ("true", "1") else "list"
