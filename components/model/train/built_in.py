"""Training the built-in network on rows that are prepared once."""

import logging
import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from components.core.spec import Network
from components.model.train.derived import Tensors
from components.model.train.learner import Floats, Rows, Start
from components.model.train.network import build_network, embedding_of
from components.model.train.preparation import Preparation

_log = logging.getLogger(__name__)
_LEAST_STEPS = 48  # in an epoch: a smaller table has smaller batches,
_LEAST_BATCH = 32  # and where they would be too small it is gone through more than once
_SCORED_ROWS = 16_384


class BuiltIn:
    """The built-in network and its prepared training rows.

    Args:
        network: The spec's network.
        preparation: From raw columns to ids and numbers.
        inputs: Raw column to tensor [n].
        label: float32 [n], 0 or 1, and both of them.
    """

    def __init__(
        self, network: Network, preparation: Preparation, inputs: Tensors, label: np.ndarray
    ) -> None:
        self._network, self._preparation = network, preparation
        self._ids, self._numbers = preparation(inputs)
        self._label = tf.constant(label, tf.float32)
        self._batch = min(network.batch, max(_LEAST_BATCH, len(label) // _LEAST_STEPS))
        self.model = build_network(
            network, preparation.sizes, preparation.width, float(np.mean(label))
        )
        self.parts = (self.model, preparation)
        self._optimizer = keras.optimizers.Adam(network.learning_rate)
        self._optimizer.build(self.model.trainable_variables)
        self._start = Start(self.model, self._optimizer)
        self._train = tf.function(self._train_epoch)
        self._score = tf.function(self._score_rows)

    def fit(self, rows: Rows, epochs: int, watched: Rows) -> list[Floats]:
        """See `Learner.fit`; the learning rate falls to 0 in a straight line."""
        self._start.restore()
        random = np.random.default_rng(self._network.seed)
        rates = self._network.learning_rate * np.linspace(1, 0, epochs + 1)
        counts = np.bincount(self._ids.numpy()[rows].ravel(), minlength=sum(self._sizes))
        seen = []
        for epoch in range(epochs):
            began = time.monotonic()
            loss = self._train(self._order(rows, random), *map(tf.constant, rates[epoch:][:2]))
            self._settle_unused(counts)
            seconds = time.monotonic() - began
            _log.info("epoch %d: loss %.4f, %.1f s", epoch + 1, float(loss), seconds)
            seen.append(self._probability(watched))
        return seen

    def logit(self, inputs: Tensors) -> tf.Tensor:
        """See `Learner.logit`."""
        ids, numbers = self._preparation(inputs)
        return self.model([ids, numbers], training=False)[:, 0]

    @property
    def _sizes(self) -> Sequence[int]:
        return self._preparation.sizes

    def _order(self, rows: Rows, random: np.random.Generator) -> tf.Tensor:
        """Row positions by batch, int32 [steps, batch]; the rest of a pass is left out."""
        steps = max(len(rows) // self._batch, _LEAST_STEPS)
        passes = -(-steps * self._batch // len(rows))
        order = np.concatenate([random.permutation(rows) for _ in range(passes)])
        batches = order[: steps * self._batch].reshape(steps, self._batch)
        return tf.constant(batches, tf.int32)

    def _train_epoch(self, order: tf.Tensor, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        steps = tf.shape(order)[0]
        total = tf.constant(0.0)
        for step in tf.range(steps):
            part = tf.cast(step / steps, tf.float32)
            rate = tf.cast(first, tf.float32) * (1 - part) + tf.cast(last, tf.float32) * part
            self._optimizer.learning_rate.assign(rate)
            total += self._step(order[step])
        return total / tf.cast(steps, tf.float32)

    def _step(self, rows: tf.Tensor) -> tf.Tensor:
        prepared = [tf.gather(self._ids, rows), tf.gather(self._numbers, rows)]
        with tf.GradientTape() as tape:
            logit = self.model(prepared, training=True)[:, 0]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.gather(self._label, rows), logit)
            loss = tf.reduce_mean(losses)
        variables = self.model.trainable_variables
        slopes = [tf.convert_to_tensor(slope) for slope in tape.gradient(loss, variables)]
        self._optimizer.apply_gradients(zip(slopes, variables, strict=True))
        return loss

    def _settle_unused(self, counts: np.ndarray) -> None:
        """An id that no training row has is answered like the mean of those of its feature."""
        table = embedding_of(self.model)
        if table is None:
            return
        values = np.copy(table.numpy())
        for first, size in zip(self._preparation.firsts, self._sizes, strict=True):
            part, used = values[first : first + size], counts[first : first + size]
            part[used == 0] = np.average(part, axis=0, weights=used)
        table.assign(values)

    def _probability(self, rows: Rows) -> Floats:
        parts = [rows[i : i + _SCORED_ROWS] for i in range(0, len(rows), _SCORED_ROWS)]
        scored = [self._score(tf.constant(part, tf.int32)).numpy() for part in parts]
        return np.concatenate([*scored, np.empty(0)]).astype(np.float64)

    def _score_rows(self, rows: tf.Tensor) -> tf.Tensor:
        prepared = [tf.gather(self._ids, rows), tf.gather(self._numbers, rows)]
        return tf.sigmoid(self.model(prepared, training=False)[:, 0])
