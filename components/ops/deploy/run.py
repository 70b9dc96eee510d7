"""Stages a candidate, validates its server, and decides whether it may be rolled out."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from components.core import audit
from components.core.artifacts import (
    DEPLOYMENT,
    GOLDEN,
    MODEL_CARD,
    PUBLISHED,
    VERDICT,
    Golden,
    ModelCard,
)
from components.core.digest import digest_folder
from components.core.errors import DeadlineExceeded, InputError
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, finding, worst_first
from components.ops.deploy.deployment import REFUSED, STAGED, Deployment, draw_report
from components.ops.deploy.infra_validation import validate_server
from components.ops.targets import connect
from components.ops.targets.protocol import (
    Candidate,
    CandidateGone,
    ChampionChanged,
    Staged,
    Target,
    name_of,
)


@dataclass(frozen=True)
class DeployOutputs:
    """Where deploy writes."""

    deployment: Path
    report: Path


@dataclass(frozen=True)
class _Inputs:
    plan: Plan
    folder: Path
    card: ModelCard
    golden: Golden
    candidate: Candidate


@dataclass(frozen=True)
class _Attempt:
    findings: tuple[Finding, ...]
    staged: Staged | None = None


def deploy(
    plan: Path, model: Path, run: str, outputs: DeployOutputs, ready_timeout_s: float | None = None
) -> Verdict:
    """Stages a model beside the champion and validates it there, before it gets any traffic.

    A repeated step finds what it staged before. A refused candidate is removed, and the champion
    continues to serve. The server becomes ready within the spec's timeout, or the one given here.

    Raises:
        InputError: The plan, the model or the target cannot be used.
        ClusterError: The target did not do what was asked; nothing is known of the candidate.
    """
    given = _read(plan, model, run)
    serving = given.plan.spec.serving
    target = connect(serving.target, given.plan.spec.name)
    timeout_s = serving.ready_timeout.total_seconds()
    attempt = _stage(given, target, timeout_s if ready_timeout_s is None else ready_timeout_s)
    verdict = _verdict(given, attempt.findings)
    if verdict.decision == REFUSED:
        target.roll_back(given.card.version, verdict.reason)
    verdict.write(outputs.deployment / VERDICT)
    outputs.report.parent.mkdir(parents=True, exist_ok=True)
    page = draw_report(verdict, given.plan, given.card, target.address)
    outputs.report.write_text(page, encoding="utf-8")
    if verdict.decision == STAGED and attempt.staged is not None:
        deployment = _deployment(given, attempt.staged, target.address)
        deployment.write(outputs.deployment / DEPLOYMENT)
    entry = audit.entry_of(verdict, run, given.card.name, given.card.version)
    audit.append(serving.audit_uri, entry)
    return verdict


def _read(plan: Path, model: Path, run: str) -> _Inputs:
    made = Plan.of(plan)
    card, golden = ModelCard.read(model / MODEL_CARD), Golden.read(model / GOLDEN)
    if card.name != made.spec.name:
        raise InputError(str(model / MODEL_CARD), card.name, f"a model of {made.spec.name}")
    if not golden.probability:
        raise InputError(str(model / GOLDEN), "no rows", "golden rows to try the server with")
    candidate = Candidate(
        model=card.name,
        version=card.version,
        run=run,
        as_of=card.as_of,
        digest=digest_folder(model, leave_out=(PUBLISHED,)),
        serving=made.spec.serving,
    )
    return _Inputs(made, model, card, golden, candidate)


def _stage(given: _Inputs, target: Target, ready_timeout_s: float) -> _Attempt:
    plan, version = given.plan, given.card.version
    if plan.champion is None and plan.spec.first_model != "allowed":
        sentence = "No model serves yet, and the spec does not say first_model: allowed."
        return _failed("first_model", "spec", plan.spec.first_model, "allowed", sentence)
    try:
        staged = target.stage(given.folder, given.candidate, plan.champion)
    except ChampionChanged as error:
        planned, serving = name_of(error.planned), name_of(error.serving)
        return _failed("champion_changed", "target", serving, planned, f"{error}.")
    started = time.monotonic()
    try:
        endpoint = target.wait_ready(staged.version, ready_timeout_s)
    except DeadlineExceeded as error:
        return _failed("ready", "server", None, f"{ready_timeout_s:g} s", str(error))
    except CandidateGone as error:
        return _failed("candidate_gone", "target", None, version, f"{error}.")
    waited_s = time.monotonic() - started
    sentence = f"Version {version} loaded and was ready after {waited_s:.1f} s."
    ready = finding("ready", Severity.INFO, "server", waited_s, ready_timeout_s, sentence)
    limit_ms = plan.spec.serving.canary.max_p99 / timedelta(milliseconds=1)
    checked = validate_server(endpoint, given.card, given.golden, limit_ms)
    return _Attempt((ready, *checked), staged)


def _failed(code: str, subject: str, measured: str | None, limit: str, sentence: str) -> _Attempt:
    return _Attempt((finding(code, Severity.FAIL, subject, measured, limit, sentence),))


def _verdict(given: _Inputs, findings: tuple[Finding, ...]) -> Verdict:
    failures = [f for f in findings if f.severity is Severity.FAIL]
    reason = f"Version {given.card.version} passed {len(findings)} checks in its own server."
    if failures:
        # The first line says what happened, and the last one of a log why.
        lines = failures[0].sentence.splitlines()
        reason = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    plan = given.plan
    return Verdict(
        step="deploy",
        decision=REFUSED if failures else STAGED,
        reason=reason,
        findings=worst_first(findings),
        as_of=plan.as_of,
        digests={**plan.digests, "plan": plan.digest, "model": given.candidate.digest},
        metrics={f.code: f.measured for f in findings if isinstance(f.measured, float)},
    )


def _deployment(given: _Inputs, staged: Staged, address: str | None) -> Deployment:
    return Deployment(
        target=given.plan.spec.serving.target,
        model=given.card.name,
        version=staged.version,
        uri=staged.uri,
        digest=staged.digest,
        champion=given.plan.champion,
        address=address,
    )
