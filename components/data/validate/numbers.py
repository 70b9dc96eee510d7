"""How a number is distributed in each piece of time, and how far apart pieces are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.data.validate.pieces import Pieces

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_GRID = 201
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
    """

    grid: Floats
    cdf: Floats
    count: Ints
    median: Floats
    span: Ints

    def of_span(self, span: int) -> Floats:
        """The distribution of a whole span, float64 [grid]; NaN where it has no piece."""
        of = self.span == span
        total = self.count[of].sum()
        if not total:
            return np.full(len(self.grid), np.nan)
        pooled: Floats = (self.cdf[of] * self.count[of, None]).sum(axis=0) / total
        return pooled

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
    )


def distances(cdf: Floats, others: Floats) -> Floats:
    """Kolmogorov-Smirnov distances of one distribution to others, float64 [others]."""
    apart: Floats = np.abs(others - cdf).max(axis=1)
    return apart
