"""One window of the prediction log: one prediction an example, its label, and what is covered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceRead
from components.core.plan import Plan
from components.core.spans import TimeInterval
from components.data.tables.columns import (
    ARROW_TYPES,
    INSTANT,
    column_us,
    duration_us,
    instant_us,
    read_labels,
)
from components.data.tables.joins import is_first, lookup_join
from components.data.tables.observations import WindowCoverage
from components.data.tables.primary import primary_columns, uri_of
from components.data.tables.sources import ColumnSelection, fetch, parse, source_read

DUE = "due"
_LOGGED_ORDER = ("logged_at", "request_id", "row")
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class ObservedWindow:
    """A window, observed.

    Attributes:
        rows: The log's columns, the label (null if not known) and ``due``; in order of event
            time, then of logging.
        coverage: What they cover.
    """

    rows: pa.Table
    coverage: WindowCoverage


@dataclass(frozen=True)
class ArrivedLabels:
    """What is known by the plan's instant.

    Attributes:
        table: Key columns and the label column (int8, null if not known).
        read: The files that it was read from.
    """

    table: pa.Table
    read: tuple[SourceRead, ...]


def observe_window(
    plan: Plan, rows: pa.Table, window: TimeInterval, arrived: pa.Table
) -> ObservedWindow:
    """Keeps one prediction for each example and version of a window and joins the labels."""
    data, label = plan.spec.data.primary, plan.spec.label
    inside = rows_within(rows, data.event_time, window)
    first = _sorted(first_predictions(inside, data.key), (data.event_time, *_LOGGED_ORDER))
    due = is_due(first[data.event_time], label.known_after, plan.as_of)
    labelled = join_labels(first.append_column(DUE, due), arrived, data.key, label.name)
    empty, longest = empty_hours(column_us(labelled[data.event_time]), window)
    versions = labelled["version"].value_counts().to_pylist()
    coverage = WindowCoverage(
        start=window.start,
        end=window.end,
        rows=labelled.num_rows,
        due=pc.sum(due).as_py() or 0,
        labelled=labelled.num_rows - labelled[label.name].null_count,
        keyless=count_keyless(labelled, data.key),
        repeated=inside.num_rows - labelled.num_rows,
        versions=dict(sorted((str(v["values"]), v["counts"]) for v in versions)),
        empty_hours=empty,
        longest_silence_h=longest,
    )
    return ObservedWindow(labelled, coverage)


def first_predictions(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Keeps the first logged prediction of each version for each example.

    The first prediction is the one that was acted upon. A later request for the same example (a
    client's retry, a replay, even after the label is known) must not change what an earlier run
    observed. A row with an incomplete key cannot be matched to another, so all of them are kept.

    Returns:
        The rows that are kept, in order of logging.
    """
    ordered = _sorted(rows, _LOGGED_ORDER)
    return ordered.filter(pa.array(is_first([ordered[name] for name in (*key, "version")])))


def join_labels(rows: pa.Table, arrived: pa.Table, key: Sequence[str], label: str) -> pa.Table:
    """Adds the label column.

    Args:
        rows: Rows of the log with a bool column ``due``, keys typed as in `arrived`.
        arrived: Key columns and the label column (int8) of the examples; of two rows with one
            key the first counts, as in training.
        key: The columns that identify an example.
        label: The name of the label column.

    Returns:
        The rows with the label between the log's columns and ``due``: null if it is not due, has
        not arrived, or the key is incomplete.
    """
    found = lookup_join([rows[name] for name in key], [arrived[name] for name in key])
    missing = (found < 0) | ~rows[DUE].to_numpy()
    labels = arrived[label].combine_chunks().take(pa.array(found, mask=missing))
    return rows.add_column(rows.num_columns - 1, label, labels)


def count_keyless(rows: pa.Table, key: Sequence[str]) -> int:
    """Counts the rows with an incomplete key."""
    return int(pc.sum(reduce(pc.or_, (pc.is_null(rows[name]) for name in key))).as_py() or 0)


def empty_hours(times: np.ndarray, window: TimeInterval) -> tuple[int, float]:
    """Measures the gaps in a window.

    Args:
        times: Event times within the window, microseconds since 1970, int64 [rows].
        window: The window.

    Returns:
        Clock hours of the window without a row, and the longest stretch without one in hours,
        from the window's start and to its end.
    """
    start, end = instant_us(window.start), instant_us(window.end)
    hours = -(-end // _HOUR_US) - start // _HOUR_US
    empty = hours - len(np.unique(times // _HOUR_US))
    edges = np.concatenate(([start], np.sort(times), [end]))
    return int(empty), round(float(np.diff(edges).max()) / _HOUR_US, 2)


def read_arrived_labels(plan: Plan, *intervals: TimeInterval) -> ArrivedLabels:
    """Reads the labels of the examples of one or more intervals of event time.

    Raises:
        InputError: A file cannot be read, or lacks a column.
    """
    selection, primary = _selection(plan), plan.spec.data.primary
    spans = [
        s for s in plan.time_spans if any(s.start < i.end and s.end > i.start for i in intervals)
    ]
    uris = dict.fromkeys(uri_of(primary.uri, span) for span in spans)
    files = [fetch(uri, primary.format) for uri in uris]
    tables = [parse(file, selection) for file in files]
    parts = [_labelled(plan, table, *intervals) for table in tables] or [_empty(plan, selection)]
    return ArrivedLabels(
        table=pa.concat_tables(parts, promote_options="permissive"),
        read=tuple(source_read(f, t.num_rows) for f, t in zip(files, tables, strict=True)),
    )


def is_due(times: pa.ChunkedArray, known_after: timedelta, as_of: datetime) -> pa.Array:
    """Whether the label of each example must be known, bool [rows].

    Args:
        times: Event times, timestamp[us, UTC], shape [rows], without nulls.
        known_after: How long after its event time a label is known.
        as_of: The instant of the plan.
    """
    latest = instant_us(as_of) - duration_us(known_after)
    return pc.less_equal(times.cast(pa.int64()), latest).combine_chunks()


def rows_within(rows: pa.Table, event_time: str, *intervals: TimeInterval) -> pa.Table:
    """The rows of one or more intervals of event time; a row without a time is in none."""
    inside = (_is_inside(rows[event_time], interval) for interval in intervals)
    return rows.filter(reduce(pc.or_, inside))


def _sorted(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in (*columns, "version")])


def _selection(plan: Plan) -> ColumnSelection:
    """The few columns that identify an example and say its label and when it is known."""
    primary, every = plan.spec.data.primary, primary_columns(plan)
    names = dict.fromkeys((*primary.key, primary.event_time, plan.spec.label.column))
    return {name: every[name] for name in names}


def _labelled(plan: Plan, table: pa.Table, *intervals: TimeInterval) -> pa.Table:
    primary, label = plan.spec.data.primary, plan.spec.label
    inside = rows_within(table, primary.event_time, *intervals)
    known = is_due(inside[primary.event_time], label.known_after, plan.as_of)
    labels = read_labels(inside[label.column], known, label)
    return inside.select(list(primary.key)).append_column(label.name, labels)


def _empty(plan: Plan, selection: ColumnSelection) -> pa.Table:
    key = plan.spec.data.primary.key
    types = {name: ARROW_TYPES.get(selection[name] or "", pa.string()) for name in key}
    return pa.schema({**types, plan.spec.label.name: pa.int8()}).empty_table()


def _is_inside(times: pa.ChunkedArray, interval: TimeInterval) -> pa.ChunkedArray:
    start, end = pa.scalar(interval.start, INSTANT), pa.scalar(interval.end, INSTANT)
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
