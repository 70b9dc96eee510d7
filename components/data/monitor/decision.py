"""The decision: what the findings mean, and whether a retraining may start now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from components.core import audit
from components.core.spans import format_instant
from components.core.spec import RetrainingPolicy
from components.core.units import format_duration
from components.core.verdict import Finding, Severity

# Findings that say that there is too little to judge by, or nothing to judge.
LACKING = frozenset({"champion", "rows", "limits"})
# Why something is lacking; causes of their own only if there is enough all the same.
REASONS_OF_LACK = frozenset({"labels", "silence"})


class MonitorDecision(StrEnum):
    """What monitoring can decide."""

    HEALTHY = "healthy"
    ALERT = "alert"
    RETRAIN = "retrain"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class ExplainedDecision:
    """A decision and its reason.

    Attributes:
        decision: What is decided.
        reason: One sentence.
        trigger: Why a retraining is needed, whether or not it may start; None if it is not.
        blocked: Why it may not start; None if it may.
    """

    decision: MonitorDecision
    reason: str
    trigger: str | None = None
    blocked: str | None = None


def decide(
    findings: Sequence[Finding], on: Sequence[str], blocked: str | None
) -> ExplainedDecision:
    """Decides by the findings.

    - A failed finding of a kind in `on` starts a retraining; an alert if none may start.
    - Any other failed finding is an alert: a person has to look.
    - If nothing else failed but there is too little to judge by, it is insufficient.
    - Only what was judged and did not fail is healthy; without findings it is insufficient.
    """
    failed = [f for f in findings if f.severity is Severity.FAIL]
    lacking = [f for f in failed if f.code in LACKING]
    silent = REASONS_OF_LACK if lacking else frozenset()
    causes = [f for f in failed if f.code not in LACKING and f.code not in silent]
    triggers = [f for f in causes if f.code in on]
    if triggers:
        return _triggered(_together(triggers), blocked)
    if causes:
        return ExplainedDecision(MonitorDecision.ALERT, _together(causes))
    if lacking:
        text = _together([*lacking, *(f for f in failed if f.code in silent)])
        return ExplainedDecision(MonitorDecision.INSUFFICIENT, text)
    if not findings:
        return ExplainedDecision(MonitorDecision.INSUFFICIENT, "nothing was judged")
    return ExplainedDecision(MonitorDecision.HEALTHY, _healthy(findings))


def retraining_block(
    retraining: RetrainingPolicy,
    history: Sequence[audit.RetrainingClaim],
    run: str,
    as_of: datetime,
) -> str | None:
    """Why no retraining may start now; None if one may.

    A run that claimed one before it was interrupted finds its own claim and goes on. Claims for
    later instants count as well: a replay of the past must not start a second one.
    """
    if any(past.run == run for past in history):
        return None
    times = sorted(past.as_of for past in history)
    if times and as_of - times[-1] < retraining.cool_down:
        until = format_instant(times[-1] + retraining.cool_down)
        length = format_duration(retraining.cool_down)
        after = f"after the retraining of {times[-1]:%Y-%m-%d}"
        return f"the cool-down of {length} {after} lasts until {until}"
    budget, period = retraining.max_per_period
    spent = [time for time in times if as_of - time < period]
    if len(spent) >= budget:
        until = format_instant(spent[-budget] + period) if budget else "the spec is changed"
        budget_text = f"the budget of {budget} retrainings in {format_duration(period)}"
        return f"{budget_text} is spent until {until}"
    return None


def _triggered(trigger: str, blocked: str | None) -> ExplainedDecision:
    if blocked is None:
        return ExplainedDecision(MonitorDecision.RETRAIN, trigger, trigger)
    text = f"{trigger}; no retraining, for {blocked}"
    return ExplainedDecision(MonitorDecision.ALERT, text, trigger, blocked)


def _together(findings: Sequence[Finding]) -> str:
    """The first finding, and how many more there are."""
    more = len(findings) - 1
    text = findings[0].sentence
    return f"{text} (and {more} more finding{'s' * (more > 1)})" if more else text


def _healthy(findings: Sequence[Finding]) -> str:
    """The first sentence of what was judged, and how many warnings there are."""
    judged = [f for f in findings if f.code == "calibration"] or list(findings)
    text = judged[0].sentence
    warnings = sum(f.severity is Severity.WARN for f in findings)
    return f"{text}; {warnings} warning{'s' * (warnings != 1)}" if warnings else text
