"""The model gate: what a challenger must prove before it may serve.

Every check fails closed: a metric that is not defined, not finite or measured on too few blocks
is a "no". Every check is reported as a finding, whether it passes or not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components.core.artifacts import SplitName
from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.spec import Gates, Margin
from components.core.spec.training import Change
from components.core.tasks import (
    MIN_BLOCKS,
    Comparison,
    ConfidenceInterval,
    Metric,
    Task,
    known_metrics,
)
from components.core.verdict import Finding, Severity
from components.model.evaluate.comparison import Challenger, SliceScore


@dataclass(frozen=True)
class GateResult:
    """A challenger's findings; it passes if none of them fails."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail."""
        return tuple(f for f in self.findings if f.severity is Severity.FAIL)

    @property
    def passes(self) -> bool:
        """Whether it may serve."""
        return not self.failures


def validate_gates(gates: Gates, task: Task) -> None:
    """Refuses gates that name a metric unknown to the task.

    Raises:
        InputError: With the metrics that are known.
    """
    for place in ("floors", "recent", "reference"):
        known_metrics(task, getattr(gates, place), f"gates.{place}")
    for index, part in enumerate(gates.slices):
        known_metrics(task, part.floors, f"gates.slices[{index}].floors")


def apply_gates(
    challenger: Challenger,
    comparisons: Mapping[str, Comparison],
    gates: Gates,
    task: Task,
    against_champion: bool,
) -> GateResult:
    """Applies the spec's gates to one challenger; changes only if there is a champion.

    The comparisons are by holdout.
    """
    findings: list[Finding] = []
    # The reference first: a model that forgot has good recent metrics for that very reason.
    for holdout in (SplitName.REFERENCE, SplitName.RECENT):
        comparison, subject = comparisons[holdout], f"{challenger.name} on {holdout}"
        unusable = check_holdout(comparison, challenger.is_finite[holdout], subject, holdout)
        if unusable is not None:
            findings.append(unusable)
            continue
        changes: Mapping[str, Change] = getattr(gates, holdout) if against_champion else {}
        findings += (
            check_change(comparison, challenger.name, task.metrics[m], change, subject)
            for m, change in changes.items()
        )
        values = comparison.values[challenger.name]
        findings += (
            check_floor(values.get(m), task.metrics[m], x, subject) for m, x in gates.floors.items()
        )
    findings += (
        f for score in challenger.slices for f in check_slice(score, task, challenger.name)
    )
    findings += challenger.behaviour
    return GateResult(challenger.name, tuple(findings))


def as_info(findings: Iterable[Finding], chosen: str) -> tuple[Finding, ...]:
    """The findings of a challenger that was not chosen: its failures become information."""
    note = f"For information only: {chosen} was chosen."
    return tuple(
        f.model_copy(update={"severity": Severity.INFO, "sentence": f"{f.sentence} {note}"})
        if f.severity is Severity.FAIL
        else f
        for f in findings
    )


def conservative_bound(metric: Metric, difference: ConfidenceInterval) -> float:
    """The bound of a difference's interval that is worse for the challenger."""
    return difference.low if metric.higher_is_better else difference.high


def change_limit(metric: Metric, change: Change) -> float:
    """The value that the conservative bound must not cross, in the metric's unit and direction."""
    margin = change.not_worse_by if isinstance(change, Margin) else 0.0
    return (-margin if metric.higher_is_better else margin) or 0.0


def meets_change(metric: Metric, change: Change, difference: ConfidenceInterval) -> bool:
    """Whether the conservative bound is beyond 0 (better) or within the margin (not worse)."""
    bound, limit = conservative_bound(metric, difference), change_limit(metric, change)
    if isinstance(change, Margin):
        return bound >= limit if metric.higher_is_better else bound <= limit
    return bound > 0 if metric.higher_is_better else bound < 0


def check_holdout(
    comparison: Comparison, is_finite: bool, subject: str, holdout: str
) -> Finding | None:
    """A finding if nothing can be judged on a holdout."""
    if comparison.rows == 0:
        text = f"The {holdout} holdout has no labelled row, so nothing can be judged on it."
        return _finding("holdout", Severity.FAIL, subject, text, 0, 1)
    if not is_finite:
        text = f"A probability of the {subject} holdout is not a finite number."
        return _finding("probability", Severity.FAIL, subject, text, "not finite", "finite")
    return None


def check_floor(value: float | None, metric: Metric, floor: float, subject: str) -> Finding:
    """Checks that a metric is at least as good as its floor."""
    bound = "at least" if metric.higher_is_better else "at most"
    text = f"{metric.label} {_told(value)}; {bound} {floor:g} is required."
    severity = _severity(metric.reaches(value, floor))
    return _finding("floor", severity, f"{subject}: {metric.name}", text, value, floor)


def check_change(
    comparison: Comparison, name: str, metric: Metric, change: Change, subject: str
) -> Finding:
    """Checks the conservative bound of the difference to the champion against the gate."""
    code = "not_worse" if isinstance(change, Margin) else "better"
    subject = f"{subject}: {metric.name}"
    difference = comparison.differences.get(name, {}).get(metric.name)
    if difference is None:
        text = (
            f"{metric.label} cannot be compared with the champion's: it is not defined, or "
            f"{comparison.blocks} block(s) are too few (at least {MIN_BLOCKS})."
        )
        return _finding(code, Severity.FAIL, subject, text, None, MIN_BLOCKS)
    passed, limit = meets_change(metric, change, difference), change_limit(metric, change)
    required = "surely better" if code == "better" else f"within {abs(limit):g} of the champion"
    text = (
        f"{metric.label} changes by {difference.estimate:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}] against the champion's: "
        f"{'' if passed else 'not '}{required}."
    )
    bound = conservative_bound(metric, difference)
    return _finding(code, _severity(passed), subject, text, bound, limit)


def check_slice(score: SliceScore, task: Task, name: str) -> Iterator[Finding]:
    """Checks that a slice reaches its floors, if it is large enough."""
    subject = f"{name} on {score.part.by}={score.value} of {score.holdout}"
    small = "" if score.is_judged else "; too few rows to be judged"
    for metric_name, floor in score.part.floors.items():
        metric, value = task.metrics[metric_name], score.metrics[metric_name]
        severity = _severity(not score.is_judged or metric.reaches(value, floor))
        text = f"{metric.label} of {score.rows} rows {_told(value)}{small}."
        yield _finding("slice", severity, subject, text, value, floor)


def check_champion(plan: Plan, unavailable: str | None) -> Finding:
    """Checks that there is a champion to compare with, unless the spec allows a first model.

    `unavailable` says why the champion cannot be read; None if it can, or if there is none.
    """
    champion = plan.champion
    if champion is None and plan.spec.first_model == "allowed":
        text = "No model serves yet: only floors, slices and behaviour judge the first one."
        return _finding("champion", Severity.INFO, "champion", text)
    if champion is None:
        text = "No model serves yet, and the spec does not say first_model: allowed."
        return _finding("champion", Severity.FAIL, "champion", text)
    severity, text = Severity.INFO, f"Compared with {champion.version}, which serves now."
    if unavailable is not None:
        severity = Severity.FAIL
        text = f"The champion {champion.version} cannot be read, so nothing can be proved better "
        text += f"than it: {unavailable}."
    elif champion.as_of > plan.as_of:
        severity = Severity.WARN
        text = f"The champion {champion.version} was trained for {format_instant(champion.as_of)},"
        text += " after this plan's as_of: it may have learned from these holdouts."
    return _finding("champion", severity, champion.version, text)


def behavioral_tests_failed(reason: str) -> Finding:
    """A finding for behaviour tests that the spec names but that cannot be run."""
    text = f"The behaviour tests that the spec names cannot be run: {reason}"
    return _finding("behaviour", Severity.FAIL, "behaviour tests", text)


def recalibration_skipped(reason: str) -> Finding:
    """Why the recalibrated champion does not compete with the retrained model."""
    text = f"The recalibrated champion is not a challenger this time: {reason}."
    return _finding("recalibration", Severity.INFO, "recalibrated", text)


def _severity(passed: bool) -> Severity:
    return Severity.INFO if passed else Severity.FAIL


def _told(value: float | None) -> str:
    return "is not defined" if value is None else f"is {value:.4f}"


def _finding(
    code: str,
    severity: Severity,
    subject: str,
    sentence: str,
    measured: float | str | None = None,
    limit: float | str | None = None,
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=sentence,
    )
