"""From raw columns to what the network reads: one graph, used in training and in serving.

What it learns from the training rows, knots and vocabularies, is computed in plain numpy.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.core.plan import PlannedFeature
from components.model.train.features import CALENDAR, Tensors, value_of

MISSING, UNSEEN = 0, 1
"""Ids that every category has, in front of its words."""

MIN_COUNT = 5
"""A word on fewer training rows counts as unseen: so few say nothing about the next one."""

_MAX_DEVIATIONS = 3.0  # beyond so many standard deviations a number says no more


@dataclass(frozen=True)
class NumberEncoding:
    """How a number enters the network, as learned from the training rows that have it.

    Knots are ascending quantiles; between two the encoding rises linearly. The median replaces a
    missing value, beside an indicator if any row lacks it. The standard deviation of a constant
    is 1.
    """

    knots: tuple[float, ...]
    median: float
    mean: float
    deviation: float
    has_missing: bool


@dataclass(frozen=True)
class CategoryEncoding:
    """How a category enters the network: its values in order, after missing and unseen."""

    words: tuple[str, ...]

    @property
    def ids(self) -> int:
        """How many ids there are, with missing and unseen."""
        return len(self.words) + 2


Encodings = Mapping[str, NumberEncoding | CategoryEncoding]


def encode_number(values: NDArray[np.float32], buckets: int) -> NumberEncoding:
    """Learns a number from float32 [n], NaN if missing, with at most `buckets` + 1 knots."""
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return NumberEncoding((), 0.0, 0.0, 1.0, len(values) > 0)
    knots = np.unique(known)
    if len(knots) > buckets + 1:
        quantiles = np.quantile(known, np.linspace(0, 1, buckets + 1))
        knots = np.unique(quantiles.astype(np.float32))  # distinct in the graph's own precision
    deviation = float(known.std())
    return NumberEncoding(
        knots=tuple(float(k) for k in knots),
        median=float(np.median(known)),
        mean=float(known.mean()),
        deviation=deviation if deviation > 0 else 1.0,
        has_missing=len(known) < len(values),
    )


def encode_category(values: Iterable[str | int], min_count: int = MIN_COUNT) -> CategoryEncoding:
    """Learns a vocabulary from str or int [n]: the words on `min_count` rows or more, sorted."""
    kept = (str(word) for word, count in Counter(values).items() if count >= min_count)
    return CategoryEncoding(tuple(sorted(word for word in kept if word)))


def learn_encodings(features: Sequence[PlannedFeature], inputs: Tensors, buckets: int) -> Encodings:
    """Learns the encoding of every feature from the raw columns of the training rows."""
    encodings: dict[str, NumberEncoding | CategoryEncoding] = {}
    for feature in features:
        value = value_of(feature, inputs)
        if value.dtype == tf.float32:
            encodings[feature.name] = encode_number(value.numpy(), buckets)
        else:
            words = [w.decode() if isinstance(w, bytes) else w for w in value.numpy().tolist()]
            encodings[feature.name] = encode_category(words)
    return encodings


class Preprocessing(tf.Module):  # type: ignore[misc]
    """Turns raw columns into ids and numbers by the learned encodings.

    With `by_quantiles` a number also enters by its place between its knots. `sizes` and
    `first_ids` are of each category, `width` is that of the numbers.
    """

    def __init__(
        self, features: Sequence[PlannedFeature], encodings: Encodings, by_quantiles: bool
    ) -> None:
        super().__init__(name="preprocessing")
        learned = [(feature, encodings[feature.name]) for feature in features]
        categories = [(f, e) for f, e in learned if isinstance(e, CategoryEncoding)]
        numbers = [(f, e) for f, e in learned if isinstance(e, NumberEncoding)]
        self._categories = [feature for feature, _ in categories]
        self._numbers = [feature for feature, _ in numbers]
        self._tables = [_id_table(f, e) for f, e in categories]
        self._matrix = _NumberMatrix([encoding for _, encoding in numbers], by_quantiles)
        self.sizes = tuple(encoding.ids for _, encoding in categories)
        self.first_ids = tuple(int(i) for i in np.cumsum((0, *self.sizes))[:-1])
        self.width = self._matrix.width

    def __call__(self, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Preprocesses rows.

        Returns:
            int32 [n, categories], each feature's ids after those of the ones before it, and
            float32 [n, width].
        """
        rows = tf.shape(next(iter(inputs.values())))[0]
        tables = zip(self._categories, self._tables, self.first_ids, strict=True)
        ids = [_look_up(table, value_of(f, inputs)) + first for f, table, first in tables]
        values = [value_of(f, inputs) for f in self._numbers]
        none = tf.zeros([rows, 0])
        return (
            tf.stack(ids, axis=1) if ids else tf.cast(none, tf.int32),
            self._matrix(tf.stack(values, axis=1)) if values else none,
        )


class _NumberMatrix(tf.Module):  # type: ignore[misc]
    """Numbers as standard deviations, as places between knots, and as missing or not."""

    def __init__(self, numbers: Sequence[NumberEncoding], by_quantiles: bool) -> None:
        super().__init__(name="numbers")
        self._median = _floats(n.median for n in numbers)
        self._mean = _floats(n.mean for n in numbers)
        self._scale = _floats(1 / n.deviation for n in numbers)
        self._indicated = [i for i, n in enumerate(numbers) if n.has_missing]
        pairs = [
            (i, low, high)
            for i, n in enumerate(numbers if by_quantiles else ())
            for low, high in zip(n.knots, n.knots[1:], strict=False)
        ]
        self._owner = [i for i, _, _ in pairs]
        self._low = _floats(low for _, low, _ in pairs)
        self._per_stretch = _floats(1 / (high - low) for _, low, high in pairs)
        self.width = len(numbers) + len(pairs) + len(self._indicated)

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """Encodes numbers: float32 [n, numbers], NaN missing, to float32 [n, width]."""
        is_known = tf.math.is_finite(values)
        filled = tf.where(is_known, values, self._median)
        normal = (filled - self._mean) * self._scale
        parts = [tf.clip_by_value(normal, -_MAX_DEVIATIONS, _MAX_DEVIATIONS)]
        if self._owner:
            climbed = tf.gather(filled, self._owner, axis=1) - self._low
            parts.append(tf.clip_by_value(climbed * self._per_stretch, 0.0, 1.0))
        if self._indicated:
            known = tf.gather(is_known, self._indicated, axis=1)
            parts.append(1.0 - tf.cast(known, tf.float32))
        return tf.concat(parts, axis=1)


def _id_table(
    feature: PlannedFeature, category: CategoryEncoding
) -> tf.lookup.StaticHashTable | tuple[int, ...]:
    """The ids by word, missing and unseen included, or by the value of an hour or a weekday."""
    ids = {"": MISSING} | {word: i for i, word in enumerate(category.words, UNSEEN + 1)}
    if feature.derive in CALENDAR:
        return tuple(ids.get(str(value), UNSEEN) for value in range(CALENDAR[feature.derive]))
    pairs = tf.lookup.KeyValueTensorInitializer(
        tf.constant(list(ids), tf.string), tf.constant(list(ids.values()), tf.int64)
    )
    return tf.lookup.StaticHashTable(pairs, default_value=UNSEEN)


def _look_up(table: tf.lookup.StaticHashTable | tuple[int, ...], values: tf.Tensor) -> tf.Tensor:
    if isinstance(table, tf.lookup.StaticHashTable):
        return tf.cast(table.lookup(values), tf.int32)
    return tf.gather(tf.constant(table, tf.int32), values)


def _floats(values: object) -> np.ndarray:
    return np.array(list(values), dtype=np.float32)  # type: ignore[call-overload]
