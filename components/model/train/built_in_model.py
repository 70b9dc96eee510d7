"""The built-in network: embeddings and numbers through a few dense layers to one logit."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from components.core.spec import Network
from components.model.train.features import Tensors
from components.model.train.learner import Floats, Learner, Rows
from components.model.train.preprocessing import Preprocessing

_EMBEDDING_STD = 0.05  # of an embedding before it has learned anything
_MIN_STEPS = 48  # in an epoch: a smaller table has smaller batches,
_MIN_BATCH = 32  # and where they would be too small it is gone through more than once
_SCORED_ROWS = 16_384


def build_network(network: Network, sizes: Sequence[int], width: int, rate: float) -> keras.Model:
    """Builds the network from ids, int32 [n, categories], and numbers, float32 [n, width].

    It answers a logit, float32 [n, 1]. Its activation is ``tanh``, not ``relu``: beyond the
    training rows it predicts what it does at their edge instead of extrapolating without bound.
    `sizes` are the ids of each category. Before it has learned anything it predicts `rate`, the
    share of positives, above 0 and below 1, so that its first steps go into the features.
    """
    ids = keras.Input((len(sizes),), dtype="int32", name="ids")
    numbers = keras.Input((width,), name="numbers")
    hidden = numbers
    if sizes:
        initial = keras.initializers.RandomNormal(stddev=_EMBEDDING_STD)
        embedding = keras.layers.Embedding(
            sum(sizes), network.embedding, embeddings_initializer=initial, name="embedding"
        )
        flat = keras.layers.Flatten()(embedding(ids))
        embedded = keras.layers.Dropout(network.dropout)(flat)
        hidden = keras.layers.Concatenate()([embedded, numbers])
    for units in network.hidden:
        hidden = keras.layers.Dense(units, activation="tanh")(hidden)
        hidden = keras.layers.Dropout(network.dropout)(hidden)
    odds = keras.initializers.Constant(math.log(rate / (1 - rate)))
    # A single layer needs no symmetry broken.
    start = "glorot_uniform" if network.hidden else "zeros"
    last = keras.layers.Dense(1, kernel_initializer=start, bias_initializer=odds, name="logit")
    return keras.Model([ids, numbers], last(hidden), name="network")


class BuiltInModel(Learner):
    """The built-in network and its training rows, which are preprocessed once."""

    def __init__(
        self, network: Network, preprocessing: Preprocessing, inputs: Tensors, label: Floats
    ) -> None:
        self._preprocessing = preprocessing
        self._ids, self._numbers = preprocessing(inputs)
        self._batch = min(network.batch_size, max(_MIN_BATCH, len(label) // _MIN_STEPS))
        rate = float(np.mean(label))
        model = build_network(network, preprocessing.sizes, preprocessing.width, rate)
        self._optimizer = keras.optimizers.Adam(network.learning_rate)
        self._optimizer.build(model.trainable_variables)
        super().__init__(network, model, self._optimizer, label, parts=[preprocessing])
        self._train_graph = tf.function(self._train)
        self._score_graph = tf.function(self._score)

    def logit(self, inputs: Tensors) -> tf.Tensor:
        """See `Learner.logit`."""
        ids, numbers = self._preprocessing(inputs)
        return self.model([ids, numbers], training=False)[:, 0]

    def _fit_epoch(
        self, rows: Rows, random: np.random.Generator, progress: tuple[int, int]
    ) -> float:
        """The learning rate falls to 0 in a straight line."""
        epoch, epochs = progress
        rates = self._network.learning_rate * np.linspace(1, 0, epochs + 1)
        order = self._order(rows, random)
        loss = self._train_graph(order, *map(tf.constant, rates[epoch : epoch + 2]))
        self._fill_unused_embeddings(rows)
        return float(loss)

    def _order(self, rows: Rows, random: np.random.Generator) -> tf.Tensor:
        """Row positions by batch, int32 [steps, batch]; the rest of a pass is left out."""
        steps = max(len(rows) // self._batch, _MIN_STEPS)
        passes = -(-steps * self._batch // len(rows))
        order = np.concatenate([random.permutation(rows) for _ in range(passes)])
        batches = order[: steps * self._batch].reshape(steps, self._batch)
        return tf.constant(batches, tf.int32)

    def _train(self, order: tf.Tensor, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
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
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    def _fill_unused_embeddings(self, rows: Rows) -> None:
        """Gives an id that no training row has the mean of its feature's embeddings."""
        sizes = self._preprocessing.sizes
        if not sizes:
            return
        counts = np.bincount(self._ids.numpy()[rows].ravel(), minlength=sum(sizes))
        table = self.model.get_layer("embedding").embeddings
        values = np.copy(table.numpy())
        for first, size in zip(self._preprocessing.first_ids, sizes, strict=True):
            part, used = values[first : first + size], counts[first : first + size]
            part[used == 0] = np.average(part, axis=0, weights=used)
        table.assign(values)

    def _probability(self, rows: Rows) -> Floats:
        parts = [rows[i : i + _SCORED_ROWS] for i in range(0, len(rows), _SCORED_ROWS)]
        scored = [self._score_graph(tf.constant(part, tf.int32)).numpy() for part in parts]
        return np.concatenate([*scored, np.empty(0)]).astype(np.float64)

    def _score(self, rows: tf.Tensor) -> tf.Tensor:
        prepared = [tf.gather(self._ids, rows), tf.gather(self._numbers, rows)]
        return tf.sigmoid(self.model(prepared, training=False)[:, 0])
