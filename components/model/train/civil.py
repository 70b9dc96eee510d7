"""Hours and days of an instant in a time zone, computed in the graph.

Dates by the arithmetic of Howard Hinnant's "chrono-compatible low-level date algorithms": years
begin in March, so that the leap day is the last of its year.
"""

import tensorflow as tf

from components.model.train.zones import offsets_of

_DAY_S = 86_400
_ERA_DAYS = 146_097  # 400 years
_MARCH_1_OF_0 = 719_468  # days from there to 1970-01-01
_MARCH_TO_JANUARY = 306  # days


def local_seconds(seconds: tf.Tensor, zone: str) -> tf.Tensor:
    """Seconds since 1970-01-01 00:00 by the clock on the wall.

    Args:
        seconds: int64 [n], seconds since 1970 UTC.
        zone: A zone of the IANA database.

    Returns:
        int64 [n].
    """
    offsets = offsets_of(zone)
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
