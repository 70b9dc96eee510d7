"""The binary task: a label of 0 or 1 and the probability of 1."""

from collections.abc import Callable
from types import MappingProxyType

from components.core.tasks.calibration import (
    calibration_bins,
    calibration_error,
    resampled_calibration_error,
)
from components.core.tasks.curves import confusion, precision_recall_curve, roc_curve
from components.core.tasks.means import log_losses, mean_of, resampled_mean_of, squares
from components.core.tasks.ranking import (
    auc,
    average_precision,
    resampled_auc,
    resampled_average_precision,
)
from components.core.tasks.sample import Floats, Sample
from components.core.tasks.task import Metric, Task


def _mean(name: str, label: str, better: bool | None, row: Callable[[Sample], Floats]) -> Metric:
    return Metric(name, label, better, mean_of(row), resampled_mean_of(row))


_METRICS = (
    Metric("auc", "AUC", True, auc, resampled_auc),
    _mean("log_loss", "log loss", False, log_losses),
    _mean("brier", "Brier score", False, squares),
    Metric("pr_auc", "PR-AUC", True, average_precision, resampled_average_precision),
    Metric(
        "calibration_error",
        "calibration error",
        False,
        calibration_error,
        resampled_calibration_error,
    ),
    _mean("mean_probability", "mean probability", None, lambda sample: sample.prediction),
    _mean("rate", "observed rate", None, lambda sample: sample.label),
)

BINARY = Task(
    name="binary",
    metrics=MappingProxyType({metric.name: metric for metric in _METRICS}),
    curves=MappingProxyType({"roc": roc_curve, "precision_recall": precision_recall_curve}),
    calibration=calibration_bins,
    confusion=confusion,
    decisive="log_loss",
    ranking="auc",
    headline=("auc", "log_loss"),
    level="mean_probability",
    rate="rate",
    unwatched=frozenset({"pr_auc"}),
)
