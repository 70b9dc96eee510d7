"""Delayed-label performance: how good the predictions were, once their labels have arrived."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.spec import Gates
from components.core.tasks import Bins, ConfidenceInterval, Metric, Task, block_interval, blocks_of
from components.core.verdict import Finding, Severity, finding
from components.data.monitor.thresholds import CALIBRATION, Threshold
from components.data.tables.columns import Bools, Floats, column_us


@dataclass(frozen=True)
class TimedPredictions:
    """Predictions, finite float64 [n], and their event times, datetime64[us] [n], UTC."""

    prediction: Floats
    event_time: npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class LabelledPredictions(TimedPredictions):
    """Predictions whose labels, float64 [n], have arrived."""

    label: Floats


@dataclass(frozen=True)
class JudgedRows:
    """The rows that are judged, whose predictions they are in words, and if the champion's own."""

    table: pa.Table
    whose: str
    is_champion: bool


@dataclass(frozen=True)
class MetricEstimate:
    """A metric, None if undefined, and the ends of its interval, None with too few blocks."""

    metric: Metric
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Performance:
    """Every metric by name, and the calibration in bins of equal mass (None without rows)."""

    metrics: Mapping[str, MetricEstimate]
    bins: Bins | None


def select_judged_rows(rows: pa.Table, version: str, label: str, min_labelled: int) -> JudgedRows:
    """The champion's own rows if `min_labelled` of them are labelled, else all."""
    own = own_rows(rows, version)
    count = own.num_rows - own[label].null_count
    if count >= min_labelled:
        return JudgedRows(own, f"the champion's own {own.num_rows:,} rows are judged", True)
    if own.num_rows == rows.num_rows:
        return JudgedRows(own, "all rows are the champion's own", True)
    text = f"the champion {version} has only {count:,} labelled rows of its own, so the rows of "
    return JudgedRows(rows, text + "all versions are judged", False)


def own_rows(rows: pa.Table, version: str) -> pa.Table:
    """The rows that a version predicted."""
    return rows.filter(pc.equal(rows["version"], version))


def is_finite(rows: pa.Table) -> Bools:
    """Whether each row's prediction is a number, bool [rows]."""
    return np.asarray(np.isfinite(_numbers(rows["probability"])), np.bool_)


def labelled_predictions(rows: pa.Table, label: str, event_time: str) -> LabelledPredictions:
    """The rows with a label and a prediction that is a number."""
    kept = rows.filter(rows[label].is_valid())
    kept = kept.filter(pa.array(is_finite(kept)))
    timed = timed_predictions(kept, event_time)
    return LabelledPredictions(timed.prediction, timed.event_time, _numbers(kept[label]))


def timed_predictions(rows: pa.Table, event_time: str) -> TimedPredictions:
    """The rows with a prediction that is a number."""
    kept = rows.filter(pa.array(is_finite(rows)))
    times = column_us(kept[event_time]).view("datetime64[us]")
    return TimedPredictions(_numbers(kept["probability"]), times)


def measure_performance(
    task: Task, labelled: LabelledPredictions, gates: Gates, bins: int
) -> Performance:
    """Measures every metric of the task, with the same intervals that the gates use."""
    metrics = {name: _estimate(one, labelled, gates) for name, one in task.metrics.items()}
    has_rows = len(labelled.label) > 0
    curve = task.calibration(labelled.label, labelled.prediction, bins) if has_rows else None
    return Performance(metrics, curve)


def check_metrics(
    performance: Performance, thresholds: Mapping[str, Threshold | None], window: str
) -> tuple[Finding, ...]:
    """Compares each metric with its threshold; one without a threshold is not called healthy.

    Returns:
        A finding a metric, code ``calibration`` or ``performance``; ``limits`` if its threshold is
        missing. Their sentences name the `window`.
    """
    metrics = performance.metrics
    return tuple(_check_metric(metrics[name], one, window) for name, one in thresholds.items())


def interval_of(
    metric: Metric, label: Floats, timed: TimedPredictions, gates: Gates
) -> ConfidenceInterval | None:
    """The interval of a metric over blocks of time; None if there are too few blocks."""
    blocks = blocks_of(timed.event_time, gates.block)
    return block_interval(
        metric,
        label,
        timed.prediction,
        blocks,
        resamples=gates.resamples,
        confidence=gates.confidence,
    )


def _estimate(metric: Metric, labelled: LabelledPredictions, gates: Gates) -> MetricEstimate:
    """Estimates a metric; one without a better direction has no interval."""
    estimate, interval = metric(labelled.label, labelled.prediction), None
    if estimate is not None and metric.higher_is_better is not None:
        interval = interval_of(metric, labelled.label, labelled, gates)
    if interval is None:
        return MetricEstimate(metric, estimate, None, None)
    return MetricEstimate(metric, estimate, interval.low, interval.high)


def _check_metric(one: MetricEstimate, threshold: Threshold | None, window: str) -> Finding:
    name, label = one.metric.name, one.metric.label
    if threshold is None:
        text = f"there is no threshold for {label}: the champion's limits.json has under three "
        text += "held-out blocks of enough rows, and the spec gives none"
        return finding("limits", Severity.FAIL, name, one.estimate, None, text)
    code = "calibration" if name == CALIBRATION else "performance"
    text, severity = f"{label} is not defined for {window}", Severity.WARN
    if one.estimate is not None:
        text, severity = _compare(one, one.estimate, threshold, window)
    return finding(code, severity, name, one.estimate, threshold.bound, text)


def _compare(
    one: MetricEstimate, estimate: float, threshold: Threshold, window: str
) -> tuple[str, Severity]:
    interval = ""
    if one.low is not None and one.high is not None:
        interval = f" [{one.low:.3f}, {one.high:.3f}]"
    text, bound = f"{one.metric.label} is {estimate:.3f}{interval}", f"{threshold.bound:.3f}"
    if threshold.is_beyond(estimate, one.low, one.high):
        text += f", beyond the threshold of {bound} {threshold.origin}, on {window}"
        return text, Severity.FAIL
    if not one.metric.reaches(estimate, threshold.bound):
        text += f", beyond the threshold of {bound}, but not surely worse than usual"
        return f"{text} ({threshold.typical:.3f}), on {window}", Severity.WARN
    return f"{text}, within the threshold of {bound} {threshold.origin}, on {window}", Severity.INFO


def _numbers(column: pa.ChunkedArray) -> Floats:
    numbers = column.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return np.asarray(numbers, np.float64)
