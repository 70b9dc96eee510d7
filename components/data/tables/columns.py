"""Columns in the few types that every step works with, whatever file they came from."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial, reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.errors import InputError
from components.core.spans import MAX_INSTANT_S, MIN_INSTANT_S, TimeInterval, parse_instant
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
REFUSED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError)
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


def cast_to_kind(
    column: pa.ChunkedArray, kind: FeatureKind | pa.DataType | None, where: str
) -> pa.Array:
    """Casts a column to the type of its kind; an empty text and NaN are missing in every kind.

    Args:
        column: Of any Arrow type; dictionaries are decoded.
        kind: ``number``: float64 (booleans become 0 and 1; infinities become null);
            ``category``: string; ``timestamp``: microseconds UTC, without a zone read as UTC,
            integers are seconds since 1970 UTC; a type: that type, with every digit; None: what
            `own_type` says.
        where: The column as the user knows it, for the error.

    Raises:
        InputError: The column holds something else; the first such row and its value are named.
    """
    flat = column.combine_chunks()
    target = own_type(flat.type) if kind is None else kind
    try:
        return cast_array(flat, target)
    except REFUSED as error:
        given = f"{column.type} ({str(error).partition(chr(10))[0]})"
        if (row := _first_refused(flat, target)) is not None:
            given = f"{flat[row].as_py()!r} in row {row}, {given}"
        raise InputError(where, given, f"a column that holds a {target}") from error


def cast_array(array: pa.Array, target: FeatureKind | pa.DataType) -> pa.Array:
    """Casts as `cast_to_kind` does; what is not of the kind raises one of `REFUSED`."""
    cast = _CASTS.get(target)
    return cast(_plain(array)) if cast else _to_type(_plain(array), target)


def own_type(given: pa.DataType) -> pa.DataType:
    """The type of a key: 64 bits, microseconds, or text where 64 bits would lose digits."""
    if pa.types.is_dictionary(given):
        return own_type(given.value_type)
    if pa.types.is_decimal(given):
        return pa.int64() if given.scale == 0 and given.precision <= _INT64_DIGITS else pa.string()
    return next((target for is_family, target in _FAMILIES if is_family(given)), given)


def common_key_type(types: Iterable[pa.DataType]) -> pa.DataType:
    """The type that a key has in every file, given its own type in each; text if they disagree.

    A missing value makes whole numbers doubles in one file, and they become whole again.
    """
    found = set(types) - {pa.null()}
    if len(found) == 1:
        return found.pop()
    for target, other in ((pa.int64(), pa.float64()), (INSTANT, pa.date32())):
        if found == {target, other}:
            return target
    return pa.string()


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


def _plain(flat: pa.Array) -> pa.Array:
    """The array in one layout for each meaning; an empty text and NaN are null."""
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if isinstance(flat.type, pa.UuidType):
        flat = pa.array([id_ and str(id_) for id_ in flat.to_pylist()], pa.string())
    if pa.types.is_large_string(flat.type) or pa.types.is_string_view(flat.type):
        flat = flat.cast(pa.string())
    if pa.types.is_string(flat.type):
        return pc.if_else(pc.equal(flat, ""), pa.scalar(None, pa.string()), flat)
    if pa.types.is_floating(flat.type):
        return pc.if_else(pc.is_nan(flat), pa.scalar(None, flat.type), flat)
    return flat


def _first_refused(flat: pa.Array, target: FeatureKind | pa.DataType) -> int | None:
    """The first row, from 0, that cannot be cast; None if the type itself cannot."""

    def is_refused(rows: int) -> bool:
        try:
            cast_array(flat[:rows], target)
        except REFUSED:
            return True
        return False

    if is_refused(0):
        return None
    row = bisect_left(range(len(flat) + 1), True, key=is_refused) - 1
    return row if row < len(flat) else None


def _to_number(flat: pa.Array) -> pa.Array:
    if pa.types.is_temporal(flat.type):
        raise pa.ArrowInvalid("an instant is not a number")
    if pa.types.is_boolean(flat.type):
        flat = flat.cast(pa.int8())
    if pa.types.is_string(flat.type):
        flat = _without_words(flat)
        if all_match(flat, "(?i)true|false"):
            flat = flat.cast(pa.bool_()).cast(pa.int8())
    numbers = flat.cast(pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _to_timestamp(flat: pa.Array) -> pa.Array:
    if pa.types.is_string(flat.type):
        return _instants_of_text(flat)
    if pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type):
        return _instants_of_seconds(flat.cast(pa.int64()))
    if pa.types.is_date(flat.type) or pa.types.is_null(flat.type):
        flat = flat.cast(pa.timestamp("us"))
    if not pa.types.is_timestamp(flat.type):
        raise pa.ArrowInvalid("not an instant")
    if flat.type.tz is None:
        flat = pc.assume_timezone(flat.cast(pa.timestamp("us"), safe=False), "UTC")
    return flat.cast(INSTANT, safe=False)


def _instants_of_seconds(seconds: pa.Array) -> pa.Array:
    """Reads seconds since 1970 UTC, as the server does; other whole numbers are refused."""
    fits = pc.and_(pc.greater_equal(seconds, MIN_INSTANT_S), pc.less_equal(seconds, MAX_INSTANT_S))
    if pc.all(fits).as_py() is False:
        raise pa.ArrowInvalid("not seconds of the years 1 to 9999; these may be milliseconds")
    largest = pc.max(pc.abs(seconds)).as_py()
    if largest is not None and largest < _SMALL_S:
        raise pa.ArrowInvalid("day numbers and dates such as 20240114 are not seconds")
    return pc.multiply(seconds, 1_000_000).cast(INSTANT)


def _instants_of_text(texts: pa.Array) -> pa.Array:
    """Reads ISO 8601 with an offset, with Z, or without a zone, which is UTC; or all seconds."""
    texts = _without_words(texts)
    if len(texts) > texts.null_count and all_match(texts, r"-?\d+"):
        return _instants_of_seconds(texts.cast(pa.int64()))
    zoned = pc.match_substring_regex(texts, r"\d[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$")
    zoneless = pc.if_else(zoned, pa.scalar(None, pa.string()), texts)
    try:
        plain = pc.assume_timezone(zoneless.cast(pa.timestamp("us")), "UTC")
        other = pc.if_else(zoned, texts, pa.scalar(None, pa.string())).cast(INSTANT)
        return pc.coalesce(plain.cast(INSTANT), other)
    except pa.ArrowInvalid:  # one by one, as the server does: more forms of ISO 8601
        encoded = texts.dictionary_encode()
        distinct = [parse_instant(text) for text in encoded.dictionary.to_pylist()]
        return pa.array(distinct, INSTANT).take(encoded.indices)


def _without_words(texts: pa.Array) -> pa.Array:
    """Trimmed texts; the words that programs write for no number or no instant are null."""
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(texts, _MISSING), pa.scalar(None, pa.string()), texts)


def all_match(texts: pa.Array, pattern: str) -> bool:
    """Whether every text that is not null matches a pattern as a whole."""
    return pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$")).as_py() is not False


def _to_type(flat: pa.Array, target: pa.DataType) -> pa.Array:
    """Casts to a type with every digit."""
    if target == INSTANT:
        return _to_timestamp(flat)
    if pa.types.is_floating(flat.type) and target in (pa.int64(), pa.string()):
        flat = flat.cast(pa.float64())
        if (pc.max(pc.abs(flat)).as_py() or 0) > _EXACT:
            raise pa.ArrowInvalid("a double above 2^53 has lost digits")
        whole = pc.all(pc.equal(pc.floor(flat), flat)).as_py() is not False
        return (flat.cast(pa.int64()) if whole else flat).cast(target)
    if pa.types.is_decimal(flat.type) and target == pa.string():
        texts = flat.cast(target)
        return pc.replace_substring_regex(texts, r"\.0+$", "") if flat.type.scale > 0 else texts
    return flat.cast(target)


_MISSING = pa.array(["", "NA", "NaN", "nan", "null", "NULL"])
_INT64_DIGITS = 18
_EXACT = 2**53  # the largest whole number that a double still counts one by one
_SMALL_S = 100_000_000  # a column of smaller numbers holds days or dates, not seconds
_FAMILIES = (
    (pa.types.is_uint64, pa.string()),
    (pa.types.is_boolean, pa.string()),
    (lambda given: isinstance(given, pa.UuidType), pa.string()),
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_timestamp, INSTANT),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
)
_CASTS: Mapping[object, Callable[[pa.Array], pa.Array]] = {
    FeatureKind.NUMBER: _to_number,
    FeatureKind.CATEGORY: partial(pc.cast, target_type=pa.string()),
    FeatureKind.TIMESTAMP: _to_timestamp,
}
