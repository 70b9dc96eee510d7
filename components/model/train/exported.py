"""The model as it is exported: raw columns in, probability and class out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from components.core.artifacts import ModelColumn
from components.model.predict import SIGNATURE
from components.model.train.derived import Tensors

DTYPES = {"number": tf.float32, "category": tf.string, "timestamp": tf.int64}


class Exported(tf.Module):  # type: ignore[misc]
    """What a SavedModel holds; loaded again it needs no class of ours.

    Args:
        parts: Owners of the variables and tables that `logit` uses.
        logit: From raw columns to log odds, float32 [n].
        threshold: The probability from which the class is positive.

    Attributes:
        calibration: float32 [2], scale and offset that are put on the logit: 1 and 0 until
            somebody calibrates the loaded model and saves it again.
    """

    def __init__(
        self, parts: Sequence[object], logit: Callable[[Tensors], tf.Tensor], threshold: float
    ) -> None:
        super().__init__(name="ratoon")
        self.calibration = tf.Variable([1.0, 0.0], trainable=False, name="calibration")
        self.parts = list(parts)
        self._logit, self._threshold = logit, threshold

    def answer(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Probability float32 [n] and predicted int64 [n] of raw columns [n]."""
        logit = self._logit(inputs)
        probability = tf.sigmoid(self.calibration[0] * logit + self.calibration[1])
        predicted = tf.cast(probability >= self._threshold, tf.int64)
        return {"probability": probability, "predicted": predicted}


def export(exported: Exported, columns: Sequence[ModelColumn], out: Path) -> None:
    """Writes a SavedModel whose signature takes the raw columns by name, each [None]."""
    specs = {c.name: tf.TensorSpec([None], DTYPES[c.kind], c.name) for c in columns}
    answer = tf.function(exported.answer).get_concrete_function(**specs)
    tf.saved_model.save(exported, str(out), signatures={SIGNATURE: answer})
