"""Columns in the few types that every step works with, whatever file they came from."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.errors import InputError
from components.core.spans import TimeInterval
from components.core.spec import FeatureKind, Label

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
INSTANT = pa.timestamp("us", tz="UTC")
ARROW_TYPES: Mapping[str, pa.DataType] = {
    FeatureKind.NUMBER: pa.float64(),
    FeatureKind.CATEGORY: pa.string(),
    FeatureKind.TIMESTAMP: INSTANT,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_us(instant: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return duration_us(instant - _EPOCH)


def duration_us(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICROSECOND


def instant_from_us(value_us: int) -> datetime:
    """The instant of microseconds since 1970 UTC."""
    return _EPOCH + value_us * _MICROSECOND


def column_us(column: pa.ChunkedArray) -> Ints:
    """A timestamp[us, UTC] column without nulls in microseconds, int64 [rows]."""
    return np.asarray(column.cast(pa.int64()).to_numpy(), np.int64)


def rows_within(rows: pa.Table, event_time: str, *intervals: TimeInterval) -> pa.Table:
    """The rows of any of the intervals of event time; a row without a time is in none."""
    times, nowhere = rows[event_time], pa.repeat(pa.scalar(False), rows.num_rows)
    inside = (
        pc.and_(
            pc.greater_equal(times, pa.scalar(interval.start, INSTANT)),
            pc.less(times, pa.scalar(interval.end, INSTANT)),
        )
        for interval in intervals
    )
    return rows.filter(reduce(pc.or_, inside, nowhere))


def is_due(times: pa.ChunkedArray, known_after: timedelta, as_of: datetime) -> pa.Array:
    """Whether the label of each example must be known, bool [rows]; no event time is null."""
    latest = instant_us(as_of) - duration_us(known_after)
    return pc.less_equal(times.cast(pa.int64()), latest).combine_chunks()


def cast_to_kind(column: pa.ChunkedArray, kind: FeatureKind | None, where: str) -> pa.Array:
    """Casts a column to the type of its kind.

    Args:
        column: Of any Arrow type; dictionaries are decoded.
        kind: ``number``: float64 (booleans become 0 and 1; NaN and infinities become null);
            ``category``: string (empty becomes null); ``timestamp``: microseconds UTC, without a
            zone read as UTC; None: the widest type of the column's own family.
        where: The column as the user knows it, for the error.

    Raises:
        InputError: The column holds something else.
    """
    flat = column.combine_chunks()
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    try:
        return _CASTS[kind](flat)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        given, accepted = f"{column.type} ({reason})", f"a column that holds a {kind}"
        raise InputError(where, given, accepted) from error


def read_labels(column: pa.ChunkedArray, known: pa.Array, label: Label) -> pa.Array:
    """Reads labels from their source column, int8; null where it is null or not `known` yet.

    Raises:
        InputError: The column does not hold what the spec says.
    """
    labels = _label_values(column, label).cast(pa.int8())
    return pc.if_else(known, labels, pa.scalar(None, pa.int8()))


def _label_values(column: pa.ChunkedArray, label: Label) -> pa.Array:
    where = f"label.column: {label.column}"
    if label.greater_than is not None:
        return pc.greater(cast_to_kind(column, FeatureKind.NUMBER, where), label.greater_than)
    if isinstance(label.equals, str):
        return pc.equal(cast_to_kind(column, FeatureKind.CATEGORY, where), label.equals)
    if label.equals is not None:
        return pc.equal(cast_to_kind(column, FeatureKind.NUMBER, where), float(label.equals))
    numbers = cast_to_kind(column, FeatureKind.NUMBER, where)
    others = pc.filter(numbers, pc.invert(pc.is_in(numbers, pa.array([0.0, 1.0, None]))))
    if len(others):
        accepted = "only true and false, or 0 and 1"
        raise InputError(where, others[0].as_py(), accepted, "Or say greater_than or equals.")
    return numbers


def _to_number(flat: pa.Array) -> pa.Array:
    if pa.types.is_temporal(flat.type):
        raise pa.ArrowInvalid("an instant is not a number")
    if pa.types.is_boolean(flat.type):
        flat = flat.cast(pa.int8())
    numbers = flat.cast(pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _to_category(flat: pa.Array) -> pa.Array:
    texts = flat.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _to_timestamp(flat: pa.Array) -> pa.Array:
    if pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type):
        raise pa.ArrowInvalid("a number is not an instant")
    if pa.types.is_date(flat.type) or pa.types.is_string(flat.type):
        flat = flat.cast(pa.timestamp("us"))
    if flat.type.tz is None:
        flat = pc.assume_timezone(flat.cast(pa.timestamp("us"), safe=False), "UTC")
    return flat.cast(INSTANT, safe=False)


def _to_widest(flat: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(flat.type):
        return _to_timestamp(flat)
    for is_family, target in _FAMILIES:
        if is_family(flat.type):
            return flat.cast(target)
    return flat


_FAMILIES = (
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_null, pa.string()),
)
_CASTS = {
    FeatureKind.NUMBER: _to_number,
    FeatureKind.CATEGORY: _to_category,
    FeatureKind.TIMESTAMP: _to_timestamp,
    None: _to_widest,
}
