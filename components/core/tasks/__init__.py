"""Tasks: every metric, curve and interval by the kind of answer, chosen here and nowhere else."""

from components.core.tasks.blocks import (
    MINIMUM_BLOCKS,
    Interval,
    block_interval,
    blocks_of,
    paired_difference,
    t_quantile,
)
from components.core.tasks.comparison import Comparison, compare
from components.core.tasks.curves import Bins, Curve
from components.core.tasks.registry import known_metrics, task_of
from components.core.tasks.task import Metric, Task

__all__ = [
    "MINIMUM_BLOCKS",
    "Bins",
    "Comparison",
    "Curve",
    "Interval",
    "Metric",
    "Task",
    "block_interval",
    "blocks_of",
    "compare",
    "known_metrics",
    "paired_difference",
    "t_quantile",
    "task_of",
]
