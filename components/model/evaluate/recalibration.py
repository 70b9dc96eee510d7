"""Recalibrates the champion: the cheap challenger beside the retrained model.

Platt scaling: the logit is scaled and shifted by two numbers that are fitted on the newest
training rows. The order of the rows, and so the AUC, stays; a drifted base rate is corrected.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np
from numpy.typing import NDArray

from components.core.artifacts import GOLDEN, MODEL_CARD, SAVED_MODEL, Golden, ModelCard
from components.core.errors import RunError
from components.model.examples import golden_inputs
from components.model.saved_model import SIGNATURE, SavedModelRunner

Floats = NDArray[np.float64]

NEWEST = timedelta(days=30)
MIN_ROWS = 2_000
_MIN_PER_CLASS = 20
_CLIP = 1e-7
_MAX_STEPS = 50
_RIDGE = 1e-6  # holds the scale at 1 where every row has the same probability
_TOLERANCE = 1e-5  # float32 in the graph, float64 where the challenger was measured


@dataclass(frozen=True)
class PlattScaling:
    """probability = sigmoid(scale * logit + offset), fitted on so many rows.

    The scale is above 0, so the order of the rows stays.
    """

    scale: float
    offset: float
    rows: int

    def apply(self, probability: Floats) -> Floats:
        """The recalibrated probabilities, float64 [n]."""
        return sigmoid(self.scale * logit(probability) + self.offset)


def newest_rows(
    event_time: NDArray[np.datetime64], seen_until: datetime, min_rows: int = MIN_ROWS
) -> NDArray[np.int64]:
    """Selects the rows to fit on: the last 30 days, or the newest `min_rows` if those are fewer.

    Rows before `seen_until`, which the champion was trained for, are left out if enough are newer.
    From datetime64 [n], UTC, of the labelled training rows to int64 [m], oldest first.
    """
    if not len(event_time):
        return np.empty(0, dtype=np.int64)
    times = event_time.astype("datetime64[us]")
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    recent = int(np.searchsorted(ordered, ordered[-1] - np.timedelta64(NEWEST)))
    first = min(recent, max(0, len(ordered) - min_rows))
    unseen = int(np.searchsorted(ordered, np.datetime64(seen_until.replace(tzinfo=None), "us")))
    if len(ordered) - unseen >= min_rows:
        first = max(first, unseen)
    rows: NDArray[np.int64] = order[first:].astype(np.int64)
    return rows


def fit_platt_scaling(probability: Floats, label: Floats) -> PlattScaling | None:
    """Fits scale and offset by Newton steps on the log loss; probability and label are [n].

    Returns:
        None without a sound fit: under 20 rows of a class, a probability that is not finite, or
        a scale that would reverse the order of the rows.
    """
    positives = int(np.sum(label))
    negatives = len(label) - positives
    if min(positives, negatives) < _MIN_PER_CLASS or not np.isfinite(probability).all():
        return None
    x = np.column_stack((logit(probability), np.ones(len(label))))
    # Platt's targets: never quite 0 or 1, so that separable rows do not drive the scale away.
    target = np.where(label > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weights = _newton(x, target)
    if weights is None or weights[0] <= 0:
        return None
    return PlattScaling(float(weights[0]), float(weights[1]), len(label))


def logit(probability: Floats) -> Floats:
    """The log odds, with probabilities clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    odds: Floats = np.log(p) - np.log1p(-p)
    return odds


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=np.float64)))


def export_recalibrated(champion: Path, scaling: PlattScaling, card: ModelCard, out: Path) -> None:
    """Writes the recalibrated champion as a model folder; `out` must not hold a model.

    The scaling is applied on top of the champion's own calibration. Limits, statistics and other
    files are the champion's: it was trained on the same rows.

    Raises:
        RunError: The exported model does not predict what was measured.
    """
    import tensorflow as tf

    made_anew = ignore_patterns(SAVED_MODEL, GOLDEN, MODEL_CARD)
    copytree(champion, out, ignore=made_anew, dirs_exist_ok=True)
    model = tf.saved_model.load(str(champion / SAVED_MODEL))
    scale, offset = model.calibration.numpy().tolist()
    model.calibration.assign([scaling.scale * scale, scaling.scale * offset + scaling.offset])
    signatures = {SIGNATURE: model.signatures[SIGNATURE]}
    tf.saved_model.save(model, str(out / SAVED_MODEL), signatures=signatures)
    _golden(Golden.read(champion / GOLDEN), scaling, card, out).write(out / GOLDEN)
    card.write(out / MODEL_CARD)


def _newton(x: Floats, target: Floats) -> Floats | None:
    """The two weights that minimise the mean log loss; None if they are not found."""
    weights = start = np.array([1.0, 0.0])
    for _ in range(_MAX_STEPS):
        p = sigmoid(x @ weights)
        gradient = x.T @ (p - target) + _RIDGE * (weights - start)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        before = _loss(x @ weights, target)
        # Far from the optimum Newton overshoots: half as far, until the loss does not grow.
        while _loss(x @ (weights - step), target) > before + 1e-12 and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            return weights
    return None


def _loss(odds: Floats, target: Floats) -> float:
    return float(np.mean(np.logaddexp(0, odds) - target * odds))


def _golden(before: Golden, scaling: PlattScaling, card: ModelCard, out: Path) -> Golden:
    """The champion's golden rows with the new predictions, checked against the measured ones."""
    runner = SavedModelRunner(out / SAVED_MODEL, card.columns)
    probability = runner.probability_of(golden_inputs(before, card.columns))
    expected = scaling.apply(np.asarray(before.probability, dtype=np.float64))
    if not np.allclose(probability, expected, rtol=0, atol=_TOLERANCE + before.tolerance):
        worst = float(np.max(np.abs(probability - expected)))
        raise RunError(f"the recalibrated export differs by {worst:.2g} from what was measured")
    return before.model_copy(update={"probability": tuple(float(p) for p in probability)})
