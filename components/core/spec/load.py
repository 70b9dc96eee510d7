"""From YAML text to a Spec, and the JSON Schema by which editors check the text."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from components.core.errors import InputError
from components.core.spec.errors import Words, parse_fields, shown_value
from components.core.spec.spec import RETIRED, Spec
from components.core.units import format_duration

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def load_spec(text: str, overlay: str | None = None, where: str = "model.yaml") -> Spec:
    """Reads and checks a spec.

    Args:
        text: The spec as YAML.
        overlay: The few fields that differ in an environment, as YAML of the same shape.
        where: What to call the text in errors.

    Raises:
        InputError: The text is not YAML or not a spec; every problem is named.
    """
    fields = read_mapping(text, where)
    if overlay is not None:
        fields = merge(fields, read_mapping(overlay, f"{where} overlay"))
    return parse_fields(Spec, fields, where, RETIRED)


def load_folder(folder: Path) -> Spec:
    """Reads and checks the spec of a model's folder on this machine.

    Raises:
        InputError: The file is missing, is not text, or is not a spec.
    """
    file = folder / "model.yaml"
    try:
        return load_spec(file.read_text(encoding="utf-8"), where=str(file))
    except (FileNotFoundError, NotADirectoryError) as error:
        accepted = "a model's folder with its spec, such as models/flights"
        raise InputError(str(file), Words("no such file"), accepted) from error
    except UnicodeDecodeError as error:
        raise InputError(str(file), Words("bytes that are no UTF-8"), "UTF-8 text") from error


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key that stands twice is an error.

    A date stays text, and only true and false are booleans (YAML 1.2), so that `on` is a word.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping, refusing a key that stands twice."""
        seen: set[str] = set()
        for key in (k for k, _ in node.value if isinstance(k, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} for the second time",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_REPLACED = ("bool", "timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.split(":")[-1] not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def read_mapping(text: str, where: str) -> dict[str, Any]:
    """Safe-loads YAML that must be a mapping.

    Raises:
        InputError: It is not.
    """
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise _yaml_error(error, where) from error
    if not isinstance(value, dict):
        raise InputError(where, shown_value(value), "a YAML mapping of fields, such as name: churn")
    return value


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Puts an overlay's fields over a base's; mappings merge and all else replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _yaml_error(error: yaml.YAMLError, where: str) -> InputError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        given = Words(f"a text that breaks at line {line} ({error.problem})")
        return InputError(where, given, "YAML", f"Mend line {line}.")
    return InputError(where, Words(" ".join(str(error).split())[:300]), "YAML")


class _ForPeople(GenerateJsonSchema):
    """Durations as people write them, 50_000 as a whole number, and no title per field."""

    def encode_default(self, dft: Any) -> Any:
        """A default as a person would write it."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """A whole number; YAML 1.2, which editors read, takes 50_000 for text."""
        return {**super().int_schema(schema), "type": ["integer", "string"], "pattern": r"^[\d_]+$"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """The field's own name is its title."""
        return False


def spec_json_schema() -> dict[str, Any]:
    """The JSON Schema of ``model.yaml``."""
    schema = Spec.model_json_schema(by_alias=True, schema_generator=_ForPeople)
    # The loader fills in where a model serves on this machine.
    schema["required"].remove("serving")
    del schema["$defs"]["Serving"]["required"]
    return {"$schema": _DIALECT, **schema}
