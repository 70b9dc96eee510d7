"""Metrics that are means over rows: log loss, Brier score, mean probability, rate."""

from collections.abc import Callable

import numpy as np

from components.core.tasks.sample import Floats, Ints, Sample

# A float32 probability of exactly 0 or 1 is a certainty of at most about one in ten million.
_CERTAIN = 1e-7


def mean_of(row: Callable[[Sample], Floats]) -> Callable[[Sample], float]:
    """The weighted mean of a number per row."""

    def measure(sample: Sample) -> float:
        return float(sample.weight @ row(sample) / sample.weight.sum())

    return measure


def resampled_mean_of(
    row: Callable[[Sample], Floats],
) -> Callable[[Sample, Ints, Floats], Floats]:
    """The same mean when blocks are drawn again: only each block's sums are needed."""

    def resample(sample: Sample, block: Ints, drawn: Floats) -> Floats:
        count = drawn.shape[1]
        totals = drawn @ np.bincount(block, sample.weight * row(sample), count)
        masses = drawn @ np.bincount(block, sample.weight, count)
        return quotient(totals, masses)

    return resample


def log_losses(sample: Sample) -> Floats:
    """Each row's negative log likelihood, probabilities clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(sample.prediction, _CERTAIN, 1 - _CERTAIN)
    losses: Floats = -np.log(np.where(sample.label > 0, p, 1 - p))
    return losses


def squares(sample: Sample) -> Floats:
    """Each row's squared error."""
    return (sample.prediction - sample.label) ** 2


def quotient(above: Floats, below: Floats) -> Floats:
    """Division that gives NaN, silently, where nothing is below the line."""
    result: Floats = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result
