"""The single checks of the model gate, each told as a finding whether it passes or not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from components.core.spec import Margin
from components.core.tasks import MINIMUM_BLOCKS, Interval, Metric, Task
from components.core.verdict import Finding, Severity
from components.model.evaluate.slices import SliceScore

Change = Literal["better"] | Margin


@dataclass(frozen=True)
class Scores:
    """What a challenger scores on one holdout.

    Attributes:
        rows: Labelled rows.
        blocks: Blocks that they lie in.
        is_finite: Whether every probability is a finite number.
        metrics: Metric to value; None where it is not defined.
        differences: Metric to challenger minus champion; empty without a champion.
    """

    rows: int
    blocks: int
    is_finite: bool
    metrics: Mapping[str, float | None]
    differences: Mapping[str, Interval | None]


def bad_end(metric: Metric, difference: Interval) -> float:
    """The end of a difference's interval that is worst for the challenger."""
    return difference.low if metric.higher_is_better else difference.high


def limit_of(metric: Metric, change: Change) -> float:
    """The value that the bad end must not cross, in the metric's own unit and direction."""
    margin = change.not_worse_by if isinstance(change, Margin) else 0.0
    return (-margin if metric.higher_is_better else margin) or 0.0


def passes(metric: Metric, change: Change, difference: Interval) -> bool:
    """Whether the bad end is beyond 0 (better), or within the margin (not worse)."""
    end, limit = bad_end(metric, difference), limit_of(metric, change)
    if isinstance(change, Margin):
        return end >= limit if metric.higher_is_better else end <= limit
    return end > 0 if metric.higher_is_better else end < 0


def unusable(scores: Scores, subject: str, holdout: str) -> Finding | None:
    """A finding where nothing can be judged on a holdout."""
    if scores.rows == 0:
        text = f"The {holdout} holdout has no labelled row, so nothing can be judged on it."
        return Finding(
            code="holdout",
            severity=Severity.FAIL,
            subject=subject,
            measured=0,
            limit=1,
            sentence=text,
        )
    if not scores.is_finite:
        text = f"A probability of the {subject} holdout is not a finite number."
        return Finding(
            code="probability",
            severity=Severity.FAIL,
            subject=subject,
            measured="not finite",
            limit="finite",
            sentence=text,
        )
    return None


def reaches_floor(scores: Scores, metric: Metric, floor: float, subject: str) -> Finding:
    """Whether a metric is at least as good as its floor."""
    value = scores.metrics.get(metric.name)
    reached = metric.reaches(value, floor)
    bound = "at least" if metric.higher_is_better else "at most"
    measured = "is not defined" if value is None else f"is {value:.4f}"
    return Finding(
        code="floor",
        severity=Severity.INFO if reached else Severity.FAIL,
        subject=f"{subject}: {metric.name}",
        measured=value,
        limit=floor,
        sentence=f"{metric.label} {measured}; {bound} {floor:g} is asked for.",
    )


def changes_enough(scores: Scores, metric: Metric, change: Change, subject: str) -> Finding:
    """Whether the bad end of the difference to the champion is where the gate wants it."""
    code = "not_worse" if isinstance(change, Margin) else "better"
    difference = scores.differences.get(metric.name)
    if difference is None:
        return Finding(
            code=code,
            severity=Severity.FAIL,
            subject=f"{subject}: {metric.name}",
            measured=None,
            limit=MINIMUM_BLOCKS,
            sentence=f"{metric.label} cannot be compared with the champion's: it is not defined, "
            f"or {scores.blocks} block(s) are too few (at least {MINIMUM_BLOCKS}).",
        )
    passed = passes(metric, change, difference)
    margin = abs(limit_of(metric, change))
    wanted = f"within {margin:g} of the champion" if isinstance(change, Margin) else "surely better"
    return Finding(
        code=code,
        severity=Severity.INFO if passed else Severity.FAIL,
        subject=f"{subject}: {metric.name}",
        measured=bad_end(metric, difference),
        limit=limit_of(metric, change),
        sentence=f"{metric.label} changes by {difference.estimate:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}] against the champion's: "
        f"{'' if passed else 'not '}{wanted}.",
    )


def slice_reaches_floors(score: SliceScore, task: Task, name: str) -> Iterator[Finding]:
    """Whether a slice that is large enough reaches its floors."""
    subject = f"{name} on {score.by}={score.value} of {score.holdout}"
    for metric_name, floor in score.floors.items():
        metric, value = task.metrics[metric_name], score.metrics[metric_name]
        reached = metric.reaches(value, floor)
        failed = score.is_judged and not reached
        measured = "is not defined" if value is None else f"is {value:.4f}"
        small = "" if score.is_judged else "; too few rows to be judged"
        yield Finding(
            code="slice",
            severity=Severity.FAIL if failed else Severity.INFO,
            subject=subject,
            measured=value,
            limit=floor,
            sentence=f"{metric.label} of {score.rows} rows {measured}{small}.",
        )
