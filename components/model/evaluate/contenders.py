"""The models that compete: how each answers, with the SavedModel behind it loaded once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.core.errors import InputError
from components.core.plan import Champion
from components.model.evaluate.champion import ModelFolder, Unreadable, open_champion
from components.model.evaluate.export import can_recalibrate
from components.model.evaluate.recalibration import Calibration
from components.model.predict import SavedModelPredictor

CHAMPION, RETRAINED, RECALIBRATED = "champion", "retrained", "recalibrated"


@dataclass(frozen=True)
class Contender:
    """A model that answers for examples.

    Attributes:
        name: ``champion``, ``retrained`` or ``recalibrated``.
        version: Its version.
        folder: Its folder; a recalibrated model's is the champion's.
        predictor: Its SavedModel.
        calibration: What is put on top of its answers; None: nothing.
    """

    name: str
    version: str
    folder: ModelFolder
    predictor: SavedModelPredictor
    calibration: Calibration | None = None

    def predict(self, rows: pa.Table) -> NDArray[np.float64]:
        """The probability of every row, float64 [n]."""
        if not rows.num_rows:
            return np.empty(0)
        found = self.predictor.probability(rows, self.folder.card.columns)
        return self.calibration.apply(found) if self.calibration else found

    def recalibrated(self, calibration: Calibration, version: str) -> "Contender":
        """The same model with a calibration on top."""
        return Contender(RECALIBRATED, version, self.folder, self.predictor, calibration)


def load_retrained(model: Path) -> Contender:
    """The model that was just trained."""
    folder = ModelFolder.of(model)
    return Contender(
        RETRAINED, folder.card.version, folder, SavedModelPredictor(folder.saved_model)
    )


def load_champion(champion: Champion, rows: pa.Table, into: Path) -> Contender | Unreadable:
    """The model that serves now.

    Args:
        champion: As the plan has it.
        rows: Rows that it will be asked about: it must know their columns, and answer.
        into: A folder for a copy of a remote one.
    """
    import tensorflow as tf

    folder = open_champion(champion, into)
    if isinstance(folder, Unreadable):
        return folder
    try:
        predictor = SavedModelPredictor(folder.saved_model)
        contender = Contender(CHAMPION, champion.version, folder, predictor)
        contender.predict(rows.slice(0, 1))
    except (OSError, ValueError, KeyError, TypeError, InputError, tf.errors.OpError) as error:
        first = (str(error).splitlines() or [""])[0]
        return Unreadable(f"{champion.uri} does not answer: {type(error).__name__}: {first}")
    return contender


def is_recalibratable(contender: Contender) -> bool:
    """Whether the contender's SavedModel carries a calibration that can be changed."""
    return can_recalibrate(contender.predictor.model)
