"""What preprocessing learns, and the graph that applies it."""

import numpy as np
import pytest
import tensorflow as tf
from train_factories import COLUMNS, FEATURES, START, examples, feature

from components.core.spec import Derive
from components.model.examples import inputs_of
from components.model.train.preprocessing import (
    CategoryEncoding,
    NumberEncoding,
    Preprocessing,
    encode_category,
    encode_number,
    learn_encodings,
)

NAN = float("nan")


def test_a_number_is_learned_from_the_rows_that_have_it():
    learned = encode_number(np.array([1, 3, NAN, 2, 4, 5], np.float32), buckets=2)
    assert learned == NumberEncoding((1, 3, 5), 3, 3, pytest.approx(2**0.5), True)


def test_few_distinct_values_are_the_knots_themselves():
    learned = encode_number(np.array([7, 0, 7, 1], np.float32), buckets=2)
    assert learned.knots == (0, 1, 7)
    assert not learned.has_missing


def test_knots_that_fall_together_are_one():
    values = np.array([0] * 90 + list(range(1, 11)), np.float32)
    assert encode_number(values, buckets=4).knots == (0, 10)


def test_a_constant_and_an_empty_number_bear_it():
    assert encode_number(np.array([2, 2], np.float32), 4) == NumberEncoding((2,), 2, 2, 1, False)
    assert encode_number(np.array([NAN], np.float32), 4) == NumberEncoding((), 0, 0, 1, True)


def test_a_vocabulary_is_in_order_and_leaves_out_the_rare_and_the_missing():
    words = ["b"] * 5 + ["a"] * 6 + ["rare"] * 4 + [""] * 9
    assert encode_category(words) == CategoryEncoding(("a", "b"))
    assert encode_category(reversed(words)) == CategoryEncoding(("a", "b"))


def _prepare(features, encodings, inputs, by_quantiles=True):
    ids, numbers = Preprocessing(features, encodings, by_quantiles)(inputs)
    return ids.numpy().tolist(), numbers.numpy()


def test_numbers_by_hand():
    features = (feature("x"), feature("y"))
    encodings = {
        "x": NumberEncoding((0, 1, 3), 1, 1, 2, True),
        "y": NumberEncoding((5,), 5, 5, 1, False),
    }
    inputs = {"x": tf.constant([0.5, 2, NAN, 99]), "y": tf.constant([5.0, 5, NAN, 5])}
    ids, numbers = _prepare(features, encodings, inputs)
    # x and y in deviations (no farther than 3), x in [0, 1], x in [1, 3], x missing
    expected = [[-0.25, 0, 0.5, 0, 0], [0.5, 0, 1, 0.5, 0], [0, 0, 1, 0, 1], [3, 0, 1, 1, 0]]
    np.testing.assert_allclose(numbers, expected, atol=1e-7)
    assert ids == [[], [], [], []]


def test_normalised_numbers_have_no_stretches():
    encodings = {"x": NumberEncoding((0, 1, 3), 1, 1, 2, True)}
    inputs = {"x": tf.constant([3.0, NAN])}
    _, numbers = _prepare((feature("x"),), encodings, inputs, by_quantiles=False)
    np.testing.assert_allclose(numbers, [[1, 0], [0, 1]])


def test_categories_missing_unseen_and_known():
    features = (feature("c", "category"), feature("d", "category"))
    encodings = {"c": CategoryEncoding(("a", "b")), "d": CategoryEncoding(("z",))}
    inputs = {
        "c": tf.constant(["", "new", "a", "b"]),
        "d": tf.constant(["z", "", "other", "other"]),
    }
    ids, numbers = _prepare(features, encodings, inputs)
    assert ids == [[0, 4 + 2], [1, 4 + 0], [2, 4 + 1], [3, 4 + 1]]
    assert numbers.shape == (4, 0)


def test_hours_are_categories_and_an_hour_never_seen_is_unseen():
    hour = feature("h", derive=Derive.HOUR_OF, of=("t",))
    noon = int(START.timestamp()) + 11 * 3600  # Berlin is an hour ahead
    seen = tf.constant([noon] * 5 + [noon + 3600] * 5, tf.int64)
    encodings = learn_encodings((hour,), {"t": seen}, 8)
    assert encodings["h"] == CategoryEncoding(("12", "13"))
    ids, _ = _prepare((hour,), encodings, {"t": tf.constant([noon, noon + 3600, 0], tf.int64)})
    assert ids == [[2], [3], [1]]


def test_everything_at_once_is_finite_and_deterministic():
    table = examples(3, 300, START, seed=4)
    inputs = {n: tf.constant(v) for n, v in inputs_of(table, COLUMNS).items()}
    encodings = learn_encodings(FEATURES, inputs, 8)
    again = learn_encodings(FEATURES, inputs, 8)
    assert encodings == again
    prepared = Preprocessing(FEATURES, encodings, True)
    ids, numbers = prepared(inputs)
    assert ids.shape == (900, 3)
    assert numbers.shape == (900, prepared.width)
    assert np.isfinite(numbers.numpy()).all()
    assert ids.numpy().max() < sum(prepared.sizes)
