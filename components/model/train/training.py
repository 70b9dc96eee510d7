"""From training rows to a trained network, built in or the user's own."""

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
from components.model.predict import inputs_of
from components.model.train.blocks import blocks_of
from components.model.train.built_in import BuiltIn
from components.model.train.held_out import HeldOut, hold_out
from components.model.train.learner import Floats, Learner
from components.model.train.own_model import OwnModel, load_builder
from components.model.train.preparation import Preparation, learn_encodings

_TIME = pa.timestamp("us")


@dataclass(frozen=True)
class Trained:
    """A trained network and what held-out blocks said on the way.

    Attributes:
        learner: Trained on all rows.
        held_out: Scores of the blocks, and the epochs that were right.
        weights: Digest of the weights: the same rows and spec, the same digest.
    """

    learner: Learner
    held_out: HeldOut
    weights: str


def train_on(plan: Plan, plan_folder: Path, table: pa.Table) -> Trained:
    """Trains on the rows of a table, after blocks of it have said for how long.

    Args:
        plan: What is wanted.
        plan_folder: The plan artifact, with the model's files.
        table: The labelled training rows.

    Raises:
        InputError: The rows have no two classes, or the user's own model cannot be used.
    """
    spec = plan.spec
    keras.utils.set_random_seed(spec.model.seed)
    tf.config.experimental.enable_op_determinism()
    label = labels_of(table, spec.label.name)
    if len(np.unique(label)) < 2:
        raise InputError("training rows", f"{len(label)} of one class", "rows of both classes")
    learner = learner_of(plan, plan_folder, table, label)
    times = table[spec.data.primary.event_time].cast(_TIME).to_numpy()
    blocks = blocks_of(times, spec.data.span)
    held_out = hold_out(learner, label, blocks, spec.model.epochs, task_of(spec.task))
    learner.fit(np.arange(len(label)), held_out.epochs, np.arange(0))
    return Trained(learner, held_out, weights_digest(learner.model))


def learner_of(plan: Plan, plan_folder: Path, table: pa.Table, label: Floats) -> Learner:
    """The learner that the spec asks for, with its rows.

    Raises:
        InputError: The user's own model cannot be used.
    """
    network = plan.spec.model
    arrays = inputs_of(table, plan.columns)
    inputs = {name: tf.constant(values) for name, values in arrays.items()}
    if network.module is None:
        encodings = learn_encodings(plan.features, inputs, network.buckets)
        by_quantiles = network.numbers == "quantiles"
        prepared = Preparation(plan.features, encodings, by_quantiles)
        return BuiltIn(network, prepared, inputs, label)
    build = load_builder(model_file(plan_folder, network.module))
    columns = [c for c in plan.columns if c.kind != "timestamp"]
    plain = [_plain(c.name, c.kind) for c in columns]
    statistics = learn_encodings(plain, inputs, network.buckets)
    model = build(plan.spec, plan.columns, statistics)
    return OwnModel(model, plan.columns, network, inputs, label)


def labels_of(table: pa.Table, name: str) -> Floats:
    """The labels, float64 [n].

    Raises:
        InputError: A row has none.
    """
    values = table[name]
    if values.null_count:
        raise InputError(name, f"{values.null_count} rows without a label", "labelled rows")
    return np.asarray(pc.cast(values, pa.float64()).to_numpy())


def weights_digest(model: keras.Model) -> str:
    """SHA-256 (hex) of the trained weights in their order."""
    return digest_bytes(b"".join(w.tobytes() for w in model.get_weights()))


def _plain(name: str, kind: str) -> PlannedFeature:
    return PlannedFeature(name=name, kind=kind, derive=None, columns=(name,), zone="UTC")
