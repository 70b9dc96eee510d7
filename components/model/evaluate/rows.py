"""Rows of examples: found by a filter, changed in a column, or written out by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import ModelColumn
from components.core.behaviour import Range, Value, Where
from components.core.errors import InputError
from components.core.spans import parse_instant
from components.core.spec import column_of

_TYPES = {"number": pa.float64(), "category": pa.string(), "timestamp": pa.timestamp("us", "UTC")}


def rows_where(rows: pa.Table, where: Where) -> pa.Table:
    """The rows that every condition holds for; null fits only a condition of null.

    Raises:
        InputError: A column is not there, or is compared with a value of another kind.
    """
    for source, condition in where.items():
        name = _known(rows, source)
        rows = rows.filter(_holds(rows.column(name), condition, name))
    return rows


def evenly(rows: pa.Table, most: int) -> pa.Table:
    """At most so many rows, in equal steps."""
    if rows.num_rows <= most:
        return rows
    return rows.take(pa.array(np.linspace(0, rows.num_rows - 1, most).astype(np.int64)))


def with_value(rows: pa.Table, source: str, value: Value) -> pa.Table:
    """The rows with one value in a column; None is missing."""
    name = _known(rows, source)
    kind = rows.schema.field(name).type
    repeated = pa.repeat(_scalar(value, kind, name), rows.num_rows)
    return rows.set_column(rows.column_names.index(name), name, repeated)


def with_added(rows: pa.Table, source: str, step: float | timedelta) -> pa.Table:
    """The rows that have a value in a column, with something added to it.

    Raises:
        InputError: The column is a category, or number and duration are mixed up.
    """
    name = _known(rows, source)
    rows = rows.filter(pc.is_valid(rows.column(name)))
    column = rows.column(name)
    if pa.types.is_timestamp(column.type) != isinstance(step, timedelta):
        raise InputError(name, str(step), "a duration to add to a timestamp, a number to a number")
    if pa.types.is_string(column.type):
        raise InputError(name, "a category", "a number or a timestamp, that can be added to")
    added = pc.add(column, pa.scalar(step)).cast(column.type)
    return rows.set_column(rows.column_names.index(name), name, added)


def rows_given(given: Sequence[Mapping[str, Value]], columns: Sequence[ModelColumn]) -> pa.Table:
    """Rows written out by hand; a column left out is missing.

    Raises:
        InputError: A row names a column that the model does not have, or lacks a timestamp.
    """
    named = [{column_of(source): value for source, value in row.items()} for row in given]
    known = [c.name for c in columns]
    for name in (n for row in named for n in row if n not in known):
        raise InputError("given", name, f"a raw column of the model: {', '.join(known)}")
    arrays = {c.name: _column([row.get(c.name) for row in named], c) for c in columns}
    return pa.table(arrays)


def _column(values: Sequence[Value], column: ModelColumn) -> pa.Array:
    if column.kind == "timestamp" and any(v is None for v in values):
        raise InputError("given", f"no {column.name}", "an instant such as 2013-07-01T06:00Z")
    kind = _TYPES[column.kind]
    return pa.array([_scalar(v, kind, column.name).as_py() for v in values], type=kind)


def _holds(column: pa.ChunkedArray, condition: Any, name: str) -> Any:
    if isinstance(condition, Range):
        return _within(column, condition, name)
    values = condition if isinstance(condition, tuple) else (condition,)
    scalars = [_scalar(v, column.type, name).as_py() for v in values]
    return pc.is_in(column, value_set=pa.array(scalars, type=column.type))


def _within(column: pa.ChunkedArray, bounds: Range, name: str) -> Any:
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        raise InputError(f"where: {name}", "a range", "a range only of a column of numbers")
    held = pc.is_valid(column)
    if bounds.at_least is not None:
        held = pc.and_kleene(held, pc.greater_equal(column, bounds.at_least))
    if bounds.below is not None:
        held = pc.and_kleene(held, pc.less(column, bounds.below))
    return held


def _scalar(value: Value, kind: pa.DataType, name: str) -> pa.Scalar:
    """A value as a column of this type holds it."""
    if value is None:
        return pa.scalar(None, type=kind)
    is_text = isinstance(value, str)
    if pa.types.is_timestamp(kind) and is_text:
        return pa.scalar(_instant(str(value), name), type=kind)
    if is_text != pa.types.is_string(kind) or pa.types.is_timestamp(kind):
        raise InputError(name, value, f"a value of the column's type, {kind}")
    return pa.scalar(value).cast(kind)


def _instant(text: str, name: str) -> Any:
    try:
        return parse_instant(text).astimezone(UTC)
    except ValueError as error:
        raise InputError(name, text, "an instant such as 2013-07-01T06:00Z") from error


def _known(rows: pa.Table, source: str) -> str:
    name = column_of(source)
    if name not in rows.column_names:
        raise InputError("behaviour tests", source, f"a column: {', '.join(rows.column_names)}")
    return name
