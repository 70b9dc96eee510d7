"""Limits: given in the spec, or learned from held-out blocks of the champion's training window.

The rule for a learned limit. The champion's folder says what a model of its kind scored on each
of k blocks of the training window while it was trained on the others. If the world is still the
one of that window, a new window is one more such block, and its score lies beyond

    mean + t(0.8, k - 1) * sd * sqrt(1 + 1/k)

one time in five (the one-sided prediction interval for one more of k normal values; downwards
where higher is better). That is the bound. A window is beyond the limit where its estimate is
worse than the bound *and* the nearer end of its interval over blocks of time is worse than the
median block: worse than the training window had it, and by more than the chance of single
days. The second condition makes false alarms rarer than one in five; the first is no stricter
because the two mistakes cost unlike much: a false alarm is one retraining, within the budget,
whose model the gates refuse; a miss is a window of wrong predictions. Where no interval can be
had (under five blocks of time in the window) the estimate alone decides.

A loss (log loss, Brier score) follows the rate of positives: in a month in which more comes true
it rises although the model is as good. So a loss is learned relative to what the rate alone would
lose, and the bound of a window is that share of what its own rate would lose.

A limit that the spec gives is a person's word: the estimate alone decides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from components.core.artifacts import BlockScore
from components.core.spec import Monitoring
from components.core.tasks import Metric, Task, known_metrics, t_quantile

CALIBRATION = "calibration_error"
LEAST_BLOCKS = 3
_LEVEL = 0.8
_NOTHING = 1e-9


@dataclass(frozen=True)
class Limit:
    """What a metric is held against.

    Attributes:
        metric: The metric.
        bound: Beyond it the model is worse than it should be.
        typical: The median held-out block; None where the spec gives the limit.
        blocks: The held-out blocks that it was learned from; 0 where the spec gives it.
    """

    metric: Metric
    bound: float
    typical: float | None
    blocks: int

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.typical is None:
            return "given in the spec"
        return f"learned from {self.blocks} held-out blocks"

    def is_beyond(self, estimate: float, low: float | None, high: float | None) -> bool:
        """Whether a window is worse than the limit.

        Args:
            estimate: The metric of the window.
            low: Lower end of its interval; None where there is none.
            high: Upper end of it.
        """
        if self.metric.reaches(estimate, self.bound):
            return False
        nearer = high if self.metric.higher_is_better else low
        if self.typical is None or nearer is None:
            return True
        return not self.metric.reaches(nearer, self.typical)


def limits_of(
    monitoring: Monitoring, task: Task, blocks: Sequence[BlockScore], rate: float | None
) -> Mapping[str, Limit | None]:
    """The limit of every metric that is judged, calibration first; None where none was learned.

    Calibration is always judged: by ``monitoring.calibration.limit``, by ``monitoring.limits``,
    or learned.

    Args:
        monitoring: What the spec says.
        task: The kind of answer.
        blocks: What the champion's kind scored on held-out blocks.
        rate: Of positives in the window; None where it is not known.

    Raises:
        InputError: The spec gives a limit for a metric that the task does not judge.
    """
    given = {} if monitoring.limits == "learned" else dict(monitoring.limits)
    known_metrics(task, given, "monitoring.limits")
    wanted = [*given] if given else [name for name in task.judged if name not in task.unwatched]
    if monitoring.calibration.limit is not None:
        given[CALIBRATION] = monitoring.calibration.limit
    names = [CALIBRATION, *(name for name in task.judged if name in wanted)]
    return {
        name: Limit(task.judged[name], given[name], None, 0)
        if name in given
        else learned_limit(task.judged[name], blocks, monitoring.rows, rate)
        for name in dict.fromkeys(names)
    }


def learned_limit(
    metric: Metric, blocks: Sequence[BlockScore], rows: int, rate: float | None
) -> Limit | None:
    """The limit that held-out blocks teach.

    Args:
        metric: The metric.
        blocks: What was scored on each.
        rows: A smaller block says more of chance than of the model, and is left out.
        rate: Of positives in the window; None where it is not known.

    Returns:
        None where fewer than three blocks are left.
    """
    usual = chance(metric, rate)
    values = []
    for block in blocks:
        by_rate = 1.0 if usual is None else chance(metric, block.metrics.get("rate"))
        if block.rows >= rows and metric.name in block.metrics and by_rate is not None:
            values.append(block.metrics[metric.name] / by_rate * (usual or 1.0))
    values = [value for value in values if math.isfinite(value)]
    if len(values) < LEAST_BLOCKS:
        return None
    spread = stdev(values) * math.sqrt(1 + 1 / len(values))
    reach = t_quantile(_LEVEL, len(values) - 1) * spread
    bound = mean(values) + (-reach if metric.higher_is_better else reach)
    return Limit(metric, bound, median(values), len(values))


def chance(metric: Metric, rate: float | None) -> float | None:
    """What a loss is where the rate of positives is all that is known.

    Args:
        metric: The metric.
        rate: Of positives; None where it is not known.

    Returns:
        None for a metric that is no loss, that does not follow the rate, or at a rate of 0 or 1.
    """
    if metric.higher_is_better is not False or rate is None or not 0 < rate < 1:
        return None
    loss = metric([0, 1], [rate, rate], [1 - rate, rate])
    return loss if loss is not None and loss > _NOTHING else None
