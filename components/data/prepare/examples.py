"""The examples of one span: rows of the primary table with what was known beside each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SpanCount
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.spans import Span, parse_instant
from components.core.spec import External
from components.data.prepare import joins
from components.data.prepare.instants import microseconds, of_delta, of_instant
from components.data.prepare.keys import codes_of
from components.data.prepare.labels import read_labels
from components.data.prepare.refusals import refuse_values
from components.data.prepare.wanted import rules_of


@dataclass(frozen=True)
class PreparedSpan:
    """One span, prepared.

    Attributes:
        examples: Key columns, event time, raw columns, label; by event time, then key.
        count: What it holds.
        future_rows: External source to joined rows that were not known yet; must be 0.
    """

    examples: pa.Table
    count: SpanCount
    future_rows: Mapping[str, int]


def prepare_span(
    plan: Plan, span: Span, primary: pa.Table, external: Mapping[str, pa.Table]
) -> PreparedSpan:
    """Makes the examples of one span; it reads nothing but its arguments.

    Args:
        plan: What is wanted.
        span: The span.
        primary: Rows of the primary table; those outside of the span are left out.
        external: Source to its table, rules applied, with all rows that the span can join.

    Raises:
        InputError: The label cannot be read, or join keys are of types that do not compare.
    """
    spec = plan.spec
    rows, lost = _rows_of(plan, span, primary)
    refused = refuse_values(rows, rules_of(spec, None), spec.data.primary.event_time)
    rows = _in_order(refused.table, plan)
    single = _first_of_key(rows, plan)
    times = microseconds(single[spec.data.primary.event_time])
    beside = {n: _join(n, s, single, times, external[n]) for n, s in spec.data.external.items()}
    due = times + of_delta(spec.label.known_after) <= of_instant(parse_instant(plan.as_of))
    labels = read_labels(single[spec.label.column], pa.array(due), spec.label)
    count = SpanCount(
        span=span.name,
        rows=single.num_rows,
        due=int(due.sum()),
        labelled=len(labels) - labels.null_count,
        positives=pc.sum(labels).as_py() or 0,
        joined={name: int((found >= 0).sum()) for name, (found, _) in beside.items()},
        refused=refused.counts,
        duplicates=rows.num_rows - single.num_rows,
        **lost,
    )
    examples = _assemble(plan, single, external, {n: f for n, (f, _) in beside.items()}, labels)
    return PreparedSpan(examples, count, {name: late for name, (_, late) in beside.items()})


def _rows_of(plan: Plan, span: Span, primary: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """The span's rows before `as_of`, and how many were left out for which reason."""
    data = plan.spec.data.primary
    nameless = pa.array(np.zeros(primary.num_rows, np.bool_))
    for column in (*data.key, data.event_time):
        nameless = pc.or_(nameless, pc.is_null(primary[column]))
    named = primary.filter(pc.invert(nameless))
    times = microseconds(named[data.event_time])
    inside = (times >= of_instant(span.start)) & (times < of_instant(span.end))
    known = inside & (times < of_instant(parse_instant(plan.as_of)))
    lost = {
        "keyless": primary.num_rows - named.num_rows,
        "outside": int((~inside).sum()),
    }
    return named.filter(pa.array(known)), lost


def _in_order(rows: pa.Table, plan: Plan) -> pa.Table:
    data = plan.spec.data.primary
    names = dict.fromkeys((data.event_time, *data.key))
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names]))


def _first_of_key(rows: pa.Table, plan: Plan) -> pa.Table:
    (codes,) = codes_of([rows[column] for column in plan.spec.data.primary.key])
    _, first = np.unique(codes, return_index=True)
    return rows if len(first) == rows.num_rows else rows.take(pa.array(np.sort(first)))


def _join(
    name: str, source: External, rows: pa.Table, times: joins.Rows, table: pa.Table
) -> tuple[joins.Rows, int]:
    """For each example the row of a source, and how many of these were not known yet."""
    keys = [rows[column].combine_chunks() for column in source.on]
    source_keys = joins.key_columns(table, rows, source.on, name)
    if source.event_time is None:
        return joins.first_match(keys, source_keys), 0
    delay = of_delta(source.known_after)
    rule = joins.TimeRule(delay, None if source.max_age is None else of_delta(source.max_age))
    source_times = microseconds(table[source.event_time])
    found = joins.newest_known(keys, times, source_keys, source_times, rule)
    return found, joins.rows_from_future(times, source_times, found, delay)


def _assemble(
    plan: Plan,
    rows: pa.Table,
    external: Mapping[str, pa.Table],
    found: Mapping[str, joins.Rows],
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
