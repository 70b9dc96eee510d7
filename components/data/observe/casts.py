"""Bringing columns of many files to one type, value by value where it must be."""

import pyarrow as pa
import pyarrow.compute as pc


def brought_to(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """A column in another type; a value that is nothing of that type becomes missing.

    Clients that disagree on whether a key is 15 or "15" mean the same example.
    """
    if column.type == wanted:
        return column
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(column, wanted)


def _one_by_one(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """By way of the distinct values, of which there are fewer than rows."""
    encoded = column.combine_chunks().dictionary_encode()
    distinct = [_cast(value, wanted) for value in encoded.dictionary]
    return pa.chunked_array([pc.take(pa.array(distinct, wanted), encoded.indices)])


def _cast(value: pa.Scalar, wanted: pa.DataType) -> pa.Scalar:
    try:
        return value.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.scalar(None, wanted)


def common_type(types: list[pa.DataType]) -> pa.DataType:
    """The type that values of several types can be brought to; text where nothing else is."""
    fields = [pa.schema([pa.field("value", one)]) for one in types]
    try:
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.string()
