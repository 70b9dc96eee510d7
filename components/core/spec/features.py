"""``label``, ``features`` and ``rules``: what is asked, from what, and what is refused."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.core.spec.part import Column, Part, Source, fault
from components.core.spec.rules import parse_rule
from components.core.units import Duration, Share


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    CATEGORY = "category"
    TIMESTAMP = "timestamp"


class Label(Part):
    """How the answer is read from a column; read plainly, the column is boolean or 0 and 1."""

    column: Column = Field(description="The column that the answer is read from.")
    greater_than: float | None = Field(None, description="Positive where the column is above.")
    equals: str | float | bool | None = Field(None, description="Positive where it is equal.")
    name: Column = Field("label", description="What the answer is called.")
    known_after: Duration = Field(
        description="A label does not exist before its event time plus this."
    )
    threshold: Share = Field(0.5, description="The probability from which the class is positive.")

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        if self.greater_than is not None and self.equals is not None:
            raise fault("equals", "beside greater_than", "one of the two")
        return self


class Derive(StrEnum):
    """The derived features; computed inside the exported model and nowhere else."""

    HOUR_OF = "hour_of"
    DAY_OF_WEEK = "day_of_week"
    DAY_OF_YEAR = "day_of_year"
    DIFFERENCE = "difference"
    RATIO = "ratio"
    LOG1P = "log1p"


OPERANDS = {Derive.DIFFERENCE: 2, Derive.RATIO: 2}
OF_TIME = (Derive.HOUR_OF, Derive.DAY_OF_WEEK, Derive.DAY_OF_YEAR)


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Feature(Part):
    """One input of the network."""

    name: Column
    kind: Kind | None = Field(None, description="Default: what the schema says.")
    derive: Derive | None = Field(None, description="How it is computed from its sources.")
    from_: Annotated[
        tuple[Source, ...],
        BeforeValidator(_as_tuple, json_schema_input_type=Source | tuple[Source, ...]),
    ] = Field(
        (), alias="from", description="Its source columns, such as weather.temp; default: name."
    )
    zone: str = Field("UTC", description="The time zone that hours and days are read in.")
    unseen: Literal["other"] = Field(
        "other", description="A category not seen in training shares one embedding."
    )

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("a time zone of the IANA database, such as UTC or America/New_York")
        return zone

    @model_validator(mode="after")
    def _has_operands(self) -> Self:
        wanted = OPERANDS.get(self.derive, 1) if self.derive else 1
        if len(self.sources) != wanted:
            given = f"{len(self.sources)} source(s)"
            raise fault("from", given, f"{wanted} for {self.derive or 'a feature as it is'}")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The source columns, the feature's own name where none is given."""
        return self.from_ or (self.name,)


class Rule(Part):
    """What no schema can say: a value for which the expression is true becomes missing."""

    refuse_value: str = Field(
        description="A comparison such as weather.wind_speed > 120, or "
        "abs(change(weather.temp, by=origin)) > 30."
    )

    @field_validator("refuse_value")
    @classmethod
    def _parses(cls, text: str) -> str:
        parse_rule(text)
        return text
