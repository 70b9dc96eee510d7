"""What must be so before challengers are compared at all."""

from components.core.plan import Champion, Plan
from components.core.spans import parse_instant
from components.core.verdict import Finding, Severity
from components.model.evaluate.champion import Unreadable


def champion_condition(plan: Plan, unreadable: Unreadable | None) -> Finding:
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


def behaviour_condition(reason: str) -> Finding:
    """Behaviour tests that the spec names but that cannot be tried."""
    text = f"The behaviour tests that the spec names cannot be tried: {reason}"
    return _finding("behaviour", Severity.FAIL, "behaviour tests", text)


def no_recalibration(reason: str) -> Finding:
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
