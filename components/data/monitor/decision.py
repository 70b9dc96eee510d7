"""The decision: what is found, and whether a retraining may answer it now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from components.core import audit
from components.core.spans import format_instant, parse_instant
from components.core.spec import RetrainingPolicy
from components.core.units import format_duration
from components.core.verdict import Finding, Severity

# Findings that say that there is nothing to judge by, or nobody to judge.
LACKING = frozenset({"champion", "rows", "limits"})
# Why it is lacking; a cause of its own only where enough is there all the same.
REASONS_OF_LACK = frozenset({"labels", "silence"})


class Decision(StrEnum):
    """What monitoring can decide."""

    HEALTHY = "healthy"
    ALERT = "alert"
    RETRAIN = "retrain"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class Decided:
    """A decision and its reason.

    Attributes:
        decision: The word.
        reason: One sentence.
        trigger: Why a retraining is called for, whether or not it may start; None: it is not.
        blocked: Why it may not start; None: it may.
    """

    decision: Decision
    reason: str
    trigger: str | None = None
    blocked: str | None = None


def decide(findings: Sequence[Finding], on: Sequence[str], blocked: str | None) -> Decided:
    """Weighs the findings.

    - A failed finding of a kind in `on` calls for a retraining. If that may not start, it is
      an alert.
    - Any other failed finding is an alert: a person has to look.
    - If nothing else failed but there is not enough to judge by, it is insufficient.
    - Only what was judged and did not fail is healthy; where nothing was, it is insufficient.

    Args:
        findings: Everything that was looked at.
        on: The kinds that start a retraining (``retraining.on``).
        blocked: Why none may start now; None: one may.
    """
    failed = [f for f in findings if f.severity is Severity.FAIL]
    lacking = [f for f in failed if f.code in LACKING]
    silent = REASONS_OF_LACK if lacking else frozenset()
    causes = [f for f in failed if f.code not in LACKING and f.code not in silent]
    triggers = [f for f in causes if f.code in on]
    if triggers:
        return _triggered(_together(triggers), blocked)
    if causes:
        return Decided(Decision.ALERT, _together(causes))
    if lacking:
        return Decided(Decision.INSUFFICIENT, _together([*lacking, *_of(failed, silent)]))
    if not findings:
        return Decided(Decision.INSUFFICIENT, "nothing was judged")
    return Decided(Decision.HEALTHY, _healthy(findings))


def block(
    retraining: RetrainingPolicy,
    history: Sequence[audit.RetrainingClaim],
    run: str,
    as_of: datetime,
) -> str | None:
    """Why no retraining may start now; None: one may.

    A run that claimed one before, and was then interrupted, finds its own claim and goes on.
    Claims for later instants count as well: who replays the past must not start a second one.

    Args:
        retraining: Cool-down and budget.
        history: Every retraining that was claimed.
        run: This run.
        as_of: Its instant.
    """
    if any(past.run == run for past in history):
        return None
    times = sorted(parse_instant(past.as_of) for past in history)
    if times and as_of - times[-1] < retraining.cool_down:
        until = format_instant(times[-1] + retraining.cool_down)
        return (
            f"the cool-down of {format_duration(retraining.cool_down)} after the retraining of "
            f"{times[-1]:%Y-%m-%d} lasts until {until}"
        )
    most, period = retraining.budget
    spent = [time for time in times if as_of - time < period]
    if len(spent) >= most:
        until = format_instant(sorted(spent)[-most] + period) if most else "the spec is changed"
        return (
            f"the budget of {most} retrainings in {format_duration(period)} is spent until {until}"
        )
    return None


def _triggered(trigger: str, blocked: str | None) -> Decided:
    if blocked is None:
        return Decided(Decision.RETRAIN, trigger, trigger)
    return Decided(Decision.ALERT, f"{trigger}; no retraining, for {blocked}", trigger, blocked)


def _of(findings: Sequence[Finding], codes: frozenset[str]) -> list[Finding]:
    return [f for f in findings if f.code in codes]


def _together(findings: Sequence[Finding]) -> str:
    """The first finding, and how many more there are."""
    more = len(findings) - 1
    text = findings[0].sentence
    return f"{text} (and {more} more finding{'s' * (more > 1)})" if more else text


def _healthy(findings: Sequence[Finding]) -> str:
    """What was judged and is well, and how many warnings there are."""
    judged = [f for f in findings if f.code == "calibration"] or list(findings)
    text = judged[0].sentence
    warnings = sum(f.severity is Severity.WARN for f in findings)
    return f"{text}; {warnings} warning{'s' * (warnings != 1)}" if warnings else text
