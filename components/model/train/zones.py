"""Time zones as tables: from which instant on which offset from UTC holds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2051, 1, 1, tzinfo=UTC)
_DAY_S = 86_400


@dataclass(frozen=True)
class Offsets:
    """The offsets of a zone, 1970 to 2050; earlier the first one holds, later the last one.

    Attributes:
        since: Seconds since 1970 UTC from which each offset but the first holds, ascending.
        seconds: What is added to UTC to get local time; one more than `since`.
    """

    since: tuple[int, ...]
    seconds: tuple[int, ...]


@cache
def offsets_of(zone: str) -> Offsets:
    """Reads a zone of the IANA database, day by day and then to the second.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: There is no such zone.
    """
    table = ZoneInfo(zone)
    start, end = int(_FIRST.timestamp()), int(_LAST.timestamp())
    since, seconds = [], [_offset(table, start)]
    for day in range(start, end, _DAY_S):
        if _offset(table, day + _DAY_S) != seconds[-1]:
            since.append(_change(table, day, day + _DAY_S))
            seconds.append(_offset(table, day + _DAY_S))
    return Offsets(tuple(since), tuple(seconds))


def _change(table: ZoneInfo, before: int, after: int) -> int:
    """The first second at which the offset is that of `after`."""
    wanted = _offset(table, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(table, middle) == wanted else (middle, after)
    return after


def _offset(table: ZoneInfo, second: int) -> int:
    offset = (_FIRST + timedelta(seconds=second)).astimezone(table).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
