"""Spoils a good model for rows that its golden rows do not have: one errs, one is slow.

Run in the environment of the model image: ``python spoiled_models.py <model> <load_kw> <out>``;
makes ``<out>/errs`` and ``<out>/slow``, which answer every other row as the model does.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from components.core.artifacts import MODEL_CARD, SAVED_MODEL, ModelCard

_TURNS = 600


def errs(spoiled: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(tf.logical_not(spoiled), ["spoiled"])]):
        return tf.constant(0.0)


def slow(spoiled: tf.Tensor) -> tf.Tensor:
    """Multiplies large matrices for a while; the tiny result keeps that from being left out."""
    turns = tf.where(spoiled, _TURNS, 0)
    start = tf.random.uniform([500, 500], seed=1)

    def turn(number: tf.Tensor, product: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return number + 1, tf.math.l2_normalize(product @ product)

    _, product = tf.while_loop(lambda number, _: number < turns, turn, (0, start))
    return 1e-20 * tf.reduce_max(product)


class Spoiled(tf.Module):
    def __init__(
        self, good: tf.Module, load_kw: float, spoil: Callable[[tf.Tensor], tf.Tensor]
    ) -> None:
        super().__init__(name="spoiled")
        self.good, self._load_kw, self._spoil = good, load_kw, spoil

    def answer(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        cost = self._spoil(tf.reduce_any(inputs["load_kw"] == self._load_kw))
        answers = self.good.signatures["serving_default"](**inputs)
        return {**answers, "probability": answers["probability"] + cost}


def main(model: Path, load_kw: float, out: Path) -> None:
    good = tf.saved_model.load(str(model / SAVED_MODEL))
    specs = good.signatures["serving_default"].structured_input_signature[1]
    card = ModelCard.read(model / MODEL_CARD)
    for spoil in (errs, slow):
        folder = out / spoil.__name__
        shutil.copytree(model, folder, ignore=shutil.ignore_patterns(SAVED_MODEL))
        module = Spoiled(good, load_kw, spoil)
        answer = tf.function(module.answer).get_concrete_function(**specs)
        signatures = {"serving_default": answer}
        tf.saved_model.save(module, str(folder / SAVED_MODEL), signatures=signatures)
        version = f"{card.version}-{spoil.__name__}"
        card.model_copy(update={"version": version}).write(folder / MODEL_CARD)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
