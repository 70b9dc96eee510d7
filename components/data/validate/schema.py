"""The committed schema, and a table in the types that it names."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.errors import InputError

MAY_SHIFT = "may_shift"
"""A feature's annotation tag: its distribution may jump; a shift is shown but stops nothing."""

_MOST_CODES = 10_000


def parse_schema(text: str, where: str) -> schema_pb2.Schema:
    """Reads a schema in protobuf text form.

    Raises:
        InputError: It is none.
    """
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise InputError(where, str(error), "a TensorFlow Metadata schema") from error


def narrowed(schema: schema_pb2.Schema, columns: Sequence[str]) -> schema_pb2.Schema:
    """The schema as examples keep its columns, without what they are not meant to have."""
    kept = schema_pb2.Schema()
    kept.CopyFrom(schema)
    del kept.feature[:]
    kept.feature.extend(_as_kept(f) for f in schema.feature if f.name in columns)
    return kept


def as_declared(table: pa.Table, schema: schema_pb2.Schema) -> pa.Table:
    """Brings a table's numbers to the schema's types, so that both speak of the same thing.

    Examples keep every number as float64. One that the schema calls INT becomes an integer where
    all its values are whole; where they are not, it stays, and its type is an anomaly.
    """
    for feature in schema.feature:
        place = table.schema.get_field_index(feature.name)
        if place < 0 or feature.type != schema_pb2.INT:
            continue
        column = table.column(place)
        if pa.types.is_floating(column.type) and _is_whole(column):
            table = table.set_column(place, feature.name, column.cast(pa.int64()))
    return table


def tagged(schema: schema_pb2.Schema, tag: str) -> frozenset[str]:
    """The columns that carry an annotation tag."""
    return frozenset(f.name for f in schema.feature if tag in f.annotation.tag)


def domain_of(schema: schema_pb2.Schema, column: str) -> frozenset[str]:
    """The categories that the schema lists for a column; empty where it lists none."""
    shared = {domain.name: domain.value for domain in schema.string_domain}
    for feature in schema.feature:
        if feature.name == column:
            return frozenset(shared.get(feature.domain, feature.string_domain.value))
    return frozenset()


def _as_kept(feature: schema_pb2.Feature) -> schema_pb2.Feature:
    """A number that names a category is kept as text, its bounds as the texts between them."""
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
