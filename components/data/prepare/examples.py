"""The examples of one span: rows of the primary table with what was known at each one's time."""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import Record, SpanCount, SplitName
from components.core.errors import InputError
from components.core.plan import Plan, Windows
from components.core.spans import Span
from components.core.spec import External
from components.data.prepare.external_tables import apply_rules
from components.data.tables import joins
from components.data.tables.columns import (
    INSTANT,
    Ints,
    column_us,
    is_due,
    read_labels,
    rows_within,
)
from components.data.tables.primary import rules_of


class SpanFacts(Record):
    """What is known of a prepared span.

    Attributes:
        count: What it holds; refused values only of the primary table.
        future_rows: External source to joined rows that were not known yet; must be 0.
        rows_read: Rows of the primary file.
    """

    count: SpanCount
    future_rows: Mapping[str, int]
    rows_read: int


class PreparedSpan(NamedTuple):
    """Key columns, event time, raw columns, label, by event time, then key; and their facts."""

    examples: pa.Table
    facts: SpanFacts


def prepare_span(
    plan: Plan, span: Span, primary: pa.Table, external: Mapping[str, pa.Table]
) -> PreparedSpan:
    """Makes the examples of one span from its arguments alone.

    Args:
        plan: Its spec, columns and instant count.
        span: The span.
        primary: Rows of the primary table; those outside the span are left out.
        external: Source to its table, rules applied, with all rows that the span can join.

    Raises:
        InputError: The label cannot be read, or join keys are of types that do not compare.
    """
    spec, data = plan.spec, plan.spec.data.primary
    rows, left_out = _rows_of(plan, span, primary)
    ruled = apply_rules(rows, rules_of(spec, None), data.event_time)
    order = dict.fromkeys((data.event_time, *data.key))
    rows = ruled.table.sort_by([(name, "ascending") for name in order])
    unique = rows.filter(pa.array(joins.is_first([rows[column] for column in data.key])))
    times = column_us(unique[data.event_time])
    joined = {n: _join(n, s, unique, times, external[n]) for n, s in spec.data.external.items()}
    due = is_due(unique[data.event_time], spec.label.known_after, plan.as_of)
    labels = read_labels(unique[spec.label.column], due, spec.label)
    count = SpanCount(
        span=span.name,
        rows=unique.num_rows,
        due=pc.sum(due).as_py() or 0,
        labelled=len(labels) - labels.null_count,
        positives=pc.sum(labels).as_py() or 0,
        joined={name: int((found >= 0).sum()) for name, (found, _) in joined.items()},
        refused=ruled.counts,
        duplicates=rows.num_rows - unique.num_rows,
        **left_out,
    )
    examples = _assemble(plan, unique, external, {n: f for n, (f, _) in joined.items()}, labels)
    future_rows = {name: leaked for name, (_, leaked) in joined.items()}
    facts = SpanFacts(count=count, future_rows=future_rows, rows_read=primary.num_rows)
    return PreparedSpan(examples, facts)


def split_examples(
    examples: pa.Table, event_time: str, label: str, windows: Windows
) -> Mapping[SplitName, pa.Table]:
    """The labelled rows of each split, in their order; a row without a label is in no split."""
    labelled = examples.filter(pc.is_valid(examples[label]))
    return {
        split: rows_within(labelled, event_time, *getattr(windows, split)) for split in SplitName
    }


def _rows_of(plan: Plan, span: Span, primary: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """The span's rows before `as_of`, and how many were left out for which reason."""
    data = plan.spec.data.primary
    needed = (*data.key, data.event_time)
    complete = primary.filter(reduce(pc.and_, (pc.is_valid(primary[name]) for name in needed)))
    inside = rows_within(complete, data.event_time, span.interval)
    left_out = {
        "keyless": primary.num_rows - complete.num_rows,
        "outside": complete.num_rows - inside.num_rows,
    }
    is_past = pc.less(inside[data.event_time], pa.scalar(plan.as_of, INSTANT))
    return inside.filter(is_past), left_out


def _join(
    name: str, source: External, rows: pa.Table, times: Ints, table: pa.Table
) -> tuple[Ints, int]:
    """The row of a source for each example, and how many of these were not known yet."""
    keys = [rows[column] for column in source.on]
    source_keys = joins.key_columns(table, rows, source.on, name)
    if source.event_time is None:
        return joins.lookup_join(keys, source_keys), 0
    source_times, delay = column_us(table[source.event_time]), source.known_after
    found = joins.asof_join(keys, times, source_keys, source_times, delay, source.max_age)
    return found, joins.leaked_rows(times, source_times, found, delay)


def _assemble(
    plan: Plan,
    rows: pa.Table,
    external: Mapping[str, pa.Table],
    found: Mapping[str, Ints],
    labels: pa.Array,
) -> pa.Table:
    data, label = plan.spec.data.primary, plan.spec.label.name
    columns = {name: rows[name].combine_chunks() for name in (*data.key, data.event_time)}
    for column in plan.columns:
        table, dot, name = column.source.rpartition(".")
        if dot:
            index = pa.array(found[table], mask=found[table] < 0)
            columns[column.name] = external[table][name].take(index).combine_chunks()
        else:
            columns[column.name] = rows[name].combine_chunks()
    if label in columns:
        raise InputError("label.name", label, "a name that no key or raw column has")
    return pa.table({**columns, label: labels})
