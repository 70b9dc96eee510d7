"""Whether a span has a flood of new categories, or its known ones changed their shares."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data.validate.numbers import unseen_shares
from components.data.validate.time_buckets import (
    MIN_EARLIER_SPANS,
    Floats,
    Ints,
    SpanShift,
    TimeBuckets,
    divide,
)

_UNSEEN_FLOOR = 0.05  # of a span's values; fewer new categories are no flood
_UNSEEN_FACTOR = 2.0  # times the largest share of new ones in an earlier span
_MIX_FLOOR = 0.3  # of a span's values in other categories than in the nearest earlier span
_MIX_FACTOR = 2.0
_MAX_CATEGORIES = 1_000  # counted apart; the rarer ones are counted as one


@dataclass(frozen=True)
class CategoryProfile:
    """Categories by span.

    Attributes:
        distance: How much of one span's values lies in other categories than another's, float64
            [spans, spans]; NaN if one of them has none.
        unseen: Share of each span's values in categories that neither an earlier span nor the
            schema has, float64 [spans].
    """

    distance: Floats
    unseen: Floats


def profile_categories(
    column: pa.ChunkedArray, buckets: TimeBuckets, domain: frozenset[str]
) -> CategoryProfile:
    """Counts the categories of each span; those that the schema lists are never unseen."""
    spans = len(buckets.names)
    encoded = column.combine_chunks().dictionary_encode()
    present = encoded.is_valid().to_numpy(zero_copy_only=False)
    code = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    span, width = buckets.row_span[present], max(len(encoded.dictionary), 1)
    listed = pc.is_in(encoded.dictionary, pa.array(sorted(domain), type=pa.string()))
    seen = np.flatnonzero(listed.to_numpy(zero_copy_only=False))
    counts = _count_by_span(_fold_rare(code, width), span, spans)
    share = divide(counts, counts.sum(axis=1, keepdims=True))
    distance = np.array([np.abs(share - one).sum(axis=1) / 2 for one in share])
    return CategoryProfile(distance, unseen_shares(code, span, spans, seen))


def unseen_rate(profile: CategoryProfile, span: int) -> SpanShift | None:
    """The share of a span's values in new categories; None with too few earlier spans."""
    before = profile.unseen[1:span]
    before = before[~np.isnan(before)]
    if span < MIN_EARLIER_SPANS or not len(before) or np.isnan(profile.unseen[span]):
        return None
    limit = max(_UNSEEN_FLOOR, _UNSEEN_FACTOR * before.max())
    measure = "the share of its values in categories that no earlier span has is"
    return SpanShift(measure, float(profile.unseen[span]), float(limit))


def mix_change(profile: CategoryProfile, span: int) -> SpanShift | None:
    """How much of a span lies in other categories than in the nearest earlier span."""
    known = np.flatnonzero(~np.isnan(profile.distance.diagonal()[: span + 1]))
    if len(known) <= MIN_EARLIER_SPANS or known[-1] != span:
        return None
    distance = profile.distance[np.ix_(known, known)]
    np.fill_diagonal(distance, np.inf)
    natural = distance[:-1, :-1].min(axis=1).max()
    limit = max(_MIX_FLOOR, _MIX_FACTOR * natural)
    measure = "the share of its values in other categories than in any earlier span is"
    return SpanShift(measure, float(distance[-1, :-1].min()), float(limit))


def _fold_rare(code: Ints, width: int) -> Ints:
    """Codes by frequency, with all beyond the most frequent as one."""
    rank = np.empty(width, np.int64)
    rank[np.argsort(-np.bincount(code, minlength=width), kind="stable")] = np.arange(width)
    folded: Ints = np.minimum(rank, _MAX_CATEGORIES)[code]
    return folded


def _count_by_span(code: Ints, span: Ints, spans: int) -> Ints:
    width = int(code.max(initial=0)) + 1
    return np.bincount(span * width + code, minlength=spans * width).reshape(spans, width)
