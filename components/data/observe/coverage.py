"""What was observed, in numbers: ``coverage.json``."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import Record, SourceRead
from components.core.spans import TimeInterval, format_instant
from components.data.prepare.instants import microseconds, of_instant

_HOUR_US = 3_600_000_000


class WindowCoverage(Record):
    """What one window holds.

    Attributes:
        start: Its first instant (ISO).
        end: The first instant after it (ISO).
        rows: Predictions in it, one for each example and version.
        due: Those whose label must be known.
        labelled: Those of `due` whose label is in.
        keyless: Rows that lack a part of the key, so that no label can be found.
        repeated: Rows left out because their example had been answered by that version before.
        versions: Model version to its rows.
        empty_hours: Hours of the window without a row.
        longest_silence_h: The longest stretch of the window without a row, in hours.
    """

    start: str
    end: str
    rows: int
    due: int
    labelled: int
    keyless: int
    repeated: int
    versions: Mapping[str, int]
    empty_hours: int
    longest_silence_h: float


class Coverage(Record):
    """``coverage.json``.

    Attributes:
        plan: Digest of the plan.
        as_of: The instant that is looked back from (ISO).
        watch: The window that monitoring judges.
        before: The window before that one.
        labelled: The window whose labels judge performance; often `watch` itself.
        newest: The newest logged event time before `as_of` (ISO); None: there is none.
        timeless: Rows of the whole log without an event time, which belong to no window.
        unreadable: Files of the log that are no Parquet.
        sources: What was read: the log, and the tables that labels come from.
    """

    plan: str
    as_of: str
    watch: WindowCoverage
    before: WindowCoverage
    labelled: WindowCoverage
    newest: str | None
    timeless: int
    unreadable: tuple[str, ...]
    sources: tuple[SourceRead, ...]


def coverage_of(
    rows: pa.Table,
    repeated: int,
    window: TimeInterval,
    event_time: str,
    key: Sequence[str],
    label: str,
) -> WindowCoverage:
    """Counts one window.

    Args:
        rows: Its observed rows, with the label column and ``due``.
        repeated: Rows that were left out before.
        window: The window.
        event_time: The column that says when an example exists.
        key: The columns that identify an example.
        label: The label column.
    """
    labels, versions = rows[label], pc.value_counts(rows["version"]).to_pylist()
    empty, longest = silence(microseconds(rows[event_time]), window)
    return WindowCoverage(
        start=format_instant(window.start),
        end=format_instant(window.end),
        rows=rows.num_rows,
        due=pc.sum(rows["due"]).as_py() or 0,
        labelled=len(labels) - labels.null_count,
        keyless=keyless(rows, key),
        repeated=repeated,
        versions={str(v["values"]): v["counts"] for v in sorted(versions, key=_by_version)},
        empty_hours=empty,
        longest_silence_h=longest,
    )


def keyless(rows: pa.Table, key: Sequence[str]) -> int:
    """How many rows lack a part of their key."""
    missing = np.zeros(rows.num_rows, np.bool_)
    for column in key:
        missing |= pc.is_null(rows[column]).to_numpy()
    return int(missing.sum())


def silence(times: np.ndarray, window: TimeInterval) -> tuple[int, float]:
    """Where nothing was asked.

    Args:
        times: Event times within the window, microseconds since 1970, int64 [rows].
        window: The window.

    Returns:
        Clock hours of the window without a row, and the longest stretch without one in hours,
        from the window's start and to its end.
    """
    start, end = of_instant(window.start), of_instant(window.end)
    hours = -(-end // _HOUR_US) - start // _HOUR_US
    empty = hours - len(np.unique(times // _HOUR_US))
    edges = np.concatenate(([start], np.sort(times), [end]))
    return int(empty), round(float(np.diff(edges).max()) / _HOUR_US, 2)


def newest_of(rows: pa.Table, event_time: str) -> datetime | None:
    """The newest event time of a table; None where it has no rows."""
    newest: datetime | None = pc.max(rows[event_time]).as_py()
    return newest


def _by_version(count: Mapping[str, object]) -> str:
    return str(count["values"])
