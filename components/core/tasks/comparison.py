"""Several models on the same rows: each metric once, with its interval and its differences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from components.core.tasks.blocks import Draws, Interval
from components.core.tasks.sample import Sample
from components.core.tasks.task import Metric


@dataclass(frozen=True)
class Comparison:
    """What several models score on the same rows; each mapping is model to metric name to number.

    Attributes:
        values: The metrics; None where one is not defined.
        intervals: Their intervals; None where there is none.
        differences: Each other model minus the one compared with, with its interval.
        rows: Rows measured.
        blocks: Blocks that they lie in.
    """

    values: Mapping[str, Mapping[str, float | None]]
    intervals: Mapping[str, Mapping[str, Interval | None]]
    differences: Mapping[str, Mapping[str, Interval | None]]
    rows: int
    blocks: int


def compare(
    metrics: Iterable[Metric],
    label: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    blocks: ArrayLike,
    *,
    against: str | None = None,
    resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 17,
) -> Comparison:
    """Measures models on the same draws of blocks.

    Args:
        metrics: Of the task.
        label: [n].
        predictions: Model to its predictions, each float [n].
        blocks: int [n], rows of one block share a number.
        against: The model that the others are compared with; None: they are not.
        resamples: How often blocks are drawn.
        confidence: Of every interval.
        seed: Same seed, same intervals.
    """
    draws = Draws.of(blocks, resamples, seed)
    samples = {name: Sample.of(label, values) for name, values in predictions.items()}
    values: dict[str, dict[str, float | None]] = {name: {} for name in samples}
    intervals: dict[str, dict[str, Interval | None]] = {name: {} for name in samples}
    differences: dict[str, dict[str, Interval | None]] = {
        name: {} for name in samples if against is not None and name != against
    }
    for metric in metrics:
        drawn = {name: draws.values(metric, sample) for name, sample in samples.items()}
        for name, sample in samples.items():
            value = values[name][metric.name] = metric.of(sample)
            intervals[name][metric.name] = draws.interval(value, drawn[name], confidence)
        for name, found in differences.items():
            ours, theirs = values[name][metric.name], values[str(against)][metric.name]
            found[metric.name] = (
                None
                if ours is None or theirs is None
                else draws.interval(ours - theirs, drawn[name] - drawn[str(against)], confidence)
            )
    return Comparison(values, intervals, differences, len(draws.block), draws.drawn.shape[1])
