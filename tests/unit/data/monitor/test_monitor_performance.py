"""Measuring labelled predictions and comparing them with thresholds."""

import numpy as np
import pyarrow as pa
import pytest

from components.core.spec import Gates
from components.core.tasks import task_of
from components.data.monitor.performance import (
    LabelledPredictions,
    check_metrics,
    labelled_predictions,
    measure_performance,
    select_judged_rows,
    timed_predictions,
)
from components.data.monitor.thresholds import Threshold

BINARY = task_of("binary")
ERROR = BINARY.metrics["calibration_error"]


def labelled(positives, days=10):
    """Each day ten rows said .2 and ten said .8, of which so many came true."""
    low, high = positives
    one = [i < low for i in range(10)] + [i < high for i in range(10)]
    times = np.repeat(np.arange(days), 20).astype("datetime64[D]").astype("datetime64[us]")
    predictions = np.tile([0.2] * 10 + [0.8] * 10, days)
    return LabelledPredictions(predictions, times, np.tile(np.array(one, float), days))


def test_metrics_by_hand():
    found = measure_performance(BINARY, labelled((2, 8)), Gates(resamples=200), 10)
    expected = {
        "auc": 0.8,  # .8 * .8 + half of the ties, 2 * .8 * .2
        "brier": 0.16,  # .2 * .8**2 + .8 * .2**2
        "log_loss": -(0.2 * np.log(0.2) + 0.8 * np.log(0.8)),
        "calibration_error": 0.0,
        "rate": 0.5,
        "mean_probability": 0.5,
    }
    for name, value in expected.items():
        assert found.metrics[name].estimate == pytest.approx(value, abs=1e-12), name
    assert found.metrics["auc"].low == pytest.approx(0.8)
    assert found.metrics["rate"].low is None
    assert (found.bins.mean, found.bins.rate) == ((pytest.approx(0.2), pytest.approx(0.8)),) * 2


def test_nothing_labelled_measures_nothing():
    nothing = LabelledPredictions(np.empty(0), np.empty(0, "datetime64[us]"), np.empty(0))
    found = measure_performance(BINARY, nothing, Gates(resamples=200), 10)
    assert found.bins is None
    assert {m.estimate for m in found.metrics.values()} == {None}


@pytest.mark.parametrize(
    ("positives", "days", "limit", "severity", "text"),
    [
        (
            (0, 6),
            10,
            Threshold(ERROR, 0.1, 0.05, 6),
            "fail",
            "is 0.200 [0.200, 0.200], beyond the threshold",
        ),
        (
            (2, 8),
            10,
            Threshold(ERROR, 0.1, 0.05, 6),
            "info",
            "within the threshold of 0.100 learned from 6",
        ),
        ((0, 6), 3, Threshold(ERROR, 0.1, 0.05, 6), "fail", "is 0.200, beyond the threshold"),
        (
            (0, 6),
            10,
            Threshold(ERROR, 0.1, 0.3, 6),
            "warn",
            "but not surely worse than usual (0.300)",
        ),
        ((0, 6), 10, Threshold(ERROR, 0.1, None, 0), "fail", "given in the spec"),
        ((0, 6), 10, None, "fail", "there is no threshold for calibration error"),
    ],
)
def test_a_metric_against_its_threshold(positives, days, limit, severity, text):
    found = measure_performance(BINARY, labelled(positives, days), Gates(resamples=200), 10)
    (finding,) = check_metrics(found, {"calibration_error": limit}, "200 labelled rows")
    assert finding.severity == severity
    assert text in finding.sentence
    assert finding.code == ("calibration" if limit else "limits")


def test_an_undefined_metric_warns():
    found = measure_performance(BINARY, labelled((0, 0)), Gates(resamples=200), 10)
    auc = Threshold(BINARY.metrics["auc"], 0.6, 0.7, 6)
    (finding,) = check_metrics(found, {"auc": auc}, "200 rows")
    assert (finding.severity, finding.measured, finding.code) == ("warn", None, "performance")


TABLE = pa.table(
    {
        "version": ["v1", "v1", "v0", "v1"],
        "probability": pa.array([0.1, None, 0.3, float("inf")]),
        "bad": pa.array([1, 0, None, 1], pa.int8()),
        "at": pa.array([0, 1, 2, 3], pa.timestamp("us", "UTC")),
    }
)


def test_only_labelled_rows_with_a_number_count():
    found = labelled_predictions(TABLE, "bad", "at")
    assert (found.label.tolist(), found.prediction.tolist()) == ([1.0], [0.1])
    said = timed_predictions(TABLE, "at")
    assert said.prediction.tolist() == [0.1, 0.3]
    assert said.event_time.astype(int).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("version", "enough", "rows", "is_champion"),
    [("v1", 3, 3, True), ("v1", 4, 4, False), ("v0", 1, 4, False), ("v9", 0, 0, True)],
)
def test_whose_rows_are_judged(version, enough, rows, is_champion):
    judged = select_judged_rows(TABLE, version, "bad", enough)
    assert (judged.table.num_rows, judged.is_champion) == (rows, is_champion)
