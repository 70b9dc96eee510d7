"""The model gate: what a challenger must prove before it may serve.

Every check fails closed: what is not defined, not finite or rests on too few blocks is a "no".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.core.artifacts import SplitName
from components.core.plan import Champion, Plan
from components.core.spans import parse_instant
from components.core.spec import Gates, Margin
from components.core.tasks import MIN_BLOCKS, ConfidenceInterval, Metric, Task, known_metrics
from components.core.verdict import Finding, Severity
from components.model.evaluate.candidates import ChampionUnavailable
from components.model.evaluate.comparison import SliceScore


@dataclass(frozen=True)
class Challenger:
    """A challenger and everything measured of it.

    Attributes:
        name: ``retrained`` or ``recalibrated``.
        scores: Holdout to scores.
        slices: Its slices, on both holdouts.
        behaviour: Its behaviour tests, as findings.
    """

    name: str
    scores: Mapping[str, HoldoutScores]
    slices: Sequence[SliceScore] = ()
    behaviour: Sequence[Finding] = ()


@dataclass(frozen=True)
class GateResult:
    """A challenger's findings; it passes where none of them fails."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that speak against it."""
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
    challenger: Challenger, gates: Gates, task: Task, against_champion: bool
) -> GateResult:
    """Holds one challenger against the gates.

    Args:
        challenger: What was measured.
        gates: The spec's.
        task: Knows the metrics' directions.
        against_champion: Whether there is a champion to be compared with.
    """
    findings: list[Finding] = []
    # The reference first: that a model forgot explains why its recent numbers are good.
    for name in (SplitName.REFERENCE, SplitName.RECENT):
        scores, subject = challenger.scores[name], f"{challenger.name} on {name}"
        broken = check_holdout(scores, subject, name)
        if broken is not None:
            findings.append(broken)
            continue
        changes = gates.reference if name == SplitName.REFERENCE else gates.recent
        if against_champion:
            findings += (
                check_change(scores, task.metrics[m], c, subject) for m, c in changes.items()
            )
        findings += (
            check_floor(scores, task.metrics[m], x, subject) for m, x in gates.floors.items()
        )
    findings += (
        f for score in challenger.slices for f in check_slice(score, task, challenger.name)
    )
    findings += challenger.behaviour
    return GateResult(challenger.name, tuple(findings))


def as_info(findings: Iterable[Finding], chosen: str) -> tuple[Finding, ...]:
    """The failures of a challenger that was not chosen: told, but deciding nothing."""
    return tuple(
        f
        if f.severity is not Severity.FAIL
        else f.model_copy(
            update={
                "severity": Severity.INFO,
                "sentence": f"{f.sentence} It decides nothing: {chosen} was chosen.",
            }
        )
        for f in findings
    )


# ---- checks: The single checks of the model gate, each told as a finding whether it passes or

RequiredChange = Literal["better"] | Margin


@dataclass(frozen=True)
class HoldoutScores:
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
    differences: Mapping[str, ConfidenceInterval | None]


def conservative_bound(metric: Metric, difference: ConfidenceInterval) -> float:
    """The end of a difference's interval that is worst for the challenger."""
    return difference.low if metric.higher_is_better else difference.high


def change_limit(metric: Metric, change: RequiredChange) -> float:
    """The value that the bad end must not cross, in the metric's own unit and direction."""
    margin = change.not_worse_by if isinstance(change, Margin) else 0.0
    return (-margin if metric.higher_is_better else margin) or 0.0


def meets_change(metric: Metric, change: RequiredChange, difference: ConfidenceInterval) -> bool:
    """Whether the bad end is beyond 0 (better), or within the margin (not worse)."""
    end, limit = conservative_bound(metric, difference), change_limit(metric, change)
    if isinstance(change, Margin):
        return end >= limit if metric.higher_is_better else end <= limit
    return end > 0 if metric.higher_is_better else end < 0


def check_holdout(scores: HoldoutScores, subject: str, holdout: str) -> Finding | None:
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


def check_floor(scores: HoldoutScores, metric: Metric, floor: float, subject: str) -> Finding:
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


def check_change(
    scores: HoldoutScores, metric: Metric, change: RequiredChange, subject: str
) -> Finding:
    """Whether the bad end of the difference to the champion is where the gate wants it."""
    code = "not_worse" if isinstance(change, Margin) else "better"
    difference = scores.differences.get(metric.name)
    if difference is None:
        return Finding(
            code=code,
            severity=Severity.FAIL,
            subject=f"{subject}: {metric.name}",
            measured=None,
            limit=MIN_BLOCKS,
            sentence=f"{metric.label} cannot be compared with the champion's: it is not defined, "
            f"or {scores.blocks} block(s) are too few (at least {MIN_BLOCKS}).",
        )
    passed = meets_change(metric, change, difference)
    margin = abs(change_limit(metric, change))
    wanted = f"within {margin:g} of the champion" if isinstance(change, Margin) else "surely better"
    return Finding(
        code=code,
        severity=Severity.INFO if passed else Severity.FAIL,
        subject=f"{subject}: {metric.name}",
        measured=conservative_bound(metric, difference),
        limit=change_limit(metric, change),
        sentence=f"{metric.label} changes by {difference.estimate:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}] against the champion's: "
        f"{'' if passed else 'not '}{wanted}.",
    )


def check_slice(score: SliceScore, task: Task, name: str) -> Iterator[Finding]:
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


# ---- conditions: What must be so before challengers are compared at all.


def check_champion(plan: Plan, unreadable: ChampionUnavailable | None) -> Finding:
    """Whether there is a champion to compare with, or the spec does without one."""
    champion = plan.champion
    if champion is None:
        return _first_model(plan)
    if unreadable is not None:
        text = f"The champion {champion.version} cannot be read, so nothing can be proved better "
        return _finding(
            "champion", Severity.FAIL, champion.version, f"{text}than it: {unreadable.reason}."
        )
    return _age(plan, champion)


def behavioral_tests_failed(reason: str) -> Finding:
    """Behaviour tests that the spec names but that cannot be tried."""
    text = f"The behaviour tests that the spec names cannot be tried: {reason}"
    return _finding("behaviour", Severity.FAIL, "behaviour tests", text)


def recalibration_skipped(reason: str) -> Finding:
    """Why the champion recalibrated does not stand beside the retrained model."""
    text = f"The champion recalibrated is no challenger this time: {reason}."
    return _finding("recalibration", Severity.INFO, "recalibrated", text)


def _first_model(plan: Plan) -> Finding:
    if plan.spec.first_model == "allowed":
        text = "No model serves yet: only floors, slices and behaviour judge the first one."
        return _finding("champion", Severity.INFO, "champion", text)
    text = "No model serves yet, and the spec does not say first_model: allowed."
    return _finding("champion", Severity.FAIL, "champion", text)


def _age(plan: Plan, champion: Champion) -> Finding:
    if parse_instant(champion.as_of) <= parse_instant(plan.as_of):
        text = f"Compared with {champion.version}, which serves now."
        return _finding("champion", Severity.INFO, champion.version, text)
    text = (
        f"The champion {champion.version} was trained for {champion.as_of}, after the instant "
        f"judged here: it may have learned from these holdouts."
    )
    return _finding("champion", Severity.WARN, champion.version, text)


def _finding(code: str, severity: Severity, subject: str, sentence: str) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        subject=subject,
        measured=None,
        limit=None,
        sentence=sentence,
    )
