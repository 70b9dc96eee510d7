"""Whether a number jumped in a span further than the spans before it ever moved.

A season moves slowly: from one quarter of a span to the next, never by more than a little beyond
what it did before. A wrong unit jumps at once. So limits come from the steps between neighbouring
pieces of the earlier spans, with the floors and factors below; they were chosen on a year of
hourly weather and flights, on which no true month alarms from the third month on.

What this cannot see: a column that is nearly always one value (rain in millimetres instead of
inches), and a change of scale within what the column does from week to week anyway.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.data.validate.numbers import Floats, NumberProfile, distances

EARLIER_SPANS = 2  # fewer teach nothing of how a column moves

_FACTOR = 1.5  # times the largest earlier step of the median
_FACTOR_FEW = 2.5  # the same while there are fewer earlier steps than:
_FEW_STEPS = 12
_SPREAD = 0.25  # of the earlier 5%-95% range: no smaller step of the median is a jump
_STEP_MARGIN = 0.15  # of Kolmogorov-Smirnov distance between neighbours, beyond the largest
_SPAN_FLOOR = 0.25  # of Kolmogorov-Smirnov distance to the nearest earlier span
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
    """The most telling shift of a span against all earlier ones.

    Args:
        profile: The number's profile.
        span: The span to judge.

    Returns:
        The shift that used most of its limit; None where there is too little to compare.
    """
    earlier = np.unique(profile.span[profile.span < span])
    if len(earlier) < EARLIER_SPANS or not (profile.span == span).any():
        return None
    return max(_shifts(profile, span, earlier), key=lambda shift: shift.ratio, default=None)


def new_values_of(profile: NumberProfile, span: int) -> Shift | None:
    """The share of a span's values that no earlier span has, for a number of few values.

    Speeds in whole knots, prices, distances between cities: in another unit nearly every value
    is one that was never seen. None where the number is not of that kind, there is too little to
    compare, or its middle stayed where it was (as a year's does).
    """
    earlier = np.unique(
        profile.span[(profile.span < span) & ~np.isnan(profile.unseen[profile.span])]
    )
    if len(earlier) < EARLIER_SPANS or not (profile.span == span).any():
        return None
    nearest, _ = _nearest(profile, span, earlier)
    if not _is_material(profile, profile.of_span(span), profile.of_span(nearest)):
        return None
    limit = max(_NEW_VALUES, _NEW_FACTOR * profile.unseen[earlier[1:]].max())
    measure = "the share of its values that no earlier span has is"
    return Shift(measure, float(profile.unseen[span]), float(limit))


def _shifts(profile: NumberProfile, span: int, earlier: np.ndarray) -> Iterator[Shift]:
    before = profile.span[1:] < span
    now = profile.span[1:] == span
    medians = np.abs(np.diff(profile.median))
    if before.any():
        factor = _FACTOR if before.sum() >= _FEW_STEPS else _FACTOR_FEW
        floor = _SPREAD * _spread(profile, span)
        limit = max(factor * medians[before].max(), floor)
        yield Shift("the largest step of its median is", *_pair(medians, now, limit))
    nearest, apart = _nearest(profile, span, earlier)
    if not _is_material(profile, profile.of_span(span), profile.of_span(nearest)):
        return
    steps = np.abs(np.diff(profile.cdf, axis=0)).max(axis=1)
    largest = steps[before].max(initial=0.0)
    if before.any():
        limit = max(largest + _STEP_MARGIN, 2 * largest)
        yield Shift("the largest jump of its distribution is", *_pair(steps, now, limit))
    natural = max(_nearest(profile, one, earlier)[1] for one in earlier)
    limit = max(_SPAN_FLOOR, _FACTOR * natural, largest)
    yield Shift("the distance to the nearest earlier span is", apart, float(limit))


def _pair(steps: Floats, now: np.ndarray, limit: float) -> tuple[float, float]:
    return float(steps[now].max(initial=0.0)), float(limit)


def _spread(profile: NumberProfile, span: int) -> float:
    before = profile.span < span
    pooled = (profile.cdf[before] * profile.count[before, None]).sum(axis=0)
    pooled /= profile.count[before].sum()
    return profile.quantile(pooled, 0.95) - profile.quantile(pooled, 0.05)


def _nearest(profile: NumberProfile, span: int, others: np.ndarray) -> tuple[int, float]:
    rest = others[others != span]
    apart = distances(profile.of_span(span), np.array([profile.of_span(one) for one in rest]))
    return int(rest[apart.argmin()]), float(apart.min())


def _is_material(profile: NumberProfile, one: Floats, other: Floats) -> bool:
    middles = [profile.quantile(cdf, 0.5) for cdf in (one, other)]
    ranges = [profile.quantile(cdf, 0.75) - profile.quantile(cdf, 0.25) for cdf in (one, other)]
    size = max(abs(middles[1]), ranges[1])
    return max(abs(middles[0] - middles[1]), abs(ranges[0] - ranges[1])) > _MATERIAL * size
