"""From training rows to a trained network, built in or custom."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from components.core.digest import digest_bytes
from components.core.errors import InputError
from components.core.plan import Plan, PlannedFeature, model_file
from components.core.tasks import task_of
from components.model.examples import event_times, inputs_of
from components.model.train.built_in_model import BuiltInModel
from components.model.train.cross_validation import CrossValidation, cross_validate, time_blocks
from components.model.train.custom_model import CustomModel, load_builder
from components.model.train.learner import Floats, Learner
from components.model.train.preprocessing import Preprocessing, learn_encodings


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
    learner = build_learner(plan, plan_folder, table, label)
    blocks = time_blocks(event_times(table, spec), spec.data.span)
    validation = cross_validate(learner, label, blocks, spec.model.max_epochs, task_of(spec.task))
    learner.fit(np.arange(len(label)), validation.epochs, np.arange(0))
    weights = digest_bytes(b"".join(w.tobytes() for w in learner.model.get_weights()))
    return TrainingResult(learner, validation, weights)


def build_learner(plan: Plan, plan_folder: Path, table: pa.Table, label: Floats) -> Learner:
    """Builds the learner that the spec asks for, with its rows.

    Raises:
        InputError: The custom model cannot be used.
    """
    network = plan.spec.model
    inputs = {name: tf.constant(values) for name, values in inputs_of(table, plan.columns).items()}
    if network.module is None:
        encodings = learn_encodings(plan.features, inputs, network.buckets)
        by_quantiles = network.numbers == "quantiles"
        preprocessing = Preprocessing(plan.features, encodings, by_quantiles)
        return BuiltInModel(network, preprocessing, inputs, label)
    build_model = load_builder(model_file(plan_folder, network.module))
    features = [_as_feature(c.name, c.kind) for c in plan.columns if c.kind != "timestamp"]
    statistics = learn_encodings(features, inputs, network.buckets)
    model = build_model(plan.spec, plan.columns, statistics)
    return CustomModel(model, plan.columns, network, inputs, label)


def labels_of(table: pa.Table, name: str) -> Floats:
    """The labels, float64 [n].

    Raises:
        InputError: A row has none.
    """
    values = table[name]
    if values.null_count:
        raise InputError(name, f"{values.null_count} rows without a label", "labelled rows")
    return np.asarray(pc.cast(values, pa.float64()).to_numpy())


def _as_feature(name: str, kind: str) -> PlannedFeature:
    return PlannedFeature(name=name, kind=kind, derive=None, columns=(name,), zone="UTC")
