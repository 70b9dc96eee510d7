"""What trains, whether the network is built in or custom, and how it is exported."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.core.artifacts import ModelColumn
from components.core.spec import Network
from components.model.saved_model import DTYPES, SIGNATURE
from components.model.train.features import Tensors

_log = logging.getLogger(__name__)

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Learner(ABC):
    """A network and the training rows, whose label is [n], 0 or 1.

    `model` is what learns, `parts` own all variables and tables that `logit` needs.
    """

    def __init__(
        self,
        network: Network,
        model: keras.Model,
        optimizer: keras.Optimizer,
        label: Floats,
        parts: Sequence[object] = (),
    ) -> None:
        self.model, self.parts = model, (model, *parts)
        self._network, self._label = network, tf.constant(label, tf.float32)
        # With those of its random generators, so that every fold begins in the same state.
        self._variables = [*model.variables, *optimizer.variables]
        self._initial = [np.copy(v.numpy()) for v in self._variables]

    @abstractmethod
    def logit(self, inputs: Tensors) -> tf.Tensor:
        """The log odds of raw columns, float32 [n]; a graph that is exported."""

    def fit(self, rows: Rows, epochs: int, watched: Rows) -> list[Floats]:
        """Trains from the initial state on the rows at these positions, int64 [n].

        Returns the probability of the watched rows after each epoch, float64 [m], which may be 0.
        """
        for variable, value in zip(self._variables, self._initial, strict=True):
            variable.assign(value)
        random, watched_after = np.random.default_rng(self._network.seed), []
        for epoch in range(epochs):
            began = time.monotonic()
            loss = self._fit_epoch(rows, random, (epoch, epochs))
            seconds = time.monotonic() - began
            _log.info("epoch %d: loss %.4f, %.1f s", epoch + 1, loss, seconds)
            watched_after.append(self._probability(watched))
        return watched_after

    @abstractmethod
    def _fit_epoch(
        self, rows: Rows, random: np.random.Generator, progress: tuple[int, int]
    ) -> float:
        """Trains epoch i of n, the `progress`, on shuffled rows and returns the mean loss."""

    @abstractmethod
    def _probability(self, rows: Rows) -> Floats:
        """The probability of training rows, float64 [n]."""


class ServableModel(tf.Module):  # type: ignore[misc]
    """What a SavedModel holds; loaded again it needs no class of ours.

    `calibration` is the scale and offset of the logit, float32 [2]: 1 and 0 until the loaded model
    is recalibrated and saved again.
    """

    def __init__(self, learner: Learner, threshold: float) -> None:
        super().__init__(name="ratoon")
        self.calibration = tf.Variable([1.0, 0.0], trainable=False, name="calibration")
        self.parts = list(learner.parts)
        self._logit, self._threshold = learner.logit, threshold

    def predict(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Probability float32 [n] and predicted int64 [n] of raw columns [n]."""
        logit = self._logit(inputs)
        probability = tf.sigmoid(self.calibration[0] * logit + self.calibration[1])
        predicted = tf.cast(probability >= self._threshold, tf.int64)
        return {"probability": probability, "predicted": predicted}


def export_model(model: ServableModel, columns: Sequence[ModelColumn], out: Path) -> None:
    """Writes a SavedModel whose signature takes the raw columns by name, each [None]."""
    specs = {c.name: tf.TensorSpec([None], DTYPES[c.kind], c.name) for c in columns}
    predict = tf.function(model.predict).get_concrete_function(**specs)
    tf.saved_model.save(model, str(out), signatures={SIGNATURE: predict})
