"""Value rules: a value that a rule refuses becomes missing, in its source's own order of time."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.spec import ValueRule
from components.data.prepare.keys import codes_of
from components.data.prepare.wanted import series_column

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_COMPARISONS: Mapping[str, Callable[[Any, float], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Refused:
    """A table after its rules.

    Attributes:
        table: The table; refused values are null.
        masks: Rule text to the rows, shape [rows], whose value it refused.
    """

    table: pa.Table
    masks: Mapping[str, Bools]

    @property
    def counts(self) -> dict[str, int]:
        """Rule text to how many values it refused."""
        return {text: int(mask.sum()) for text, mask in self.masks.items()}


def refuse_values(table: pa.Table, rules: Sequence[ValueRule], event_time: str | None) -> Refused:
    """Applies rules one after the other; each sees what the ones before it left.

    Args:
        table: Columns that rules judge are float64, missing is null.
        rules: Rules on this table's columns.
        event_time: The column whose order a `change` follows; None: the order of the rows.
    """
    masks: dict[str, Bools] = {}
    for rule in rules:
        values = table[rule.column].combine_chunks()
        numbers = values.to_numpy(zero_copy_only=False)
        mask = _changes(table, numbers, rule, event_time) if rule.change else _levels(numbers, rule)
        masks[rule.text] = mask
        kept = pc.if_else(pa.array(mask), pa.scalar(None, pa.float64()), values)
        table = table.set_column(table.schema.get_field_index(rule.column), rule.column, kept)
    return Refused(table, masks)


def _levels(numbers: Floats, rule: ValueRule) -> Bools:
    """Which values lie beyond the limit; a missing one (NaN) compares as False."""
    judged = np.abs(numbers) if rule.absolute else numbers
    beyond: Bools = _COMPARISONS[rule.comparison](judged, rule.limit)
    return beyond


def _changes(table: pa.Table, numbers: Floats, rule: ValueRule, event_time: str | None) -> Bools:
    by = series_column(rule)
    series = codes_of([table[by]])[0] if by else np.zeros(len(numbers), np.int64)
    time = table[event_time].cast(pa.int64()).fill_null(0).to_numpy() if event_time else series
    order = np.lexsort((time, series))
    order = order[~np.isnan(numbers[order])]
    refused = np.zeros(len(numbers), np.bool_)
    suspicious = _levels(np.diff(numbers[order]), rule) & (np.diff(series[order]) == 0)
    for code in np.unique(series[order][1:][suspicious]):
        rows = order[series[order] == code]
        refused[rows] = refused_changes(numbers[rows], rule)
    return refused


def refused_changes(numbers: Floats, rule: ValueRule) -> Bools:
    """Which values of one series change too much from the last accepted one.

    Two refused values in a row that agree with each other are a new level, not an error: the
    second is accepted, and judging goes on from there.

    Args:
        numbers: The series in order of time, shape [values], none missing.
        rule: A rule on changes.
    """
    refused = np.zeros(len(numbers), np.bool_)
    accepted = before = numbers[0] if len(numbers) else 0.0
    for row, number in enumerate(numbers):
        far = _is_beyond(number - accepted, rule)
        refused[row] = far and (not refused[row - 1] or _is_beyond(number - before, rule))
        accepted, before = accepted if refused[row] else number, number
    return refused


def _is_beyond(change: float, rule: ValueRule) -> bool:
    judged = abs(change) if rule.absolute else change
    return bool(_COMPARISONS[rule.comparison](judged, rule.limit))
