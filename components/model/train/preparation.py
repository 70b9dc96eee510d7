"""From raw columns to what the network reads: one graph, used in training and in serving."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from components.core.plan import PlannedFeature
from components.model.train.derived import CALENDAR, Tensors, is_calendar, value_of
from components.model.train.encodings import (
    MISSING,
    UNSEEN,
    Category,
    Number,
    encode_category,
    encode_number,
)

Encodings = Mapping[str, Number | Category]
_FARTHEST = 3.0  # standard deviations: beyond it a number says no more


def learn_encodings(
    features: Sequence[PlannedFeature], inputs: Tensors, buckets: int
) -> dict[str, Number | Category]:
    """Learns the encoding of every feature from the training rows.

    Args:
        features: The features.
        inputs: Raw column to tensor [n] of the training rows.
        buckets: Most stretches between two knots of a number.
    """
    encodings: dict[str, Number | Category] = {}
    for feature in features:
        value = value_of(feature, inputs)
        if value.dtype == tf.float32:
            encodings[feature.name] = encode_number(value.numpy(), buckets)
        else:
            words = [w.decode() if isinstance(w, bytes) else w for w in value.numpy().tolist()]
            encodings[feature.name] = encode_category(words)
    return encodings


class Preparation(tf.Module):  # type: ignore[misc]
    """Raw columns to ids and numbers.

    Args:
        features: The features.
        encodings: Feature to what was learned about it.
        by_quantiles: Whether a number also enters by its place between its knots.
    """

    def __init__(
        self, features: Sequence[PlannedFeature], encodings: Encodings, by_quantiles: bool
    ) -> None:
        super().__init__(name="preparation")
        self._categories = [f for f in features if isinstance(encodings[f.name], Category)]
        self._numbers = [f for f in features if isinstance(encodings[f.name], Number)]
        self.sizes = tuple(_category(encodings, f).ids for f in self._categories)
        self._lookups = [_lookup(f, _category(encodings, f)) for f in self._categories]
        self._matrix = _NumberMatrix([_number(encodings, f) for f in self._numbers], by_quantiles)

    @property
    def width(self) -> int:
        """Columns of the numbers."""
        return self._matrix.width

    def __call__(self, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Prepares rows.

        Returns:
            int32 [n, categories], each feature's ids after those of the ones before it, and
            float32 [n, width].
        """
        rows = tf.shape(next(iter(inputs.values())))[0]
        ids = [
            tf.cast(look_up(value_of(f, inputs)), tf.int32) + first
            for f, look_up, first in zip(self._categories, self._lookups, self.firsts, strict=True)
        ]
        values = [value_of(f, inputs) for f in self._numbers]
        none = tf.zeros([rows, 0])
        return (
            tf.stack(ids, axis=1) if ids else tf.cast(none, tf.int32),
            self._matrix(tf.stack(values, axis=1)) if values else none,
        )

    @property
    def firsts(self) -> tuple[int, ...]:
        """The first id of each category."""
        return tuple(int(i) for i in np.cumsum((0, *self.sizes))[:-1])


class _WordLookup(tf.Module):  # type: ignore[misc]
    def __init__(self, category: Category) -> None:
        super().__init__(name="words")
        keys = ["", *category.words]
        ids = [MISSING, *range(UNSEEN + 1, category.ids)]
        pairs = tf.lookup.KeyValueTensorInitializer(
            tf.constant(keys, tf.string), tf.constant(ids, tf.int64)
        )
        self._table = tf.lookup.StaticHashTable(pairs, default_value=UNSEEN)

    def __call__(self, words: tf.Tensor) -> tf.Tensor:
        return self._table.lookup(words)


class _CalendarLookup(tf.Module):  # type: ignore[misc]
    def __init__(self, category: Category, values: int) -> None:
        super().__init__(name="calendar")
        ids = {word: i for i, word in enumerate(category.words, UNSEEN + 1)}
        self._ids = tuple(ids.get(str(value), UNSEEN) for value in range(values))

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(self._ids, tf.int64), values)


class _NumberMatrix(tf.Module):  # type: ignore[misc]
    """Numbers as standard deviations, as places between knots, and as missing or not."""

    def __init__(self, numbers: Sequence[Number], by_quantiles: bool) -> None:
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
        is_there = tf.math.is_finite(values)
        filled = tf.where(is_there, values, self._median)
        normal = tf.clip_by_value((filled - self._mean) * self._scale, -_FARTHEST, _FARTHEST)
        parts = [normal]
        if self._owner:
            climbed = tf.gather(filled, self._owner, axis=1) - self._low
            parts.append(tf.clip_by_value(climbed * self._per_stretch, 0.0, 1.0))
        if self._indicated:
            there = tf.gather(is_there, self._indicated, axis=1)
            parts.append(1.0 - tf.cast(there, tf.float32))
        return tf.concat(parts, axis=1)


def _lookup(feature: PlannedFeature, category: Category) -> _WordLookup | _CalendarLookup:
    if is_calendar(feature) and feature.derive is not None:
        return _CalendarLookup(category, CALENDAR[feature.derive])
    return _WordLookup(category)


def _category(encodings: Encodings, feature: PlannedFeature) -> Category:
    found = encodings[feature.name]
    assert isinstance(found, Category)
    return found


def _number(encodings: Encodings, feature: PlannedFeature) -> Number:
    found = encodings[feature.name]
    assert isinstance(found, Number)
    return found


def _floats(values: object) -> np.ndarray:
    return np.array(list(values), dtype=np.float32)  # type: ignore[call-overload]
