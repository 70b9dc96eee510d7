"""Metrics that depend on order alone: area under the ROC curve and average precision.

Both are computed from counts by rank and block, so that a thousand resamples of blocks cost two
matrix products instead of a thousand sorts.
"""

from dataclasses import dataclass

import numpy as np

from components.core.tasks.means import quotient
from components.core.tasks.sample import Floats, Ints, Sample

_CELLS = 4_000_000  # of a rank-by-block table held at once: 32 MB
_RANKS = 2_000  # of average precision when resampled; neighbours beyond that share a rank


def auc(sample: Sample) -> float:
    """Probability that a positive row ranks above a negative one, ties counting half."""
    rank = sample.rank
    positive = np.bincount(rank, sample.weight * sample.label)
    negative = np.bincount(rank, sample.weight * (1 - sample.label))
    below = np.cumsum(negative) - negative / 2
    pairs = positive.sum() * negative.sum()
    return float(positive @ below / pairs) if pairs > 0 else np.nan


def resampled_auc(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """AUC when blocks are drawn again: m' A m over all pairs, A counted once by pair of blocks."""
    count = drawn.shape[1]
    wins = _wins_by_blocks(sample, block, count)
    positive = drawn @ np.bincount(block, sample.weight * sample.label, count)
    negative = drawn @ np.bincount(block, sample.weight * (1 - sample.label), count)
    return quotient(np.einsum("rb,rb->r", drawn @ wins, drawn), positive * negative)


def average_precision(sample: Sample) -> float:
    """Mean precision over the positive rows, each at its own threshold; ties share one."""
    rank = _from_the_top(sample)
    hits = np.bincount(rank, sample.weight * sample.label)
    if hits.sum() <= 0:
        return np.nan
    precision = quotient(np.cumsum(hits), np.cumsum(np.bincount(rank, sample.weight)))
    return float(np.nansum(hits * precision) / hits.sum())


def resampled_average_precision(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """Average precision when blocks are drawn again; more than 2,000 ranks are thinned."""
    rank, count = _from_the_top(sample), drawn.shape[1]
    if rank.max() >= _RANKS:
        rank = rank * _RANKS // (rank.max() + 1)
    cell, shape = rank * count + block, (int(rank.max()) + 1, count)
    cells = shape[0] * shape[1]
    hits = np.bincount(cell, sample.weight * sample.label, cells).reshape(shape)
    rows = np.bincount(cell, sample.weight, cells).reshape(shape)
    found = drawn @ hits.T
    precision = quotient(np.cumsum(found, axis=1), np.cumsum(drawn @ rows.T, axis=1))
    return quotient(np.nansum(found * precision, axis=1), found.sum(axis=1))


@dataclass(frozen=True)
class _Ranked:
    """Rows of one class in order of rank."""

    rank: Ints
    block: Ints
    weight: Floats

    @classmethod
    def of(cls, rank: Ints, block: Ints, weight: Floats) -> "_Ranked":
        rows = np.flatnonzero(weight > 0)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        return cls(rank[rows], block[rows], weight[rows])

    def between(self, first: int, last: int) -> "_Ranked":
        start, end = np.searchsorted(self.rank, (first, last))
        part = slice(int(start), int(end))
        return _Ranked(self.rank[part] - first, self.block[part], self.weight[part])


def _wins_by_blocks(sample: Sample, block: Ints, count: int) -> Floats:
    """Float64 [B, B]: weight of pairs where a positive of block a is above a negative of b."""
    rank = sample.rank
    positives = _Ranked.of(rank, block, sample.weight * sample.label)
    negatives = _Ranked.of(rank, block, sample.weight * (1 - sample.label))
    wins, below = np.zeros((count, count)), np.zeros(count)
    ranks = int(rank.max()) + 1
    step = min(ranks, max(1, _CELLS // count))
    for first in range(0, ranks, step):
        here = negatives.between(first, first + step)
        table = np.bincount(here.rank * count + here.block, here.weight, step * count)
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
    rows = below[positives.rank[order]] * positives.weight[order, None]
    wins[blocks] += np.add.reduceat(rows, starts, axis=0)


def _from_the_top(sample: Sample) -> Ints:
    """int64 [n]: ranks with the highest prediction first."""
    ranks: Ints = sample.rank.max() - sample.rank
    return ranks
