"""Rolls a candidate out step by step, and promotes it or rolls it back by measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.core import audit
from components.core.artifacts import VERDICT
from components.core.errors import DeadlineExceeded
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, finding, worst_first
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.canary import Decision
from components.ops.rollout.column_changes import find_column_changes
from components.ops.rollout.page import draw_report
from components.ops.rollout.steps import CanaryStep, CanaryWatch
from components.ops.targets import connect
from components.ops.targets.protocol import CandidateGone, ChampionChanged, Target, name_of

_CODES: Mapping[type[Exception], str] = {
    CandidateGone: "candidate_gone",
    ChampionChanged: "champion_changed",
    DeadlineExceeded: "ready",
}
PROMOTED, ROLLED_BACK, PROPOSED = "promoted", "rolled_back", "proposed"


@dataclass(frozen=True)
class RolloutOutputs:
    """Where rollout writes."""

    rollout: Path
    report: Path


@dataclass(frozen=True)
class _Ended:
    decision: str
    reason: str
    steps: tuple[CanaryStep, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Rollout:
    plan: Plan
    deployment: Deployment
    target: Target
    poll_s: float


def roll_out(
    plan: Path, deployment: Path, run: str, outputs: RolloutOutputs, poll_s: float = 0.25
) -> Verdict:
    """Gives a staged candidate growing shares of the traffic, and promotes it or rolls it back.

    A repeated step continues at the share where it was; a rollout that ended before stays ended.

    Raises:
        InputError: The plan, the deployment or the target cannot be used.
        ClusterError: The target did not do what was asked.
    """
    made, given = Plan.of(plan), Deployment.of(deployment)
    rollout = _Rollout(made, given, connect(given.target, given.model), poll_s)
    ended = _run(rollout)
    if ended.decision == ROLLED_BACK:
        rollout.target.roll_back(given.version, ended.reason)
    verdict = _verdict(rollout, ended)
    verdict.write(outputs.rollout / VERDICT)
    outputs.report.parent.mkdir(parents=True, exist_ok=True)
    page = draw_report(verdict, given, ended.steps, made)
    outputs.report.write_text(page, encoding="utf-8")
    entry = audit.entry_of(verdict, run, given.model, given.version)
    audit.append(made.spec.serving.audit_uri, entry)
    return verdict


def _run(rollout: _Rollout) -> _Ended:
    before = _already_ended(rollout)
    if before is not None:
        return before
    given = rollout.deployment
    by_spec = rollout.plan.spec.gates.approval == "required"
    try:
        if by_spec or rollout.target.requires_approval:
            why = "gates.approval: required" if by_spec else "as serving.target says"
            waits = f"Version {given.version} passed validation and waits for a person ({why}): "
            return _Ended(PROPOSED, waits + rollout.target.propose(given.version))
        return _without_canary(rollout) or _canary_steps(rollout)
    except (CandidateGone, ChampionChanged, DeadlineExceeded) as error:
        serving, planned = name_of(rollout.target.champion()), name_of(given.champion)
        code = _CODES[type(error)]
        found = finding(code, Severity.FAIL, "target", serving, planned, f"{error}.")
        return _Ended(ROLLED_BACK, found.sentence, findings=(found,))


def _already_ended(rollout: _Rollout) -> _Ended | None:
    """Returns how the rollout ended, if it did so before this step was repeated."""
    version, champion = rollout.deployment.version, rollout.target.champion()
    staged, outcome = rollout.target.staged(), rollout.target.outcome(version)
    if champion and (champion.version, champion.digest) == (version, rollout.deployment.digest):
        # Promoting again finishes what was left: the old server may not have ended yet.
        reason = outcome.reason if outcome else "It serves already."
        return _promoted(rollout, reason)
    if staged is None or staged.version != version:
        reason = outcome.reason if outcome else f"Version {version} is not staged any more."
        return _Ended(ROLLED_BACK, reason)
    return None


def _without_canary(rollout: _Rollout) -> _Ended | None:
    """Promotes without a canary if none is possible or wanted; None if one is."""
    validated = "promoted as soon as its server passed validation."
    if rollout.deployment.champion is None:
        return _promoted(rollout, f"No model served before, so it was {validated}")
    if not rollout.plan.spec.serving.canary.steps:
        validated = "promoted once its server passed validation."
        return _promoted(rollout, f"The spec has no canary steps, so it was {validated}")
    why_not = rollout.target.no_canary_reason()
    if why_not is None:
        return None
    sentence = f"No live request tried it before it was promoted: {why_not}"
    found = finding("no_canary", Severity.WARN, "target", None, None, sentence)
    reason = f"It was promoted once its server passed validation, without a canary: {why_not}"
    return replace(_promoted(rollout, reason), findings=(found,))


def _canary_steps(rollout: _Rollout) -> _Ended:
    given, canary = rollout.deployment, rollout.plan.spec.serving.canary
    assert given.champion is not None  # otherwise there is nothing to compare with
    staged = rollout.target.staged()
    reached = staged.share if staged else 0.0
    log = rollout.plan.spec.serving.log
    watch = CanaryWatch(rollout.target, log, given.version, given.champion.version, canary)
    steps: list[CanaryStep] = []
    for share in [s for s in canary.steps if s >= reached]:
        step = watch.run(share, rollout.poll_s)
        steps.append(step)
        findings = tuple(f for s in steps for f in s.assessment.findings)
        if step.assessment.decision is not Decision.ADVANCE:
            failed = next(f for f in step.assessment.findings if f.severity is Severity.FAIL)
            reason = f"At {share:.0%} of the traffic: {failed.sentence}"
            changes = find_column_changes(given) if failed.code == "refused" else None
            if changes:
                findings, reason = (*findings, changes), f"{reason} {changes.sentence}"
            return _Ended(ROLLED_BACK, reason, tuple(steps), findings)
    if not steps:
        reason = f"It had reached {reached:.0%} of the traffic when this step was interrupted."
        return _promoted(rollout, reason)
    requests = sum(step.analysis.candidate.traffic.requests for step in steps)
    at = ", ".join(f"{step.analysis.share:.0%}" for step in steps)
    reason = f"It answered {requests} live requests within the limits, at {at} of the traffic."
    return _promoted(rollout, reason, steps)


def _promoted(rollout: _Rollout, reason: str, steps: Sequence[CanaryStep] = ()) -> _Ended:
    given = rollout.deployment
    rollout.target.promote(given.version, given.champion, reason)
    findings = tuple(f for s in steps for f in s.assessment.findings)
    return _Ended(PROMOTED, reason, tuple(steps), findings)


def _verdict(rollout: _Rollout, ended: _Ended) -> Verdict:
    plan, given = rollout.plan, rollout.deployment
    return Verdict(
        step="rollout",
        decision=ended.decision,
        reason=ended.reason,
        findings=worst_first(ended.findings),
        as_of=plan.as_of,
        digests={**plan.digests, "plan": plan.digest, "model": given.digest},
        metrics=_metrics(ended.steps),
    )


def _metrics(steps: Sequence[CanaryStep]) -> dict[str, float | None]:
    if not steps:
        return {}
    analysis = steps[-1].analysis
    ours, theirs = analysis.candidate, analysis.champion
    return {
        "share": analysis.share,
        "requests": float(sum(step.analysis.candidate.traffic.requests for step in steps)),
        "error_share": ours.traffic.error_share,
        "p50_ms": ours.traffic.p50_ms,
        "p99_ms": ours.traffic.p99_ms,
        "champion_p50_ms": theirs.traffic.p50_ms,
        "mean_probability": ours.predictions.mean,
        "champion_mean_probability": theirs.predictions.mean,
        "seconds": round(sum(step.seconds for step in steps), 3),
    }
