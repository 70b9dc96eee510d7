"""How different a holdout is from the training rows, column by column."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from components.core.artifacts import ModelColumn, SplitName
from components.core.spec import FeatureKind
from components.core.verdict import Finding, Severity, finding
from components.data.schema.divergence import Floats, divergence

_BINS = 10
_SHARE_LIMIT = 0.1  # of the rows, the largest difference of one category's share
_DIVERGENCE_LIMIT = 0.3  # Jensen-Shannon, base 2; a holdout of another season reaches it
_GROSS = 0.95  # nearly disjoint: no season does that


def check_skew(
    splits: Mapping[SplitName, pa.Table], columns: Sequence[ModelColumn]
) -> Iterator[Finding]:
    """Compares each holdout with the training rows; gross skew fails.

    Numbers by the Jensen-Shannon divergence over ten bins of equal mass, categories by the
    largest difference of a share; missing values are a bin of their own.
    """
    train = splits.get(SplitName.TRAIN)
    for split in (SplitName.RECENT, SplitName.REFERENCE):
        holdout = splits.get(split)
        if train is None or holdout is None:
            continue
        for column in columns:
            if column.kind != FeatureKind.TIMESTAMP:
                skew = _skew(train[column.name], holdout[column.name], column.kind)
                yield from _findings(column, split, skew)


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
    parts = np.split(encoded.indices.to_numpy(), [len(columns[0])])
    one, other = (np.bincount(p, minlength=len(encoded.dictionary)) / len(p) for p in parts)
    return one, other


def _findings(column: ModelColumn, split: SplitName, skew: float) -> Iterator[Finding]:
    limit, what = _DIVERGENCE_LIMIT, "Jensen-Shannon divergence"
    if column.kind == FeatureKind.CATEGORY:
        limit, what = _SHARE_LIMIT, "largest difference of a share"
    if skew <= limit:
        return
    severity, limit = (Severity.FAIL, _GROSS) if skew >= _GROSS else (Severity.WARN, limit)
    text = f"{column.name} in the {split} holdout is unlike the training rows: {what} {skew:.2f}."
    yield finding("skew", severity, f"{column.name} in {split}", round(skew, 4), limit, text)
