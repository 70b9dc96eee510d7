"""Delayed-label performance: what the predictions were worth, now that the labels are in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.spec import Gates
from components.core.tasks import Bins, Metric, Task, block_interval, blocks_of
from components.core.verdict import Finding, Severity
from components.data.monitor.limits import CALIBRATION, Limit


@dataclass(frozen=True)
class Labelled:
    """Predictions whose labels are in, and finite.

    Attributes:
        label: float64 [n].
        prediction: float64 [n].
        event_time: datetime64[us] [n], UTC.
    """

    label: npt.NDArray[np.float64]
    prediction: npt.NDArray[np.float64]
    event_time: npt.NDArray[np.datetime64]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.label)


@dataclass(frozen=True)
class Measured:
    """One metric of the window.

    Attributes:
        metric: The metric.
        estimate: Its value; None where it is not defined.
        low: Lower end of its interval over blocks of time; None where there are too few.
        high: Upper end of it.
    """

    metric: Metric
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Performance:
    """What labelled predictions are worth.

    Attributes:
        metrics: Name to what was measured; those without a better direction have no interval.
        bins: The calibration in bins of equal mass.
    """

    metrics: Mapping[str, Measured]
    bins: Bins | None


def measure(task: Task, labelled: Labelled, gates: Gates, bins: int) -> Performance:
    """Measures every metric of the task.

    Args:
        task: The kind of answer.
        labelled: The predictions.
        gates: Block, confidence and resamples of the intervals; the same that gates use.
        bins: Bins of the calibration curve.
    """
    blocks = blocks_of(labelled.event_time, gates.block)
    metrics = {
        name: _measure(metric, labelled, blocks, gates) for name, metric in task.metrics.items()
    }
    curve = task.calibration(labelled.label, labelled.prediction, bins) if labelled.rows else None
    return Performance(metrics, curve)


def _measure(
    metric: Metric, labelled: Labelled, blocks: npt.NDArray[np.int64], gates: Gates
) -> Measured:
    estimate = metric(labelled.label, labelled.prediction)
    if estimate is None or metric.higher_is_better is None:
        return Measured(metric, estimate, None, None)
    interval = block_interval(
        metric,
        labelled.label,
        labelled.prediction,
        blocks,
        resamples=gates.resamples,
        confidence=gates.confidence,
    )
    if interval is None:
        return Measured(metric, estimate, None, None)
    return Measured(metric, estimate, interval.low, interval.high)


def judge(
    performance: Performance, limits: Mapping[str, Limit | None], window: str
) -> tuple[Finding, ...]:
    """Holds each metric against its limit.

    Args:
        performance: What was measured.
        limits: Metric to its limit; a metric without one cannot be called healthy.
        window: The window and rows in words, for the sentences.

    Returns:
        A finding a metric, code ``calibration`` or ``performance``; ``limits`` where one is
        missing.
    """
    return tuple(_judge(performance.metrics[name], limit, window) for name, limit in limits.items())


def _judge(measured: Measured, limit: Limit | None, window: str) -> Finding:
    name, label = measured.metric.name, measured.metric.label
    code = "calibration" if name == CALIBRATION else "performance"
    if limit is None:
        text = (
            f"there is no limit for {label}: the champion's limits.json has under three "
            "held-out blocks of enough rows, and the spec gives none"
        )
        return Finding(
            code="limits",
            severity=Severity.FAIL,
            subject=name,
            measured=measured.estimate,
            limit=None,
            sentence=text,
        )
    if measured.estimate is None:
        text = f"{label} is not defined for {window}"
        severity = Severity.WARN
    else:
        text, severity = _compare(measured, measured.estimate, limit, window)
    return Finding(
        code=code,
        severity=severity,
        subject=name,
        measured=measured.estimate,
        limit=limit.bound,
        sentence=text,
    )


def _compare(
    measured: Measured, estimate: float, limit: Limit, window: str
) -> tuple[str, Severity]:
    spread = ""
    if measured.low is not None and measured.high is not None:
        spread = f" [{measured.low:.3f}, {measured.high:.3f}]"
    text = f"{measured.metric.label} is {estimate:.3f}{spread}"
    if limit.is_beyond(estimate, measured.low, measured.high):
        text += f", beyond the limit of {limit.bound:.3f} {limit.origin}, on {window}"
        return text, Severity.FAIL
    if not measured.metric.reaches(estimate, limit.bound):
        text += f", beyond the limit of {limit.bound:.3f}, but not surely worse than usual"
        return f"{text} ({limit.typical:.3f}), on {window}", Severity.WARN
    return (
        f"{text}, within the limit of {limit.bound:.3f} {limit.origin}, on {window}",
        Severity.INFO,
    )
