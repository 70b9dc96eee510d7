"""Every column of every span against the spans before it, as findings."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from components.core.artifacts import ModelColumn
from components.core.spans import Span, parse_instant
from components.core.spec import FeatureKind
from components.core.verdict import Finding, Severity
from components.data.validate.categories import (
    CategoryProfile,
    flood_of,
    mix_of,
    profile_categories,
)
from components.data.validate.missing import gap_of, missing_shares
from components.data.validate.numbers import profile_of
from components.data.validate.pieces import Pieces
from components.data.validate.shifts import EARLIER_SPANS, Shift, new_values_of, shift_of

_SHOWN = 12  # spans: older ones were judged when they were new

Judged = tuple[str, str, int, Shift]
"""The kind of shift, the column, the index of the span, and what was measured."""


def judge_spans(
    pieces: Pieces,
    columns: Sequence[ModelColumn],
    domains: Mapping[str, frozenset[str]],
    new: frozenset[str],
) -> tuple[Judged, ...]:
    """Measures every column of the new and of the last few spans that have enough before them.

    Args:
        pieces: The examples, cut.
        columns: The raw columns; instants are left out, for they only grow.
        domains: Column to the categories that the schema lists.
        new: The spans that must be judged.
    """
    judged: list[Judged] = []
    last = len(pieces.names) - _SHOWN
    spans = [i for i, name in enumerate(pieces.names) if i >= last or name in new]
    for column in columns:
        values = pieces.table[column.name]
        judged += _missing(column.name, values, pieces, spans)
        if column.kind == FeatureKind.NUMBER:
            judged += _number(column.name, values, pieces, spans)
        elif column.kind == FeatureKind.CATEGORY:
            profile = profile_categories(values, pieces, domains[column.name])
            judged += _category(column.name, profile, spans)
    return tuple(judged)


def new_spans(
    names: Sequence[str], cut: Mapping[str, Span], champion: str | None
) -> frozenset[str]:
    """The spans that no accepted run has judged: the newest, and what ends after the champion.

    Args:
        names: Spans with examples, oldest first.
        cut: Span to when it begins and ends.
        champion: The instant that what serves now was trained for; None: nothing serves.
    """
    since = parse_instant(champion) if champion else None
    later = (name for name in names if since is not None and cut[name].end > since)
    return frozenset((*later, *names[-1:]))


def findings_of(
    judged: Sequence[Judged],
    names: Sequence[str],
    new: frozenset[str],
    may_shift: frozenset[str],
) -> Iterator[Finding]:
    """What went beyond its limit; in an old span, or where the schema allows it, a warning.

    Args:
        judged: Every measurement.
        names: The spans, oldest first.
        new: The spans that must not shift.
        may_shift: Columns that the schema allows to.
    """
    for code, column, index, shift in judged:
        if shift.ratio <= 1:
            continue
        decides = names[index] in new and column not in may_shift
        yield Finding(
            code=code,
            severity=Severity.FAIL if decides else Severity.WARN,
            subject=f"{column} in {names[index]}",
            measured=round(shift.measured, 4),
            limit=round(shift.limit, 4),
            sentence=f"{column} in {names[index]} is not like the spans before: {shift.measure} "
            f"{shift.measured:.3g}, and they allow {shift.limit:.3g}; {_ADVICE[code]}",
        )
    yield _summary(judged, names)


def _summary(judged: Sequence[Judged], names: Sequence[str]) -> Finding:
    newest = [one for one in judged if one[2] == len(names) - 1]
    if not newest:
        return Finding(
            code="shift",
            severity=Severity.WARN,
            subject=names[-1],
            measured=len(names) - 1,
            limit=EARLIER_SPANS,
            sentence=f"{names[-1]} could not be held against earlier spans: {EARLIER_SPANS} with "
            f"enough rows are needed.",
        )
    _, column, _, shift = max(newest, key=lambda one: one[3].ratio)
    return Finding(
        code="shift",
        severity=Severity.INFO,
        subject=names[-1],
        measured=round(min(shift.ratio, 1e6), 3),
        limit=1.0,
        sentence=f"Of the columns of {names[-1]}, {column} used most of what the spans before "
        f"allow: {shift.measure} {shift.measured:.3g} of {shift.limit:.3g}.",
    )


_ADVICE = {
    "shift": "is it another unit? If it is meant, tag the column may_shift in the schema.",
    "unseen": "are these categories meant? If so, list them in the schema.",
    "mix": "is a part of the data missing? If it is meant, tag the column may_shift in the schema.",
    "missing": "is its source complete? If it is meant, tag the column may_shift in the schema.",
}


def _missing(
    name: str, values: pa.ChunkedArray, pieces: Pieces, spans: Sequence[int]
) -> Iterator[Judged]:
    shares = missing_shares(values.is_null().to_numpy(), pieces)
    for index in spans:
        if gap := gap_of(shares, index):
            yield "missing", name, index, gap


def _number(
    name: str, values: pa.ChunkedArray, pieces: Pieces, spans: Sequence[int]
) -> Iterator[Judged]:
    profile = profile_of(values.to_numpy().astype(np.float64), pieces)
    for index in spans if profile else ():
        if profile and (shift := shift_of(profile, index)):
            yield "shift", name, index, shift
        if profile and (new := new_values_of(profile, index)):
            yield "shift", name, index, new


def _category(name: str, profile: CategoryProfile, spans: Sequence[int]) -> Iterator[Judged]:
    for index in spans:
        if flood := flood_of(profile, index):
            yield "unseen", name, index, flood
        if mix := mix_of(profile, index):
            yield "mix", name, index, mix
