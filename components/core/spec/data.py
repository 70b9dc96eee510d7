"""``data``, ``label``, ``features`` and ``rules``: what is read, what is asked, and from what."""

import ast
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from components.core.spans import Instant, SpanKind
from components.core.spec.base import Column, Source, SpecModel, field_error
from components.core.units import Duration, Share, format_duration

SCHEMES = ("file", "s3", "gs", "https")
PLACEHOLDERS = {"{hour}": SpanKind.HOUR, "{day}": SpanKind.DAY, "{month}": SpanKind.MONTH}

Operator = Literal["<", "<=", ">", ">="]
_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ACCEPTED = "`source > number`, with abs(...) or change(source, by=column) around the source"


def check_uri(uri: str) -> str:
    """Accepts a relative or absolute path, or a URI of a known scheme, without ``..``.

    Raises:
        ValueError: The scheme is not known, or the path climbs out of its folder.
    """
    scheme, found, rest = uri.partition("://")
    if found and scheme not in SCHEMES:
        raise ValueError(
            f"a path, or a URI that begins with {', '.join(s + '://' for s in SCHEMES)}"
        )
    if ".." in (rest or scheme).split("/"):
        raise ValueError("a path without '..'")
    return uri


Uri = Annotated[str, AfterValidator(check_uri)]


class Csv(SpecModel):
    """How a CSV is read."""

    null_words: tuple[str, ...] = Field(
        (),
        description="Texts that are missing where they stand unquoted, such as NA; the empty field "
        "always is, and in numbers and instants the usual words are.",
    )


class Primary(SpecModel):
    """The table of examples, one row an example."""

    uri: Uri = Field(
        description="Path or URI; {hour}, {day} or {month} stands for the span; a folder or a "
        "glob is read as one table."
    )
    format: Literal["parquet", "csv"] = Field("parquet", description="How the files are written.")
    csv: Csv = Field(Csv(), description="How the files are read, if they are CSV.")
    event_time: Column = Field(description="The column that says when an example exists, UTC.")
    key: tuple[Column, ...] = Field(
        min_length=1, description="The columns that identify an example for ever."
    )
    known_later: tuple[Column, ...] = Field(
        (), description="Columns that are filled after the event: never features."
    )
    start: Instant | None = Field(
        None, description="The first instant of the data; needed where the uri has no span."
    )
    origin: str = Field("not stated", description="Who publishes it; printed in reports.")
    licence: str = Field("not stated", description="Under which terms; printed in reports.")

    @property
    def placeholder(self) -> str | None:
        """``{month}`` and the like, where the uri has one."""
        return next((p for p in PLACEHOLDERS if p in self.uri), None)


class External(SpecModel):
    """An outside source: a static table, or a history with `event_time`."""

    uri: Uri = Field(description="Path or URI of the whole table.")
    format: Literal["parquet", "csv"] = Field("parquet", description="How the file is written.")
    csv: Csv = Field(Csv(), description="How the files are read, if they are CSV.")
    on: tuple[Column, ...] = Field(
        min_length=1, description="Columns of the same name in the table and in this source."
    )
    event_time: Column | None = Field(
        None, description="When a row was observed, UTC; a static table has none."
    )
    known_after: Duration = Field(
        timedelta(0), description="Publication delay: no row is joined before it has passed."
    )
    max_age: Duration | None = Field(
        None, description="An older row is a missing value, not stale truth."
    )
    max_staleness: Duration | None = Field(
        None, description="How old the newest row may be at `as_of`; default: `max_age`."
    )
    origin: str = Field("not stated", description="Who publishes it; printed in reports.")
    licence: str = Field("not stated", description="Under which terms; printed in reports.")

    @model_validator(mode="after")
    def _history_has_time(self) -> Self:
        if self.event_time is None and (self.known_after or self.max_age or self.max_staleness):
            raise field_error(
                "event_time",
                "none",
                "the column that says when a row was observed, which known_after, max_age and "
                "max_staleness are counted from; a static table has none of them",
            )
        return self

    @model_validator(mode="after")
    def _is_ever_joined(self) -> Self:
        if self.max_age is not None and self.max_age < self.known_after:
            age, known = format_duration(self.max_age), format_duration(self.known_after)
            given = f"{age}, but a row is known only when it is {known} old, so none is ever joined"
            raise field_error("max_age", given, f"at least known_after, {known}")
        return self


class Data(SpecModel):
    """Everything that a model is made from."""

    primary: Primary
    span: SpanKind = Field(
        SpanKind.DAY, description="How the data is cut; the uri's placeholder decides it if any."
    )
    external: dict[Column, External] = Field(default_factory=dict)
    prepared: str | None = Field(
        None, description="A folder that keeps prepared spans between runs; none: made each time."
    )

    @model_validator(mode="before")
    @classmethod
    def _span_of_uri(cls, data: object) -> object:
        if not isinstance(data, dict) or not isinstance(data.get("primary"), dict):
            return data
        uri = str(data["primary"].get("uri", ""))
        kinds = [kind for mark, kind in PLACEHOLDERS.items() if mark in uri]
        return {"span": kinds[0], **data} if kinds else data

    @model_validator(mode="after")
    def _csv_is_csv(self) -> Self:
        tables: dict[str, Primary | External] = {
            "primary": self.primary,
            **{f"external.{n}": e for n, e in self.external.items()},
        }
        for at, table in tables.items():
            if table.format != "csv" and table.csv != Csv():
                raise field_error(f"{at}.csv", f"beside format {table.format}", "format: csv")
        return self

    @model_validator(mode="after")
    def _can_be_cut(self) -> Self:
        mark = self.primary.placeholder
        if mark is None and self.primary.start is None:
            raise field_error(
                "primary.start",
                "none",
                "where the data begins, such as 2013-01-01, for primary.uri has none of {hour}, "
                "{day}, {month}",
            )
        if mark is not None and PLACEHOLDERS[mark] is not self.span:
            raise field_error(
                "span", self.span, f"{PLACEHOLDERS[mark]}, for primary.uri is cut by {mark}"
            )
        return self


class FeatureKind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    CATEGORY = "category"
    TIMESTAMP = "timestamp"


class Label(SpecModel):
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
            raise field_error("equals", "beside greater_than", "one of the two")
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


class Feature(SpecModel):
    """One input of the network."""

    name: Column
    kind: FeatureKind | None = Field(None, description="Default: what the schema says.")
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
            raise field_error("from", given, f"{wanted} for {self.derive or 'a feature as it is'}")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The source columns, the feature's own name where none is given."""
        return self.from_ or (self.name,)


class Rule(SpecModel):
    """What no schema can say: a value for which the expression is true becomes missing."""

    null_if: str = Field(
        description="A comparison such as weather.wind_speed > 120, or "
        "abs(change(weather.temp, by=origin)) > 30."
    )

    @field_validator("null_if")
    @classmethod
    def _parses(cls, text: str) -> str:
        parse_rule(text)
        return text


@dataclass(frozen=True)
class ValueRule:
    """A parsed rule: ``[abs](source | change(source, by=column)) comparison limit``.

    Attributes:
        text: The rule as written.
        source: The column that it reads, such as ``weather.temp``.
        change: Whether the change from the last accepted value counts, not the value.
        by: The column that separates one series from another, for a change.
        absolute: Whether the sign is dropped first.
        comparison: How it is compared with `limit`.
        limit: The number beyond which a value becomes missing.
    """

    text: str
    source: str
    change: bool
    by: str | None
    absolute: bool
    comparison: Operator
    limit: float

    @property
    def table(self) -> str | None:
        """The external source that the column belongs to; None for the primary table."""
        return self.source.partition(".")[0] if "." in self.source else None

    @property
    def column(self) -> str:
        """The column's name in its own table."""
        return self.source.rpartition(".")[2]


def parse_rule(text: str) -> ValueRule:
    """Parses a rule; nothing of it is ever evaluated as code.

    Raises:
        ValueError: The text is not of the grammar.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(_ACCEPTED) from error
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        raise ValueError(f"one comparison, {_ACCEPTED}")
    comparison = _OPERATORS.get(type(node.ops[0]))
    if comparison is None:
        raise ValueError(f"one of <, <=, > and >=, as in {_ACCEPTED}")
    inside = _call(node.left, "abs")
    absolute = inside is not None and len(inside.args) == 1
    value = inside.args[0] if inside and absolute else node.left
    value, change, by = _change(value)
    return ValueRule(text, _source(value), change, by, absolute, comparison, _number(node))


def _call(node: ast.expr, function: str) -> ast.Call | None:
    """The node as a call of the function; None if it is not one."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
        return node
    return None


def _change(node: ast.expr) -> tuple[ast.expr, bool, str | None]:
    call = _call(node, "change")
    if call is None:
        return node, False, None
    by = {k.arg: k.value for k in call.keywords}
    if len(call.args) != 1 or set(by) - {"by"}:
        raise ValueError(f"change(source, by=column), as in {_ACCEPTED}")
    return call.args[0], True, _source(by["by"]) if by else None


def _source(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    raise ValueError(f"a source column on the left, as in {_ACCEPTED}")


def _number(node: ast.Compare) -> float:
    try:
        return float(ast.literal_eval(node.comparators[0]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"a number on the right, as in {_ACCEPTED}") from error
