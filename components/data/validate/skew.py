"""How unlike the training rows a holdout is, column by column."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelColumn, SplitName
from components.core.spec import FeatureKind
from components.core.verdict import Finding, Severity

Floats = npt.NDArray[np.float64]
_BINS = 10
_SHARE_LIMIT = 0.1  # of the rows, the largest difference of one category's share
_DIVERGENCE_LIMIT = 0.3  # Jensen-Shannon, base 2; a holdout of another season reaches it
_GROSS = 0.95  # nothing in common: no season does that


def judge_skew(
    splits: Mapping[SplitName, pa.Table], columns: Sequence[ModelColumn]
) -> Iterator[Finding]:
    """Compares each holdout with the training rows; what is gross fails.

    Numbers by the Jensen-Shannon divergence over ten bins of equal mass, categories by the
    largest difference of a share; missing values are a bin of their own.
    """
    train = splits.get(SplitName.TRAIN)
    for split in (SplitName.RECENT, SplitName.REFERENCE):
        holdout = splits.get(split)
        if train is None or holdout is None:
            continue
        measured = {
            column.name: _skew(train[column.name], holdout[column.name], column.kind)
            for column in columns
            if column.kind != FeatureKind.TIMESTAMP
        }
        for column in columns:
            if column.name in measured:
                yield from _finding(column, split, measured[column.name])


def divergence(one: Floats, other: Floats) -> float:
    """Jensen-Shannon divergence, base 2: 0 for equal distributions, 1 for disjoint ones.

    Args:
        one: Shares, float64 [bins].
        other: The same.
    """
    middle = (one + other) / 2
    return (_entropy(middle) * 2 - _entropy(one) - _entropy(other)) / 2


def _entropy(shares: Floats) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


def _skew(train: pa.ChunkedArray, holdout: pa.ChunkedArray, kind: str) -> float:
    if kind == FeatureKind.CATEGORY:
        return float(np.abs(np.subtract(*_category_shares(train, holdout))).max(initial=0.0))
    ours, theirs = train.to_numpy(), holdout.to_numpy()
    present = ours[~np.isnan(ours)]
    if not len(present):
        return float(np.mean(~np.isnan(theirs)))
    shares = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
    return divergence(_bin_shares(ours, edges), _bin_shares(theirs, edges))


def _bin_shares(values: Floats, edges: Floats) -> Floats:
    # A value that is an edge, such as a constant, has a bin of its own.
    place = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    place = np.where(np.isnan(values), 2 * len(edges) + 1, place)
    return np.bincount(place, minlength=2 * len(edges) + 2) / len(values)


def _category_shares(*columns: pa.ChunkedArray) -> tuple[Floats, Floats]:
    joined = pa.chunked_array([c for column in columns for c in column.chunks], type=pa.string())
    encoded = joined.combine_chunks().dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy()
    parts = np.split(codes, [len(columns[0])])
    one, other = (np.bincount(p, minlength=len(encoded.dictionary)) / len(p) for p in parts)
    return one, other


def _finding(column: ModelColumn, split: SplitName, measured: float) -> Iterator[Finding]:
    is_category = column.kind == FeatureKind.CATEGORY
    limit = _SHARE_LIMIT if is_category else _DIVERGENCE_LIMIT
    if measured <= limit:
        return
    what = "largest difference of a share" if is_category else "Jensen-Shannon divergence"
    yield Finding(
        code="skew",
        severity=Severity.FAIL if measured >= _GROSS else Severity.WARN,
        subject=f"{column.name} in {split}",
        measured=round(measured, 4),
        limit=limit if measured < _GROSS else _GROSS,
        sentence=f"{column.name} in the {split} holdout is unlike the training rows: {what} "
        f"{measured:.2f}.",
    )
