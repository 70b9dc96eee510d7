"""Parts of a holdout, one for each value of a column, with the metrics of their floors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.core.errors import InputError
from components.core.spec import Slice
from components.core.tasks import Task

MISSING = "(missing)"
_MOST_VALUES = 2_000


@dataclass(frozen=True)
class SliceScore:
    """What a model scores on one slice of one holdout.

    Attributes:
        holdout: The holdout's name.
        by: The column.
        value: Its value.
        rows: Rows of the slice.
        floors: The floors of the spec, by metric.
        metrics: The same metrics, measured; None where one is not defined.
        is_judged: Whether it has the rows that the spec asks for.
    """

    holdout: str
    by: str
    value: str
    rows: int
    floors: Mapping[str, float]
    metrics: Mapping[str, float | None]
    is_judged: bool


def slice_scores(
    task: Task,
    slices: Sequence[Slice],
    holdout: str,
    rows: pa.Table,
    label: NDArray[np.float64],
    probability: NDArray[np.float64],
) -> tuple[SliceScore, ...]:
    """Measures every slice of a holdout, largest first within a column.

    Args:
        task: The task, whose metrics the floors name.
        slices: The spec's slices.
        holdout: The holdout's name.
        rows: The holdout's rows, with the slices' columns.
        label: float64 [n].
        probability: float64 [n].

    Raises:
        InputError: A column is not among the examples', or has too many values for slices.
    """
    found = []
    for part in slices:
        for value, members in _members(rows, part.by):
            metrics = {
                n: task.metrics[n](label[members], probability[members]) for n in part.floors
            }
            judged = len(members) >= part.rows
            score = (value, len(members), part.floors, metrics, judged)
            found.append(SliceScore(holdout, part.by, *score))
    return tuple(found)


def _members(rows: pa.Table, by: str) -> list[tuple[str, NDArray[np.int64]]]:
    """Each value with the positions of its rows, the most frequent first."""
    if by not in rows.column_names:
        raise InputError(f"gates.slices: by: {by}", by, ", ".join(rows.column_names))
    text = pc.fill_null(_as_text(rows.column(by)), MISSING).combine_chunks().dictionary_encode()
    values = text.dictionary.to_pylist()
    if len(values) > _MOST_VALUES:
        given = f"{len(values)} values"
        raise InputError(f"gates.slices: by: {by}", given, f"a column of at most {_MOST_VALUES}")
    codes = text.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(values) + 1))
    members = [(v, order[a:b]) for v, a, b in zip(values, starts, starts[1:], strict=False)]
    return sorted(members, key=lambda member: (-len(member[1]), member[0]))


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers without a point: a slice is called 1999 and not 1999.0."""
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(pc.floor(column), column), min_count=0).as_py()
        column = column.cast(pa.int64()) if whole else column
    return column.cast(pa.string())
