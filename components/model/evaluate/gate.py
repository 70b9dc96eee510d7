"""The model gate: what a challenger must prove before it may serve.

Every check fails closed: what is not defined, not finite or rests on too few blocks is a "no".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from components.core.artifacts import SplitName
from components.core.spec import Gates
from components.core.tasks import Task, known_metrics
from components.core.verdict import Finding, Severity
from components.model.evaluate.checks import (
    Scores,
    changes_enough,
    reaches_floor,
    slice_reaches_floors,
    unusable,
)
from components.model.evaluate.slices import SliceScore


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
    scores: Mapping[str, Scores]
    slices: Sequence[SliceScore] = ()
    behaviour: Sequence[Finding] = ()


@dataclass(frozen=True)
class Judgement:
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


def check_metrics(gates: Gates, task: Task) -> None:
    """Refuses gates that name a metric unknown to the task.

    Raises:
        InputError: With the metrics that are known.
    """
    for place in ("floors", "recent", "reference"):
        known_metrics(task, getattr(gates, place), f"gates.{place}")
    for index, part in enumerate(gates.slices):
        known_metrics(task, part.floors, f"gates.slices[{index}].floors")


def judge(challenger: Challenger, gates: Gates, task: Task, against_champion: bool) -> Judgement:
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
        broken = unusable(scores, subject, name)
        if broken is not None:
            findings.append(broken)
            continue
        changes = gates.reference if name == SplitName.REFERENCE else gates.recent
        if against_champion:
            findings += (
                changes_enough(scores, task.metrics[m], c, subject) for m, c in changes.items()
            )
        findings += (
            reaches_floor(scores, task.metrics[m], x, subject) for m, x in gates.floors.items()
        )
    findings += (
        f for score in challenger.slices for f in slice_reaches_floors(score, task, challenger.name)
    )
    findings += challenger.behaviour
    return Judgement(challenger.name, tuple(findings))


def without_weight(findings: Iterable[Finding], chosen: str) -> tuple[Finding, ...]:
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
