"""Value rules: a value that a rule refuses becomes null, in the order of time of its source."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.spec import ValueRule
from components.data.tables.joins import factorize
from components.data.tables.primary import series_column

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_COMPARISONS: Mapping[str, Callable[[Any, float], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class RuleResult:
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


def apply_rules(table: pa.Table, rules: Sequence[ValueRule], event_time: str | None) -> RuleResult:
    """Applies rules one after the other; each sees what the ones before it left.

    Args:
        table: The columns of the rules are float64.
        rules: Rules on this table's columns.
        event_time: The column whose order a `change` follows; None for the order of the rows.
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
    """Which values of one series change too much from the last accepted one.

    Two refused values in a row that agree with each other are a new level, not an error: the
    second is accepted, and later values are compared with it.

    Args:
        numbers: The series in order of time, shape [values], without NaN.
        rule: A rule on changes.
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
