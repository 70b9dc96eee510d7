"""The JSON Schema of a spec, for editors: it accepts what the spec's loader accepts."""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from components.core.spec.spec import Spec
from components.core.units import format_duration

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
