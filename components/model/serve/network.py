"""The SavedModel, called with one packed tensor for each kind of column."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.model.predict import SIGNATURE
from components.model.serve.columns import Columns
from components.model.serve.prediction import Prediction
from components.model.serve.refusal import NetworkFailed, Refusal

_DTYPES = {"number": "float32", "category": "string", "timestamp": "int64"}
_OUTPUTS = {"probability": "float32", "predicted": "int64"}


class Network:
    """A SavedModel on one thread: a process serves one event loop.

    A call costs by its tensors more than by its rows, so columns of one kind go in as one tensor
    and are unstacked in the graph.

    Args:
        folder: The folder with ``saved_model.pb``.
        columns: The raw columns of its signature.

    Raises:
        InputError: It does not load, or its signature is another.
    """

    def __init__(self, folder: Path, columns: tuple[ModelColumn, ...]) -> None:
        if not (folder / "saved_model.pb").is_file():
            raise InputError(str(folder), "no saved_model.pb", "a SavedModel")
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._tensorflow = tf
        self._model = _load(tf, folder)  # kept: it owns the variables
        signature = self._model.signatures[SIGNATURE]
        _check_signature(folder, signature, columns)
        self._packed = _packed(tf, signature, columns)

    def __call__(self, columns: Columns) -> Prediction:
        """Predicts.

        Raises:
            Refusal: The graph itself refused a value.
            NetworkFailed: It failed, or answered with something that is no probability.
        """
        tf = self._tensorflow
        try:
            probability, predicted = self._packed(
                tf.constant(columns.numbers, tf.float32),
                tf.constant(columns.categories, tf.string),
                tf.constant(columns.instants // 1_000_000, tf.int64),
            )
        except tf.errors.InvalidArgumentError as error:
            do = "Look for a value that the model was not made for."
            raise Refusal("the rows", "values that the model refused", "other", do, 422) from error
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise NetworkFailed("The model failed on these rows.") from error
        answer = Prediction(probability.numpy(), predicted.numpy())
        if answer.probability.shape != (columns.rows,) or answer.predicted.shape != (columns.rows,):
            raise NetworkFailed("The model answered with another number of rows.")
        if not (np.abs(answer.probability - 0.5) <= 0.5).all():
            raise NetworkFailed("The model answered with something that is no probability.")
        return answer


def _load(tf: Any, folder: Path) -> Any:
    from google.protobuf.message import DecodeError

    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(folder, error) from error
    except (tf.errors.OpError, DecodeError, EOFError) as error:
        raise _unreadable(folder, error) from error
    if SIGNATURE not in getattr(model, "signatures", {}):
        accepted = f"one with the signature {SIGNATURE}"
        raise InputError(str(folder), f"a SavedModel without {SIGNATURE}", accepted)
    return model


def _unreadable(folder: Path, error: Exception) -> InputError:
    do = f"The model does not load ({type(error).__name__}); make or copy it again."
    return InputError(str(folder), str(error).strip().partition("\n")[0], "a SavedModel", do)


def _check_signature(folder: Path, signature: Any, columns: tuple[ModelColumn, ...]) -> None:
    given = {n: spec.dtype.name for n, spec in signature.structured_input_signature[1].items()}
    wanted = {column.name: _DTYPES[column.kind] for column in columns}
    if given != wanted:
        raise InputError(f"{folder}: inputs of {SIGNATURE}", given, f"as in model.json: {wanted}")
    outputs = {n: spec.dtype.name for n, spec in signature.structured_outputs.items()}
    if not outputs.items() >= _OUTPUTS.items():
        raise InputError(f"{folder}: outputs of {SIGNATURE}", outputs, f"{_OUTPUTS}")


def _packed(tf: Any, signature: Any, columns: tuple[ModelColumn, ...]) -> Any:
    named = {kind: [c.name for c in columns if c.kind == kind] for kind in _DTYPES}

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[
            tf.TensorSpec([len(named[kind]), None], dtype) for kind, dtype in _DTYPES.items()
        ]
    )
    def packed(numbers: Any, categories: Any, instants: Any) -> tuple[Any, Any]:
        inputs: Mapping[str, Any] = {
            name: packed_kind[place]
            for names, packed_kind in zip(
                named.values(), (numbers, categories, instants), strict=True
            )
            for place, name in enumerate(names)
        }
        answer = signature(**inputs)
        return answer["probability"], answer["predicted"]

    return packed.get_concrete_function()
