"""Cross-validation over blocks of time: rows of one time depend on each other.

The blocks say two things: after how many epochs more training no longer helps on another time, and
how much a model of this kind varies from one time to another, which monitoring learns its
thresholds from.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.artifacts import BlockScore
from components.core.spans import SpanKind
from components.core.tasks import Task
from components.model.train.learner import Floats, Learner, Rows

MAX_BLOCKS = 6
_MIN_BLOCKS = 2
_MIN_MONTHS = 3
_MIN_SHARE = 0.25
_MAX_STANDARD_ERRORS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TimeBlock:
    """Rows of one time: its month or first day, and their positions, int64 [m], ascending."""

    name: str
    rows: Rows


@dataclass(frozen=True)
class CrossValidation:
    """The epochs that held-out blocks selected, and the scores of each block after so many."""

    epochs: int
    scores: tuple[BlockScore, ...]


def time_blocks(times: NDArray[np.datetime64], span: SpanKind) -> tuple[TimeBlock, ...]:
    """Splits training rows by their times, datetime64[us] [n] UTC, into blocks to hold out.

    If the data is split by month, a block is a month; of more than six, six are held out that
    lie evenly from the first to the last. Else the window is split into six equal lengths of time.
    A block with under a quarter of the median block's rows is only trained on. Oldest first.
    """
    if not len(times):
        return ()
    blocks = _by_month(times) if span is SpanKind.MONTH else ()
    if len(blocks) < _MIN_MONTHS:
        blocks = _by_length(times)
    min_rows = _MIN_SHARE * float(np.median([len(block.rows) for block in blocks]))
    large = [block for block in blocks if len(block.rows) >= min_rows]
    chosen = np.linspace(0, len(large) - 1, min(MAX_BLOCKS, len(large))).round().astype(int)
    return tuple(large[i] for i in chosen)


def cross_validate(
    learner: Learner, label: Floats, blocks: Sequence[TimeBlock], max_epochs: int, task: Task
) -> CrossValidation:
    """Trains once for each block, on all rows but its own, and scores it.

    With fewer than two blocks nothing is held out. `label` is float64 [n], of the learner's rows.
    """
    if len(blocks) < _MIN_BLOCKS:
        return CrossValidation(max_epochs, ())
    predicted = []
    for block in blocks:
        _log.info("holding out %s: %d rows", block.name, len(block.rows))
        others = np.setdiff1d(np.arange(len(label)), block.rows)
        predicted.append(learner.fit(others, max_epochs, block.rows))
    labels = [label[block.rows] for block in blocks]
    epochs = select_epochs(_losses(predicted, labels, task))
    _log.info("%d of %d epochs", epochs, max_epochs)
    scored = zip(blocks, labels, (after[epochs - 1] for after in predicted), strict=True)
    return CrossValidation(epochs, tuple(score_block(b.name, y, p, task) for b, y, p in scored))


def select_epochs(losses: Floats) -> int:
    """The most epochs that are not surely worse than the best number of them.

    Blocks differ by far more than epochs do, so epochs are compared block by block: one is worse
    if its mean difference from the best is above twice the standard error. If undecided, more
    epochs are better, for at their end the learning rate has come down.

    Args:
        losses: float64 [blocks, epochs], lower is better.

    Returns:
        1 to epochs; all of them if fewer than two blocks leave it undecided.
    """
    if len(losses) < _MIN_BLOCKS:
        return int(losses.shape[1])
    best = int(np.argmin(losses.mean(axis=0)))
    behind = losses - losses[:, [best]]
    error = behind.std(axis=0, ddof=1) / np.sqrt(len(losses))
    undecided = np.flatnonzero(behind.mean(axis=0) <= _MAX_STANDARD_ERRORS * error)
    return int(undecided[-1]) + 1


def score_block(name: str, label: Floats, probability: Floats, task: Task) -> BlockScore:
    """Every metric of the task that is defined on a block."""
    values = {m.name: m(label, probability) for m in task.metrics.values()}
    metrics = {metric: value for metric, value in values.items() if value is not None}
    return BlockScore(block=name, rows=len(label), metrics=metrics)


def _losses(predicted: Sequence[Sequence[Floats]], labels: Sequence[Floats], task: Task) -> Floats:
    """The primary metric of each block [blocks, epochs], signed so that lower is better."""
    metric = task.metrics[task.primary_metric]
    sign = -1.0 if metric.higher_is_better else 1.0
    rows = [[metric(y, p) for p in after] for y, after in zip(labels, predicted, strict=True)]
    losses = sign * np.array(rows, dtype=np.float64)  # None becomes NaN
    defined: Floats = losses[np.isfinite(losses).all(axis=1)]
    return defined


def _by_month(times: NDArray[np.datetime64]) -> tuple[TimeBlock, ...]:
    months = times.astype("datetime64[M]")
    return tuple(TimeBlock(str(m), np.flatnonzero(months == m)) for m in np.unique(months))


def _by_length(times: NDArray[np.datetime64]) -> tuple[TimeBlock, ...]:
    instants = times.astype("datetime64[us]").astype(np.int64)
    first = instants.min()
    length = -(-(instants.max() - first + 1) // MAX_BLOCKS)
    part = (instants - first) // length
    found = []
    for index in np.unique(part):
        start = np.datetime64(int(first + index * length), "us").astype("datetime64[m]")
        found.append(TimeBlock(str(start), np.flatnonzero(part == index)))
    return tuple(found)
