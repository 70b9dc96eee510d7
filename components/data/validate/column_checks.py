"""Checks of single columns: target leakage, and holdouts that are unlike the training rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import pyarrow as pa

from components.core.artifacts import ModelColumn, SplitName
from components.core.spec import FeatureKind
from components.core.tasks import task_of
from components.core.verdict import Finding, Severity, finding
from components.data.schema.statistics import divergence
from components.data.tables.columns import Floats, Ints

_LEAK_FAIL = 0.98  # no honest column alone ranks nearly every pair of rows right
_LEAK_WARN = 0.9
_LEAK_BINS = 100
_FOLDS = 5
_MAX_ROWS = 50_000  # measured, evenly over time; an AUC of 0.98 is then exact to 0.001
_PRIOR_ROWS = 20  # that shrink a category's rate towards the mean
_SKEW_BINS = 10
_SHARE_LIMIT = 0.1  # of the rows, the largest difference of one category's share
_DIVERGENCE_LIMIT = 0.3  # Jensen-Shannon, base 2; a holdout of another season reaches it
_GROSS = 0.95  # nearly disjoint: no season does that


def check_target_leakage(
    train: pa.Table, columns: Sequence[ModelColumn], label: str, event_time: str, task: str
) -> Iterator[Finding]:
    """Measures how well each raw column alone tells the training rows' labels.

    The measure is the area under the ROC curve, the better of two rankings: by the value itself,
    and by the label's rate for the value (for numbers in 100 bins, missing values apart), learned
    on the other fifths of the history. An instant is judged by its time after the event, and the
    event time not at all. Training rows are oldest first, without null labels.
    """
    step = -(-train.num_rows // _MAX_ROWS)
    train = train.take(pa.array(np.arange(0, train.num_rows, max(step, 1))))
    labels = train[label].to_numpy().astype(np.float64)
    measured = {
        column.name: auc
        for column in columns
        if column.name != event_time
        and (auc := _auc(train, column, labels, event_time, task)) is not None
    }
    for name, auc in measured.items():
        if auc >= _LEAK_WARN:
            fails = auc >= _LEAK_FAIL
            severity, limit = (Severity.FAIL, _LEAK_FAIL) if fails else (Severity.WARN, _LEAK_WARN)
            text = f"{name} alone tells the label almost without fail (AUC {auc:.3f}): is it known "
            text += "only after the event? Then list it in data.primary.known_later."
            yield finding("leak", severity, name, round(auc, 4), limit, text)
    if measured:
        name, auc = max(measured.items(), key=lambda item: item[1])
        text = f"The column that alone tells most about the label is {name} (AUC {auc:.3f})."
        yield finding("leak", Severity.INFO, "best single column", round(auc, 4), _LEAK_FAIL, text)


def category_codes(column: pa.ChunkedArray) -> Ints:
    """Numbers the distinct values of a column, missing as one of them; int64 [rows]."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices.to_numpy(), np.int64)


def bin_codes(values: Floats) -> Ints:
    """Numbers the bins of equal mass of values, missing as one bin; int64 [rows]."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.zeros(len(values), np.int64)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _LEAK_BINS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def rates_elsewhere(codes: Ints, labels: Floats) -> Floats:
    """The label's rate of each row's value in the other fifths of the history; float64 [rows].

    Rows are in order of time; labels are 0 or 1.
    """
    fold = np.arange(len(codes)) * _FOLDS // max(len(codes), 1)
    width = int(codes.max(initial=0)) + 1
    rates = np.empty(len(codes))
    for one in range(_FOLDS):
        here, others = fold == one, fold != one
        rows = np.bincount(codes[others], minlength=width)
        positive = np.bincount(codes[others], labels[others], minlength=width)
        prior = labels[others].mean() if others.any() else 0.5
        rates[here] = ((positive + _PRIOR_ROWS * prior) / (rows + _PRIOR_ROWS))[codes[here]]
    return rates


def check_skew(
    splits: Mapping[SplitName, pa.Table], columns: Sequence[ModelColumn]
) -> Iterator[Finding]:
    """Compares each holdout with the training rows; gross skew fails.

    Numbers by the Jensen-Shannon divergence over ten bins of equal mass, categories by the
    largest difference of a share; missing values are a bin of their own.
    """
    holdouts = [s for s in splits if s is not SplitName.TRAIN and SplitName.TRAIN in splits]
    for split, column in product(holdouts, columns):
        if column.kind != FeatureKind.TIMESTAMP:
            train, holdout = (splits[one][column.name] for one in (SplitName.TRAIN, split))
            yield from _skew_findings(column, split, _skew(train, holdout, column.kind))


def _auc(
    train: pa.Table, column: ModelColumn, labels: Floats, event_time: str, task: str
) -> float | None:
    kind = task_of(task)
    ranking = kind.metrics[kind.ranking]
    values = train[column.name]
    if column.kind == FeatureKind.CATEGORY:
        return ranking(labels, rates_elsewhere(category_codes(values), labels))
    numbers = _numbers(values, train[event_time])
    present = ~np.isnan(numbers)
    order = ranking(labels[present], numbers[present]) if present.any() else None
    encoded = ranking(labels, rates_elsewhere(bin_codes(numbers), labels))
    known = [max(order, 1 - order)] if order is not None and present.mean() > 0.5 else []
    return max([*known, *([encoded] if encoded is not None else [])], default=None)


def _numbers(values: pa.ChunkedArray, event_time: pa.ChunkedArray) -> Floats:
    if not pa.types.is_timestamp(values.type):
        return np.asarray(values.to_numpy(), np.float64)
    instants: Floats = values.cast(pa.int64()).cast(pa.float64()).to_numpy()
    return np.asarray(instants - event_time.cast(pa.int64()).to_numpy(), np.float64)


def _skew(train: pa.ChunkedArray, holdout: pa.ChunkedArray, kind: str) -> float:
    if kind == FeatureKind.CATEGORY:
        return float(np.abs(np.subtract(*_category_shares(train, holdout))).max(initial=0.0))
    ours, theirs = train.to_numpy(), holdout.to_numpy()
    present = ours[~np.isnan(ours)]
    if not len(present):
        return float(np.mean(~np.isnan(theirs)))
    shares = np.linspace(0, 1, _SKEW_BINS + 1)[1:-1]
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


def _skew_findings(column: ModelColumn, split: SplitName, skew: float) -> Iterator[Finding]:
    limit, what = _DIVERGENCE_LIMIT, "Jensen-Shannon divergence"
    if column.kind == FeatureKind.CATEGORY:
        limit, what = _SHARE_LIMIT, "largest difference of a share"
    if skew <= limit:
        return
    severity, limit = (Severity.FAIL, _GROSS) if skew >= _GROSS else (Severity.WARN, limit)
    text = f"{column.name} in the {split} holdout is unlike the training rows: {what} {skew:.2f}."
    yield finding("skew", severity, f"{column.name} in {split}", round(skew, 4), limit, text)
