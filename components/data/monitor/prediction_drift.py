"""Prediction drift: whether the model's predictions changed since the window before."""

from dataclasses import dataclass

import numpy as np

from components.core.spec import Gates
from components.core.tasks import ConfidenceInterval, Metric, block_interval, blocks_of
from components.core.verdict import Finding, Severity, finding
from components.data.monitor.performance import TimedPredictions
from components.data.schema.divergence import Floats, divergence

THRESHOLD = 0.1
_DECILES = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class PredictionShift:
    """How the predictions of two windows differ.

    Attributes:
        divergence: Jensen-Shannon divergence in bits over the deciles of the window before.
        mean: Mean prediction now minus before.
        low: Lower end of the interval of `mean` over blocks of time; None if too few blocks.
        high: Upper end of it.
    """

    divergence: float
    mean: float
    low: float | None
    high: float | None


def measure_shift(
    before: TimedPredictions, now: TimedPredictions, mean: Metric, gates: Gates
) -> PredictionShift | None:
    """Measures the shift; None if one of the windows is empty.

    The interval of the difference adds the two windows' own by squares (MOVER: Zou and Donner
    2008), because windows apart in time are resampled apart.

    Args:
        before: The window before.
        now: The window that is watched.
        mean: The task's metric for the mean prediction.
        gates: Block, confidence and resamples of the intervals.
    """
    if not len(before.prediction) or not len(now.prediction):
        return None
    edges = np.unique(np.quantile(before.prediction, _DECILES))
    # Rounding may leave a little less than 0.
    distance = max(
        0.0, divergence(_shares(before.prediction, edges), _shares(now.prediction, edges))
    )
    change = float(now.prediction.mean() - before.prediction.mean())
    ours, theirs = _interval(now, mean, gates), _interval(before, mean, gates)
    if ours is None or theirs is None:
        return PredictionShift(distance, change, None, None)
    down = np.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = np.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    return PredictionShift(distance, change, change - float(down), change + float(up))


def check_prediction_drift(
    shift: PredictionShift | None, severity: Severity, why_not: str
) -> Finding:
    """Compares the shift with its threshold.

    Args:
        shift: What was measured; None if it could not be.
        severity: Of a shift beyond the threshold.
        why_not: Why it could not be measured.
    """
    code, subject = "prediction_drift", "predictions"
    if shift is None:
        return finding(code, Severity.INFO, subject, None, THRESHOLD, why_not)
    severity = severity if shift.divergence > THRESHOLD else Severity.INFO
    interval = "" if shift.low is None else f" [{shift.low:+.3f}, {shift.high:+.3f}]"
    text = f"predictions lie {shift.divergence:.3f} (Jensen-Shannon) from the window before; their "
    text += f"mean moved by {shift.mean:+.3f}{interval}"
    return finding(code, severity, subject, shift.divergence, THRESHOLD, text)


def _shares(values: Floats, edges: Floats) -> Floats:
    """Shares in the bins between edges, open at both ends, float64 [len(edges) + 1]."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return counts / len(values)


def _interval(timed: TimedPredictions, mean: Metric, gates: Gates) -> ConfidenceInterval | None:
    return block_interval(
        mean,
        np.zeros(len(timed.prediction)),  # the mean prediction needs no label
        timed.prediction,
        blocks_of(timed.event_time, gates.block),
        resamples=gates.resamples,
        confidence=gates.confidence,
    )
