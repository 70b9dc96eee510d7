"""Live rows: missing values, unusable rows, predictions that moved."""

import numpy as np
import pytest

from components.core.spec import Gates
from components.core.tasks import task_of
from components.core.verdict import Severity
from components.data.monitor import drift, live_checks
from components.data.monitor.drift import ColumnDistribution
from components.data.monitor.performance import TimedPredictions
from components.data.tables.observations import Coverage, WindowCoverage

MEAN = task_of("binary").metrics["mean_probability"]
GATES = Gates(resamples=200)


@pytest.mark.parametrize(
    ("trained", "live", "severity"),
    [(0.1, 0.19, "info"), (0.1, 0.2, "warn"), (0.1, 0.34, "warn"), (0.1, 0.36, "fail")],
)
def test_missing_more_often_than_in_training(trained, live, severity):
    columns = {"a": ColumnDistribution(trained, None)}, {"a": ColumnDistribution(live, None)}
    (finding,) = live_checks.check_missing(*columns, ["a", "not live"])
    assert finding.severity == severity


def coverage(**changes):
    window = {
        "start": "2024-03-01T00:00:00Z",
        "end": "2024-03-02T00:00:00Z",
        "rows": 1000,
        "due": 1000,
        "labelled": 900,
        "keyless": 0,
        "repeated": 0,
        "versions": {},
        "empty_hours": 0,
        "longest_silence_h": 1.0,
    }
    whole = {"timeless": 0, "unreadable": (), **changes}
    watch = WindowCoverage(**{**window, **{k: whole.pop(k) for k in [*whole] if k in window}})
    return Coverage(
        plan="p",
        as_of="2024-03-01",
        watch=watch,
        before=watch,
        labelled=watch,
        newest=None,
        sources=(),
        **whole,
    )


@pytest.mark.parametrize(
    ("changes", "broken", "found"),
    [
        ({}, 0, []),
        ({"keyless": 10}, 0, [("key", "info")]),
        ({"keyless": 11}, 0, [("key", "warn")]),
        ({"keyless": 201}, 0, [("key", "fail")]),
        ({}, 1, [("prediction", "fail")]),
        ({"timeless": 3, "unreadable": ("a", "b")}, 0, [("log", "warn"), ("log", "warn")]),
    ],
)
def test_unusable_rows(changes, broken, found):
    findings = live_checks.check_usable(coverage(**changes), broken, 0.8)
    assert [(f.code, f.severity) for f in findings] == found


def answers(first, second, days=10):
    """Each day the two values, so that no day differs from another."""
    values = np.tile([first, second], days)
    days = np.repeat(np.arange(days), 2).astype("datetime64[D]").astype("datetime64[us]")
    return TimedPredictions(values, days)


def test_predictions_that_did_not_move():
    moved = drift.measure_shift(answers(0.2, 0.4), answers(0.2, 0.4), MEAN, GATES)
    assert (moved.divergence, moved.mean) == (0, 0)
    assert drift.check_prediction_drift(moved, Severity.WARN, "").severity == "info"


def test_predictions_that_moved():
    """Half of the values lie in another bin, and every day's mean is .15 higher."""
    moved = drift.measure_shift(answers(0.2, 0.4), answers(0.4, 0.5), MEAN, GATES)
    assert moved.mean == pytest.approx(0.15)
    assert (moved.low, moved.high) == (pytest.approx(0.15), pytest.approx(0.15))
    assert moved.divergence > drift.PREDICTION_THRESHOLD
    finding = drift.check_prediction_drift(moved, Severity.FAIL, "")
    assert (finding.severity, finding.measured) == ("fail", moved.divergence)


def test_the_interval_of_a_mean_is_that_of_both_windows():
    """Ten days of means .1 to .3 have sd .0638 (divisor 10), so their mean a t interval of
    2.262 * .0638 / sqrt(9) on each side; the steady window adds nothing."""
    days = np.arange(10).astype("datetime64[D]").astype("datetime64[us]")
    uneven = TimedPredictions(np.linspace(0.1, 0.3, 10), days)
    steady = TimedPredictions(np.full(10, 0.2), days)
    gates = Gates(resamples=4000)
    one = drift.measure_shift(steady, uneven, MEAN, gates)
    both = drift.measure_shift(uneven, uneven, MEAN, gates)
    width = one.high - one.low
    assert width == pytest.approx(2 * 2.262 * 0.0638 / 3, rel=0.1)
    assert both.high - both.low == pytest.approx(width * 2**0.5, rel=0.02)


def test_few_days_have_no_interval_and_no_rows_no_shift():
    few = drift.measure_shift(answers(0.2, 0.4, days=4), answers(0.2, 0.5, days=4), MEAN, GATES)
    assert (few.low, few.mean) == (None, pytest.approx(0.05))
    nothing = TimedPredictions(np.empty(0), np.empty(0, "datetime64[us]"))
    assert drift.measure_shift(nothing, nothing, MEAN, GATES) is None
    assert drift.check_prediction_drift(None, Severity.FAIL, "another answered").severity == "info"
