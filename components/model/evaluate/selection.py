"""Which challenger is deployed, if any."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.core.tasks import Metric
from components.core.verdict import Finding, Severity, worst_first
from components.model.evaluate.gate import GateResult, as_info

DEPLOY, REFUSE = "deploy", "refuse"


@dataclass(frozen=True)
class Selection:
    """The decision, the challenger to deploy (None if the champion stays), and why.

    All that was checked is among the findings, worst first.
    """

    decision: str
    name: str | None
    reason: str
    findings: tuple[Finding, ...]


def select_challenger(
    conditions: Sequence[Finding],
    results: Sequence[GateResult],
    primary_metric: Metric,
    recent: Mapping[str, float | None],
) -> Selection:
    """Selects the challenger that passes and is best on the newest days.

    Args:
        conditions: Findings about the comparison itself; one that fails refuses every challenger.
        results: The challengers'.
        primary_metric: The metric that selects if several pass.
        recent: Challenger to that metric on the recent holdout.
    """
    findings = worst_first((*conditions, *(f for result in results for f in result.findings)))
    blocking = [f for f in conditions if f.severity is Severity.FAIL]
    if blocking:
        return Selection(REFUSE, None, blocking[0].sentence, findings)
    passing = [result.name for result in results if result.passes]
    if not passing:
        return Selection(REFUSE, None, _why_refused(results), findings)
    chosen = min(passing, key=lambda name: _cost(primary_metric, recent[name]))
    weighed = tuple(
        finding
        for r in results
        for finding in (r.findings if r.name == chosen else as_info(r.findings, chosen))
    )
    reason = _why_chosen(chosen, results, primary_metric, recent)
    return Selection(DEPLOY, chosen, reason, worst_first((*conditions, *weighed)))


def _cost(metric: Metric, value: float | None) -> float:
    """Lower is better; an undefined value is worst."""
    if value is None:
        return math.inf
    return -value if metric.higher_is_better else value


def _why_refused(results: Sequence[GateResult]) -> str:
    if not results:
        return "There is no challenger."
    reasons = []
    for result in results:
        first, *others = result.failures
        more = f" (and {len(others)} more)" if others else ""
        reasons.append(f"{_sentence(first).rstrip('.')}{more}.")
    return " ".join(reasons)


def _why_chosen(
    chosen: str,
    results: Sequence[GateResult],
    primary_metric: Metric,
    recent: Mapping[str, float | None],
) -> str:
    findings = next(result.findings for result in results if result.name == chosen)
    proof = next((f for f in findings if f.code == "better"), None)
    text = _sentence(proof) if proof else f"The {chosen} model passes every gate."
    for other in (result for result in results if result.name != chosen):
        value, best = recent[other.name], recent[chosen]
        if other.passes and value is not None and best is not None:
            text += (
                f" The {other.name} model passes too; on the newest days {primary_metric.label} is "
                f"{best:.4f} against {value:.4f}, so the {chosen} one was chosen."
            )
        elif not other.passes:
            text += f" The {other.name} model does not pass."
    return text


def _sentence(finding: Finding) -> str:
    """A finding with its subject in front; the metric is left out, for the sentence names it."""
    subject, _, rest = finding.subject.partition(": ")
    where = finding.subject if rest and finding.code == "behaviour" else subject
    return f"{where[:1].upper()}{where[1:]}: {finding.sentence}"
