"""Features from raw columns, computed in the graph and nowhere else.

Dates by the arithmetic of Howard Hinnant's "chrono-compatible low-level date algorithms": years
begin in March, so that the leap day is the last of its year.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import tensorflow as tf

from components.core.plan import PlannedFeature
from components.core.spec import Derive

Tensors = Mapping[str, tf.Tensor]

CALENDAR = {Derive.HOUR_OF: 24, Derive.DAY_OF_WEEK: 7}
"""Derived features whose values have no order, so enter as categories: how many there are."""

_LAST_S = int(datetime(2051, 1, 1, tzinfo=UTC).timestamp())
_DAY_S = 86_400
_ERA_DAYS = 146_097  # 400 years
_MARCH_1_OF_0 = 719_468  # days from there to 1970-01-01
_MARCH_TO_JANUARY = 306  # days


@dataclass(frozen=True)
class TzOffsets:
    """The UTC offsets of a time zone, 1970 to 2050; the first and last hold beyond.

    Each of `seconds`, but the first, is what is added to UTC from the one of `since` on.
    """

    since: tuple[int, ...]
    seconds: tuple[int, ...]


@cache
def tz_offsets(zone: str) -> TzOffsets:
    """Reads a zone of the IANA database, day by day and then to the second.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: There is no such zone.
    """
    table = ZoneInfo(zone)
    since, seconds = [], [_offset(table, 0)]
    for day in range(0, _LAST_S, _DAY_S):
        new = _offset(table, day + _DAY_S)
        if new != seconds[-1]:
            moments = range(day, day + _DAY_S)
            since.append(day + bisect_left(moments, True, key=lambda s: _offset(table, s) == new))
            seconds.append(new)
    return TzOffsets(tuple(since), tuple(seconds))


def local_seconds(seconds: tf.Tensor, zone: str) -> tf.Tensor:
    """Seconds since 1970-01-01 00:00 of the local clock, int64 [n], from seconds since 1970 UTC."""
    offsets = tz_offsets(zone)
    since = tf.constant(offsets.since, tf.int64, shape=[len(offsets.since)])
    index = tf.searchsorted(since, seconds, side="right")
    return seconds + tf.gather(tf.constant(offsets.seconds, tf.int64), index)


def hour_of(local: tf.Tensor) -> tf.Tensor:
    """0 to 23, int64 [n], of local seconds."""
    return local % _DAY_S // 3600


def day_of_week(local: tf.Tensor) -> tf.Tensor:
    """0 (Monday) to 6, int64 [n], of local seconds; 1970-01-01 was a Thursday."""
    return (local // _DAY_S + 3) % 7


def day_of_year(local: tf.Tensor) -> tf.Tensor:
    """1 (1 January) to 366, int64 [n], of local seconds."""
    era_day = (local // _DAY_S + _MARCH_1_OF_0) % _ERA_DAYS
    era_year = (era_day - era_day // 1460 + era_day // 36_524 - era_day // 146_096) // 365
    from_march = era_day - (365 * era_year + era_year // 4 - era_year // 100)
    is_new_year = from_march >= _MARCH_TO_JANUARY
    year = era_year + tf.cast(is_new_year, tf.int64)  # counted from January
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    before_march = 59 + tf.cast(is_leap, tf.int64)
    return tf.where(is_new_year, from_march - _MARCH_TO_JANUARY, from_march + before_march) + 1


def value_of(feature: PlannedFeature, inputs: Tensors) -> tf.Tensor:
    """Computes a feature from the raw columns [n], typed as in the signature.

    Returns:
        [n]: string for a category (``""`` missing), int64 for an hour or a weekday, else float32
        with NaN if missing; an infinite value is missing too.
    """
    operands = [inputs[column] for column in feature.columns]
    if feature.derive is None:
        return operands[0] if feature.kind == "category" else _finite(operands[0])
    if feature.derive in _TIME:
        value = _TIME[feature.derive](local_seconds(operands[0], feature.zone))
        return value if feature.derive in CALENDAR else tf.cast(value, tf.float32)
    return _finite(_ARITHMETIC[feature.derive](*operands))


def _log1p(value: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(tf.where(value < 0, float("nan"), value))


def _finite(value: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(value), value, float("nan"))


_TIME: Mapping[Derive, Callable[[tf.Tensor], tf.Tensor]] = {
    Derive.HOUR_OF: hour_of,
    Derive.DAY_OF_WEEK: day_of_week,
    Derive.DAY_OF_YEAR: day_of_year,
}
_ARITHMETIC: Mapping[Derive, Callable[..., tf.Tensor]] = {
    Derive.DIFFERENCE: tf.subtract,
    Derive.RATIO: tf.truediv,  # x/0 is infinite or NaN: missing
    Derive.LOG1P: _log1p,
}


def _offset(table: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, table).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
