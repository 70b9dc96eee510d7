"""Whether two samples of bins differ by more than chance, for many columns at once.

The statistic is Pearson's chi-square of homogeneity over bins (Pearson 1900), with k - 1 degrees of
freedom if both samples are of one distribution; bins in which either sample expects fewer than five
rows are put together (Cochran 1954). Over many columns Holm's step-down (1979) keeps the chance of
one false finding at most `FAMILY_ERROR`, whatever their dependence.
"""

import math
from collections.abc import Sequence

import numpy as np

from components.data.tables.columns import Floats, Ints

# Of each of three families: columns against training, columns against the window before,
# predictions. Together 3% of checks, which leaves room for what the chi-square only approximates.
FAMILY_ERROR = 0.01
# So that each of ten deciles expects five rows.
MIN_ROWS = 50
MIN_DAYS = 5
_EXPECTED = 5


def homogeneity(first: Floats, second: Floats, rows: tuple[float, float]) -> float:
    """The p-value that two samples of these shares, float64 [bins] each, are of one distribution.

    `rows` are the samples' sizes, divided by their inflation; one that is infinite is exact. It is
    1 if there are too few rows for two bins.
    """
    weight = np.array([1 / n if n else np.inf for n in rows])
    if not np.isfinite(weight).all():
        return 1.0
    if not weight.any():
        return float(np.array_equal(first, second))
    pooled = (first * weight[1] + second * weight[0]) / weight.sum()
    seen = pooled > 0
    group = _pool_rare(pooled[seen], 1 / weight.max())
    ours, theirs, both = (np.bincount(group, shares[seen]) for shares in (first, second, pooled))
    if len(both) < 2:
        return 1.0
    statistic = float((((ours - theirs) ** 2 / both).sum()) / weight.sum())
    return chi_square_tail(statistic, len(both) - 1)


def holm(p_values: Sequence[float], error: float = FAMILY_ERROR) -> tuple[bool, ...]:
    """Which of several are significant, with a chance of `error` that any of them is by chance."""
    found = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > error / (len(p_values) - rank):
            break
        found[index] = True
    return tuple(found)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The chance of a larger chi-square (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    if statistic <= 0:
        return 1.0
    half = statistic / 2
    odd = freedom % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    for step in range(freedom // 2):
        power = step + odd / 2
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
    return min(1.0, total)


def day_inflation(bins: Ints, day: Ints) -> float:
    """How much more the shares of days vary than those of independent rows would; at least 1.

    The between-day chi-square over its degrees of freedom, the overdispersion of McCullagh and
    Nelder (1989, 4.5); rows are divided by it (Rao and Scott 1981, first order). 1 with under
    five days, which do not tell.

    Args:
        bins: int64 [n], the bin of each row.
        day: int64 [n], its day.
    """
    days, at = np.unique(day, return_inverse=True)
    kept, where = np.unique(bins, return_inverse=True)
    if len(days) < MIN_DAYS or len(kept) < 2:
        return 1.0
    cells = np.bincount(at * len(kept) + where, minlength=len(days) * len(kept))
    counts = cells.reshape(len(days), len(kept)).astype(np.float64)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(bins)
    freedom = (len(days) - 1) * (len(kept) - 1)
    return max(1.0, float(((counts - expected) ** 2 / expected).sum()) / freedom)


def _pool_rare(shares: Floats, rows: float) -> Ints:
    """int64 [bins]: the group of each bin; those with too few expected rows share one."""
    order = np.argsort(-shares, kind="stable")
    large = int((shares[order] * rows >= _EXPECTED).sum())
    rest = shares[order[large:]].sum() * rows
    if 0 < rest < _EXPECTED and large:
        large -= 1  # the rest is too rare on its own, so it joins the smallest of the others
    group = np.empty(len(shares), np.int64)
    group[order] = np.minimum(np.arange(len(shares)), large)
    return group
