"""The model gate: what a challenger must prove before it may serve, and which one is deployed.

Every check fails closed: a metric that is not defined, not finite or measured on too few blocks
is a "no". Every check is reported as a finding, whether it passes or not.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from components.core.verdict import Finding, Severity, finding, worst_first
from components.model.evaluate.comparison import Challenger, SliceScore

DEPLOY, REFUSE = "deploy", "refuse"


@dataclass(frozen=True)
class GateResult:
    """A challenger's findings; it may serve if none of them fails."""

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


@dataclass(frozen=True)
class Selection:
    """The decision, the challenger to deploy (None if the champion stays), and why.

    All that was checked is among the findings, worst first.
    """

    decision: str
    name: str | None
    reason: str
    findings: tuple[Finding, ...]


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
    name = challenger.name
    findings: list[Finding] = []
    # The reference first: a model that forgot has good recent metrics for that very reason.
    for holdout in (SplitName.REFERENCE, SplitName.RECENT):
        comparison, subject = comparisons[holdout], f"{name} on {holdout}"
        unusable = _check_holdout(comparison, challenger.is_finite[holdout], subject, holdout)
        if unusable is not None:
            findings.append(unusable)
            continue
        changes: Mapping[str, Change] = getattr(gates, holdout) if against_champion else {}
        values = comparison.values[name]
        findings += (
            _check_change(comparison, name, task.metrics[m], change, subject)
            for m, change in changes.items()
        )
        findings += (
            _check_floor(values.get(m), task.metrics[m], x, subject)
            for m, x in gates.floors.items()
        )
    findings += (f for score in challenger.slices for f in _check_slice(score, task, name))
    return GateResult(name, (*findings, *challenger.behaviour))


def select_challenger(
    conditions: Sequence[Finding],
    results: Sequence[GateResult],
    primary_metric: Metric,
    recent: Mapping[str, float | None],
) -> Selection:
    """Selects the challenger that passes and has the best primary metric on the newest days.

    A condition, a finding about the comparison itself, that fails refuses every challenger.
    `recent` is challenger to its primary metric on the recent holdout.
    """
    findings = worst_first((*conditions, *(f for result in results for f in result.findings)))
    blocking = [f for f in conditions if f.severity is Severity.FAIL]
    if blocking:
        return Selection(REFUSE, None, blocking[0].sentence, findings)
    passing = [result for result in results if result.passes]
    if not passing:
        return Selection(REFUSE, None, _why_refused(results), findings)

    def cost(result: GateResult) -> float:
        value = recent[result.name]
        if value is None:
            return math.inf
        return -value if primary_metric.higher_is_better else value

    chosen = min(passing, key=cost)
    weighed = [
        f
        for r in results
        for f in (r.findings if r is chosen else _as_info(r.findings, chosen.name))
    ]
    others = [result for result in results if result is not chosen]
    reason = _why_chosen(chosen, others, primary_metric, recent)
    return Selection(DEPLOY, chosen.name, reason, worst_first((*conditions, *weighed)))


def change_limit(metric: Metric, change: Change) -> float:
    """The value that the conservative bound must not cross, in the metric's unit and direction."""
    margin = change.not_worse_by if isinstance(change, Margin) else 0.0
    return (-margin if metric.higher_is_better else margin) or 0.0


def meets_change(metric: Metric, change: Change, difference: ConfidenceInterval) -> bool:
    """Whether the conservative bound is beyond 0 (better) or within the margin (not worse)."""
    bound = _conservative_bound(metric, difference)
    gain = bound if metric.higher_is_better else -bound
    return gain >= -change.not_worse_by if isinstance(change, Margin) else gain > 0


def check_champion(plan: Plan, unavailable: str | None) -> Finding:
    """Checks that there is a champion to compare with, unless the spec allows a first model.

    `unavailable` says why the champion cannot be read; None if it can, or if there is none.
    """
    champion, severity = plan.champion, Severity.INFO
    if champion is None:
        text = "No model serves yet: only floors, slices and behaviour judge the first one."
        if plan.spec.first_model != "allowed":
            severity = Severity.FAIL
            text = "No model serves yet, and the spec does not say first_model: allowed."
        return finding("champion", severity, "champion", None, None, text)
    text = f"Compared with {champion.version}, which serves now."
    if unavailable is not None:
        severity = Severity.FAIL
        text = f"The champion {champion.version} cannot be read, so nothing can be proved better "
        text += f"than it: {unavailable}."
    elif champion.as_of > plan.as_of:
        severity = Severity.WARN
        text = f"The champion {champion.version} was trained for {format_instant(champion.as_of)},"
        text += " after this plan's as_of: it may have learned from these holdouts."
    return finding("champion", severity, champion.version, None, None, text)


def recalibration_skipped(reason: str) -> Finding:
    """Why the recalibrated champion does not compete with the retrained model."""
    text = f"The recalibrated champion is not a challenger this time: {reason}."
    return finding("recalibration", Severity.INFO, "recalibrated", None, None, text)


def _check_holdout(
    comparison: Comparison, is_finite: bool, subject: str, holdout: str
) -> Finding | None:
    """A finding if nothing can be judged on a holdout."""
    if comparison.rows == 0:
        text = f"The {holdout} holdout has no labelled row, so nothing can be judged on it."
        return finding("holdout", Severity.FAIL, subject, 0, 1, text)
    if not is_finite:
        text = f"A probability of the {subject} holdout is not a finite number."
        return finding("probability", Severity.FAIL, subject, "not finite", "finite", text)
    return None


def _check_floor(value: float | None, metric: Metric, floor: float, subject: str) -> Finding:
    bound = "at least" if metric.higher_is_better else "at most"
    text = f"{metric.label} {_told(value)}; {bound} {floor:g} is required."
    severity = _severity(metric.reaches(value, floor))
    return finding("floor", severity, f"{subject}: {metric.name}", value, floor, text)


def _check_change(
    comparison: Comparison, name: str, metric: Metric, change: Change, subject: str
) -> Finding:
    code = "not_worse" if isinstance(change, Margin) else "better"
    subject = f"{subject}: {metric.name}"
    difference = comparison.differences.get(name, {}).get(metric.name)
    if difference is None:
        text = (
            f"{metric.label} cannot be compared with the champion's: it is not defined, or "
            f"{comparison.blocks} block(s) are too few (at least {MIN_BLOCKS})."
        )
        return finding(code, Severity.FAIL, subject, None, MIN_BLOCKS, text)
    passed, limit = meets_change(metric, change, difference), change_limit(metric, change)
    required = "surely better" if code == "better" else f"within {abs(limit):g} of the champion"
    text = (
        f"{metric.label} changes by {difference.estimate:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}] against the champion's: "
        f"{'' if passed else 'not '}{required}."
    )
    bound = _conservative_bound(metric, difference)
    return finding(code, _severity(passed), subject, bound, limit, text)


def _check_slice(score: SliceScore, task: Task, name: str) -> Iterator[Finding]:
    """Checks that a slice reaches its floors, if it is large enough."""
    subject = f"{name} on {score.part.by}={score.value} of {score.holdout}"
    small = "" if score.is_judged else "; too few rows to be judged"
    for metric_name, floor in score.part.floors.items():
        metric, value = task.metrics[metric_name], score.metrics[metric_name]
        severity = _severity(not score.is_judged or metric.reaches(value, floor))
        text = f"{metric.label} of {score.rows} rows {_told(value)}{small}."
        yield finding("slice", severity, subject, value, floor, text)


def _as_info(findings: Iterable[Finding], chosen: str) -> Iterator[Finding]:
    """The findings of a challenger that was not chosen: its failures become information."""
    note = f"For information only: {chosen} was chosen."
    for one in findings:
        update = {"severity": Severity.INFO, "sentence": f"{one.sentence} {note}"}
        yield one.model_copy(update=update) if one.severity is Severity.FAIL else one


def _why_refused(results: Sequence[GateResult]) -> str:
    reasons = []
    for result in results:
        first, *others = result.failures
        more = f" (and {len(others)} more)" if others else ""
        reasons.append(f"{_sentence(first).rstrip('.')}{more}.")
    return " ".join(reasons) or "There is no challenger."


def _why_chosen(
    chosen: GateResult,
    others: Sequence[GateResult],
    primary_metric: Metric,
    recent: Mapping[str, float | None],
) -> str:
    proof = next((f for f in chosen.findings if f.code == "better"), None)
    text = _sentence(proof) if proof else f"The {chosen.name} model passes every gate."
    for other in others:
        value, best = recent[other.name], recent[chosen.name]
        if other.passes and value is not None and best is not None:
            text += (
                f" The {other.name} model passes too; on the newest days {primary_metric.label} is "
                f"{best:.4f} against {value:.4f}, so the {chosen.name} one was chosen."
            )
        elif not other.passes:
            text += f" The {other.name} model does not pass."
    return text


def _sentence(one: Finding) -> str:
    """A finding with its subject in front; the metric is left out, for the sentence names it."""
    subject, _, rest = one.subject.partition(": ")
    where = one.subject if rest and one.code == "behaviour" else subject
    return f"{where[:1].upper()}{where[1:]}: {one.sentence}"


def _conservative_bound(metric: Metric, difference: ConfidenceInterval) -> float:
    """The bound of a difference's interval that is worse for the challenger."""
    return difference.low if metric.higher_is_better else difference.high


def _severity(passed: bool) -> Severity:
    return Severity.INFO if passed else Severity.FAIL


def _told(value: float | None) -> str:
    return "is not defined" if value is None else f"is {value:.4f}"
