"""What trains: the same few methods whether the network is built in or the user's own."""

from collections.abc import Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.model.train.derived import Tensors

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Learner(Protocol):
    """A network and the training rows."""

    model: keras.Model
    """What learns; its variables are the weights."""

    @property
    def parts(self) -> Sequence[object]:
        """All that a SavedModel must hold for `logit`: variables and tables, by their owners."""

    def fit(self, rows: Rows, epochs: int, watched: Rows) -> list[Floats]:
        """Starts afresh and trains.

        Args:
            rows: Positions of the rows to train on, int64 [n].
            epochs: Passes over them.
            watched: Positions of other rows, int64 [m]; may be empty.

        Returns:
            After each epoch the probability of the watched rows, float64 [m].
        """

    def logit(self, inputs: Tensors) -> tf.Tensor:
        """The log odds of raw columns, float32 [n]; a graph that is exported."""


class Start:
    """The state in which training begins, so that every fold begins in the same.

    Args:
        model: Its variables, with those of its random generators.
        optimizer: Built for the model.
    """

    def __init__(self, model: keras.Model, optimizer: keras.Optimizer) -> None:
        self._variables = [*model.variables, *optimizer.variables]
        self._values = [np.copy(v.numpy()) for v in self._variables]

    def restore(self) -> None:
        """Puts every variable back."""
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)
