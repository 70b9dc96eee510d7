"""Tasks: the metrics, curves and calibration of each kind of answer, chosen here alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from components.core.errors import InputError
from components.core.tasks import metrics
from components.core.tasks.metrics import Bins, Curve, Floats, Ints, Sample, safe_divide

_SHARE = (0.0, 1.0)
_UNBOUNDED_LOSS = (0.0, np.inf)


@dataclass(frozen=True)
class Metric:
    """One number about labelled predictions.

    Attributes:
        name: As specs and verdicts call it, such as ``log_loss``.
        label: As reports call it, such as ``log loss``.
        higher_is_better: None if neither direction is better, as for a rate.
        measure: The number of a usable sample; NaN where it is not defined.
        resample: The numbers when blocks are drawn again: from the sample, the block of each row
            (int64 [n], 0 to B-1) and how often each block is drawn (float64 [r, B]) to float64
            [r], NaN where not defined.
        bounds: The least and the largest value that it can have.
    """

    name: str
    label: str
    higher_is_better: bool | None
    measure: Callable[[Sample], float]
    resample: Callable[[Sample, Ints, Floats], Floats]
    bounds: tuple[float, float] = _SHARE

    def __call__(self, label: ArrayLike, prediction: ArrayLike) -> float | None:
        """The metric; None if it is undefined: no rows, one class only, not finite."""
        return self.of(Sample.of(label, prediction))

    def of(self, sample: Sample) -> float | None:
        """The metric of a sample; None if it is undefined."""
        value = self.measure(sample) if sample.is_usable else np.nan
        return float(value) if np.isfinite(value) else None

    def reaches(self, value: float | None, floor: float) -> bool:
        """Whether a value is at least as good as a floor; an undefined one is not."""
        if value is None or self.higher_is_better is None:
            return False
        return value >= floor if self.higher_is_better else value <= floor


@dataclass(frozen=True)
class Task:
    """A kind of answer.

    Attributes:
        metrics: Name to metric, the most telling first.
        curves: Name to a curve of labels and predictions, thinned for drawing.
        calibration: Bins of equal mass of labels and predictions; the third argument is their
            number.
        confusion: Rows by true class (outer) and predicted class; the third argument is the
            threshold.
        primary_metric: The metric that chooses between two models that are both good enough.
        ranking: The metric, 1 at best and 0.5 by chance, of how well an order tells the answer;
            what one column alone reaches of it shows a leak.
        headline: The metrics of sentences and of tables over time, the most telling first.
        mean_prediction: The metric, without a better direction, of what is predicted on average.
        base_rate: The same of what came true.
        unwatched: Metrics that follow the rate, so that monitoring judges them only where the spec
            gives a limit.
    """

    name: str
    metrics: Mapping[str, Metric]
    curves: Mapping[str, Callable[[ArrayLike, ArrayLike], Curve | None]]
    calibration: Callable[[ArrayLike, ArrayLike, int], Bins | None]
    confusion: Callable[[ArrayLike, ArrayLike, float], tuple[tuple[int, ...], ...]]
    primary_metric: str
    ranking: str
    headline: tuple[str, ...]
    mean_prediction: str
    base_rate: str
    unwatched: frozenset[str] = frozenset()

    @property
    def gate_metrics(self) -> Mapping[str, Metric]:
        """The metrics that have a better direction, so that a gate can use them."""
        return {n: m for n, m in self.metrics.items() if m.higher_is_better is not None}


def _mean(
    name: str,
    label: str,
    better: bool | None,
    row: Callable[[Sample], Floats],
    bounds: tuple[float, float] = _SHARE,
) -> Metric:
    """The mean of a number per row; of drawn blocks, only their sums are needed."""

    def measure(sample: Sample) -> float:
        return float(row(sample).mean())

    def resample(sample: Sample, block: Ints, drawn: Floats) -> Floats:
        totals = drawn @ np.bincount(block, row(sample), drawn.shape[1])
        return safe_divide(totals, drawn @ np.bincount(block, minlength=drawn.shape[1]))

    return Metric(name, label, better, measure, resample, bounds)


_METRICS = (
    Metric("auc", "AUC", True, metrics.auc, metrics.resampled_auc),
    _mean("log_loss", "log loss", False, metrics.log_loss, _UNBOUNDED_LOSS),
    _mean("brier", "Brier score", False, metrics.squared_error),
    Metric(
        "pr_auc", "PR-AUC", True, metrics.average_precision, metrics.resampled_average_precision
    ),
    Metric(
        "calibration_error",
        "calibration error",
        False,
        metrics.calibration_error,
        metrics.resampled_calibration_error,
    ),
    _mean("mean_probability", "mean probability", None, lambda sample: sample.prediction),
    _mean("rate", "observed rate", None, lambda sample: sample.label),
)

BINARY = Task(
    name="binary",
    metrics={metric.name: metric for metric in _METRICS},
    curves={"roc": metrics.roc_curve, "precision_recall": metrics.precision_recall_curve},
    calibration=metrics.calibration_bins,
    confusion=metrics.confusion,
    primary_metric="log_loss",
    ranking="auc",
    headline=("auc", "log_loss"),
    mean_prediction="mean_probability",
    base_rate="rate",
    unwatched=frozenset({"pr_auc"}),
)

_TASKS = {task.name: task for task in (BINARY,)}


def task_of(name: str) -> Task:
    """The task that a spec names.

    Raises:
        InputError: There is no such task.
    """
    if name not in _TASKS:
        raise InputError("task", name, ", ".join(_TASKS))
    return _TASKS[name]


def known_metrics(task: Task, names: Iterable[str], where: str) -> tuple[Metric, ...]:
    """The metrics that a gate or a limit names.

    Raises:
        InputError: The task has no such metric, or it has no better direction.
    """
    names = tuple(names)
    for name in names:
        if name not in task.gate_metrics:
            raise InputError(
                where, name, f"a metric of {task.name}: {', '.join(task.gate_metrics)}"
            )
    return tuple(task.gate_metrics[name] for name in names)
