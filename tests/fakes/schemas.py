"""The kinds that a fake knows, and what the schema of a CustomResourceDefinition allows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.ops.cluster.protocol import CONFIG_MAP, EVENT, INFERENCE_SERVICE, POD, Kind

Schema = Mapping[str, Any]
Schemas = Mapping[Kind, Schema]

ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CANARY = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"predictor": ANYTHING, "trafficPercent": {"type": "integer"}},
    },
}
CORE: Schemas = {CONFIG_MAP: ANYTHING, POD: ANYTHING, EVENT: ANYTHING}


def inference_services(canary: bool) -> Schema:
    """A published schema of InferenceService that holds what Ratoon asks about; rest allowed."""
    spec = {"predictor": ANYTHING, "explainer": ANYTHING, "transformer": ANYTHING}
    return {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"type": "object", "properties": spec | ({"canary": CANARY} if canary else {})},
            "status": ANYTHING,
        },
    }


def known(canary: bool = False) -> Schemas:
    """Core kinds and InferenceService, with or without ``spec.canary[]``."""
    return {**CORE, INFERENCE_SERVICE: inference_services(canary)}


def from_crds(*files: Path) -> Schemas:
    """Core kinds and every served version of these CustomResourceDefinitions."""
    found: dict[Kind, Schema] = dict(CORE)
    for file in files:
        for document in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            found.update(_kinds(document["spec"]))
    return found


def _kinds(spec: Mapping[str, Any]) -> Iterator[tuple[Kind, Schema]]:
    names = spec["names"]
    for version in spec["versions"]:
        if version["served"]:
            kind = Kind(spec["group"], version["name"], names["kind"], names["plural"])
            yield kind, version["schema"]["openAPIV3Schema"]


def unknown_fields(schema: Schema | None, value: Any, at: tuple[str, ...] = ()) -> list[Any]:
    """Paths that the schema does not declare; what it leaves open is allowed."""
    if schema is None or at == ("metadata",) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    if isinstance(value, list):
        below = schema.get("items")
        return [path for one in value for path in unknown_fields(below, one, at)]
    if not isinstance(value, Mapping):
        return []
    found = []
    for key, part in value.items():
        below, declared = _field(schema, key)
        found += unknown_fields(below, part, (*at, key)) if declared else [(*at, key)]
    return found


def _field(schema: Schema, key: str) -> tuple[Schema | None, bool]:
    if key in schema.get("properties", {}):
        return schema["properties"][key], True
    more = schema.get("additionalProperties")
    return (more if isinstance(more, Mapping) else None), bool(more)
