"""From training rows to a trained network: cross-validated over time, then fitted on all rows.

Rows of one time depend on each other, so blocks of time are held out. They say two things: after
how many epochs more training no longer helps on another time, and how much a model of this kind
varies from one time to another, which monitoring learns its thresholds from.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray

from components.core.artifacts import BlockScore
from components.core.digest import digest_bytes
from components.core.errors import InputError
from components.core.plan import Plan, PlannedFeature, model_file
from components.core.spans import SpanKind
from components.core.tasks import Task, task_of
from components.model.examples import event_times, inputs_of
from components.model.train.built_in_model import BuiltInModel
from components.model.train.custom_model import CustomModel, load_builder
from components.model.train.learner import Floats, Learner, Rows
from components.model.train.preprocessing import Preprocessing, learn_encodings

_MAX_BLOCKS = 6
_MIN_BLOCKS = 2
_MIN_MONTHS = 3
_MIN_SHARE = 0.25
_MAX_STANDARD_ERRORS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TimeBlock:
    """Rows of one time: its month or first minute, and their positions, int64 [m], ascending."""

    name: str
    rows: Rows


@dataclass(frozen=True)
class CrossValidation:
    """The epochs that held-out blocks selected, and the scores of each block after so many."""

    epochs: int
    scores: tuple[BlockScore, ...]


@dataclass(frozen=True)
class TrainingResult:
    """A learner trained on all rows, its cross-validation, and the digest of its weights."""

    learner: Learner
    validation: CrossValidation
    weights: str


def train_model(plan: Plan, plan_folder: Path, table: pa.Table) -> TrainingResult:
    """Trains on the labelled rows of a table, for as many epochs as cross-validation selects.

    Raises:
        InputError: The rows have only one class, or the custom model cannot be used.
    """
    spec = plan.spec
    keras.utils.set_random_seed(spec.model.seed)
    tf.config.experimental.enable_op_determinism()
    label = labels_of(table, spec.label.name)
    if len(np.unique(label)) < 2:
        raise InputError("training rows", f"{len(label)} of one class", "rows of both classes")
    learner = _build_learner(plan, plan_folder, table, label)
    blocks = time_blocks(event_times(table, spec), spec.data.span)
    validation = cross_validate(learner, label, blocks, spec.model.max_epochs, task_of(spec.task))
    learner.fit(np.arange(len(label)), validation.epochs, np.arange(0))
    weights = digest_bytes(b"".join(w.tobytes() for w in learner.model.get_weights()))
    return TrainingResult(learner, validation, weights)


def labels_of(table: pa.Table, name: str) -> Floats:
    """The labels, float64 [n]; refuses a row that has none."""
    values = table[name]
    if values.null_count:
        raise InputError(name, f"{values.null_count} rows without a label", "labelled rows")
    return np.asarray(pc.cast(values, pa.float64()).to_numpy())


def time_blocks(times: NDArray[np.datetime64], span: SpanKind) -> tuple[TimeBlock, ...]:
    """Splits training rows by their times, datetime64[us] [n] UTC, into blocks to hold out.

    If the data is split by month, a block is a month; of more than six, six are held out that
    lie evenly from the first to the last. Else the window is split into six equal lengths of time.
    A block with under a quarter of the median block's rows is only trained on. Oldest first.
    """
    if not len(times):
        return ()
    unit = "datetime64[M]"
    starts: NDArray[np.datetime64] = times.astype(unit)
    if span is not SpanKind.MONTH or len(np.unique(starts)) < _MIN_MONTHS:
        instants = times.astype("datetime64[us]").astype(np.int64)
        since = instants - instants.min()
        starts = (instants - since % -(-(since.max() + 1) // _MAX_BLOCKS)).astype("datetime64[us]")
        unit = "datetime64[m]"
    blocks = [
        TimeBlock(str(start.astype(unit)), np.flatnonzero(starts == start))
        for start in np.unique(starts)
    ]
    min_rows = _MIN_SHARE * float(np.median([len(block.rows) for block in blocks]))
    large = [block for block in blocks if len(block.rows) >= min_rows]
    chosen = np.linspace(0, len(large) - 1, min(_MAX_BLOCKS, len(large))).round().astype(int)
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
    """The most epochs that are not surely worse than the best number; all if under two blocks.

    Blocks differ by far more than epochs do, so epochs are compared block by block: one is worse
    if its mean difference from the best is above twice the standard error. If undecided, more
    epochs are better, for at their end the learning rate has come down. The losses are float64
    [blocks, epochs], lower is better.
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


def _build_learner(plan: Plan, plan_folder: Path, table: pa.Table, label: Floats) -> Learner:
    """Builds the learner that the spec asks for, with its rows."""
    network = plan.spec.model
    inputs = {name: tf.constant(values) for name, values in inputs_of(table, plan.columns).items()}
    if network.module is None:
        encodings = learn_encodings(plan.features, inputs, network.buckets)
        by_quantiles = network.numbers == "quantiles"
        preprocessing = Preprocessing(plan.features, encodings, by_quantiles)
        return BuiltInModel(network, preprocessing, inputs, label)
    build_model = load_builder(model_file(plan_folder, network.module))
    features = [
        PlannedFeature(name=c.name, kind=c.kind, derive=None, columns=(c.name,), zone="UTC")
        for c in plan.columns
        if c.kind != "timestamp"
    ]
    statistics = learn_encodings(features, inputs, network.buckets)
    model = build_model(plan.spec, plan.columns, statistics)
    return CustomModel(model, plan.columns, network, inputs, label)


def _losses(predicted: Sequence[Sequence[Floats]], labels: Sequence[Floats], task: Task) -> Floats:
    """The primary metric of each block [blocks, epochs], signed so that lower is better."""
    metric = task.metrics[task.primary_metric]
    sign = -1.0 if metric.higher_is_better else 1.0
    rows = [[metric(y, p) for p in after] for y, after in zip(labels, predicted, strict=True)]
    losses = sign * np.array(rows, dtype=np.float64)  # None becomes NaN
    defined: Floats = losses[np.isfinite(losses).all(axis=1)]
    return defined
