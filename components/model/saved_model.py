"""A trained SavedModel, as batch prediction and the server call it.

The signature takes one tensor for each raw column. A call costs by its tensors more than by its
rows, so `SavedModelRunner` wraps the signature in a graph that takes one packed tensor for each
kind of column and unstacks it. Training, evaluation and the server all answer through it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelColumn
from components.core.errors import InputError, RunError
from components.model.examples import inputs_of

SIGNATURE = "serving_default"
DTYPES = {"number": "float32", "category": "string", "timestamp": "int64"}
_OUTPUTS = {"probability": "float32", "predicted": "int64"}
_BATCH_ROWS = 16_384


class InferenceError(RunError):
    """The model failed on rows that are not to blame."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers to some rows [n]: the probability of the positive class, and the class."""

    probability: npt.NDArray[np.float32]
    predicted: npt.NDArray[np.int64]


class SavedModelRunner:
    """A loaded SavedModel; `model` is what TensorFlow loaded from the folder.

    A whole table is predicted by `batch_rows` in a call, so that memory does not grow with it.

    Raises:
        InputError: It does not load, or its signature is another.
    """

    def __init__(
        self, folder: Path, columns: Sequence[ModelColumn], batch_rows: int = _BATCH_ROWS
    ) -> None:
        import tensorflow as tf

        self._tensorflow, self._columns, self._batch_rows = tf, columns, batch_rows
        self._names = {kind: [c.name for c in columns if c.kind == kind] for kind in DTYPES}
        self.model = _load(tf, folder)  # kept: it owns the variables
        signature = self.model.signatures[SIGNATURE]
        _check_signature(folder, signature, columns)
        self._packed = _packed(tf, signature, self._names)

    def predict(
        self,
        numbers: npt.NDArray[np.floating[Any]],
        categories: npt.NDArray[np.object_],
        seconds: npt.NDArray[np.int64],
    ) -> Predictions:
        """Predicts in one call; each kind is [columns, n], in the model's order.

        A missing number is NaN, a missing category ``""``; seconds are since 1970 UTC.

        Raises:
            InputError: The graph itself rejected a value.
            InferenceError: It failed. A probability that is not finite is returned as it is.
        """
        tf = self._tensorflow
        try:
            probability, predicted = self._packed(
                tf.constant(numbers, tf.float32),
                tf.constant(categories, tf.string),
                tf.constant(seconds, tf.int64),
            )
        except tf.errors.InvalidArgumentError as error:
            do = "Look for a value that the model was not made for."
            raise InputError("the rows", "values that the model rejects", "others", do) from error
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise InferenceError("The model failed on these rows.") from error
        answers = Predictions(probability.numpy(), predicted.numpy())
        if not answers.probability.shape == answers.predicted.shape == (seconds.shape[1],):
            raise InferenceError("The model answered with another number of rows.")
        return answers

    def probability(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """The probability of the positive class of every row of a table, float64 [n]."""
        return self.probability_of(inputs_of(table, self._columns))

    def probability_of(self, inputs: Mapping[str, np.ndarray]) -> npt.NDArray[np.float64]:
        """The same for inputs as `inputs_of` makes them, float64 [n]."""
        rows = len(next(iter(inputs.values())))
        parts = [np.empty(0, np.float32)]
        for start in range(0, rows, self._batch_rows):
            stop = min(start + self._batch_rows, rows)
            numbers, categories, seconds = (
                [inputs[name][start:stop] for name in names] for names in self._names.values()
            )
            answers = self.predict(
                np.array(numbers, dtype=np.float32).reshape(-1, stop - start),
                np.array(categories, dtype=object).reshape(-1, stop - start),
                np.array(seconds, dtype=np.int64).reshape(-1, stop - start),
            )
            parts.append(answers.probability)
        return np.concatenate(parts).astype(np.float64)


def _load(tf: Any, folder: Path) -> Any:
    from google.protobuf.message import DecodeError

    if not (folder / "saved_model.pb").is_file():
        raise InputError(str(folder), "no saved_model.pb", "a SavedModel")
    broken_file = (OSError, EOFError, DecodeError, tf.errors.OpError)
    broken_graph = (LookupError, RuntimeError, TypeError, ValueError, AttributeError)
    try:
        model = tf.saved_model.load(str(folder))
    except (*broken_file, *broken_graph) as error:
        given = str(error).strip().partition("\n")[0]
        do = f"The model does not load ({type(error).__name__}); make or copy it again."
        raise InputError(str(folder), given, "a SavedModel", do) from error
    if SIGNATURE not in getattr(model, "signatures", {}):
        accepted = f"one with the signature {SIGNATURE}"
        raise InputError(str(folder), f"a SavedModel without {SIGNATURE}", accepted)
    return model


def _check_signature(folder: Path, signature: Any, columns: Sequence[ModelColumn]) -> None:
    given = {n: spec.dtype.name for n, spec in signature.structured_input_signature[1].items()}
    wanted = {column.name: DTYPES[column.kind] for column in columns}
    if given != wanted:
        raise InputError(f"{folder}: inputs of {SIGNATURE}", given, f"as in model.json: {wanted}")
    outputs = {n: spec.dtype.name for n, spec in signature.structured_outputs.items()}
    if not outputs.items() >= _OUTPUTS.items():
        raise InputError(f"{folder}: outputs of {SIGNATURE}", outputs, f"{_OUTPUTS}")


def _packed(tf: Any, signature: Any, names: Mapping[str, Sequence[str]]) -> Any:
    """The signature as a graph over [columns, n] tensors of numbers, categories and seconds."""

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[
            tf.TensorSpec([len(names[kind]), None], dtype) for kind, dtype in DTYPES.items()
        ]
    )
    def packed(numbers: Any, categories: Any, seconds: Any) -> tuple[Any, Any]:
        inputs: Mapping[str, Any] = {
            name: tensor[place]
            for kind, tensor in zip(DTYPES, (numbers, categories, seconds), strict=True)
            for place, name in enumerate(names[kind])
        }
        answer = signature(**inputs)
        return answer["probability"], answer["predicted"]

    return packed.get_concrete_function()
