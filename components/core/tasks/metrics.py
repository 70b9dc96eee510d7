"""The metrics, each measured on a sample and on a sample whose blocks are drawn again; curves.

AUC and average precision are computed from counts by rank and block, so that a thousand resamples
of blocks cost two matrix products instead of a thousand sorts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CALIBRATION_BINS = 10
# A float32 probability of exactly 0 or 1 is a certainty of at most about one in ten million.
_CERTAIN = 1e-7
_CELLS = 4_000_000  # of a rank-by-block table held at once: 32 MB
_POINTS = 120  # of a curve
_RANKS = 2_000  # of average precision when resampled; neighbours beyond that share a rank


@dataclass(frozen=True)
class Sample:
    """Labelled predictions.

    Attributes:
        label: float64 [n], 0 or 1 for a binary task.
        prediction: float64 [n], a probability for a binary task.
    """

    label: Floats
    prediction: Floats

    @classmethod
    def of(cls, label: ArrayLike, prediction: ArrayLike) -> Self:
        """Brings arrays of one length together.

        Raises:
            ValueError: The lengths differ.
        """
        columns = [np.asarray(c, dtype=np.float64).reshape(-1) for c in (label, prediction)]
        if len(columns[0]) != len(columns[1]):
            raise ValueError(f"lengths differ: {[len(column) for column in columns]}")
        return cls(*columns)

    @property
    def is_usable(self) -> bool:
        """Whether there is a row, and every number is finite."""
        finite = np.isfinite(self.label).all() and np.isfinite(self.prediction).all()
        return bool(finite and len(self.label))

    @cached_property
    def rank(self) -> Ints:
        """int64 [n]: dense rank of each prediction from 0; equal predictions share one."""
        ranks: Ints = np.unique(self.prediction, return_inverse=True)[1].reshape(-1)
        return ranks.astype(np.int64)


def log_loss(sample: Sample) -> Floats:
    """Each row's negative log likelihood, probabilities clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(sample.prediction, _CERTAIN, 1 - _CERTAIN)
    losses: Floats = -np.log(np.where(sample.label > 0, p, 1 - p))
    return losses


def squared_error(sample: Sample) -> Floats:
    """Each row's squared error."""
    return (sample.prediction - sample.label) ** 2


def safe_divide(above: Floats, below: Floats) -> Floats:
    """Division that gives NaN, silently, where nothing is below the line."""
    result: Floats = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def auc(sample: Sample) -> float:
    """Probability that a positive row ranks above a negative one, ties counting half."""
    rank = sample.rank
    positive = np.bincount(rank, sample.label)
    negative = np.bincount(rank, 1 - sample.label)
    below = np.cumsum(negative) - negative / 2
    pairs = positive.sum() * negative.sum()
    return float(positive @ below / pairs) if pairs > 0 else np.nan


def resampled_auc(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """AUC when blocks are drawn again: m' A m over all pairs, A counted once by pair of blocks."""
    count = drawn.shape[1]
    wins = _wins_by_blocks(sample, block, count)
    positive = drawn @ np.bincount(block, sample.label, count)
    negative = drawn @ np.bincount(block, 1 - sample.label, count)
    return safe_divide(np.einsum("rb,rb->r", drawn @ wins, drawn), positive * negative)


def average_precision(sample: Sample) -> float:
    """Mean precision over the positive rows, each at its own threshold; ties share one."""
    rank = _from_the_top(sample)
    hits = np.bincount(rank, sample.label)
    if hits.sum() <= 0:
        return np.nan
    precision = np.cumsum(hits) / np.cumsum(np.bincount(rank))
    return float(hits @ precision / hits.sum())


def resampled_average_precision(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """Average precision when blocks are drawn again; more than 2,000 ranks are thinned."""
    rank, count = _from_the_top(sample), drawn.shape[1]
    if rank.max() >= _RANKS:
        rank = rank * _RANKS // (rank.max() + 1)
    cell, shape = rank * count + block, (int(rank.max()) + 1, count)
    cells = shape[0] * shape[1]
    hits = np.bincount(cell, sample.label, cells).reshape(shape)
    rows = np.bincount(cell, minlength=cells).reshape(shape)
    found = drawn @ hits.T
    precision = safe_divide(np.cumsum(found, axis=1), np.cumsum(drawn @ rows.T, axis=1))
    return safe_divide(np.nansum(found * precision, axis=1), found.sum(axis=1))


@dataclass(frozen=True)
class _Ranked:
    """Rows of one class in order of rank."""

    rank: Ints
    block: Ints

    @classmethod
    def of(cls, rank: Ints, block: Ints, is_member: NDArray[np.bool_]) -> "_Ranked":
        rows = np.flatnonzero(is_member)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        return cls(rank[rows], block[rows])

    def between(self, first: int, last: int) -> "_Ranked":
        start, end = np.searchsorted(self.rank, (first, last))
        return _Ranked(self.rank[start:end] - first, self.block[start:end])


def _wins_by_blocks(sample: Sample, block: Ints, count: int) -> Floats:
    """Float64 [B, B]: pairs where a positive of block a is above a negative of b."""
    rank = sample.rank
    positives = _Ranked.of(rank, block, sample.label > 0)
    negatives = _Ranked.of(rank, block, sample.label == 0)
    wins, below = np.zeros((count, count)), np.zeros(count)
    ranks = int(rank.max()) + 1
    step = min(ranks, max(1, _CELLS // count))
    for first in range(0, ranks, step):
        here = negatives.between(first, first + step)
        table = np.bincount(here.rank * count + here.block, minlength=step * count)
        table = table.reshape(step, count)
        reached = np.cumsum(table, axis=0) + below
        _add_by_block(wins, positives.between(first, first + step), reached - table / 2)
        below = reached[-1]
    return wins


def _add_by_block(wins: Floats, positives: _Ranked, below: Floats) -> None:
    """Adds, to each block's row, what lies below each of its positives."""
    if not len(positives.block):
        return
    order = np.argsort(positives.block, kind="stable")
    blocks, starts = np.unique(positives.block[order], return_index=True)
    wins[blocks] += np.add.reduceat(below[positives.rank[order]], starts, axis=0)


def _from_the_top(sample: Sample) -> Ints:
    """int64 [n]: ranks with the highest prediction first."""
    ranks: Ints = sample.rank.max() - sample.rank
    return ranks


def calibration_error(sample: Sample, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: mean over bins of |mean probability - observed rate|."""
    bin_of_row = equal_mass_bins(sample, bins)
    gaps = np.bincount(bin_of_row, sample.prediction - sample.label, bins)
    return float(np.abs(gaps).sum() / len(sample.label))


def resampled_calibration_error(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """The same when blocks are drawn again; the bins stay those of the sample itself."""
    bins, count = CALIBRATION_BINS, drawn.shape[1]
    cell = equal_mass_bins(sample, bins) * count + block
    gaps = np.bincount(cell, sample.prediction - sample.label, bins * count)
    totals = np.abs(drawn @ gaps.reshape(bins, count).T).sum(axis=1)
    return safe_divide(totals, drawn @ np.bincount(block, minlength=count))


def equal_mass_bins(sample: Sample, bins: int) -> Ints:
    """int64 [n]: the bin of each row by the middle of its probability's share of the mass.

    Equal probabilities share a bin, so that the order of the rows does not matter.
    """
    mass = np.bincount(sample.rank)
    middle = np.cumsum(mass) - mass / 2
    bin_of_value = np.minimum((middle / mass.sum() * bins).astype(np.int64), bins - 1)
    result: Ints = bin_of_value[sample.rank]
    return result


@dataclass(frozen=True)
class Curve:
    """A curve with the threshold at each point.

    Attributes:
        x_label: What `x` is.
        y_label: What `y` is.
        x: Ascending, from 0 to 1.
        y: Of the same length.
        threshold: The probability from which a row counts as positive at the point.
    """

    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    threshold: tuple[float, ...]


@dataclass(frozen=True)
class Bins:
    """Mean probability, observed rate and rows of calibration bins, in order of probability."""

    mean: tuple[float, ...]
    rate: tuple[float, ...]
    rows: tuple[int, ...]


def roc_curve(label: ArrayLike, prediction: ArrayLike) -> Curve | None:
    """True against false positive rate; None if a class is missing."""
    counted = _counts(label, prediction)
    if counted is None or counted[1][-1] == 0:
        return None
    hits, misses, threshold = (
        np.concatenate(([edge], c)) for edge, c in zip((0, 0, 1), counted, strict=True)
    )
    return _curve(
        ("false positive rate", "true positive rate"),
        (misses / misses[-1], hits / hits[-1], threshold),
        misses / misses[-1] + hits / hits[-1],
    )


def precision_recall_curve(label: ArrayLike, prediction: ArrayLike) -> Curve | None:
    """Precision against recall; None if there is no positive row."""
    counted = _counts(label, prediction)
    if counted is None:
        return None
    hits, misses, threshold = counted
    recall = hits / hits[-1]
    return _curve(("recall", "precision"), (recall, hits / (hits + misses), threshold), recall)


def confusion(
    label: ArrayLike, prediction: ArrayLike, threshold: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows by true class (outer) and predicted class; from `threshold` on a row is positive."""
    sample = Sample.of(label, prediction)
    cell = 2 * (sample.label > 0) + (sample.prediction >= threshold)
    rows = np.bincount(cell, minlength=4).tolist()
    return (rows[0], rows[1]), (rows[2], rows[3])


def _counts(label: ArrayLike, prediction: ArrayLike) -> tuple[Floats, Floats, Floats] | None:
    """Positives and negatives found from each distinct probability on, the highest first."""
    sample = Sample.of(label, prediction)
    if not sample.is_usable or not sample.label.any():
        return None
    values, rank = np.unique(-sample.prediction, return_inverse=True)
    hits: Floats = np.cumsum(np.bincount(rank.reshape(-1), sample.label))
    misses: Floats = np.cumsum(np.bincount(rank.reshape(-1), 1 - sample.label))
    return hits, misses, -values


def _curve(labels: tuple[str, str], points: tuple[Floats, ...], along: Floats) -> Curve:
    """Keeps the points that are nearest to equal steps along the curve, and both ends."""
    steps = np.linspace(along[0], along[-1], _POINTS)
    kept = np.unique(np.clip(np.searchsorted(along, steps), 0, len(along) - 1))
    x, y, threshold = (tuple(column[kept].tolist()) for column in points)
    return Curve(*labels, x=x, y=y, threshold=threshold)


def calibration_bins(
    label: ArrayLike, prediction: ArrayLike, bins: int = CALIBRATION_BINS
) -> Bins | None:
    """Each bin's mean probability, observed rate and rows; None if there is nothing to bin."""
    sample = Sample.of(label, prediction)
    if not sample.is_usable:
        return None
    bin_of_row = equal_mass_bins(sample, bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    held = rows > 0
    mean = np.bincount(bin_of_row, sample.prediction, bins)[held] / rows[held]
    rate = np.bincount(bin_of_row, sample.label, bins)[held] / rows[held]
    return Bins(tuple(mean.tolist()), tuple(rate.tolist()), tuple(rows[held].tolist()))
