"""Schemas of custom resources, from CustomResourceDefinitions kept outside this repository.

``RATOON_CRDS`` names their folder, else ``../shared/crds`` beside the checkout and what ``make
.tools/crds`` brought. A field that a schema does not know is an error here, where an API server
would drop it in silence.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.manifests import crds
from tests.manifests.kustomize import Object

# KServe 0.16, as Kubeflow 26.03 began with, and 0.20, whose InferenceService has a canary list.
NEWER = "kserve-0.20"
MISSING = (
    f"no CustomResourceDefinitions: {crds.NAMED} names no folder of them, there is no"
    " ../shared/crds, and `make .tools/crds` has brought none"
)

Schema = dict[str, Any]
Version = tuple[str, str]


def are_there() -> bool:
    """Whether there is anything to validate with."""
    return any(folder.is_dir() for folder in crds.folders())


@cache
def schema_of(api_version: str, kind: str, newer: bool = False) -> Schema | None:
    """The schema of a kind, closed to unknown fields; None: no definition of it is there."""
    group, _, version = api_version.partition("/")
    for file in _files(group, newer):
        for definition in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            spec = definition["spec"]
            if spec["names"]["kind"] == kind:
                for one in spec["versions"]:
                    if one["name"] == version and one["served"]:
                        return closed(one["schema"]["openAPIV3Schema"], is_root=True)
    return None


def complaints(one: Object, schema: Schema) -> list[str]:
    """What is wrong with an object, each with its path."""
    errors = Draft202012Validator(schema).iter_errors(one)
    return [f"{one['kind']}/{one['metadata']['name']} {e.json_path}: {e.message}" for e in errors]


def closed(schema: Schema, is_root: bool = False) -> Schema:
    """A structural schema as a JSON Schema that refuses what the API server would drop."""
    made = {key: _below(key, value) for key, value in schema.items() if key in _KEPT}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if schema.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    if "properties" in made and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if is_root:
        text = {"type": "string"}
        made["properties"] |= {"apiVersion": text, "kind": text, "metadata": {"type": "object"}}
    return made


def _below(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: closed(below) for name, below in value.items()}
    is_schema = key in ("items", "additionalProperties") and isinstance(value, dict)
    return closed(value) if is_schema else value


def _files(group: str, newer: bool) -> Iterator[Path]:
    for place in ([NEWER] if newer else []) + ["."]:
        for folder in crds.folders():
            yield from sorted((folder / place).glob(f"{group}_*.yaml"))


_KEPT = (
    *("properties", "items", "allOf", "anyOf", "oneOf", "not"),
    *("type", "required", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum"),
    *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties"),
    *("maxProperties", "multipleOf", "format", "exclusiveMaximum", "additionalProperties"),
)
