"""Derived features by hand."""

import numpy as np
import pytest
import tensorflow as tf
from train_world import feature

from components.core.spec import Derive
from components.model.train.derived import value_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("derive", "operands", "expected"),
    [
        (Derive.DIFFERENCE, ([5, NAN, 1], [2, 1, NAN]), [3, NAN, NAN]),
        (Derive.RATIO, ([6, 1, 0, NAN, -1], [3, 0, 0, 2, 0]), [2, NAN, NAN, NAN, NAN]),
        (Derive.LOG1P, ([0, np.e - 1, -0.5, NAN],), [0, 1, NAN, NAN]),
        (None, ([1.5, NAN, np.inf, -np.inf],), [1.5, NAN, NAN, NAN]),
    ],
)
def test_numbers(derive, operands, expected):
    names = ("a", "b")[: len(operands)]
    inputs = {n: tf.constant(v, tf.float32) for n, v in zip(names, operands, strict=True)}
    value = value_of(feature("f", derive=derive, of=names), inputs)
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value.numpy(), np.array(expected, np.float32), rtol=1e-6)


def test_time_in_the_zone_of_the_feature():
    inputs = {"t": tf.constant([1_711_846_799, 1_711_846_800], tf.int64)}  # clocks go forward
    read = {d: value_of(feature("f", derive=d, of=("t",)), inputs) for d in list(Derive)[:3]}
    assert read[Derive.HOUR_OF].numpy().tolist() == [1, 3]
    assert read[Derive.DAY_OF_WEEK].numpy().tolist() == [6, 6]
    assert read[Derive.DAY_OF_YEAR].numpy().tolist() == [91, 91]


def test_a_category_is_itself():
    value = value_of(feature("c", "category"), {"c": tf.constant(["a", ""])})
    assert value.numpy().tolist() == [b"a", b""]
