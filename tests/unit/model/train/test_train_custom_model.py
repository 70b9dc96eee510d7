"""A custom network: a whole run with it, and every way in which it can be wrong."""

import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from train_factories import COLUMNS, build

from components.core.artifacts import MODEL_CARD, SAVED_MODEL, ModelCard
from components.core.errors import InputError
from components.model.saved_model import SavedModelRunner
from components.model.train.custom_model import load_builder
from components.model.train.run import train

HEAD = """
import keras

DTYPES = {"number": "float32", "category": "string", "timestamp": "int64"}


def inputs_of(columns):
    return {c.name: keras.Input((), name=c.name, dtype=DTYPES[c.kind]) for c in columns}

"""
GOOD = (
    HEAD
    + """
class IsMissing(keras.layers.Layer):
    def call(self, x):
        return keras.ops.cast(keras.ops.isnan(x), "float32")


class Filled(keras.layers.Layer):
    def __init__(self, median, mean, deviation):
        super().__init__()
        self.median, self.mean, self.deviation = median, mean, deviation

    def call(self, x):
        filled = keras.ops.where(keras.ops.isnan(x), self.median, x)
        return (filled - self.mean) / self.deviation


def as_column(values):
    return keras.ops.expand_dims(values, 1)


def build_model(spec, columns, statistics):
    inputs = inputs_of(columns)
    parts = []
    for column in columns:
        value = inputs[column.name]
        if column.kind == "number":
            learned = statistics[column.name]
            filled = Filled(learned.median, learned.mean, learned.deviation)(value)
            parts += [as_column(filled), as_column(IsMissing()(value))]
        elif column.kind == "category":
            words = list(statistics[column.name].words)
            one_hot = keras.layers.StringLookup(vocabulary=words, output_mode="one_hot")
            parts.append(one_hot(as_column(value)))
    hidden = keras.layers.Dense(16, activation="tanh")(keras.layers.Concatenate()(parts))
    probability = keras.layers.Dense(1, activation="sigmoid")(hidden)
    return keras.Model(inputs, probability)
"""
)


def test_a_run_with_it(tmp_path):
    setup = build(
        tmp_path, rows_a_day=60, model_py=GOOD, max_epochs=2, batch_size=64, learning_rate=0.04
    )
    train(setup.folders, "run")
    card = ModelCard.read(setup.folders.model / MODEL_CARD)
    assert card.metrics["recent"]["auc"] > 0.72
    assert card.columns == COLUMNS
    loaded = tf.saved_model.load(str(setup.folders.model / SAVED_MODEL))
    loaded.calibration.assign([0.0, 0.0])
    tf.saved_model.save(loaded, str(tmp_path / "again"), signatures=loaded.signatures)
    (recent,) = (setup.folders.examples / "recent").glob("*.parquet")
    halves = SavedModelRunner(tmp_path / "again", COLUMNS).probability(pq.read_table(recent))
    assert set(halves.tolist()) == {0.5}


WRONG = {
    "no build_model": (HEAD, "build_model"),
    "not a model": (
        HEAD + "def build_model(spec, columns, statistics):\n    return 3\n",
        "keras.Model",
    ),
    "an input too few": (
        HEAD
        + """
def build_model(spec, columns, statistics):
    i = inputs_of(columns[:1])
    x = keras.ops.expand_dims(i["x"], 1)
    return keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(x))
""",
        "input c",
    ),
    "an input of another type": (
        HEAD
        + """
def build_model(spec, columns, statistics):
    i = inputs_of(columns)
    i["paid"] = keras.Input((), name="paid", dtype="int32")
    x = keras.ops.expand_dims(i["x"], 1)
    return keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(x))
""",
        "input paid",
    ),
    "two outputs": (
        HEAD
        + """
def build_model(spec, columns, statistics):
    i = inputs_of(columns)
    x = keras.ops.expand_dims(i["x"], 1)
    return keras.Model(i, [keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)])
""",
        "one output",
    ),
    "no probability": (
        HEAD
        + """
def build_model(spec, columns, statistics):
    i = inputs_of(columns)
    x = keras.ops.expand_dims(i["owed"], 1)
    return keras.Model(i, keras.layers.Dense(1, kernel_initializer="ones")(x))
""",
        r"probability in \[0, 1\]",
    ),
    "missing numbers become missing answers": (
        HEAD
        + """
def build_model(spec, columns, statistics):
    i = inputs_of(columns)
    x = keras.ops.expand_dims(i["x"], 1)
    return keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(x))
""",
        r"handle NaN",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path, case):
    source, message = WRONG[case]
    setup = build(tmp_path, rows_a_day=20, model_py=source)
    with pytest.raises(InputError, match=message):
        train(setup.folders, "run")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"model\.module"):
        load_builder(tmp_path / "model.py")
