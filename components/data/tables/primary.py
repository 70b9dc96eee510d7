"""The primary table by span, and the columns that a plan reads of each source."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceRead
from components.core.digest import digest_of
from components.core.plan import Plan
from components.core.span_files import uri_of
from components.core.spans import Span
from components.core.spec import FeatureKind, Spec, ValueRule, parse_rule
from components.data.tables.columns import column_us, instant_us
from components.data.tables.sources import (
    ColumnSelection,
    decide_types,
    digest_table,
    fetch,
    fetch_types,
    parse,
    source_read,
)

_T = TypeVar("_T")


@dataclass(frozen=True)
class SpanRows:
    """The primary rows of one span.

    Attributes:
        span: The span.
        digest: Digest of the rows, and of the types that they are read as.
        rows: Reads them.
        read: The lineage entry, given how many rows `rows` returned; None if another span has it.
    """

    span: Span
    digest: str
    rows: Callable[[], pa.Table]
    read: Callable[[int], SourceRead] | None


def rows_by_span(plan: Plan) -> Iterator[SpanRows]:
    """Yields the rows of each span of a plan, oldest first; one span at a time is in memory.

    Raises:
        InputError: A file is missing, cannot be read, or lacks a column.
    """
    if plan.spec.data.primary.placeholder is None:
        return _of_one_file(plan)
    return _of_files(plan)


def primary_columns(plan: Plan) -> ColumnSelection:
    """The columns of the primary table: key, time, label, join keys, features and rules."""
    spec = plan.spec
    joined = (column for source in spec.data.external.values() for column in source.on)
    answer = FeatureKind.CATEGORY if isinstance(spec.label.equals, str) else FeatureKind.NUMBER
    plain = dict.fromkeys((*spec.data.primary.key, *joined))
    selection = _selection(plan, None, plain, spec.data.primary.event_time)
    return {spec.label.column: answer, **selection}


def external_columns(plan: Plan, name: str) -> ColumnSelection:
    """The columns of one external source: its join keys, time, features and rules."""
    source = plan.spec.data.external[name]
    return _selection(plan, name, source.on, source.event_time)


def rules_of(spec: Spec, table: str | None) -> tuple[ValueRule, ...]:
    """The rules on the columns of one source, in the spec's order; None: the primary table."""
    rules = (parse_rule(rule.null_if) for rule in spec.rules)
    return tuple(rule for rule in rules if rule.table == table)


def series_column(rule: ValueRule) -> str | None:
    """The column, of the rule's own table, that separates one series from another."""
    return rule.by.rpartition(".")[2] if rule.by else None


def _selection(
    plan: Plan, table: str | None, plain: Iterable[str], event_time: str | None
) -> ColumnSelection:
    """What a feature needs of a column counts before what a rule does, and both before `plain`."""
    rules = rules_of(plan.spec, table)
    series = (column for rule in rules if (column := series_column(rule)))
    kinds: dict[str, FeatureKind | None] = dict.fromkeys((*plain, *series), None)
    kinds |= dict.fromkeys((rule.column for rule in rules), FeatureKind.NUMBER)
    kinds |= {event_time: FeatureKind.TIMESTAMP} if event_time else {}
    for feature in plan.columns:
        source, _, name = feature.source.rpartition(".")
        if source == (table or ""):
            kinds[name] = FeatureKind(feature.kind)
    return kinds


def _of_files(plan: Plan) -> Iterator[SpanRows]:
    primary, uri = plan.spec.data.primary, plan.spec.data.primary.uri
    every = (fetch_types(uri_of(uri, span), primary) for span in plan.time_spans)
    selection = decide_types(primary_columns(plan), every)
    types = sorted((name, str(kind)) for name, kind in selection.items())
    for span in plan.time_spans:
        file = fetch(uri_of(uri, span), primary)
        read = partial(source_read, file, origin=primary.origin, licence=primary.licence)
        yield SpanRows(span, digest_of([file.digest, types]), partial(parse, file, selection), read)


def _of_one_file(plan: Plan) -> Iterator[SpanRows]:
    primary = plan.spec.data.primary
    file = fetch(primary.uri, primary)
    table = parse(file, primary_columns(plan))
    whole = source_read(file, table.num_rows, primary.origin, primary.licence)
    timeless = table.filter(pc.is_null(table[primary.event_time]))
    table = table.filter(pc.is_valid(table[primary.event_time])).sort_by(primary.event_time)
    times = column_us(table[primary.event_time])
    for index, span in enumerate(plan.time_spans):
        first, end = np.searchsorted(times, [instant_us(span.start), instant_us(span.end)])
        rows = table.slice(first, end - first)
        # A row without a time is counted once, with the first span.
        rows = pa.concat_tables([rows, timeless]) if index == 0 else rows
        read = partial(_same, whole) if index == 0 else None
        yield SpanRows(span, digest_table(rows), partial(_same, rows), read)


def _same(value: _T, *_: object) -> _T:
    return value
