"""Which challenger is deployed, if any."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.core.tasks import Metric
from components.core.verdict import Finding, Severity, worst_first
from components.model.evaluate.gate import Judgement, without_weight

DEPLOY, REFUSE = "deploy", "refuse"


@dataclass(frozen=True)
class Choice:
    """The decision.

    Attributes:
        decision: ``deploy`` or ``refuse``.
        name: The challenger to deploy; None: the champion stays.
        reason: The main reason in one sentence.
        findings: Everything looked at, worst first.
    """

    decision: str
    name: str | None
    reason: str
    findings: tuple[Finding, ...]


def choose(
    conditions: Sequence[Finding],
    judgements: Sequence[Judgement],
    decisive: Metric,
    recent: Mapping[str, float | None],
) -> Choice:
    """Chooses among the challengers that pass: the best on the newest days.

    Args:
        conditions: Findings about the comparison itself, such as a champion that cannot be read;
            one that fails refuses every challenger.
        judgements: The challengers'.
        decisive: The metric that chooses where several pass.
        recent: Challenger to that metric on the recent holdout.
    """
    everything = (*conditions, *(f for j in judgements for f in j.findings))
    blocking = [f for f in conditions if f.severity is Severity.FAIL]
    if blocking:
        return Choice(REFUSE, None, blocking[0].sentence, worst_first(everything))
    passing = [j.name for j in judgements if j.passes]
    if not passing:
        return Choice(REFUSE, None, _why_refused(judgements), worst_first(everything))
    chosen = min(passing, key=lambda name: _cost(decisive, recent[name]))
    told = tuple(
        f
        for j in judgements
        for f in (j.findings if j.name == chosen else without_weight(j.findings, chosen))
    )
    reason = _why_chosen(chosen, judgements, decisive, recent)
    return Choice(DEPLOY, chosen, reason, worst_first((*conditions, *told)))


def _cost(metric: Metric, value: float | None) -> float:
    """Lower is better; what is not defined is worst."""
    if value is None:
        return math.inf
    return -value if metric.higher_is_better else value


def _why_refused(judgements: Sequence[Judgement]) -> str:
    if not judgements:
        return "There is no challenger."
    reasons = []
    for judgement in judgements:
        first, *others = judgement.failures
        more = f" (and {len(others)} more)" if others else ""
        reasons.append(f"{_told(first).rstrip('.')}{more}.")
    return " ".join(reasons)


def _why_chosen(
    chosen: str,
    judgements: Sequence[Judgement],
    decisive: Metric,
    recent: Mapping[str, float | None],
) -> str:
    mine = next(j for j in judgements if j.name == chosen)
    proof = next((f for f in mine.findings if f.code == "better"), None)
    text = _told(proof) if proof else f"The {chosen} model passes every gate."
    for other in (j for j in judgements if j.name != chosen):
        value, best = recent[other.name], recent[chosen]
        if other.passes and value is not None and best is not None:
            text += (
                f" The {other.name} model passes too; on the newest days {decisive.label} is "
                f"{best:.4f} against {value:.4f}, so the {chosen} one was chosen."
            )
        elif not other.passes:
            text += f" The {other.name} model does not pass."
    return text


def _told(finding: Finding) -> str:
    """A finding as a sentence; one about a metric names it anyway."""
    subject, _, rest = finding.subject.partition(": ")
    where = finding.subject if rest and finding.code == "behaviour" else subject
    return f"{where[:1].upper()}{where[1:]}: {finding.sentence}"
