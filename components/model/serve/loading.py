"""A model folder as a predictor that has proved itself on its golden rows."""

import logging
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import GOLDEN, MODEL_CARD, SAVED_MODEL, Golden, ModelCard, Record
from components.core.errors import InputError
from components.model.serve.batches import Batcher
from components.model.serve.columns import Contract
from components.model.serve.goldens import Goldens
from components.model.serve.log import Layout, PredictionLog
from components.model.serve.metrics import Metrics
from components.model.serve.network import Network
from components.model.serve.options import Options
from components.model.serve.predictor import Predictor

_LOGGER = logging.getLogger("ratoon.serve")
_BATCH_ROWS = 2_048
_Record = TypeVar("_Record", bound=Record)


def load(options: Options) -> Predictor:
    """Loads, warms and checks a model, and opens its prediction log.

    Raises:
        InputError: The folder is no model, it does not answer as it did where it was made, or
            the log's URI is of no accepted scheme.
    """
    card = _read(ModelCard, options.model_dir / MODEL_CARD)
    golden = _read(Golden, options.model_dir / GOLDEN)
    contract = Contract.of(card, options.most_rows)
    rows = len(golden.probability)
    goldens = Goldens.of(golden, Contract.of(card, max(options.most_rows, rows)))
    storage.resolve(options.log)  # refuses a scheme before the model takes its seconds
    network = Network(options.model_dir / SAVED_MODEL, card.columns)
    difference = goldens.difference(network)
    _LOGGER.info("%s %s: %d golden rows within %.2g", card.name, card.version, rows, difference)
    metrics = Metrics(card, options.name or card.name)
    log = open_log(options, card, contract, metrics)
    return Predictor(card, contract, Batcher(network, _BATCH_ROWS), log, metrics)


def open_log(
    options: Options, card: ModelCard, contract: Contract, metrics: Metrics
) -> PredictionLog:
    """Opens the prediction log; a store that is not there yet loses rows and nothing else."""
    return PredictionLog(
        options.log,
        Layout.of(card, contract),
        storage.write_bytes,
        metrics.log_rows,
        metrics.log_rows_lost,
        options.log_rows,
    )


def _read(record: type[_Record], file: Path) -> _Record:
    try:
        return record.read(file)
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        given = str(error).partition("\n")[0]
        raise InputError(str(file), given, "a file that training wrote") from error
