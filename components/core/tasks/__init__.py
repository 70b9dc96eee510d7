"""Tasks: every metric, curve and interval by the kind of answer, chosen here and nowhere else."""

from components.core.tasks.bootstrap import (
    MIN_BLOCKS,
    Comparison,
    ConfidenceInterval,
    block_interval,
    blocks_of,
    compare,
    t_quantile,
)
from components.core.tasks.curves import Bins, Curve
from components.core.tasks.task import Metric, Task, known_metrics, task_of

__all__ = [
    "MIN_BLOCKS",
    "Bins",
    "Comparison",
    "ConfidenceInterval",
    "Curve",
    "Metric",
    "Task",
    "block_interval",
    "blocks_of",
    "compare",
    "known_metrics",
    "t_quantile",
    "task_of",
]
