"""Prediction drift: whether the model says other things than it did in the window before."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.spec import Gates
from components.core.tasks import ConfidenceInterval, Metric, block_interval, blocks_of
from components.core.verdict import Finding, Severity
from components.data.validate.skew import divergence

Floats = npt.NDArray[np.float64]
LIMIT = 0.1
_CODE = "prediction_drift"
_DECILES = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class Answers:
    """Predictions and when their examples came to be.

    Attributes:
        prediction: float64 [n], finite.
        event_time: datetime64[us] [n], UTC.
    """

    prediction: Floats
    event_time: npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Shift:
    """How the predictions of two windows differ.

    Attributes:
        divergence: Jensen-Shannon divergence in bits over the deciles of the window before.
        mean: Mean prediction now minus before.
        low: Lower end of the interval of `mean` over blocks of time; None: too few blocks.
        high: Upper end of it.
    """

    divergence: float
    mean: float
    low: float | None
    high: float | None


def measure(before: Answers, now: Answers, mean: Metric, gates: Gates) -> Shift | None:
    """Measures the shift; None where one of the windows is empty.

    The interval of the difference adds the two windows' own by squares (MOVER: Zou and Donner
    2008), for windows apart in time are drawn apart.

    Args:
        before: The window before.
        now: The window that is watched.
        mean: The task's metric for the mean prediction.
        gates: Block, confidence and resamples of the intervals.
    """
    if not len(before.prediction) or not len(now.prediction):
        return None
    edges = np.unique(np.quantile(before.prediction, _DECILES))
    apart = divergence(_shares(before.prediction, edges), _shares(now.prediction, edges))
    change = float(now.prediction.mean() - before.prediction.mean())
    ours, theirs = _interval(now, mean, gates), _interval(before, mean, gates)
    if ours is None or theirs is None:
        return Shift(max(0.0, apart), change, None, None)
    down = np.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = np.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    return Shift(max(0.0, apart), change, change - float(down), change + float(up))


def judge(shift: Shift | None, severity: Severity, why_not: str) -> Finding:
    """Holds the shift against its limit.

    Args:
        shift: What was measured; None: it could not be.
        severity: Of a shift beyond the limit.
        why_not: Why it could not be measured.
    """
    if shift is None:
        return Finding(
            code=_CODE,
            severity=Severity.INFO,
            subject="predictions",
            measured=None,
            limit=LIMIT,
            sentence=why_not,
        )
    beyond = shift.divergence > LIMIT
    spread = "" if shift.low is None else f" [{shift.low:+.3f}, {shift.high:+.3f}]"
    text = (
        f"predictions lie {shift.divergence:.3f} (Jensen-Shannon) from the window before; their "
        f"mean moved by {shift.mean:+.3f}{spread}"
    )
    return Finding(
        code=_CODE,
        severity=severity if beyond else Severity.INFO,
        subject="predictions",
        measured=shift.divergence,
        limit=LIMIT,
        sentence=text,
    )


def _shares(values: Floats, edges: Floats) -> Floats:
    """Shares in the bins between edges, open at both ends, float64 [len(edges) + 1]."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return counts / len(values)


def _interval(answers: Answers, mean: Metric, gates: Gates) -> ConfidenceInterval | None:
    return block_interval(
        mean,
        np.zeros(len(answers.prediction)),  # the mean prediction asks for no label
        answers.prediction,
        blocks_of(answers.event_time, gates.block),
        resamples=gates.resamples,
        confidence=gates.confidence,
    )
