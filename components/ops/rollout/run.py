"""Rolls a candidate out: step by step, by numbers, and back where they are not good enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.core import audit
from components.core.artifacts import VERDICT
from components.core.errors import DeadlineExceeded
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, worst_first
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.canary import Move
from components.ops.rollout.report import draw_report
from components.ops.rollout.steps import Step, Watch
from components.ops.targets import connect
from components.ops.targets.protocol import CandidateGone, ChampionChanged, Target, name_of

_CODES: Mapping[type[Exception], str] = {
    CandidateGone: "candidate_gone",
    ChampionChanged: "champion_changed",
    DeadlineExceeded: "ready",
}
PROMOTED, ROLLED_BACK, PROPOSED = "promoted", "rolled_back", "proposed"


@dataclass(frozen=True)
class Outputs:
    """Where rollout writes.

    Attributes:
        rollout: Folder for ``verdict.json``.
        report: The HTML file.
    """

    rollout: Path
    report: Path


@dataclass(frozen=True)
class _Ended:
    decision: str
    reason: str
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Rollout:
    plan: Plan
    deployment: Deployment
    target: Target
    poll_s: float


def roll_out(
    plan: Path, deployment: Path, run: str, outputs: Outputs, poll_s: float = 0.25
) -> Verdict:
    """Gives a staged candidate growing shares of the traffic, and promotes it or takes it back.

    A step that is run again goes on at the share where it was, and a rollout that ended before is
    found ended.

    Args:
        plan: The plan artifact.
        deployment: The deployment artifact.
        run: The run's id.
        outputs: Where to write.
        poll_s: Seconds between two looks at the numbers.

    Raises:
        InputError: The plan, the deployment or the target cannot be used.
        ClusterError: The target did not do what was asked.
    """
    made, given = Plan.of(plan), Deployment.of(deployment)
    rollout = _Rollout(made, given, connect(given.target, given.model), poll_s)
    ended = _end_of(rollout)
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


def _end_of(rollout: _Rollout) -> _Ended:
    before = _ended_before(rollout)
    if before is not None:
        return before
    given = rollout.deployment
    try:
        if _is_left_to_person(rollout):
            return _Ended(PROPOSED, _proposal(rollout))
        return _straight(rollout) or _walk(rollout)
    except (CandidateGone, ChampionChanged, DeadlineExceeded) as error:
        finding = Finding(
            code=_CODES[type(error)],
            severity=Severity.FAIL,
            subject="target",
            measured=name_of(rollout.target.champion()),
            limit=name_of(given.champion),
            sentence=f"{error}.",
        )
        return _Ended(ROLLED_BACK, finding.sentence, findings=(finding,))


def _ended_before(rollout: _Rollout) -> _Ended | None:
    """How the rollout ended, where it did so before this step was run again."""
    version, champion = rollout.deployment.version, rollout.target.champion()
    staged, outcome = rollout.target.staged(), rollout.target.outcome(version)
    if champion and (champion.version, champion.digest) == (version, rollout.deployment.digest):
        # Promoting again does only what was left to do: the old server may not have ended yet.
        reason = outcome.reason if outcome else "It serves already."
        return _promoted(rollout, reason, ())
    if staged is None or staged.version != version:
        reason = outcome.reason if outcome else f"Version {version} is not staged any more."
        return _Ended(ROLLED_BACK, reason)
    return None


def _straight(rollout: _Rollout) -> _Ended | None:
    """Promotes without a canary where there is none to be had; None: there is."""
    if rollout.deployment.champion is None:
        reason = "No model served before, so it was promoted as soon as its server was sound."
        return _promoted(rollout, reason, ())
    if not rollout.plan.spec.serving.canary.steps:
        reason = "The spec has no canary steps, so it was promoted once its server was sound."
        return _promoted(rollout, reason, ())
    obstacle = rollout.target.obstacle()
    if obstacle is None:
        return None
    finding = Finding(
        code="no_canary",
        severity=Severity.WARN,
        subject="target",
        measured=None,
        limit=None,
        sentence=f"No live request tried it before it was promoted: {obstacle}",
    )
    reason = f"It was promoted once its server was sound, without a canary: {obstacle}"
    ended = _promoted(rollout, reason, ())
    return replace(ended, findings=(finding,))


def _walk(rollout: _Rollout) -> _Ended:
    given, canary = rollout.deployment, rollout.plan.spec.serving.canary
    assert given.champion is not None  # else there is nothing to walk beside
    staged = rollout.target.staged()
    reached = staged.share if staged else 0.0
    log = rollout.plan.spec.serving.log
    watch = Watch(rollout.target, log, given.version, given.champion.version, canary)
    steps: list[Step] = []
    for share in [s for s in canary.steps if s >= reached]:
        step = watch.run(share, rollout.poll_s)
        steps.append(step)
        findings = tuple(f for s in steps for f in s.judgement.findings)
        if step.judgement.move is not Move.ON:
            failed = next(f for f in step.judgement.findings if f.severity is Severity.FAIL)
            reason = f"At {share:.0%} of the traffic: {failed.sentence}"
            return _Ended(ROLLED_BACK, reason, tuple(steps), findings)
    if not steps:
        reason = f"It had reached {reached:.0%} of the traffic when this step was interrupted."
        return _promoted(rollout, reason, ())
    requests = sum(step.seen.candidate.traffic.requests for step in steps)
    at = ", ".join(f"{step.seen.share:.0%}" for step in steps)
    reason = f"It answered {requests} live requests, at {at} of the traffic, as well as it should."
    return _promoted(rollout, reason, steps)


def _promoted(rollout: _Rollout, reason: str, steps: Sequence[Step]) -> _Ended:
    given = rollout.deployment
    rollout.target.promote(given.version, given.champion, reason)
    findings = tuple(f for s in steps for f in s.judgement.findings)
    return _Ended(PROMOTED, reason, tuple(steps), findings)


def _proposal(rollout: _Rollout) -> str:
    version = rollout.deployment.version
    by_spec = rollout.plan.spec.gates.approval == "required"
    said = "gates.approval: required" if by_spec else "as serving.target says"
    return (
        f"Version {version} is sound and waits for a person ({said}): "
        f"{rollout.target.propose(version)}"
    )


def _is_left_to_person(rollout: _Rollout) -> bool:
    return rollout.plan.spec.gates.approval == "required" or rollout.target.leaves_to_person


def _verdict(rollout: _Rollout, ended: _Ended) -> Verdict:
    plan, given = rollout.plan, rollout.deployment
    return Verdict(
        step="rollout",
        decision=ended.decision,
        reason=ended.reason,
        findings=worst_first(ended.findings),
        as_of=plan.as_of,
        digests={**plan.digests, "plan": plan.digest, "model": given.digest},
        metrics=_numbers(ended.steps),
    )


def _numbers(steps: Sequence[Step]) -> dict[str, float | None]:
    if not steps:
        return {}
    seen = steps[-1].seen
    ours, theirs = seen.candidate, seen.champion
    return {
        "share": seen.share,
        "requests": float(sum(step.seen.candidate.traffic.requests for step in steps)),
        "error_share": ours.traffic.error_share,
        "p50_ms": ours.traffic.p50_ms,
        "p99_ms": ours.traffic.p99_ms,
        "champion_p50_ms": theirs.traffic.p50_ms,
        "mean_probability": ours.answers.mean,
        "champion_mean_probability": theirs.answers.mean,
        "seconds": round(sum(step.seconds for step in steps), 3),
    }
