"""The leak check: a column that alone says the answer was probably written after it."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelColumn
from components.core.spec import FeatureKind
from components.core.tasks import task_of
from components.core.verdict import Finding, Severity

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FAIL = 0.98  # no honest column alone ranks nearly every pair of rows right
_WARN = 0.9
_BINS = 100
_FOLDS = 5
_MOST_ROWS = 50_000  # measured, evenly over time; an AUC of 0.98 is then sure to 0.001
_PRIOR_ROWS = 20  # that a category's rate is drawn towards the mean by


def judge_leaks(
    train: pa.Table, columns: Sequence[ModelColumn], label: str, event_time: str, task: str
) -> Iterator[Finding]:
    """Measures how well each raw column alone tells the training rows' labels.

    By area under the ROC curve, the better of: its own order; and the label's rate by value, for
    numbers by one of 100 bins and for missing values, learned on the other fifths of the history.
    An instant is judged by how long after the event it lies.

    Args:
        train: Training rows, oldest first, labels not null.
        columns: The raw columns.
        label: The label's column.
        event_time: The column of instants; it is not judged itself.
        task: The spec's task.
    """
    step = -(-train.num_rows // _MOST_ROWS)
    train = train.take(pa.array(np.arange(0, train.num_rows, max(step, 1))))
    answer = train[label].to_numpy().astype(np.float64)
    measured = {
        column.name: _telling(train, column, answer, event_time, task)
        for column in columns
        if column.name != event_time
    }
    for name, power in measured.items():
        if power is not None and power >= _WARN:
            yield _finding(name, power)
    known = {name: power for name, power in measured.items() if power is not None}
    if known:
        best = max(known, key=lambda name: known[name])
        yield _summary(best, known[best])


def category_codes(column: pa.ChunkedArray) -> Ints:
    """Numbers the distinct values of a column, missing as one of them; int64 [rows]."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    codes: Ints = encoded.indices.to_numpy().astype(np.int64)
    return codes


def bin_codes(values: Floats) -> Ints:
    """Numbers the bins of equal mass that values lie in, missing as one; int64 [rows]."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.zeros(len(values), np.int64)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def rates_elsewhere(codes: Ints, answer: Floats) -> Floats:
    """The label's rate of each row's value in the other fifths of the history; float64 [rows].

    Args:
        codes: The value of each row, rows by time.
        answer: Labels, 0 or 1.
    """
    fold = np.arange(len(codes)) * _FOLDS // max(len(codes), 1)
    rates = np.empty(len(codes))
    for one in range(_FOLDS):
        here = fold == one
        width = int(codes.max(initial=0)) + 1
        rows = np.bincount(codes[~here], minlength=width)
        positive = np.bincount(codes[~here], answer[~here], minlength=width)
        prior = answer[~here].mean() if (~here).any() else 0.5
        rates[here] = ((positive + _PRIOR_ROWS * prior) / (rows + _PRIOR_ROWS))[codes[here]]
    return rates


def _telling(
    train: pa.Table, column: ModelColumn, answer: Floats, event_time: str, task: str
) -> float | None:
    kind = task_of(task)
    ranking = kind.metrics[kind.ranking]
    values = train[column.name]
    if column.kind == FeatureKind.CATEGORY:
        return ranking(answer, rates_elsewhere(category_codes(values), answer))
    numbers = _numbers(values, train[event_time])
    present = ~np.isnan(numbers)
    order = ranking(answer[present], numbers[present]) if present.any() else None
    encoded = ranking(answer, rates_elsewhere(bin_codes(numbers), answer))
    known = [max(order, 1 - order)] if order is not None and present.mean() > 0.5 else []
    return max([*known, *([encoded] if encoded is not None else [])], default=None)


def _numbers(values: pa.ChunkedArray, event_time: pa.ChunkedArray) -> Floats:
    if not pa.types.is_timestamp(values.type):
        numbers: Floats = values.to_numpy().astype(np.float64)
        return numbers
    later: Floats = values.cast(pa.int64()).cast(pa.float64()).to_numpy()
    later = later - event_time.cast(pa.int64()).to_numpy()
    return later


def _finding(name: str, power: float) -> Finding:
    fails = power >= _FAIL
    return Finding(
        code="leak",
        severity=Severity.FAIL if fails else Severity.WARN,
        subject=name,
        measured=round(power, 4),
        limit=_FAIL if fails else _WARN,
        sentence=f"{name} alone tells the label almost without fail (AUC {power:.3f}): is it "
        f"known only after the event? Then list it in data.primary.known_later.",
    )


def _summary(name: str, power: float) -> Finding:
    return Finding(
        code="leak",
        severity=Severity.INFO,
        subject="best single column",
        measured=round(power, 4),
        limit=_FAIL,
        sentence=f"The column that alone tells most of the label is {name} (AUC {power:.3f}).",
    )
