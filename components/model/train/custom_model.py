"""A custom network: ``module: model.py`` with ``build_model``."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.core.spec import Network, Spec
from components.model.saved_model import DTYPES
from components.model.train.features import Tensors
from components.model.train.learner import Floats, Learner, Rows
from components.model.train.preprocessing import Encodings

BuildModel = Callable[[Spec, Sequence[ModelColumn], Encodings], keras.Model]

_BUILDER = "build_model"
_ACCEPTED = f"a function {_BUILDER}(spec, columns, statistics) that returns a Keras model"
_CLIP = 1e-7  # a probability nearer to 0 or 1 has no log odds in float32
_CHECKED_ROWS = 256


def load_builder(file: Path) -> BuildModel:
    """Loads ``build_model`` from the user's file; it runs as code of the step.

    Raises:
        InputError: There is no such file, or no such function in it.
    """
    if not file.is_file():
        raise InputError("model.module", file.name, "a file of the model's folder")
    found = importlib.util.spec_from_file_location("ratoon_custom_model", file)
    assert found is not None  # the name ends with .py
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    builder = getattr(module, _BUILDER, None)
    if not callable(builder):
        raise InputError(f"{file.name}: {_BUILDER}", builder, _ACCEPTED)
    return cast(BuildModel, builder)


class CustomModel(Learner):
    """The user's network, as ``build_model`` returned it, and its training rows.

    Raises:
        InputError: The model's inputs or its output are not as they must be.
    """

    def __init__(
        self,
        model: Any,
        columns: Sequence[ModelColumn],
        network: Network,
        inputs: Tensors,
        label: Floats,
    ) -> None:
        check_signature(model, columns)
        if not model.compiled:
            adam = keras.optimizers.Adam(network.learning_rate)
            model.compile(adam, "binary_crossentropy", jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        super().__init__(network, model, model.optimizer, label)
        self._inputs = inputs
        self._check_output()

    def logit(self, inputs: Tensors) -> tf.Tensor:
        """See `Learner.logit`."""
        output = tf.reshape(self.model(dict(inputs), training=False), [-1])
        probability = tf.clip_by_value(output, _CLIP, 1 - _CLIP)
        return tf.math.log(probability) - tf.math.log1p(-probability)

    def fit(self, rows: Rows, epochs: int, watched: Rows) -> list[Floats]:
        """See `Learner.fit`; the output must still be a probability."""
        watched_after = super().fit(rows, epochs, watched)
        self._check_output()
        return watched_after

    def _fit_epoch(
        self, rows: Rows, random: np.random.Generator, progress: tuple[int, int]
    ) -> float:
        batches = self._batches(random.permutation(rows), with_label=True)
        return float(self.model.fit(batches, shuffle=False, verbose=0).history["loss"][0])

    def _batches(self, rows: Rows, with_label: bool) -> tf.data.Dataset:
        def pick(at: tf.Tensor) -> Any:
            inputs = {name: tf.gather(values, at) for name, values in self._inputs.items()}
            return (inputs, tf.gather(self._label, at)) if with_label else (inputs,)

        return tf.data.Dataset.from_tensor_slices(rows).batch(self._network.batch_size).map(pick)

    def _probability(self, rows: Rows) -> Floats:
        if not len(rows):
            return np.empty(0)
        found = self.model.predict(self._batches(rows, with_label=False), verbose=0)
        return np.asarray(found, dtype=np.float64).reshape(-1)

    def _check_output(self) -> None:
        rows = np.arange(min(_CHECKED_ROWS, len(self._label)))
        found = self._probability(rows)
        if len(found) != len(rows):
            raise InputError("build_model: output", f"{len(found)} values", f"{len(rows)}, one row")
        wrong = found[~((found >= 0) & (found <= 1))]  # NaN is neither
        if len(wrong):
            do = "End with Dense(1, activation='sigmoid'), and handle NaN for missing numbers."
            raise InputError("build_model: output", float(wrong[0]), "a probability in [0, 1]", do)


def check_signature(model: Any, columns: Sequence[ModelColumn]) -> None:
    """Checks that a model takes the raw columns by name and returns one number per row.

    Raises:
        InputError: It does not.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise InputError(_BUILDER, type(model).__name__, "a functional keras.Model with inputs")
    given = {i.name: (i.dtype, tuple(i.shape)) for i in model.inputs}
    wanted = {c.name: (DTYPES[c.kind], (None,)) for c in columns}
    for name in sorted({*given, *wanted}):
        if given.get(name) != wanted.get(name):
            accepted = f"one input per raw column: {', '.join(wanted)}"
            if name in wanted:
                accepted = f"keras.Input((), name={name!r}, dtype={wanted[name][0]!r})"
            raise InputError(f"{_BUILDER}: input {name}", given.get(name), accepted)
    shapes = [tuple(output.shape) for output in model.outputs]
    if shapes not in ([(None, 1)], [(None,)]):
        raise InputError(f"{_BUILDER}: output", shapes, "one output, of shape (None, 1)")
