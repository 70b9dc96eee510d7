"""The charts of the report."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from components.core.tasks import Bins
from components.data.monitor.checks import MeasuredPerformance
from components.data.monitor.distributions import CategoryDistribution, NumberDistribution, bin_name
from components.data.monitor.drift import ColumnComparison
from components.data.monitor.performance import MetricEstimate, TimedPredictions
from components.data.monitor.reference import PastCheck
from components.data.monitor.thresholds import CALIBRATION, Threshold
from components.report.blocks import Figure
from components.report.charts.bars import Bars, ErrorBar, bar_chart, interval_chart
from components.report.charts.line import Series, line_chart
from components.report.text import Tone

_MAX_CATEGORIES = 10
_HISTOGRAM = np.linspace(0, 1, 11)


def calibration_chart(bins: Bins | None) -> Figure:
    """Observed rate over mean probability, of the labelled rows of the window."""
    series = [Series("live", bins.mean, bins.rate)] if bins else []
    svg = line_chart(
        series,
        title="Calibration, live",
        x_label="mean probability",
        y_label="observed rate",
        x_range=(0, 1),
        y_range=(0, 1),
        diagonal=True,
    )
    return Figure(svg, "On the line, a prediction of 0.3 comes true three times in ten.")


def metrics_chart(measured: MeasuredPerformance) -> Figure:
    """Each metric with a learned threshold, on a scale from its usual value to the threshold."""
    rows = [
        _error_bar(measured.performance.metrics[name], threshold, threshold.typical)
        for name, threshold in measured.thresholds.items()
        if threshold and threshold.typical not in (None, threshold.bound)
    ]
    svg = interval_chart(rows, title="From usual (0) to the learned threshold (1)", limit=1.0)
    return Figure(
        svg,
        "A metric fails if it lies beyond the threshold and its whole interval beyond what is "
        "usual. Intervals resample blocks of time.",
    )


def trend_chart(checks: Sequence[PastCheck]) -> Figure:
    """The calibration error of each check, and its threshold then."""
    names = [f"{check.as_of:%Y-%m-%d}" for check in checks]
    series = [
        Series(name, names, [c.metrics.get(key) for c in checks])
        for name, key in (("calibration error", CALIBRATION), ("threshold", "calibration_limit"))
    ]
    svg = line_chart(series, title="Calibration error by check")
    return Figure(svg, "Each model that serves has its own threshold.")


def predictions_chart(before: TimedPredictions, now: TimedPredictions) -> Figure:
    """The distribution of the champion's probabilities, now and in the window before."""
    groups = [
        Bars(name, (np.histogram(p, _HISTOGRAM)[0] / len(p)).tolist())
        for name, p in (("before", before.prediction), ("watched", now.prediction))
        if len(p)
    ]
    names = [f"{low:.1f}" for low in _HISTOGRAM[:-1]]
    svg = bar_chart(
        names, groups, title="Predictions", x_label="probability from", y_label="share of rows"
    )
    return Figure(svg, "The champion's predictions in the two windows.")


def column_chart(one: ColumnComparison) -> Figure:
    """One column in training and live."""
    shares = _shares(one)
    bars = [Bars(name, shares[name].tolist()) for name in shares]
    svg = bar_chart(list(shares.index), bars, title=one.name, y_label="share of values")
    distance = one.distance
    text = f"{distance.measure} {distance.value:.3f}, most at {distance.where}" if distance else ""
    return Figure(svg, text)


def _error_bar(one: MetricEstimate, threshold: Threshold, usual: float) -> ErrorBar:
    scale = threshold.bound - usual
    found = (one.estimate, one.low, one.high)
    estimate, *ends = (None if v is None else round((v - usual) / scale, 2) for v in found)
    low, high = sorted(e for e in ends if e is not None) if None not in ends else (None, None)
    return ErrorBar(one.metric.label, estimate, low, high, tone=_tone(one, threshold))


def _tone(one: MetricEstimate, threshold: Threshold) -> Tone:
    if one.estimate is None:
        return "neutral"
    if threshold.is_beyond(one.estimate, one.low, one.high):
        return "bad"
    return "good" if one.metric.reaches(one.estimate, threshold.bound) else "warn"


def _shares(one: ColumnComparison) -> pd.DataFrame:
    """Shares in training and live (columns) by category or bin (index)."""
    trained, live = one.before.values, one.now.values
    if isinstance(trained, CategoryDistribution) and isinstance(live, CategoryDistribution):
        shares = {"training": pd.Series(trained.shares), "live": pd.Series(live.shares)}
        table = pd.DataFrame(shares).fillna(0.0).sort_index()
        common = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
        return table.loc[common[:_MAX_CATEGORIES]]
    if isinstance(trained, NumberDistribution) and isinstance(live, NumberDistribution):
        edges = trained.edges
        bins = {"training": trained.shares_between(edges), "live": live.shares_between(edges)}
        return pd.DataFrame(bins, index=[bin_name(edges, i) for i in range(len(edges) + 1)])
    return pd.DataFrame({"training": [], "live": []})
