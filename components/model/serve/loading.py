"""A model folder as a predictor that has proved itself on its golden rows.

The folder's records are read first and the model last, so that what is wrong is said before the
model takes its seconds. The golden rows also warm the model up.
"""

import logging
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import GOLDEN, MODEL_CARD, SAVED_MODEL, Golden, ModelCard, Record
from components.core.errors import InputError
from components.model.saved_model import InferenceError, SavedModelRunner
from components.model.serve.cli import ServerOptions
from components.model.serve.input_schema import InputColumns, InputSchema, RawColumn
from components.model.serve.prediction_log import LogSchema, PredictionLog
from components.model.serve.runtime import Batcher, Model, Predictor, ServerMetrics, model_of

_LOGGER = logging.getLogger("ratoon.serve")
_BATCH_ROWS = 2_048
_Record = TypeVar("_Record", bound=Record)


def load(options: ServerOptions) -> Predictor:
    """Loads, warms up and checks a model, and opens its prediction log.

    Raises:
        InputError: The folder holds no model, the model does not answer as it did where it was
            trained, or the log's URI has a scheme that is not accepted.
    """
    card = _read(ModelCard, options.model_dir / MODEL_CARD)
    golden = _read(Golden, options.model_dir / GOLDEN)
    inputs = _golden_inputs(golden, card)
    storage.resolve(options.log)
    import tensorflow as tf  # takes seconds

    # One thread: a process serves one event loop.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = model_of(SavedModelRunner(options.model_dir / SAVED_MODEL, card.columns))
    difference = _golden_difference(golden, inputs, model)
    rows = len(golden.probability)
    _LOGGER.info("%s %s: %d golden rows within %.2g", card.name, card.version, rows, difference)
    schema = InputSchema.from_card(card, options.max_rows)
    metrics = ServerMetrics(card, options.name or card.name)
    log = PredictionLog(
        options.log,
        LogSchema.from_card(card, schema),
        storage.write_bytes,
        metrics.log_rows.inc,
        metrics.log_rows_lost.inc,
        options.max_log_rows,
    )
    return Predictor(card, schema, Batcher(model, _BATCH_ROWS), log, metrics)


def _read(record: type[_Record], file: Path) -> _Record:
    try:
        return record.read(file)
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        given = str(error).partition("\n")[0]
        raise InputError(str(file), given, "a file that training wrote") from error


def _golden_inputs(golden: Golden, card: ModelCard) -> tuple[InputColumns, InputColumns]:
    """The golden rows as two requests: all together, and the first alone."""
    rows = len(golden.probability)
    ragged = [name for name, cells in golden.columns.items() if len(cells) != rows]
    if rows == 0 or ragged:
        given = f"{rows} rows; columns of another length: {ragged}"
        raise InputError(GOLDEN, given, "a model's golden rows")
    schema = InputSchema.from_card(card, rows)
    cells = {name: cells for name, cells in golden.columns.items() if name in schema.kinds}
    whole = schema.parse({name: RawColumn(column) for name, column in cells.items()}, rows)
    first = schema.parse({name: RawColumn(column[:1]) for name, column in cells.items()}, 1)
    return whole, first


def _golden_difference(golden: Golden, inputs: tuple[InputColumns, ...], model: Model) -> float:
    """Predicts the golden rows; returns the largest difference, if it is within the tolerance."""
    try:
        answered = np.concatenate([model(columns).probability for columns in inputs])
    except InferenceError as error:
        raise InputError(GOLDEN, str(error), "rows that the model answers") from error
    expected = np.array([*golden.probability, golden.probability[0]])
    differences = np.abs(answered.astype(np.float64) - expected)
    worst = int(differences.argmax())
    if not differences[worst] <= golden.tolerance:
        accepted = f"{expected[worst].item()!r} within {golden.tolerance!r}"
        do = "The model answers otherwise than where it was trained: it must not serve."
        row = worst % len(golden.probability)
        raise InputError(f"{GOLDEN}, row {row}", float(answered[worst]), accepted, do)
    return float(differences[worst])
