"""From predictions to measurements: every number of the evaluation is computed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.core.errors import InputError
from components.core.spec import Gates, Slice
from components.core.tasks import Comparison, Task, blocks_of, compare
from components.core.verdict import Finding
from components.model.examples import LabelledRows

Floats = NDArray[np.float64]
Holdouts = Mapping[str, LabelledRows]
Probabilities = Mapping[str, Floats]
"""Holdout to a model's predictions, float64 [n]."""

MISSING = "(missing)"
_MAX_VALUES = 2_000


@dataclass(frozen=True)
class SliceScore:
    """What a model scores on one slice of a holdout: the rows with one value of a column.

    The metrics are those of the slice's floors; None if not defined.
    """

    part: Slice
    holdout: str
    value: str
    rows: int
    metrics: Mapping[str, float | None]

    @property
    def is_judged(self) -> bool:
        """Whether it has the rows that the spec asks for."""
        return self.rows >= self.part.min_rows


@dataclass(frozen=True)
class Challenger:
    """What was measured of one challenger, beside its comparison with the champion."""

    name: str
    is_finite: Mapping[str, bool]
    slices: Sequence[SliceScore] = ()
    behaviour: Sequence[Finding] = ()


def compare_candidates(
    task: Task,
    gates: Gates,
    holdouts: Holdouts,
    probabilities: Mapping[str, Probabilities],
    champion: str | None,
) -> dict[str, Comparison]:
    """Measures all candidates on the same rows of each holdout, and against the champion if any.

    The probabilities are by candidate, the comparisons by holdout.
    """
    return {
        holdout: compare(
            task.metrics.values(),
            rows.label,
            {name: found[holdout] for name, found in probabilities.items()},
            blocks_of(rows.event_time, gates.block),
            against=champion,
            resamples=gates.resamples,
            confidence=gates.confidence,
        )
        for holdout, rows in holdouts.items()
    }


def score_slices(
    task: Task, gates: Gates, holdouts: Holdouts, predicted: Probabilities
) -> tuple[SliceScore, ...]:
    """Measures every slice of every holdout, largest first within a column.

    Raises:
        InputError: A column is not among the examples', or has too many values for slices.
    """
    scores = []
    for holdout, rows in holdouts.items():
        for part in gates.slices if rows.rows.num_rows else ():
            for value, at in _members(rows.rows, part.by):
                label, found = rows.label[at], predicted[holdout][at]
                metrics = {name: task.metrics[name](label, found) for name in part.floors}
                scores.append(SliceScore(part, holdout, value, len(at), metrics))
    return tuple(scores)


def verdict_metrics(comparisons: Mapping[str, Comparison]) -> dict[str, float | None]:
    """The verdict's metrics, such as ``recent.auc.retrained``.

    A change against the champion is ``recent.auc.retrained.difference``, with ``.low``, ``.high``.
    """
    metrics: dict[str, float | None] = {}
    for holdout, comparison in comparisons.items():
        metrics[f"{holdout}.rows"] = comparison.rows
        metrics[f"{holdout}.blocks"] = comparison.blocks
        for name, values in comparison.values.items():
            metrics |= {f"{holdout}.{metric}.{name}": v for metric, v in values.items()}
        for name, found in comparison.differences.items():
            for metric, interval in found.items():
                at = f"{holdout}.{metric}.{name}.difference"
                ends = (interval.estimate, interval.low, interval.high) if interval else (None,) * 3
                metrics |= zip((at, f"{at}.low", f"{at}.high"), ends, strict=True)
    return metrics


def _members(rows: pa.Table, by: str) -> list[tuple[str, NDArray[np.int64]]]:
    """Each value with the positions of its rows, the most frequent first."""
    if by not in rows.column_names:
        raise InputError(f"gates.slices: by: {by}", by, ", ".join(rows.column_names))
    column = rows.column(by)
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(pc.floor(column), column), min_count=0).as_py()
        column = column.cast(pa.int64()) if whole else column  # a slice is 1999, not 1999.0
    text = pc.fill_null(column.cast(pa.string()), MISSING).combine_chunks().dictionary_encode()
    values = text.dictionary.to_pylist()
    if len(values) > _MAX_VALUES:
        given = f"{len(values)} values"
        raise InputError(f"gates.slices: by: {by}", given, f"a column of at most {_MAX_VALUES}")
    codes = text.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(values) + 1))
    members = [(v, order[a:b]) for v, a, b in zip(values, starts, starts[1:], strict=False)]
    return sorted(members, key=lambda member: (-len(member[1]), member[0]))
