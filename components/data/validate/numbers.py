"""How a number is distributed in each piece of time, and how far apart pieces are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.data.validate.pieces import Pieces

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_GRID = 201
_FEW_DISTINCT = 0.02  # distinct values per value: speeds in knots have fewer, weights have more
_LEAST_VALUES = 50  # of a piece; fewer say nothing of a distribution


@dataclass(frozen=True)
class NumberProfile:
    """A number's distribution by piece; pieces with few values are left out.

    Attributes:
        grid: The values that distributions are compared at, float64 [grid].
        cdf: Share of each piece's values not above each grid value, float64 [pieces, grid].
        count: Values in each piece, int64 [pieces].
        median: Median of each piece, float64 [pieces].
        span: The span of each piece, int64 [pieces].
        unseen: Share of each span's values that no earlier span has, float64 [spans]; all NaN
            for a number that takes many values.
    """

    grid: Floats
    cdf: Floats
    count: Ints
    median: Floats
    span: Ints
    unseen: Floats

    @cached_property
    def spans(self) -> Floats:
        """Share of each span's values not above each grid value, float64 [spans, grid].

        NaN where a span has no piece.
        """
        below = np.zeros((len(self.unseen), len(self.grid)))
        np.add.at(below, self.span, self.cdf * self.count[:, None])
        total = np.bincount(self.span, self.count, len(self.unseen))[:, None]
        shares = np.full(below.shape, np.nan)
        np.divide(below, total, out=shares, where=total > 0)
        return shares

    def quantile(self, cdf: Floats, share: float) -> float:
        """A grid value that at least `share` of a distribution does not exceed."""
        place = int(np.searchsorted(cdf, share - 1e-12))
        return float(self.grid[min(place, len(self.grid) - 1)])


def profile_of(values: Floats, pieces: Pieces) -> NumberProfile | None:
    """Profiles a number.

    Args:
        values: In the order of the pieces' rows, float64 [rows]; missing is NaN.
        pieces: How rows are cut.

    Returns:
        The profile; None where no piece has enough values.
    """
    parts = [values[a:b] for a, b in zip(pieces.starts, pieces.ends, strict=True)]
    parts = [np.sort(part[~np.isnan(part)]) for part in parts]
    kept = [index for index, part in enumerate(parts) if len(part) >= _LEAST_VALUES]
    if not kept:
        return None
    pooled = np.concatenate([parts[index] for index in kept])
    shares = np.linspace(0, 1, _GRID)
    grid = np.unique(np.quantile(pooled, shares, method="inverted_cdf"))
    cdf = [np.searchsorted(parts[i], grid, side="right") / len(parts[i]) for i in kept]
    return NumberProfile(
        grid=grid,
        cdf=np.array(cdf),
        count=np.array([len(parts[index]) for index in kept]),
        median=np.array([np.median(parts[index]) for index in kept]),
        span=pieces.span[kept],
        unseen=_unseen(values, pieces),
    )


def unseen_shares(code: Ints, span: Ints, spans: int, seen: Ints | None = None) -> Floats:
    """Share of each span's values that no earlier span has, float64 [spans]; NaN without any.

    Args:
        code: The distinct value of each row, 0 to one less than their number.
        span: The span of each row.
        spans: How many spans there are.
        seen: Distinct values that count as seen from the start.
    """
    first = np.full(int(code.max(initial=0)) + 1, spans)
    np.minimum.at(first, code, span)
    if seen is not None:
        first[seen[seen < len(first)]] = -1
    total = np.bincount(span, minlength=spans)
    new = np.bincount(span[first[code] == span], minlength=spans)
    shares = np.full(spans, np.nan)
    np.divide(new, total, out=shares, where=total > 0)
    return shares


def _unseen(values: Floats, pieces: Pieces) -> Floats:
    present = ~np.isnan(values)
    distinct, code = np.unique(values[present], return_inverse=True)
    if len(distinct) > _FEW_DISTINCT * len(code):
        return np.full(len(pieces.names), np.nan)
    span = np.repeat(pieces.span, pieces.ends - pieces.starts)[present]
    return unseen_shares(code, span, len(pieces.names))


def distances(cdf: Floats, others: Floats) -> Floats:
    """Kolmogorov-Smirnov distances of one distribution to others, float64 [others]."""
    apart: Floats = np.abs(others - cdf).max(axis=1)
    return apart
