"""Target leakage: a column that alone tells the label was probably written after it."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelColumn
from components.core.spec import FeatureKind
from components.core.tasks import task_of
from components.core.verdict import Finding, Severity, finding

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FAIL = 0.98  # no honest column alone ranks nearly every pair of rows right
_WARN = 0.9
_BINS = 100
_FOLDS = 5
_MAX_ROWS = 50_000  # measured, evenly over time; an AUC of 0.98 is then exact to 0.001
_PRIOR_ROWS = 20  # that shrink a category's rate towards the mean


def check_target_leakage(
    train: pa.Table, columns: Sequence[ModelColumn], label: str, event_time: str, task: str
) -> Iterator[Finding]:
    """Measures how well each raw column alone tells the training rows' labels.

    The measure is the area under the ROC curve, the better of two rankings: by the value itself,
    and by the label's rate for the value (for numbers in 100 bins, missing values apart), learned
    on the other fifths of the history. An instant is judged by its time after the event.

    Args:
        train: Training rows, oldest first, without null labels.
        columns: The raw columns.
        label: The label's column.
        event_time: The column of event times, which is not judged itself.
        task: The spec's task.
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
        if auc >= _WARN:
            severity, limit = (Severity.FAIL, _FAIL) if auc >= _FAIL else (Severity.WARN, _WARN)
            text = f"{name} alone tells the label almost without fail (AUC {auc:.3f}): is it known "
            text += "only after the event? Then list it in data.primary.known_later."
            yield finding("leak", severity, name, round(auc, 4), limit, text)
    if measured:
        name, auc = max(measured.items(), key=lambda item: item[1])
        text = f"The column that alone tells most about the label is {name} (AUC {auc:.3f})."
        yield finding("leak", Severity.INFO, "best single column", round(auc, 4), _FAIL, text)


def category_codes(column: pa.ChunkedArray) -> Ints:
    """Numbers the distinct values of a column, missing as one of them; int64 [rows]."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    codes: Ints = encoded.indices.to_numpy().astype(np.int64)
    return codes


def bin_codes(values: Floats) -> Ints:
    """Numbers the bins of equal mass of values, missing as one bin; int64 [rows]."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.zeros(len(values), np.int64)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def rates_elsewhere(codes: Ints, labels: Floats) -> Floats:
    """The label's rate of each row's value in the other fifths of the history; float64 [rows].

    Args:
        codes: The value of each row, rows by time.
        labels: 0 or 1.
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
        numbers: Floats = values.to_numpy().astype(np.float64)
        return numbers
    instants: Floats = values.cast(pa.int64()).cast(pa.float64()).to_numpy()
    after: Floats = instants - event_time.cast(pa.int64()).to_numpy()
    return after
