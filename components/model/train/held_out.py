"""Blocks of the training window, each scored by a model that did not see it.

They say two things: after how many epochs more training no longer helps on another time, and how
much a model of this kind varies from one time to another, which monitoring learns its limits from.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.core.artifacts import BlockScore
from components.core.tasks import Task
from components.model.train.blocks import TimeBlock
from components.model.train.learner import Floats, Learner

_log = logging.getLogger(__name__)
_LEAST_BLOCKS = 2
_SURE = 2.0  # standard errors


@dataclass(frozen=True)
class HeldOut:
    """What held-out blocks said.

    Attributes:
        epochs: Epochs after which the decisive metric is best over all blocks.
        scores: Each block, scored after so many epochs.
    """

    epochs: int
    scores: tuple[BlockScore, ...]


def hold_out(
    learner: Learner, label: Floats, blocks: Sequence[TimeBlock], epochs: int, task: Task
) -> HeldOut:
    """Trains once for each block, on all rows but its own, and scores it.

    Args:
        learner: What is trained, each time afresh and in the same way.
        label: float64 [n], of the learner's rows.
        blocks: The blocks; with fewer than two nothing is held out.
        epochs: Most epochs.
        task: The kind of answer.
    """
    if len(blocks) < _LEAST_BLOCKS:
        return HeldOut(epochs, ())
    seen = []
    for block in blocks:
        _log.info("holding out %s: %d rows", block.name, len(block.rows))
        others = np.setdiff1d(np.arange(len(label)), block.rows)
        seen.append(learner.fit(others, epochs, block.rows))
    labels = [label[block.rows] for block in blocks]
    best = epochs_needed(_losses(seen, labels, task))
    _log.info("%d of %d epochs", best, epochs)
    scored = zip(blocks, labels, (after[best - 1] for after in seen), strict=True)
    return HeldOut(best, tuple(score(b.name, y, p, task) for b, y, p in scored))


def epochs_needed(losses: Floats) -> int:
    """The most epochs that are not surely worse than the best number of them.

    Blocks differ by far more than epochs do, so epochs are compared block by block: one is worse
    where its mean difference from the best is above twice the standard error. What is undecided
    goes to more epochs, at whose end the learning rate has come down.

    Args:
        losses: float64 [blocks, epochs], lower is better.

    Returns:
        1 to epochs; with fewer than two blocks nothing is decided, so all of them.
    """
    if len(losses) < _LEAST_BLOCKS:
        return int(losses.shape[1])
    best = int(np.argmin(losses.mean(axis=0)))
    behind = losses - losses[:, [best]]
    error = behind.std(axis=0, ddof=1) / np.sqrt(len(losses))
    undecided = np.flatnonzero(behind.mean(axis=0) <= _SURE * error)
    return int(undecided[-1]) + 1


def score(name: str, label: Floats, probability: Floats, task: Task) -> BlockScore:
    """Every metric of the task that is defined on a block."""
    values = {m.name: m(label, probability) for m in task.metrics.values()}
    metrics = {metric: value for metric, value in values.items() if value is not None}
    return BlockScore(block=name, rows=len(label), metrics=metrics)


def _losses(seen: Sequence[Sequence[Floats]], labels: Sequence[Floats], task: Task) -> Floats:
    """The decisive metric of each block [blocks, epochs], turned so that lower is better."""
    metric = task.metrics[task.decisive]
    sign = -1.0 if metric.higher_is_better else 1.0
    rows = [[metric(y, p) for p in after] for y, after in zip(labels, seen, strict=True)]
    losses = sign * np.array(rows, dtype=np.float64)  # None becomes NaN
    decided: Floats = losses[np.isfinite(losses).all(axis=1)]
    return decided
