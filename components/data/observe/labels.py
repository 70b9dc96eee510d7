"""The labels that have arrived, read from the primary table as the spec defines them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceRead
from components.core.plan import Plan
from components.core.spans import TimeInterval
from components.data.tables.columns import (
    ARROW_TYPES,
    INSTANT,
    duration_us,
    instant_us,
    read_labels,
)
from components.data.tables.primary import primary_columns, uri_of
from components.data.tables.sources import ColumnSelection, fetch, parse, source_read


@dataclass(frozen=True)
class ArrivedLabels:
    """What is known by the plan's instant.

    Attributes:
        table: Key columns and the label column (int8, null if not known).
        read: The files that it was read from.
    """

    table: pa.Table
    read: tuple[SourceRead, ...]


def read_arrived_labels(plan: Plan, *intervals: TimeInterval) -> ArrivedLabels:
    """Reads the labels of the examples of one or more intervals of event time.

    Raises:
        InputError: A file cannot be read, or lacks a column.
    """
    selection, primary = _selection(plan), plan.spec.data.primary
    spans = [s for s in plan.cut if any(s.start < i.end and s.end > i.start for i in intervals)]
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
