"""Tasks: every metric, curve and interval by the kind of answer, chosen here and nowhere else."""

from components.core.tasks.bootstrap import MIN_BLOCKS as MIN_BLOCKS
from components.core.tasks.bootstrap import Comparison as Comparison
from components.core.tasks.bootstrap import ConfidenceInterval as ConfidenceInterval
from components.core.tasks.bootstrap import block_interval as block_interval
from components.core.tasks.bootstrap import blocks_of as blocks_of
from components.core.tasks.bootstrap import compare as compare
from components.core.tasks.bootstrap import t_quantile as t_quantile
from components.core.tasks.metrics import Bins as Bins
from components.core.tasks.metrics import Curve as Curve
from components.core.tasks.task import Metric as Metric
from components.core.tasks.task import Task as Task
from components.core.tasks.task import known_metrics as known_metrics
from components.core.tasks.task import task_of as task_of
