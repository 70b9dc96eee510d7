"""The committed schema: its text, its columns, and a table in the types that it declares."""

import difflib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.errors import InputError

_MOST_CODES = 10_000


def parse_schema(text: str, where: str) -> schema_pb2.Schema:
    """Parses a schema in protobuf text format.

    Raises:
        InputError: The text is not a schema.
    """
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise InputError(where, str(error), "a TensorFlow Metadata schema") from error


def select_features(schema: schema_pb2.Schema, columns: Sequence[str]) -> schema_pb2.Schema:
    """The schema of the given columns alone, as examples store them."""
    kept = schema_pb2.Schema()
    kept.CopyFrom(schema)
    del kept.feature[:]
    kept.feature.extend(_as_stored(f) for f in schema.feature if f.name in columns)
    return kept


def as_declared(table: pa.Table, schema: schema_pb2.Schema) -> pa.Table:
    """Casts a table's numbers to the schema's types.

    Examples store every number as float64. A column that the schema declares INT is cast if all
    its values are whole; otherwise it stays as it is, and its type becomes an anomaly.
    """
    for feature in schema.feature:
        place = table.schema.get_field_index(feature.name)
        if place < 0 or feature.type != schema_pb2.INT:
            continue
        column = table.column(place)
        if pa.types.is_floating(column.type) and _is_whole(column):
            table = table.set_column(place, feature.name, column.cast(pa.int64()))
    return table


def may_shift(schema: schema_pb2.Schema) -> frozenset[str]:
    """The columns with the annotation tag ``may_shift``: their shifts warn and stop nothing."""
    return frozenset(f.name for f in schema.feature if "may_shift" in f.annotation.tag)


def domain_of(schema: schema_pb2.Schema, column: str) -> frozenset[str]:
    """The categories that the schema lists for a column; empty if it lists none."""
    shared = {domain.name: domain.value for domain in schema.string_domain}
    for feature in schema.feature:
        if feature.name == column:
            return frozenset(shared.get(feature.domain, feature.string_domain.value))
    return frozenset()


def format_schema(schema: schema_pb2.Schema, comment: str = "") -> str:
    """Writes a schema, each field on one line, below comment lines."""
    lines = []
    for field, value in schema.ListFields():
        repeated = field.label == field.LABEL_REPEATED
        for one in value if repeated else [value]:
            holder = schema_pb2.Schema(**{field.name: [one] if repeated else one})
            lines.append(text_format.MessageToString(holder, as_one_line=True, as_utf8=True))
    return comment + "\n".join(lines) + "\n"


def comment_of(text: str) -> str:
    """The comment lines on top of a schema's text."""
    lines = text.splitlines(keepends=True)
    end = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:end])


def difference(committed: str, proposed: str, name: str) -> str:
    """A unified diff; empty if the texts are equal."""
    pair = committed.splitlines(keepends=True), proposed.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*pair, f"{name} (committed)", f"{name} (from the data)"))


def _as_stored(feature: schema_pb2.Feature) -> schema_pb2.Feature:
    """A number that identifies a category is stored as text, its bounds as all texts between."""
    if feature.type != schema_pb2.INT or not feature.int_domain.is_categorical:
        return feature
    low, high = feature.int_domain.min, feature.int_domain.max
    kept = schema_pb2.Feature()
    kept.CopyFrom(feature)
    kept.ClearField("int_domain")
    kept.type = schema_pb2.BYTES
    if low < high <= low + _MOST_CODES:
        kept.string_domain.value.extend(str(code) for code in range(low, high + 1))
    return kept


def _is_whole(column: pa.ChunkedArray) -> bool:
    whole = pc.all(pc.equal(column, pc.round(column))).as_py()
    return whole is not False and (pc.max(pc.abs(column)).as_py() or 0) < 2**53
