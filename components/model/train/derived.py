"""Features from raw columns, computed in the graph and nowhere else."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from components.core.plan import PlannedFeature
from components.core.spec import Derive
from components.model.train.civil import day_of_week, day_of_year, hour_of, local_seconds

Tensors = Mapping[str, tf.Tensor]

CALENDAR = {Derive.HOUR_OF: 24, Derive.DAY_OF_WEEK: 7}
"""Derived features that the network sees as categories, and how many values each has."""

_TIME: Mapping[Derive, Callable[[tf.Tensor], tf.Tensor]] = {
    Derive.HOUR_OF: hour_of,
    Derive.DAY_OF_WEEK: day_of_week,
    Derive.DAY_OF_YEAR: day_of_year,
}


def is_calendar(feature: PlannedFeature) -> bool:
    """Whether a feature is an hour or a weekday, whose values are not in an order."""
    return feature.derive in CALENDAR


def value_of(feature: PlannedFeature, inputs: Tensors) -> tf.Tensor:
    """A feature from the raw columns.

    Args:
        feature: The feature.
        inputs: Raw column to tensor [n], typed as in the signature.

    Returns:
        [n]: string for a category (``""`` missing), int64 for an hour or a weekday, else float32
        with NaN where it is missing; what is infinite is missing too.
    """
    operands = [inputs[column] for column in feature.columns]
    if feature.derive is None:
        return operands[0] if feature.kind == "category" else _finite(operands[0])
    if feature.derive in _TIME:
        value = _TIME[feature.derive](local_seconds(operands[0], feature.zone))
        return value if is_calendar(feature) else tf.cast(value, tf.float32)
    return _finite(_ARITHMETIC[feature.derive](*operands))


def _difference(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return first - second


def _ratio(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    return numerator / denominator  # x/0 is infinite or NaN: missing


def _log1p(value: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(tf.where(value < 0, _nan(value), value))


def _finite(value: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_finite(value), value, _nan(value))


def _nan(value: tf.Tensor) -> tf.Tensor:
    return tf.constant(float("nan"), value.dtype)


_ARITHMETIC: Mapping[Derive, Callable[..., tf.Tensor]] = {
    Derive.DIFFERENCE: _difference,
    Derive.RATIO: _ratio,
    Derive.LOG1P: _log1p,
}
