"""``data``: where the table and the outside sources are, and how they are joined."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from components.core.spans import SpanKind, parse_instant
from components.core.spec.part import Column, Part, fault
from components.core.units import Duration

SCHEMES = ("file", "s3", "gs", "https")
PLACEHOLDERS = {"{hour}": SpanKind.HOUR, "{day}": SpanKind.DAY, "{month}": SpanKind.MONTH}


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


class Primary(Part):
    """The table of examples, one row an example."""

    uri: str = Field(description="Path or URI; {hour}, {day} or {month} stands for the span.")
    format: Literal["parquet", "csv"] = Field("parquet", description="How the files are written.")
    event_time: Column = Field(description="The column that says when an example exists, UTC.")
    key: tuple[Column, ...] = Field(
        min_length=1, description="The columns that identify an example for ever."
    )
    known_later: tuple[Column, ...] = Field(
        (), description="Columns that are filled after the event: never features."
    )
    start: str | None = Field(
        None, description="The first instant of the data; needed where the uri has no span."
    )
    origin: str = Field("not stated", description="Who publishes it; printed in reports.")
    licence: str = Field("not stated", description="Under which terms; printed in reports.")

    _uri = field_validator("uri")(check_uri)

    @field_validator("start")
    @classmethod
    def _is_instant(cls, start: str | None) -> str | None:
        if start is not None:
            parse_instant(start)
        return start

    @property
    def placeholder(self) -> str | None:
        """``{month}`` and the like, where the uri has one."""
        return next((p for p in PLACEHOLDERS if p in self.uri), None)


class External(Part):
    """An outside source: a static table, or a history with `event_time`."""

    uri: str = Field(description="Path or URI of the whole table.")
    format: Literal["parquet", "csv"] = Field("parquet", description="How the file is written.")
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
    fresh_within: Duration | None = Field(
        None, description="How old the newest row may be at `as_of`; default: `max_age`."
    )
    origin: str = Field("not stated", description="Who publishes it; printed in reports.")
    licence: str = Field("not stated", description="Under which terms; printed in reports.")

    _uri = field_validator("uri")(check_uri)

    @model_validator(mode="after")
    def _history_has_time(self) -> Self:
        if self.event_time is None and (self.known_after or self.max_age or self.fresh_within):
            raise fault(
                "event_time",
                "none",
                "the column that says when a row was observed, which known_after, max_age and "
                "fresh_within are counted from; a static table has none of them",
            )
        return self


class Data(Part):
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
    def _can_be_cut(self) -> Self:
        mark = self.primary.placeholder
        if mark is None and self.primary.start is None:
            raise fault(
                "primary.start",
                "none",
                "where the data begins, such as 2013-01-01, for primary.uri has none of {hour}, "
                "{day}, {month}",
            )
        if mark is not None and PLACEHOLDERS[mark] is not self.span:
            raise fault(
                "span", self.span, f"{PLACEHOLDERS[mark]}, for primary.uri is cut by {mark}"
            )
        return self
