"""``ratoon schema infer`` in the data image's environment: a schema from the data, as a diff.

Prepares the newest spans, infers a schema, keeps the committed features that agree with the data,
and shows the difference. Exit codes are those of ``ratoon``: 3 while there is a difference.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import floor
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.core.plan import Plan, Purpose, Windows
from components.core.span_files import existing_spans, uri_of
from components.core.spans import Span, TimeInterval, parse_instant, spans_between
from components.core.spec import FeatureKind, Spec, column_of, load_folder
from components.data.prepare.live import examples_from
from components.data.schema.schema import (
    as_declared,
    comment_of,
    difference,
    format_schema,
    parse_schema,
    select_features,
)
from components.data.schema.statistics import find_anomalies, statistics_of
from components.data.schema.tfdv import kernels
from components.data.tables.sources import fetch, file_schema, parse

_MAX_SPANS = 24
_DISTANT_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
_LISTED = 30  # more categories are not listed: nobody would read them
_KNOWN_MASS = 0.95  # of the values must be listed categories
_PRESENCE_MARGIN = 0.1  # below the emptiest span
_STUB = 0.1  # of the usual rows of a span: one that has only begun says little
_STEPS = 20  # presence is rounded down to a twentieth


def propose(folder: Path, as_of: str | None, max_spans: int = _MAX_SPANS) -> tuple[str, str]:
    """The committed schema (empty if there is none) and the one to commit, as text in one form.

    Reads the newest `max_spans` spans of data that are not newer than `as_of` (ISO).

    Raises:
        InputError: The spec, the committed schema or the data cannot be read.
    """
    spec = load_folder(folder)
    plan, whole = draft_plan(spec, parse_instant(as_of) if as_of else None, max_spans)
    names = [*(column.name for column in plan.columns), spec.label.name]
    spans = [examples.select(names) for _, examples in examples_from(plan, plan.spans[0])]
    inferred = infer(spans, whole, spec.label.name)
    file = folder / spec.schema_file
    if not file.is_file():
        return "", format_schema(inferred)
    text = file.read_text(encoding="utf-8")
    committed = parse_schema(text, str(file))
    proposed = reconcile(committed, inferred, pa.concat_tables(spans))
    comment = comment_of(text)
    return format_schema(committed, comment), format_schema(proposed, comment)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="infer", description="Infers a model's schema.")
    parser.add_argument("folder", type=Path, help="the model's folder, such as models/flights")
    parser.add_argument("--as-of", help="ignore data newer than this instant")
    parser.add_argument("--spans", type=int, default=_MAX_SPANS, help="the maximum spans to read")
    parser.add_argument("--write", action="store_true", help="write the schema into the folder")
    given = parser.parse_args(arguments)
    try:
        committed, proposed = propose(given.folder, given.as_of, given.spans)
    except (InputError, FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    file = given.folder / load_folder(given.folder).schema_file
    changes = difference(committed, proposed, str(file))
    sys.stdout.write(changes or f"{file} agrees with the data.\n")
    if given.write and changes:
        file.write_text(proposed, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")
        return 0
    return 3 if changes else 0


def draft_plan(spec: Spec, as_of: datetime | None, max_spans: int) -> tuple[Plan, frozenset[str]]:
    """Plans to prepare the newest spans of every column that the spec could mean.

    The plan comes with the columns whose source stores whole numbers or booleans.

    Raises:
        InputError: There is no data, or a source lacks a column that a feature names.
    """
    spans = _spans(spec, as_of or _DISTANT_FUTURE)[-max_spans:]
    types = _types(spec, spans[-1])
    sources = _sources(spec, types[""])
    columns = tuple(_column(spec, source, types) for source in sources)
    whole = (column_of(s) for s in sources if _is_whole(_type(types, s)))
    none = TimeInterval(start=spans[0].start, end=spans[0].start)
    end = as_of or spans[-1].end + spec.label.known_after
    windows = Windows(train=(), recent=(), reference=(), labels_until=end, watch=none, before=none)
    plan = Plan(
        purpose=Purpose.TRAIN,
        spec=spec,
        as_of=end,
        version="schema",
        spans=tuple(span.name for span in spans),
        columns=columns,
        features=(),
        windows=windows,
        champion=None,
        digests={},
    )
    return plan, frozenset(whole)


def infer(spans: Sequence[pa.Table], whole: frozenset[str], label: str) -> schema_pb2.Schema:
    """Infers a schema of the prepared examples of each span.

    Args:
        spans: Tables with the columns of the schema.
        whole: Columns whose source stores whole numbers.
        label: The label's column, 0 or 1, which may be missing anywhere.

    Returns:
        One feature a column, in the columns' order: its type, its minimum presence, the list of
        its categories if they are few, its time domain, and the bounds of the label.
    """
    table = pa.concat_tables(spans)
    integers = [schema_pb2.Feature(name=name, type=schema_pb2.INT) for name in sorted(whole)]
    statistics = statistics_of(as_declared(table, schema_pb2.Schema(feature=integers)))
    inferred = schema_pb2.Schema.FromString(
        kernels().infer(statistics.datasets[0].SerializeToString(), _LISTED, False)
    )
    types = {feature.name: feature.type for feature in inferred.feature}
    schema = schema_pb2.Schema()
    for name in table.column_names:
        feature = schema.feature.add(name=name, type=types.get(name, schema_pb2.FLOAT))
        if name == label:
            feature.int_domain.min, feature.int_domain.max = 0, 1
        else:
            _curate(feature, [span[name] for span in spans])
    return schema


def reconcile(
    committed: schema_pb2.Schema, inferred: schema_pb2.Schema, table: pa.Table
) -> schema_pb2.Schema:
    """Keeps the committed features that agree with the data; the others become the inferred ones.

    What a person put into the schema stays until the data contradict it.
    """
    names = [feature.name for feature in inferred.feature]
    statistics = statistics_of(as_declared(table, committed))
    contradicted = find_anomalies(statistics, select_features(committed, names)).anomaly_info
    found = {feature.name: feature for feature in inferred.feature}
    stays = [feature for feature in committed.feature if feature.name in found]
    schema = schema_pb2.Schema()
    schema.CopyFrom(committed)
    del schema.feature[:]
    schema.feature.extend(found[f.name] if f.name in contradicted else f for f in stays)
    schema.feature.extend(f for f in inferred.feature if f.name not in {s.name for s in stays})
    return schema


def _spans(spec: Spec, as_of: datetime) -> list[Span]:
    primary = spec.data.primary
    if primary.placeholder is None:
        file = fetch(primary.uri, primary)
        table = parse(file, {primary.event_time: FeatureKind.TIMESTAMP})
        newest = pc.max(table[primary.event_time]).as_py()
        assert primary.start is not None  # the spec asks for it where the uri names no span
        end = min(newest, as_of) if newest else primary.start
        spans = spans_between(spec.data.span, primary.start, end)
    else:
        spans = existing_spans(primary.uri, spec.data.span)
    known = [span for span in spans if span.start < as_of]
    if not known:
        where, given = f"data.primary.uri: {primary.uri}", "no span before the instant asked for"
        raise InputError(where, given, "at least one", "Make the data, or correct the uri.")
    return known


def _types(spec: Spec, newest: Span) -> Mapping[str, pa.Schema]:
    """Source to the types of its own files; the primary table is ``""``."""
    primary = spec.data.primary
    types = {"": file_schema(fetch(uri_of(primary.uri, newest), primary))}
    for name, source in spec.data.external.items():
        types[name] = file_schema(fetch(source.uri, source))
    return types


def _sources(spec: Spec, primary: pa.Schema) -> tuple[str, ...]:
    """The columns that features read, or all of the primary table that could be features."""
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


def _curate(feature: schema_pb2.Feature, columns: Sequence[pa.ChunkedArray]) -> None:
    usual = median(len(column) for column in columns)
    shares = [1 - c.null_count / len(c) for c in columns if len(c) > _STUB * usual]
    least = min(shares, default=0.0)
    margin = floor((least - _PRESENCE_MARGIN) * _STEPS) / _STEPS
    feature.presence.min_fraction = 1.0 if least == 1 else max(margin, 0.0)
    column = pa.chunked_array([chunk for c in columns for chunk in c.chunks])
    if pa.types.is_timestamp(column.type):
        feature.type = schema_pb2.INT
        feature.time_domain.integer_format = schema_pb2.TimeDomain.UNIX_SECONDS
    elif pa.types.is_string(column.type):
        feature.type = schema_pb2.BYTES
        categories = sorted(pc.unique(column.drop_null()).to_pylist())
        if 0 < len(categories) <= _LISTED:
            feature.string_domain.value.extend(categories)
            feature.distribution_constraints.min_domain_mass = _KNOWN_MASS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
