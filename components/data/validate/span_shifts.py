"""Compares every column of every span with the spans before it; categories are profiled here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import ModelColumn
from components.core.spans import Span
from components.core.spec import FeatureKind
from components.core.verdict import Finding, Severity, finding
from components.data.tables.columns import Floats, Ints
from components.data.validate.numbers import (
    distribution_shift,
    new_value_rate,
    profile_number,
    unseen_shares,
)
from components.data.validate.time_buckets import (
    MIN_EARLIER_SPANS,
    SpanShift,
    TimeBuckets,
    divide,
    missing_rate,
    missing_shares,
)

_UNSEEN_FLOOR = 0.05  # of a span's values; fewer new categories are no flood
_UNSEEN_FACTOR = 2.0  # times the largest share of new ones in an earlier span
_MIX_FLOOR = 0.3  # of a span's values in other categories than in the nearest earlier span
_MIX_FACTOR = 2.0
_MAX_CATEGORIES = 1_000  # counted apart; the rarer ones are counted as one
_SHOWN = 12  # spans: older ones were judged when they were new
_TAG = "If it is intended, tag the column may_shift in the schema."
_ADVICE = {
    "shift": f"is it another unit? {_TAG}",
    "mix": f"is a part of the data missing? {_TAG}",
    "missing": f"is its source complete? {_TAG}",
    "unseen": "are these categories intended? If so, list them in the schema.",
}


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
    span = buckets.row_span[present]
    listed = pc.is_in(encoded.dictionary, pa.array(sorted(domain), type=pa.string()))
    seen = np.flatnonzero(listed.to_numpy(zero_copy_only=False))
    counts = _count_by_span(code, span, spans)
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


def _count_by_span(code: Ints, span: Ints, spans: int) -> Ints:
    """Counts of the categories of each span, int64 [spans, categories]; the rarest are one."""
    frequency = np.bincount(code, minlength=1)
    rank = np.empty(len(frequency), np.int64)
    rank[np.argsort(-frequency, kind="stable")] = np.arange(len(frequency))
    folded = np.minimum(rank, _MAX_CATEGORIES)[code]
    width = int(folded.max(initial=0)) + 1
    return np.bincount(span * width + folded, minlength=spans * width).reshape(spans, width)


class ColumnShift(NamedTuple):
    """A column of the span of an index, compared with the spans before; `code` is the kind."""

    code: str
    column: str
    span: int
    shift: SpanShift


def measure_shifts(
    buckets: TimeBuckets,
    columns: Sequence[ModelColumn],
    domains: Mapping[str, frozenset[str]],
    new: frozenset[str],
) -> tuple[ColumnShift, ...]:
    """Measures every column of the new and of the last few spans that have enough before them.

    Args:
        buckets: The examples, cut.
        columns: The raw columns; of instants, which only grow, only whether they are missing.
        domains: Column to the categories that the schema lists.
        new: The spans that must be judged.
    """
    first = len(buckets.names) - _SHOWN
    spans = [i for i, name in enumerate(buckets.names) if i >= first or name in new]
    return tuple(
        ColumnShift(code, column.name, span, shift)
        for column in columns
        for code, span, shift in _measure(column, buckets, domains[column.name], spans)
        if shift is not None
    )


def new_spans(
    names: Sequence[str], cut: Mapping[str, Span], champion: datetime | None
) -> frozenset[str]:
    """The spans that no accepted run has judged: the newest, and all that end after `champion`."""
    later = (name for name in names if champion is not None and cut[name].end > champion)
    return frozenset((*later, *names[-1:]))


def shift_findings(
    shifts: Sequence[ColumnShift],
    names: Sequence[str],
    new: frozenset[str],
    may_shift: frozenset[str],
) -> Iterator[Finding]:
    """The shifts beyond their limit; in an old span, or if the schema allows it, a warning."""
    for code, column, index, shift in shifts:
        if shift.ratio <= 1:
            continue
        decides = names[index] in new and column not in may_shift
        subject = f"{column} in {names[index]}"
        text = f"{subject} is not like the spans before: {shift.measure} {shift.measured:.3g}, and "
        text += f"they allow {shift.limit:.3g}; {_ADVICE[code]}"
        severity = Severity.FAIL if decides else Severity.WARN
        numbers = round(shift.measured, 4), round(shift.limit, 4)
        yield finding(code, severity, subject, *numbers, text)
    yield _summary(shifts, names)


def _summary(shifts: Sequence[ColumnShift], names: Sequence[str]) -> Finding:
    newest = [one for one in shifts if one.span == len(names) - 1]
    if not newest:
        text = f"{names[-1]} could not be compared with earlier spans: {MIN_EARLIER_SPANS} with "
        text += "enough rows are needed."
        counts = (len(names) - 1, MIN_EARLIER_SPANS)
        return finding("shift", Severity.WARN, names[-1], *counts, text)
    _, column, _, shift = max(newest, key=lambda one: one.shift.ratio)
    text = f"Of the columns of {names[-1]}, {column} used most of what the spans before allow: "
    text += f"{shift.measure} {shift.measured:.3g} of {shift.limit:.3g}."
    return finding("shift", Severity.INFO, names[-1], round(min(shift.ratio, 1e6), 3), 1.0, text)


def _measure(
    column: ModelColumn, buckets: TimeBuckets, domain: frozenset[str], spans: Sequence[int]
) -> Iterator[tuple[str, int, SpanShift | None]]:
    values: pa.ChunkedArray = buckets.table[column.name]
    shares = missing_shares(values.is_null().to_numpy(), buckets)
    yield from (("missing", span, missing_rate(shares, span)) for span in spans)
    if column.kind == FeatureKind.NUMBER:
        number = profile_number(values.to_numpy().astype(np.float64), buckets)
        for span in spans:
            if number is not None:
                yield "shift", span, distribution_shift(number, span)
                yield "shift", span, new_value_rate(number, span)
    elif column.kind == FeatureKind.CATEGORY:
        category = profile_categories(values, buckets, domain)
        for span in spans:
            yield "unseen", span, unseen_rate(category, span)
            yield "mix", span, mix_change(category, span)
