"""Thresholds: given in the spec, or learned from held-out blocks of the training window.

The rule for a learned threshold. The champion's folder has its scores on each of k blocks of the
training window, by models trained on the others. If the world is still that of the window, a new
window is one more such block, and its score lies beyond

    mean + t(0.8, k - 1) * sd * sqrt(1 + 1/k)

one time in five (the one-sided prediction interval for one more of k normal values; downwards if
higher is better). That is the bound. A window is beyond the threshold if its estimate is worse than
the bound *and* the nearer end of its interval over blocks of time is worse than the median block:
worse than the training window, by more than the chance of single days. The second condition makes
false alarms rarer than one in five. The first is no stricter because the two mistakes differ in
cost: a false alarm is one retraining, within the budget, whose model the gates refuse; a miss is a
window of wrong predictions. Without an interval (under five blocks of time in the window) the
estimate alone decides.

A loss (log loss, Brier score) follows the base rate: in a month with more positives it rises
although the model is as good. So a loss is learned relative to the loss of the base rate alone,
and the bound of a window is that share of the loss of its own base rate.

A threshold that the spec gives was chosen by a person: the estimate alone decides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from components.core.artifacts import BlockScore
from components.core.spec import Monitoring
from components.core.tasks import Metric, Task, known_metrics, t_quantile

CALIBRATION = "calibration_error"
MIN_BLOCKS = 3
_LEVEL = 0.8


@dataclass(frozen=True)
class Threshold:
    """The threshold of a metric.

    Attributes:
        bound: Beyond it the model is worse than it should be.
        typical: The median held-out block; None if the spec gives the threshold.
        blocks: The held-out blocks that it was learned from; 0 if the spec gives it.
    """

    metric: Metric
    bound: float
    typical: float | None
    blocks: int

    @property
    def origin(self) -> str:
        """Its origin, in words."""
        if self.typical is None:
            return "given in the spec"
        return f"learned from {self.blocks} held-out blocks"

    def is_beyond(self, estimate: float, low: float | None, high: float | None) -> bool:
        """Whether a window is beyond the threshold; its interval may be None."""
        if self.metric.reaches(estimate, self.bound):
            return False
        nearer = high if self.metric.higher_is_better else low
        if self.typical is None or nearer is None:
            return True
        return not self.metric.reaches(nearer, self.typical)


def thresholds_of(
    monitoring: Monitoring, task: Task, blocks: Sequence[BlockScore], rate: float | None
) -> Mapping[str, Threshold | None]:
    """The threshold of every metric that is judged, calibration first; None if none was learned.

    Calibration is always judged, by ``monitoring.calibration.max_error``, by
    ``monitoring.thresholds``, or by a learned threshold.

    Raises:
        InputError: The spec gives a threshold for a metric that the task does not judge.
    """
    given = {} if monitoring.thresholds == "learned" else dict(monitoring.thresholds)
    known_metrics(task, given, "monitoring.thresholds")
    wanted = given.copy() or set(task.gate_metrics) - set(task.unwatched)
    if monitoring.calibration.max_error is not None:
        given[CALIBRATION] = monitoring.calibration.max_error
    names = [CALIBRATION, *(name for name in task.gate_metrics if name in wanted)]
    return {
        name: Threshold(task.gate_metrics[name], given[name], None, 0)
        if name in given
        else learned_threshold(task.gate_metrics[name], blocks, monitoring.min_rows, rate)
        for name in dict.fromkeys(names)
    }


def learned_threshold(
    metric: Metric, blocks: Sequence[BlockScore], min_rows: int, rate: float | None
) -> Threshold | None:
    """Learns a threshold from held-out blocks; None if fewer than three are left.

    Blocks of fewer than `min_rows` are left out: they show chance more than the model. `rate` is
    the base rate of the window, None if unknown.
    """
    usual = baseline_loss(metric, rate)
    values = []
    for block in blocks:
        by_rate = 1.0 if usual is None else baseline_loss(metric, block.metrics.get("rate"))
        if block.rows >= min_rows and metric.name in block.metrics and by_rate is not None:
            values.append(block.metrics[metric.name] / by_rate * (usual or 1.0))
    values = [value for value in values if math.isfinite(value)]
    if len(values) < MIN_BLOCKS:
        return None
    spread = stdev(values) * math.sqrt(1 + 1 / len(values))
    reach = t_quantile(_LEVEL, len(values) - 1) * spread
    bound = mean(values) + (-reach if metric.higher_is_better else reach)
    return Threshold(metric, bound, median(values), len(values))


def baseline_loss(metric: Metric, rate: float | None) -> float | None:
    """The loss of always predicting the base rate, `rate`.

    None for a metric that is no loss, for calibration (the rate is calibrated), or at 0 or 1.
    """
    is_loss = metric.higher_is_better is False and metric.name != CALIBRATION
    if not is_loss or rate is None or not 0 < rate < 1:
        return None
    negative, positive = metric([0], [rate]), metric([1], [rate])
    if negative is None or positive is None:
        return None
    return (1 - rate) * negative + rate * positive
