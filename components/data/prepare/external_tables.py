"""External sources, ready to be joined, and the value rules that are applied to each source."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceRead, SourceState
from components.core.plan import Plan
from components.core.spans import Span
from components.core.spec import External, ValueRule
from components.data.tables.columns import (
    Bools,
    Floats,
    Ints,
    column_us,
    duration_us,
    instant_from_us,
    instant_us,
)
from components.data.tables.joins import factorize, is_first
from components.data.tables.primary import external_columns, rules_of, series_column
from components.data.tables.sources import digest_table, fetch, parse, source_read

_COMPARISONS: Mapping[str, Callable[[Any, float], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class ExternalTable:
    """One external source.

    Attributes:
        name: Its name in the spec.
        source: Its part of the spec.
        table: Its rows, refused values null; a history by time, without rows that have none.
        refused: Rule text to the rows whose value it refused, shape [rows].
    """

    name: str
    source: External
    table: pa.Table
    refused: Mapping[str, Bools]

    def rows_for(self, span: Span) -> pa.Table:
        """The rows that an example of the span could be joined with."""
        if self.source.event_time is None:
            return self.table
        first = 0
        if self.source.max_age is not None:
            oldest = instant_us(span.start) - duration_us(self.source.max_age)
            first = int(np.searchsorted(self._times, oldest))
        newest = instant_us(span.end) - duration_us(self.source.known_after)
        return self.table.slice(first, int(np.searchsorted(self._times, newest)) - first)

    def digest_for(self, rows: pa.Table) -> str:
        """The digest of what `rows_for` returned; that of a static table is computed once."""
        return self._digest if self.source.event_time is None else digest_table(rows)

    def refused_in(self, span: Span, is_first: bool) -> dict[str, int]:
        """Rule text to the values refused whose time lies in the span.

        A static table has no time: what was refused in it counts with the first span.
        """
        if self.source.event_time is None:
            return {text: int(mask.sum()) * is_first for text, mask in self.refused.items()}
        first, end = np.searchsorted(self._times, [instant_us(span.start), instant_us(span.end)])
        return {text: int(mask[first:end].sum()) for text, mask in self.refused.items()}

    def state(self, as_of: datetime, future_rows: int) -> SourceState:
        """The lineage entry of the source as of an instant."""
        columns, newest = list(self.source.on), None
        if self.source.event_time is not None:
            columns.append(self.source.event_time)
            latest = instant_us(as_of) - duration_us(self.source.known_after)
            known = self._times[: np.searchsorted(self._times, latest, side="right")]
            newest = instant_from_us(int(known[-1])) if len(known) else None
        repeated = int((~is_first([self.table[column] for column in columns])).sum())
        return SourceState(
            name=self.name, newest=newest, future_rows=future_rows, duplicates=repeated
        )

    @cached_property
    def _times(self) -> Ints:
        return column_us(self.table[self.source.event_time])

    @cached_property
    def _digest(self) -> str:
        return digest_table(self.table)


@dataclass(frozen=True)
class RuleResult:
    """A table, refused values null, and rule text to the rows whose value it refused."""

    table: pa.Table
    masks: Mapping[str, Bools]

    @property
    def counts(self) -> dict[str, int]:
        """Rule text to how many values it refused."""
        return {text: int(mask.sum()) for text, mask in self.masks.items()}


def read_external(plan: Plan) -> tuple[tuple[ExternalTable, ...], tuple[SourceRead, ...]]:
    """Reads every external source of a plan, rules applied; and their lineage entries.

    A `change` follows the source's whole history, so that what is refused does not depend on
    the span that is prepared.
    """
    tables, read = [], []
    for name, source in sorted(plan.spec.data.external.items()):
        file = fetch(source.uri, source)
        table = parse(file, external_columns(plan, name))
        read.append(source_read(file, table.num_rows, source.origin, source.licence))
        if source.event_time is not None:
            table = table.filter(pc.is_valid(table[source.event_time])).sort_by(source.event_time)
        ruled = apply_rules(table, rules_of(plan.spec, name), source.event_time)
        tables.append(ExternalTable(name, source, ruled.table.combine_chunks(), ruled.masks))
    return tuple(tables), tuple(read)


def apply_rules(table: pa.Table, rules: Sequence[ValueRule], event_time: str | None) -> RuleResult:
    """Applies rules, on float64 columns, in turn; each sees what the ones before it left.

    A `change` follows the order of `event_time`, or of the rows if it is None.
    """
    masks: dict[str, Bools] = {}
    for rule in rules:
        values = table[rule.column].combine_chunks()
        numbers = values.to_numpy(zero_copy_only=False)
        if rule.change:
            mask = _refused_changes(table, numbers, rule, event_time)
        else:
            mask = _is_beyond(numbers, rule)
        masks[rule.text] = mask
        kept = pc.if_else(pa.array(mask), pa.scalar(None, pa.float64()), values)
        table = table.set_column(table.schema.get_field_index(rule.column), rule.column, kept)
    return RuleResult(table, masks)


def sudden_changes(numbers: Floats, rule: ValueRule) -> Bools:
    """Which values of one series, in order of time and without NaN, change too much.

    Each is compared with the last accepted one. Two refused values in a row that agree with each
    other are a new level, not an error: the second is accepted.
    """
    refused = np.zeros(len(numbers), np.bool_)
    accepted = before = numbers[0] if len(numbers) else 0.0
    for row, number in enumerate(numbers):
        far = _is_beyond(number - accepted, rule)
        refused[row] = far and (not refused[row - 1] or _is_beyond(number - before, rule))
        accepted, before = accepted if refused[row] else number, number
    return refused


def _refused_changes(
    table: pa.Table, numbers: Floats, rule: ValueRule, event_time: str | None
) -> Bools:
    by = series_column(rule)
    series = factorize([table[by]])[0] if by else np.zeros(len(numbers), np.int64)
    time = table[event_time].cast(pa.int64()).fill_null(0).to_numpy() if event_time else series
    order = np.lexsort((time, series))
    order = order[~np.isnan(numbers[order])]
    refused = np.zeros(len(numbers), np.bool_)
    suspicious = _is_beyond(np.diff(numbers[order]), rule) & (np.diff(series[order]) == 0)
    for code in np.unique(series[order][1:][suspicious]):
        rows = order[series[order] == code]
        refused[rows] = sudden_changes(numbers[rows], rule)
    return refused


def _is_beyond(numbers: Any, rule: ValueRule) -> Any:
    """Whether each number lies beyond the limit; NaN compares as False."""
    return _COMPARISONS[rule.comparison](np.abs(numbers) if rule.absolute else numbers, rule.limit)
