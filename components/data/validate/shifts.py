"""Whether a number jumped in a span further than the spans before it ever moved.

A season moves slowly: from one quarter of a span to the next, never by more than a little beyond
what it did before. A wrong unit jumps at once. So limits come from the steps between neighbouring
pieces of the earlier spans, with the floors and factors below; they were chosen on a year of
hourly weather and flights, on which no true month alarms from the third month on.

What this cannot see: a column that is nearly always one value (rain in millimetres instead of
inches), and a change of scale within what the column does from week to week anyway.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.data.validate.numbers import Ints, NumberProfile, distances

Bools = npt.NDArray[np.bool_]

EARLIER_SPANS = 2  # fewer teach nothing of how a column moves

_FACTOR = 1.5  # times the largest earlier step of the median
_FACTOR_FEW = 2.5  # the same while there are fewer earlier steps than:
_FEW_STEPS = 12
_SPREAD = 0.25  # of the earlier 5%-95% range: no smaller step of the median is a jump
_STEP_MARGIN = 0.15  # of Kolmogorov-Smirnov distance between neighbours, beyond the largest
_CHANCE = 1.95  # the same, times the root of 2 / values: chance exceeds it once in a thousand
_NEW_VALUES = 0.5  # of a span's values; a record summer brings some, another unit nearly all
_NEW_FACTOR = 2.0  # times the largest share of them in an earlier span
_MATERIAL = 0.1  # of its size: a median or quartile range that moves less has not moved


@dataclass(frozen=True)
class Shift:
    """One way in which a span was held against the spans before it.

    Attributes:
        measure: What was measured, in words.
        measured: The number.
        limit: What the earlier spans allow.
    """

    measure: str
    measured: float
    limit: float

    @property
    def ratio(self) -> float:
        """How much of the limit was used; above 1 the span has shifted."""
        if self.limit:
            return self.measured / self.limit
        return float("inf") if self.measured else 0.0


def shift_of(profile: NumberProfile, span: int) -> Shift | None:
    """The more telling of two steps between neighbouring pieces: of median, and of distribution.

    Args:
        profile: The number's profile.
        span: The span to judge.

    Returns:
        The shift that used most of its limit; None where there is too little to compare.
    """
    earlier = _earlier(profile, span)
    before, now = profile.span[1:] < span, profile.span[1:] == span
    if earlier is None or not before.any() or not now.any():
        return None
    step = _median_step(profile, span, before, now)
    if not _moved(profile, span, earlier):
        return step
    return max(step, _distribution_step(profile, before, now), key=lambda shift: shift.ratio)


def new_values_of(profile: NumberProfile, span: int) -> Shift | None:
    """The share of a span's values that no earlier span has, for a number of few values.

    Speeds in whole knots, prices, distances between cities: in another unit nearly every value
    is one that was never seen. None where the number is not of that kind, there is too little to
    compare, or its middle stayed where it was (as a year's does).
    """
    earlier = _earlier(profile, span)
    if earlier is None or np.isnan(profile.unseen[[*earlier, span]]).any():
        return None
    if not _moved(profile, span, earlier):
        return None
    limit = max(_NEW_VALUES, _NEW_FACTOR * profile.unseen[earlier[1:]].max())
    measure = "the share of its values that no earlier span has is"
    return Shift(measure, float(profile.unseen[span]), float(limit))


def _earlier(profile: NumberProfile, span: int) -> Ints | None:
    """The spans before one that has pieces, where they are enough to learn from."""
    earlier = np.unique(profile.span[profile.span < span])
    enough = len(earlier) >= EARLIER_SPANS and (profile.span == span).any()
    return earlier if enough else None


def _median_step(profile: NumberProfile, span: int, before: Bools, now: Bools) -> Shift:
    steps = np.abs(np.diff(profile.median))
    earlier = profile.span < span
    pooled = (profile.cdf[earlier] * profile.count[earlier, None]).sum(axis=0)
    pooled = pooled / profile.count[earlier].sum()
    spread = profile.quantile(pooled, 0.95) - profile.quantile(pooled, 0.05)
    floor = max(_SPREAD * spread, _MATERIAL * abs(profile.quantile(pooled, 0.5)))
    factor = _FACTOR if before.sum() >= _FEW_STEPS else _FACTOR_FEW
    limit = max(factor * steps[before].max(), floor)
    return Shift("the largest step of its median is", float(steps[now].max()), float(limit))


def _distribution_step(profile: NumberProfile, before: Bools, now: Bools) -> Shift:
    steps = np.abs(np.diff(profile.cdf, axis=0)).max(axis=1)
    largest = steps[before].max()
    fewest = np.minimum(profile.count[1:], profile.count[:-1])[now].min()
    margin = max(_STEP_MARGIN, _CHANCE * np.sqrt(2 / fewest))
    limit = max(largest + margin, 2 * largest)
    return Shift("the largest jump of its distribution is", float(steps[now].max()), float(limit))


def _moved(profile: NumberProfile, span: int, earlier: Ints) -> bool:
    """Whether median or quartile range moved by a tenth, from the most similar earlier span."""
    mine, theirs = profile.spans[span], profile.spans[earlier]
    nearest = theirs[distances(mine, theirs).argmin()]
    middles = [profile.quantile(cdf, 0.5) for cdf in (mine, nearest)]
    ranges = [profile.quantile(cdf, 0.75) - profile.quantile(cdf, 0.25) for cdf in (mine, nearest)]
    size = max(abs(middles[1]), ranges[1])
    return max(abs(middles[0] - middles[1]), abs(ranges[0] - ranges[1])) > _MATERIAL * size
