"""The labels that have arrived: read from the table of examples, by the spec's own rule."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from components.core.artifacts import SourceRead
from components.core.plan import Plan
from components.core.spans import TimeInterval, parse_instant
from components.data.observe.answers import is_due
from components.data.observe.prediction_log import INSTANT
from components.data.observe.window import within
from components.data.prepare.labels import read_labels
from components.data.prepare.primary import uri_of
from components.data.prepare.tables import SourceFile, fetch, parse, read_of
from components.data.prepare.wanted import Wanted, wanted_of_primary

ARROW_TYPES = {"number": pa.float64(), "category": pa.string(), "timestamp": INSTANT}


@dataclass(frozen=True)
class Answers:
    """What is known by the plan's instant.

    Attributes:
        table: Key columns and the label column (int8, null where it is not known).
        read: The files that it was read from.
    """

    table: pa.Table
    read: tuple[SourceRead, ...]


def read_answers(plan: Plan, *intervals: TimeInterval) -> Answers:
    """Reads the labels of the examples of intervals of event time, at least one.

    Raises:
        InputError: A file cannot be read, or lacks a column.
    """
    wanted, primary = _wanted(plan), plan.spec.data.primary
    spans = [s for s in plan.cut if any(s.start < i.end and s.end > i.start for i in intervals)]
    uris = dict.fromkeys(uri_of(primary.uri, span) for span in spans)
    files = [fetch(uri, primary.format) for uri in uris]
    tables = [parse(file, wanted) for file in files]
    parts = [_labelled(plan, table, intervals) for table in tables] or [_nothing(plan, wanted)]
    return Answers(
        table=pa.concat_tables(parts, promote_options="permissive"),
        read=tuple(_read(file, table) for file, table in zip(files, tables, strict=True)),
    )


def _wanted(plan: Plan) -> Wanted:
    """The few columns that say whose answer it is, from when on, and what it is."""
    primary, every = plan.spec.data.primary, wanted_of_primary(plan)
    names = dict.fromkeys((*primary.key, primary.event_time, plan.spec.label.column))
    return {name: every[name] for name in names}


def _labelled(plan: Plan, table: pa.Table, intervals: Iterable[TimeInterval]) -> pa.Table:
    primary, label = plan.spec.data.primary, plan.spec.label
    inside = within(table, primary.event_time, *intervals)
    known = is_due(inside[primary.event_time], label.known_after, parse_instant(plan.as_of))
    labels = read_labels(inside[label.column], known, label)
    return inside.select(list(primary.key)).append_column(label.name, labels)


def _nothing(plan: Plan, wanted: Wanted) -> pa.Table:
    key = plan.spec.data.primary.key
    types = {name: ARROW_TYPES.get(str(wanted[name]), pa.string()) for name in key}
    return pa.schema({**types, plan.spec.label.name: pa.int8()}).empty_table()


def _read(file: SourceFile, table: pa.Table) -> SourceRead:
    return read_of(file, table.num_rows)
