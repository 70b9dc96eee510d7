"""The schema of one kind out of an OpenAPI v3 document (Kubernetes: /openapi/v3)."""

from collections.abc import Mapping
from typing import Any

from components.ops.cluster.protocol import Kind

Schema = Mapping[str, Any]
GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"


def document_path(kind: Kind) -> str:
    """Where the API server publishes the schemas of a kind's group and version."""
    return f"/openapi/v3/{'apis' if kind.group else 'api'}/{kind.api_version}"


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
    value = _without_single_all_of(value)
    if "$ref" in value:
        name = str(value["$ref"]).rsplit("/", 1)[-1]
        return {} if name in within else _resolved(schemas.get(name, {}), schemas, (*within, name))
    return {key: _resolved(one, schemas, within) for key, one in value.items()}


def _without_single_all_of(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The API server writes ``allOf: [{$ref}]`` where a reference has a default or a text."""
    only = value.get("allOf")
    if isinstance(only, list) and len(only) == 1 and "$ref" in only[0]:
        return only[0]  # type: ignore[no-any-return]
    return value
