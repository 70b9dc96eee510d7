"""Recalibrating a model that serves: the cheap challenger beside the retrained one.

Platt scaling: the logit is stretched and moved by two numbers that are fitted on the newest
training rows. The order of the rows, so the AUC, stays; what drifted in the rate is put right.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEWEST = timedelta(days=30)
LEAST_ROWS = 2_000
_FEWEST_OF_A_CLASS = 20
_CERTAIN = 1e-7
_STEPS = 50
_RIDGE = 1e-6  # holds the scale at 1 where every row has the same probability


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(scale * logit + offset).

    Attributes:
        scale: Above 0.
        offset: In units of the logit.
        rows: Rows that it was fitted on.
    """

    scale: float
    offset: float
    rows: int

    def apply(self, probability: Floats) -> Floats:
        """The recalibrated probabilities, float64 [n]."""
        return sigmoid(self.scale * logit(probability) + self.offset)


def newest_rows(
    event_time: NDArray[np.datetime64], seen_until: datetime, least: int = LEAST_ROWS
) -> NDArray[np.int64]:
    """The rows to fit on: the last 30 days, or the newest `least` rows where those are fewer.

    Args:
        event_time: datetime64 [n] of the labelled training rows, UTC.
        seen_until: The instant that the champion was trained for; where enough rows are newer,
            older ones are left out.
        least: Rows that are enough.

    Returns:
        int64 [m], positions, oldest first.
    """
    if not len(event_time):
        return np.empty(0, dtype=np.int64)
    times = event_time.astype("datetime64[us]")
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    recent = int(np.searchsorted(ordered, ordered[-1] - np.timedelta64(NEWEST)))
    first = min(recent, max(0, len(ordered) - least))
    unseen = int(np.searchsorted(ordered, np.datetime64(seen_until.replace(tzinfo=None), "us")))
    if len(ordered) - unseen >= least:
        first = max(first, unseen)
    rows: NDArray[np.int64] = order[first:].astype(np.int64)
    return rows


def fit(probability: Floats, label: Floats) -> Calibration | None:
    """Fits scale and offset by Newton steps on the log loss.

    Args:
        probability: float64 [n], what the model says now.
        label: [n], 0 or 1.

    Returns:
        None where there is no sound fit: under 20 rows of a class, a probability that is not
        finite, or a scale that would turn the order of the rows around.
    """
    positives = int(np.sum(label))
    negatives = len(label) - positives
    if min(positives, negatives) < _FEWEST_OF_A_CLASS or not np.isfinite(probability).all():
        return None
    x = np.column_stack((logit(probability), np.ones(len(label))))
    # Platt's targets: never quite 0 or 1, so that separable rows do not drive the scale away.
    target = np.where(label > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weights = _newton(x, target)
    if weights is None or weights[0] <= 0:
        return None
    return Calibration(float(weights[0]), float(weights[1]), len(label))


def logit(probability: Floats) -> Floats:
    """The log odds, probabilities clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probability, _CERTAIN, 1 - _CERTAIN)
    odds: Floats = np.log(p) - np.log1p(-p)
    return odds


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=np.float64)))


def _newton(x: Floats, target: Floats) -> Floats | None:
    start = np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(_STEPS):
        p = sigmoid(x @ weights)
        slope = x.T @ (p - target) + _RIDGE * (weights - start)
        bend = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2)
        step = _shortened(x, target, weights, np.linalg.solve(bend, slope))
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            return weights
    return None


def _shortened(x: Floats, target: Floats, weights: Floats, step: Floats) -> Floats:
    """Halves a step until the loss does not grow: far from the answer Newton overshoots."""
    before = _loss(x @ weights, target)
    while _loss(x @ (weights - step), target) > before + 1e-12 and np.abs(step).max() > 1e-9:
        step = step / 2
    return step


def _loss(odds: Floats, target: Floats) -> float:
    return float(np.mean(np.logaddexp(0, odds) - target * odds))
