"""What every part of a spec has in common."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class SpecModel(BaseModel):
    """A part of a spec: frozen, and closed to words that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class TextPattern:
    """Marks a text that must match a pattern as a whole, with what is accepted in words."""

    pattern: str
    words: str

    def check(self, text: str) -> str:
        """The text, unless it does not match the pattern."""
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.words)
        return text

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Checks after the text itself was."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The pattern, for editors."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}


def field_error(at: str, given: str, accepted: str, do: str = "") -> PydanticCustomError:
    """What is wrong with several fields together.

    `at` is the field that a person would change, from the part that is checked; the others are as
    in an `InputError`.
    """
    context = {"at": at, "given": given, "accepted": accepted, "do": do}
    return PydanticCustomError(
        "field_error", "{at}: given {given}; accepted: {accepted}. {do}", context
    )


Name = Annotated[
    str,
    TextPattern(
        r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?",
        "a DNS label: a lower-case letter, then letters, digits and '-', at most 50",
    ),
]
Column = Annotated[
    str,
    TextPattern(
        r"[A-Za-z_][A-Za-z0-9_]*", "the name of a column: a letter or _, then letters, digits, _"
    ),
]
Source = Annotated[
    str,
    TextPattern(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?",
        "a column such as temp, or that of an external source such as weather.temp",
    ),
]


def column_of(source: str) -> str:
    """The column of the examples that a source such as ``weather.temp`` becomes."""
    return source.replace(".", "_")
