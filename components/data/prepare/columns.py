"""The few types that a column of a source is brought to, whatever file it came from."""

import pyarrow as pa
import pyarrow.compute as pc

from components.core.errors import InputError
from components.core.spec import FeatureKind

INSTANT = pa.timestamp("us", tz="UTC")


def typed(column: pa.ChunkedArray, kind: FeatureKind | None, where: str) -> pa.Array:
    """Brings a column to the type of its kind.

    Args:
        column: Of any Arrow type; dictionaries are decoded.
        kind: ``number``: float64 (booleans 0 and 1; NaN and the infinities are missing);
            ``category``: string (empty is missing); ``timestamp``: microseconds UTC, an instant
            without a zone is taken as UTC; None: the widest type of its own family.
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
        raise InputError(
            where, f"{column.type} ({_first_line(error)})", f"a column that holds a {kind}"
        ) from error


def _number(flat: pa.Array) -> pa.Array:
    if pa.types.is_temporal(flat.type):
        raise pa.ArrowInvalid("an instant is no number")
    if pa.types.is_boolean(flat.type):
        flat = flat.cast(pa.int8())
    numbers = flat.cast(pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _category(flat: pa.Array) -> pa.Array:
    texts = flat.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _timestamp(flat: pa.Array) -> pa.Array:
    if pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type):
        raise pa.ArrowInvalid("a number is no instant")
    if pa.types.is_date(flat.type) or pa.types.is_string(flat.type):
        flat = flat.cast(pa.timestamp("us"))
    if flat.type.tz is None:
        flat = pc.assume_timezone(flat.cast(pa.timestamp("us"), safe=False), "UTC")
    return flat.cast(INSTANT, safe=False)


def _own(flat: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(flat.type):
        return _timestamp(flat)
    for is_family, target in _FAMILIES:
        if is_family(flat.type):
            return flat.cast(target)
    return flat


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


_FAMILIES = (
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_null, pa.string()),
)
_CASTS = {
    FeatureKind.NUMBER: _number,
    FeatureKind.CATEGORY: _category,
    FeatureKind.TIMESTAMP: _timestamp,
    None: _own,
}
