"""The pictures of the report."""

from collections.abc import Sequence

import numpy as np

from components.core.tasks import Bins
from components.data.monitor.comparison import Compared
from components.data.monitor.distributions import Categories, Numbers
from components.data.monitor.drift import bin_name
from components.data.monitor.judgement import Measured
from components.data.monitor.limits import CALIBRATION, Limit
from components.data.monitor.performance import Measured as MeasuredMetric
from components.data.monitor.shift import Answers
from components.data.monitor.trend import Check
from components.report.blocks import Figure
from components.report.charts.bars import Bars, ErrorBar, bar_chart, interval_chart
from components.report.charts.line import Series, line_chart
from components.report.text import Tone

_MOST_CATEGORIES = 10
_HISTOGRAM = np.linspace(0, 1, 11)


def calibration(bins: Bins | None) -> Figure:
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
    return Figure(svg, "On the line, three in ten come true of what is called 0.3.")


def metrics(measured: Measured) -> Figure:
    """How far each metric with a learned limit is on its way from what is usual to the limit."""
    rows = [
        _interval(measured.performance.metrics[name], limit, limit.typical)
        for name, limit in measured.limits.items()
        if limit is not None and limit.typical is not None and limit.typical != limit.bound
    ]
    svg = interval_chart(rows, title="From usual (0) to the learned limit (1)", limit=1.0)
    return Figure(
        svg,
        "A metric fails where it lies beyond the limit and its whole interval beyond what is "
        "usual. Intervals resample blocks of time.",
    )


def _interval(one: MeasuredMetric, limit: Limit, usual: float) -> ErrorBar:
    found = (one.estimate, one.low, one.high)
    way = [None if v is None else round((v - usual) / (limit.bound - usual), 2) for v in found]
    estimate, *ends = way
    low, high = sorted(e for e in ends if e is not None) if None not in ends else (None, None)
    return ErrorBar(one.metric.label, estimate, low, high, tone=_tone(one, limit))


def _tone(one: MeasuredMetric, limit: Limit) -> Tone:
    if one.estimate is None:
        return "neutral"
    if limit.is_beyond(one.estimate, one.low, one.high):
        return "bad"
    return "good" if one.metric.reaches(one.estimate, limit.bound) else "warn"


def trend(checks: Sequence[Check]) -> Figure:
    """The calibration error of check after check, and its limit then."""
    names = [f"{check.as_of:%Y-%m-%d}" for check in checks]
    series = [
        Series(name, names, [c.metrics.get(key) for c in checks])
        for name, key in (("calibration error", CALIBRATION), ("limit", "calibration_limit"))
    ]
    svg = line_chart(series, title="Calibration error by check")
    return Figure(svg, "Each model that serves brings a limit of its own.")


def predictions(before: Answers, now: Answers) -> Figure:
    """How the champion's probabilities are spread, now and in the window before."""
    groups = [
        Bars(name, _shares(answers.prediction))
        for name, answers in (("before", before), ("watched", now))
        if len(answers.prediction)
    ]
    names = [f"{low:.1f}" for low in _HISTOGRAM[:-1]]
    svg = bar_chart(
        names, groups, title="Predictions", x_label="probability from", y_label="share of rows"
    )
    return Figure(svg, "What the champion said in the two windows.")


def column(one: Compared) -> Figure:
    """One column in training and live."""
    classes, trained, live = _classes(one)
    svg = bar_chart(
        classes,
        [Bars("training", trained), Bars("live", live)],
        title=one.name,
        y_label="share of values",
    )
    distance = one.distance
    text = f"{distance.measure} {distance.value:.3f}, most at {distance.where}" if distance else ""
    return Figure(svg, text)


def _classes(one: Compared) -> tuple[list[str], list[float], list[float]]:
    before, now = one.before.values, one.now.values
    if isinstance(before, Categories) and isinstance(now, Categories):
        total = {n: before.shares.get(n, 0.0) + now.shares.get(n, 0.0) for n in _names(before, now)}
        names = sorted(total, key=lambda n: (-total[n], n))[:_MOST_CATEGORIES]
        return (
            names,
            [before.shares.get(name, 0.0) for name in names],
            [now.shares.get(name, 0.0) for name in names],
        )
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        edges = before.edges
        names = [bin_name(edges, index) for index in range(len(edges) + 1)]
        return names, _list(before.shares_between(edges)), _list(now.shares_between(edges))
    return [], [], []


def _names(before: Categories, now: Categories) -> set[str]:
    return {*before.shares, *now.shares}


def _list(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]


def _shares(values: np.ndarray) -> list[float]:
    counts, _ = np.histogram(values, _HISTOGRAM)
    return _list(counts / max(len(values), 1))
