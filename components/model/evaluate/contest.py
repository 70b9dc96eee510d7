"""From probabilities to judgements: every number of the evaluation comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.spec import Gates
from components.core.tasks import Bins, Comparison, Curve, Task, compare
from components.core.verdict import Finding
from components.model.evaluate.checks import Scores
from components.model.evaluate.gate import Challenger
from components.model.evaluate.holdouts import Labelled
from components.model.evaluate.slices import SliceScore, slice_scores

_BINS = 10
Probabilities = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Contest:
    """All contenders on all holdouts.

    Attributes:
        comparisons: Holdout to what was measured on it.
        challengers: What the gate judges.
    """

    comparisons: Mapping[str, Comparison]
    challengers: tuple[Challenger, ...]


def hold_contest(
    task: Task,
    gates: Gates,
    holdouts: Mapping[str, Labelled],
    probabilities: Mapping[str, Probabilities],
    champion: str | None,
    behaviour: Mapping[str, tuple[Finding, ...]],
) -> Contest:
    """Measures all contenders.

    Args:
        task: The task.
        gates: Blocks, resamples, confidence and slices.
        holdouts: Holdout to its rows.
        probabilities: Contender to holdout to float64 [n].
        champion: The contender that the others are compared with; None: they are not.
        behaviour: Challenger to its behaviour tests.

    Raises:
        InputError: A slice's column is not among the examples'.
    """
    comparisons = {
        holdout: compare(
            task.metrics.values(),
            rows.label,
            {name: found[holdout] for name, found in probabilities.items()},
            rows.blocks(gates.block),
            against=champion,
            resamples=gates.resamples,
            confidence=gates.confidence,
        )
        for holdout, rows in holdouts.items()
    }
    challengers = tuple(
        Challenger(
            name,
            {h: _scores(c, name, found[h], champion) for h, c in comparisons.items()},
            _slices(task, gates, holdouts, found),
            behaviour.get(name, ()),
        )
        for name, found in probabilities.items()
        if name != champion
    )
    return Contest(comparisons, challengers)


def _scores(
    comparison: Comparison, name: str, probability: NDArray[np.float64], champion: str | None
) -> Scores:
    return Scores(
        rows=comparison.rows,
        blocks=comparison.blocks,
        is_finite=bool(np.isfinite(probability).all()),
        metrics=comparison.values[name],
        differences=comparison.differences[name] if champion else {},
    )


def _slices(
    task: Task, gates: Gates, holdouts: Mapping[str, Labelled], found: Probabilities
) -> tuple[SliceScore, ...]:
    return tuple(
        score
        for holdout, rows in holdouts.items()
        if rows.rows.num_rows
        for score in slice_scores(
            task, gates.slices, holdout, rows.rows, rows.label, found[holdout]
        )
    )


@dataclass(frozen=True)
class Drawing:
    """The curves of one holdout.

    Attributes:
        curves: Curve name to contender to curve.
        calibration: Contender to bins.
    """

    curves: Mapping[str, Mapping[str, Curve | None]]
    calibration: Mapping[str, Bins | None]


def draw(
    task: Task, holdout: str, rows: Labelled, probabilities: Mapping[str, Probabilities]
) -> Drawing:
    """The curves of all contenders on one holdout."""
    found = {name: answers[holdout] for name, answers in probabilities.items()}
    curves = {
        name: {contender: curve(rows.label, p) for contender, p in found.items()}
        for name, curve in task.curves.items()
    }
    bins = {contender: task.calibration(rows.label, p, _BINS) for contender, p in found.items()}
    return Drawing(curves, bins)


def numbers_of(comparisons: Mapping[str, Comparison]) -> dict[str, float | None]:
    """The verdict's numbers, such as ``recent.auc.retrained``.

    A change against the champion is ``recent.auc.retrained.difference``, with ``.low``, ``.high``.
    """
    numbers: dict[str, float | None] = {}
    for holdout, comparison in comparisons.items():
        numbers[f"{holdout}.rows"] = comparison.rows
        numbers[f"{holdout}.blocks"] = comparison.blocks
        for name, values in comparison.values.items():
            numbers |= {f"{holdout}.{metric}.{name}": v for metric, v in values.items()}
        for name, found in comparison.differences.items():
            for metric, interval in found.items():
                at = f"{holdout}.{metric}.{name}.difference"
                numbers[at] = interval.estimate if interval else None
                numbers[f"{at}.low"] = interval.low if interval else None
                numbers[f"{at}.high"] = interval.high if interval else None
    return numbers
