"""Exports the champion recalibrated: the same graph, with two numbers of it changed."""

from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np

from components.core.artifacts import GOLDEN, MODEL_CARD, SAVED_MODEL, Golden, ModelCard
from components.core.errors import RunError
from components.model.evaluate.champion import ModelFolder
from components.model.evaluate.recalibration import Calibration
from components.model.predict import SIGNATURE, SavedModelPredictor

_TOLERANCE = 1e-5  # float32 in the graph, float64 where the challenger was measured


@dataclass(frozen=True)
class Recalibrated:
    """A champion and the calibration that is put on top of its own."""

    champion: ModelFolder
    calibration: Calibration


def can_recalibrate(model: object) -> bool:
    """Whether a loaded SavedModel carries the variable ``calibration``, float32 [2]."""
    variable = getattr(model, "calibration", None)
    return tuple(getattr(variable, "shape", ())) == (2,)


def export(made: Recalibrated, card: ModelCard, out: Path) -> None:
    """Writes the recalibrated champion as a model folder.

    Its limits, statistics and other files are the champion's: it was trained on the same rows.

    Args:
        made: The champion and its calibration.
        card: What the new model is.
        out: The folder to write; it must not hold a model.

    Raises:
        RunError: The exported model does not answer as it was measured.
    """
    source = made.champion.path
    copytree(
        source, out, ignore=ignore_patterns(SAVED_MODEL, GOLDEN, MODEL_CARD), dirs_exist_ok=True
    )
    _save(made, out / SAVED_MODEL)
    golden = _golden(made, Golden.read(source / GOLDEN), out / SAVED_MODEL)
    golden.write(out / GOLDEN)
    card.write(out / MODEL_CARD)


def _save(made: Recalibrated, out: Path) -> None:
    import tensorflow as tf

    model = tf.saved_model.load(str(made.champion.saved_model))
    scale, offset = model.calibration.numpy().tolist()
    stretch, move = made.calibration.scale, made.calibration.offset
    model.calibration.assign([stretch * scale, stretch * offset + move])
    tf.saved_model.save(model, str(out), signatures={SIGNATURE: model.signatures[SIGNATURE]})


def _golden(made: Recalibrated, before: Golden, saved_model: Path) -> Golden:
    """The champion's golden rows with the new answers, which are checked as they are made."""
    kinds = {column.name: column.kind for column in made.champion.card.columns}
    inputs = {n: _inputs(values, kinds[n]) for n, values in before.columns.items()}
    answers = SavedModelPredictor(saved_model).probability_of(inputs)
    expected = made.calibration.apply(np.asarray(before.probability, dtype=np.float64))
    if not np.allclose(answers, expected, rtol=0, atol=_TOLERANCE + before.tolerance):
        worst = float(np.max(np.abs(answers - expected)))
        raise RunError(f"the recalibrated export differs by {worst:.2g} from what was measured")
    return Golden(
        columns=before.columns,
        probability=tuple(float(p) for p in answers),
        tolerance=before.tolerance,
    )


def _inputs(values: tuple[float | int | str | None, ...], kind: str) -> np.ndarray:
    if kind == "number":
        return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
    if kind == "category":
        return np.array(["" if v is None else v for v in values], dtype=object)
    return np.array(values, dtype=np.int64)
