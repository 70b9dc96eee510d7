"""The spec's JSON Schema, for editors and for the reference page."""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from components.core.spec.spec import Spec
from components.core.units import format_duration


class _Generator(GenerateJsonSchema):
    """Writes the default of a duration as people write durations."""

    def encode_default(self, dft: Any) -> Any:
        """A default as JSON."""
        if isinstance(dft, timedelta):
            return format_duration(dft)
        return super().encode_default(dft)


def spec_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a spec as written in YAML."""
    return Spec.model_json_schema(by_alias=True, schema_generator=_Generator)
