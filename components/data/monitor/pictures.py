"""The pictures of the report."""

from collections.abc import Sequence

import numpy as np

from components.core.report import (
    Bars,
    Figure,
    Interval,
    Series,
    Tone,
    bar_chart,
    interval_chart,
    line_chart,
)
from components.core.tasks import Bins
from components.data.monitor.comparison import Compared
from components.data.monitor.distributions import Categories, Numbers
from components.data.monitor.drift import bin_name
from components.data.monitor.judgement import Measured
from components.data.monitor.limits import CALIBRATION
from components.data.monitor.shift import Answers
from components.data.monitor.trend import Check

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
    """Each judged metric with its interval and its limit."""
    rows = []
    for name, limit in measured.limits.items():
        one = measured.performance.metrics[name]
        beyond = (
            one.estimate is not None
            and limit is not None
            and limit.is_beyond(one.estimate, one.low, one.high)
        )
        bound = limit.bound if limit else None
        tone: Tone = "bad" if beyond else "good" if limit else "neutral"
        rows.append(
            Interval(one.metric.label, one.estimate, one.low, one.high, tone=tone, limit=bound)
        )
    return Figure(
        interval_chart(rows, title="Metrics of the window", zero=False),
        "Intervals resample blocks of time; the dashed marks are the limits.",
    )


def trend(checks: Sequence[Check], limit: float | None) -> Figure:
    """The calibration error of check after check."""
    names = [f"{check.as_of:%Y-%m-%d}" for check in checks]
    series = Series("calibration error", names, [c.numbers.get(CALIBRATION) for c in checks])
    svg = line_chart([series], title="Calibration error by check", limit=limit)
    return Figure(svg, "The dashed line is the limit of the model that serves now.")


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
