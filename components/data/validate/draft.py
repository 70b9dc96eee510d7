"""A plan for data that no schema describes yet: every column that the spec could mean."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from components.core import storage
from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.core.plan import Plan, Purpose, Windows
from components.core.spans import (
    Span,
    SpanKind,
    TimeInterval,
    format_instant,
    parse_instant,
    spans_between,
)
from components.core.spec import FeatureKind, Spec, column_of
from components.core.spec.data import PLACEHOLDERS
from components.data.prepare.primary import uri_of
from components.data.prepare.tables import fetch, own_types, parse

_FAR = datetime(9999, 1, 1, tzinfo=UTC)


def draft_plan(spec: Spec, as_of: datetime | None, most_spans: int) -> tuple[Plan, frozenset[str]]:
    """Plans to prepare the newest spans, for inference alone.

    Args:
        spec: The spec.
        as_of: Nothing newer is looked at; None: all data.
        most_spans: The most spans that are read.

    Returns:
        The plan, and the columns whose source keeps whole numbers or truth values.

    Raises:
        InputError: There is no data, or a source lacks a column that a feature names.
    """
    spans = _spans(spec, as_of or _FAR)[-most_spans:]
    types = _types(spec, spans[-1])
    sources = _sources(spec, types[""])
    columns = tuple(_column(spec, source, types) for source in sources)
    whole = (column_of(s) for s in sources if _is_whole(_type(types, s)))
    nothing = TimeInterval(start=spans[0].start, end=spans[0].start)
    end = as_of or spans[-1].end + spec.label.known_after
    plan = Plan(
        purpose=Purpose.TRAIN,
        spec=spec,
        as_of=format_instant(end),
        version="schema",
        spans=tuple(span.name for span in spans),
        columns=columns,
        features=(),
        windows=Windows(
            train=(),
            recent=(),
            reference=(),
            labels_until=format_instant(end),
            watch=nothing,
            before=nothing,
        ),
        champion=None,
        digests={},
    )
    return plan, frozenset(whole)


def _spans(spec: Spec, as_of: datetime) -> list[Span]:
    primary = spec.data.primary
    if primary.placeholder is None:
        table = parse(
            fetch(primary.uri, primary.format), {primary.event_time: FeatureKind.TIMESTAMP}
        )
        newest = pc.max(table[primary.event_time]).as_py()
        start = parse_instant(primary.start or "")
        spans = spans_between(spec.data.span, start, min(newest, as_of)) if newest else ()
    else:
        spans = _spans_of_files(primary.uri, spec.data.span, as_of)
    if not spans:
        where, given = f"data.primary.uri: {primary.uri}", "no span before the instant asked for"
        raise InputError(where, given, "at least one", "Make the data, or mend the uri.")
    return list(spans)


def _spans_of_files(uri: str, kind: SpanKind, as_of: datetime) -> tuple[Span, ...]:
    """The spans of the files that are there; each name must lead back to its own file."""
    mark = re.compile("|".join(re.escape(placeholder) for placeholder in PLACEHOLDERS))
    _, template = storage.resolve(uri)
    pattern = re.compile("([^/]+)".join(re.escape(piece) for piece in mark.split(template)))
    spans = set()
    for file in storage.list_files(mark.sub("*", uri)):
        _, path = storage.resolve(file)
        match = pattern.fullmatch(path)
        for name in match.groups() if match else ():
            try:
                span = Span.named(kind, name)
            except ValueError:
                continue
            if uri_of(template, span) == path and span.start < as_of:
                spans.add(span)
    return tuple(sorted(spans, key=lambda span: span.start))


def _types(spec: Spec, newest: Span) -> Mapping[str, pa.Schema]:
    """Source to the types that its own files have; the primary table is ``""``."""
    primary = spec.data.primary
    types = {"": own_types(fetch(uri_of(primary.uri, newest), primary.format))}
    for name, source in spec.data.external.items():
        types[name] = own_types(fetch(source.uri, source.format))
    return types


def _sources(spec: Spec, primary: pa.Schema) -> tuple[str, ...]:
    """The columns that features read, or every one of the table that could be a feature."""
    if spec.features:
        return tuple(dict.fromkeys(s for feature in spec.features for s in feature.sources))
    left_out = {*spec.never_features, *spec.data.primary.key, spec.data.primary.event_time}
    return tuple(f.name for f in primary if f.name not in left_out and not _is_instant(f.type))


def _column(spec: Spec, source: str, types: Mapping[str, pa.Schema]) -> ModelColumn:
    named = (f.kind for f in spec.features if f.kind and not f.derive and source in f.sources)
    kind = next(named, None) or _kind(_type(types, source))
    return ModelColumn(name=column_of(source), source=source, kind=kind.value)


def _type(types: Mapping[str, pa.Schema], source: str) -> pa.DataType:
    table, _, name = source.rpartition(".")
    place = types[table].get_field_index(name)
    if place < 0:
        known = ", ".join(types[table].names)
        raise InputError(f"features: {source}", name, f"a column of its source: {known}")
    return types[table].field(place).type


def _kind(type_: pa.DataType) -> FeatureKind:
    if _is_instant(type_):
        return FeatureKind.TIMESTAMP
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    if is_number or pa.types.is_boolean(type_) or pa.types.is_decimal(type_):
        return FeatureKind.NUMBER
    return FeatureKind.CATEGORY


def _is_instant(type_: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(type_) or pa.types.is_date(type_))


def _is_whole(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_boolean(type_))
