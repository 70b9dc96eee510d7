"""Whether a number jumped in a span further than it ever moved in the spans before.

A season moves slowly: from one quarter of a span to the next, never by more than a little beyond
what it did before. A wrong unit jumps at once. So limits come from the steps between neighbouring
buckets of the earlier spans, with the floors and factors below. They were chosen on a year of
hourly weather and flights, on which no true month raises an alarm from the third month on.

This cannot see a column that is nearly always one value (rain in millimetres instead of inches),
nor a change of scale within what the column does from week to week anyway.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.data.tables.columns import Bools, Floats, Ints
from components.data.validate.time_buckets import MIN_EARLIER_SPANS, SpanShift, TimeBuckets, divide

_GRID = 201
_FEW_DISTINCT = 0.02  # distinct values per value: speeds in knots have fewer, weights have more
_MIN_VALUES = 50  # of a bucket; fewer say nothing about a distribution
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
class NumberProfile:
    """A number's distribution by bucket; buckets with few values are left out.

    Attributes:
        grid: The values that distributions are compared at, float64 [grid].
        cdf: Share of each bucket's values not above each grid value, float64 [buckets, grid].
        count: Values in each bucket, int64 [buckets].
        median: Median of each bucket, float64 [buckets].
        span: The span of each bucket, int64 [buckets].
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
        """The cdf of each span, float64 [spans, grid]; NaN if a span has no bucket."""
        below = np.zeros((len(self.unseen), len(self.grid)))
        np.add.at(below, self.span, self.cdf * self.count[:, None])
        return divide(below, np.bincount(self.span, self.count, len(self.unseen))[:, None])

    def quantile(self, cdf: Floats, share: float) -> float:
        """A grid value that at least `share` of a distribution does not exceed."""
        place = int(np.searchsorted(cdf, share - 1e-12))
        return float(self.grid[min(place, len(self.grid) - 1)])


def profile_number(values: Floats, buckets: TimeBuckets) -> NumberProfile | None:
    """Profiles a number, float64 [rows], missing NaN; None if no bucket has enough values."""
    parts = [values[a:b] for a, b in zip(buckets.starts, buckets.ends, strict=True)]
    parts = [np.sort(part[~np.isnan(part)]) for part in parts]
    kept = [index for index, part in enumerate(parts) if len(part) >= _MIN_VALUES]
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
        span=buckets.span[kept],
        unseen=_unseen(values, buckets),
    )


def unseen_shares(code: Ints, span: Ints, spans: int, seen: Ints | None = None) -> Floats:
    """Share of each span's values that no earlier span has, float64 [spans]; NaN without values.

    Each row has the `code` of its distinct value and a `span`; `seen` codes are never new.
    """
    first = np.full(int(code.max(initial=0)) + 1, spans)
    np.minimum.at(first, code, span)
    if seen is not None:
        first[seen[seen < len(first)]] = -1
    new = np.bincount(span[first[code] == span], minlength=spans)
    return divide(new, np.bincount(span, minlength=spans))


def distribution_shift(profile: NumberProfile, span: int) -> SpanShift | None:
    """The larger of two steps between neighbouring buckets: of the median and the distribution.

    The one that used more of its limit; None if there is too little to compare.
    """
    earlier = _earlier(profile, span)
    before, now = profile.span[1:] < span, profile.span[1:] == span
    if earlier is None or not before.any() or not now.any():
        return None
    step = _median_step(profile, span, before, now)
    if not _moved(profile, span, earlier):
        return step
    return max(step, _distribution_step(profile, before, now), key=lambda shift: shift.ratio)


def new_value_rate(profile: NumberProfile, span: int) -> SpanShift | None:
    """The share of a span's values that no earlier span has, for a number of few values.

    Speeds in whole knots, prices, distances between cities: in another unit nearly every value
    is new. None if the number takes many values, if there is too little to compare, or if its
    middle stayed where it was (as a year's does).
    """
    earlier = _earlier(profile, span)
    if earlier is None or np.isnan(profile.unseen[[*earlier, span]]).any():
        return None
    if not _moved(profile, span, earlier):
        return None
    limit = max(_NEW_VALUES, _NEW_FACTOR * profile.unseen[earlier[1:]].max())
    measure = "the share of its values that no earlier span has is"
    return SpanShift(measure, float(profile.unseen[span]), float(limit))


def ks_distances(cdf: Floats, others: Floats) -> Floats:
    """Kolmogorov-Smirnov distances of one distribution to others, float64 [others]."""
    return np.asarray(np.abs(others - cdf).max(axis=1), np.float64)


def _unseen(values: Floats, buckets: TimeBuckets) -> Floats:
    present = ~np.isnan(values)
    distinct, code = np.unique(values[present], return_inverse=True)
    if len(distinct) > _FEW_DISTINCT * len(code):
        return np.full(len(buckets.names), np.nan)
    return unseen_shares(code, buckets.row_span[present], len(buckets.names))


def _earlier(profile: NumberProfile, span: int) -> Ints | None:
    """The spans before one that has buckets, if they are enough to learn from."""
    earlier = np.unique(profile.span[profile.span < span])
    enough = len(earlier) >= MIN_EARLIER_SPANS and (profile.span == span).any()
    return earlier if enough else None


def _median_step(profile: NumberProfile, span: int, before: Bools, now: Bools) -> SpanShift:
    steps = np.abs(np.diff(profile.median))
    earlier = profile.span < span
    pooled = (profile.cdf[earlier] * profile.count[earlier, None]).sum(axis=0)
    pooled = pooled / profile.count[earlier].sum()
    spread = profile.quantile(pooled, 0.95) - profile.quantile(pooled, 0.05)
    floor = max(_SPREAD * spread, _MATERIAL * abs(profile.quantile(pooled, 0.5)))
    factor = _FACTOR if before.sum() >= _FEW_STEPS else _FACTOR_FEW
    limit = max(factor * steps[before].max(), floor)
    return SpanShift("the largest step of its median is", float(steps[now].max()), float(limit))


def _distribution_step(profile: NumberProfile, before: Bools, now: Bools) -> SpanShift:
    steps = np.abs(np.diff(profile.cdf, axis=0)).max(axis=1)
    largest = steps[before].max()
    fewest = np.minimum(profile.count[1:], profile.count[:-1])[now].min()
    margin = max(_STEP_MARGIN, _CHANCE * np.sqrt(2 / fewest))
    limit = max(largest + margin, 2 * largest)
    measure = "the largest jump of its distribution is"
    return SpanShift(measure, float(steps[now].max()), float(limit))


def _moved(profile: NumberProfile, span: int, earlier: Ints) -> bool:
    """Whether median or quartile range moved by a tenth, from the most similar earlier span."""
    mine, theirs = profile.spans[span], profile.spans[earlier]
    nearest = theirs[ks_distances(mine, theirs).argmin()]
    middles = [profile.quantile(cdf, 0.5) for cdf in (mine, nearest)]
    ranges = [profile.quantile(cdf, 0.75) - profile.quantile(cdf, 0.25) for cdf in (mine, nearest)]
    size = max(abs(middles[1]), ranges[1])
    return max(abs(middles[0] - middles[1]), abs(ranges[0] - ranges[1])) > _MATERIAL * size
