"""Compares every column of every span with the spans before it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from components.core.artifacts import ModelColumn
from components.core.spans import Span
from components.core.spec import FeatureKind
from components.core.verdict import Finding, Severity, finding
from components.data.validate.categories import mix_change, profile_categories, unseen_rate
from components.data.validate.numbers import distribution_shift, new_value_rate, profile_number
from components.data.validate.time_buckets import (
    MIN_EARLIER_SPANS,
    SpanShift,
    TimeBuckets,
    missing_rate,
    missing_shares,
)

_SHOWN = 12  # spans: older ones were judged when they were new
_UNIT = "is it another unit? If it is intended, tag the column may_shift in the schema."
_PART = "is a part of the data missing? If it is intended, tag the column may_shift in the schema."
_SOURCE = "is its source complete? If it is intended, tag the column may_shift in the schema."
_NEW = "are these categories intended? If so, list them in the schema."
_ADVICE = {"shift": _UNIT, "unseen": _NEW, "mix": _PART, "missing": _SOURCE}


class ColumnShift(NamedTuple):
    """A column of a span, compared with the spans before.

    Attributes:
        code: The kind of shift.
        column: The column.
        span: The index of the span.
        shift: What was measured.
    """

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
        columns: The raw columns; instants are left out, because they only grow.
        domains: Column to the categories that the schema lists.
        new: The spans that must be judged.
    """
    first = len(buckets.names) - _SHOWN
    spans = [i for i, name in enumerate(buckets.names) if i >= first or name in new]
    return tuple(
        ColumnShift(code, column.name, span, shift)
        for column in columns
        for code, span, shift in _measure(
            column, buckets, domains.get(column.name, frozenset()), spans
        )
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
        yield finding(
            code, severity, subject, round(shift.measured, 4), round(shift.limit, 4), text
        )
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
