"""Stages a candidate, tries its server, and decides whether it may be rolled out."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from components.core import audit
from components.core.artifacts import DEPLOYMENT, GOLDEN, MODEL_CARD, VERDICT, Golden, ModelCard
from components.core.digest import digest_folder
from components.core.errors import DeadlineExceeded, InputError
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, worst_first
from components.ops.deploy.deployment import Deployment
from components.ops.deploy.infra_validation import validate_server
from components.ops.deploy.page import STAGED, draw_report
from components.ops.targets import connect
from components.ops.targets.protocol import (
    Candidate,
    CandidateGone,
    ChampionChanged,
    Staged,
    Target,
    name_of,
)

REFUSED = "refused"


@dataclass(frozen=True)
class DeployOutputs:
    """Where deploy writes.

    Attributes:
        deployment: Folder for ``verdict.json`` and, where staged, ``deployment.json``.
        report: The HTML file.
    """

    deployment: Path
    report: Path


@dataclass(frozen=True)
class _Given:
    plan: Plan
    folder: Path
    card: ModelCard
    golden: Golden
    run: str
    digest: str

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            model=self.card.name,
            version=self.card.version,
            run=self.run,
            as_of=self.card.as_of,
            serving=self.plan.spec.serving,
        )


@dataclass(frozen=True)
class _Tried:
    findings: tuple[Finding, ...]
    staged: Staged | None = None


def deploy(
    plan: Path, model: Path, run: str, outputs: DeployOutputs, ready_timeout_s: float | None = None
) -> Verdict:
    """Stages a model beside the champion and tries it there, before it gets any traffic.

    A step that is run again finds what it staged before. A candidate that is refused is removed,
    and the champion goes on serving.

    Args:
        plan: The plan artifact.
        model: The model folder.
        run: The run's id.
        outputs: Where to write.
        ready_timeout_s: How long its server may take to become ready; None: as the spec says.

    Raises:
        InputError: The plan, the model or the target cannot be used.
        ClusterError: The target did not do what was asked; nothing is known of the candidate.
    """
    given = _read(plan, model, run)
    target = connect(given.plan.spec.serving.target, given.plan.spec.name)
    within_s = given.plan.spec.serving.ready_timeout.total_seconds()
    tried = _try(given, target, within_s if ready_timeout_s is None else ready_timeout_s)
    verdict = _verdict(given, tried.findings)
    if verdict.decision == REFUSED:
        target.roll_back(given.card.version, verdict.reason)
    _write(given, verdict, target.address, outputs)
    if verdict.decision == STAGED and tried.staged is not None:
        deployment = _deployment(given, tried.staged, target.address)
        deployment.write(outputs.deployment / DEPLOYMENT)
    audit.append(
        given.plan.spec.serving.audit_uri,
        audit.entry_of(verdict, run, given.card.name, given.card.version),
    )
    return verdict


def _read(plan: Path, model: Path, run: str) -> _Given:
    card = ModelCard.read(model / MODEL_CARD)
    golden = Golden.read(model / GOLDEN)
    given = _Given(Plan.of(plan), model, card, golden, run, digest_folder(model))
    if card.name != given.plan.spec.name:
        raise InputError(str(model / MODEL_CARD), card.name, f"a model of {given.plan.spec.name}")
    if not given.golden.probability:
        raise InputError(str(model / GOLDEN), "no rows", "golden rows to try the server with")
    return given


def _try(given: _Given, target: Target, ready_timeout_s: float) -> _Tried:
    plan, version = given.plan, given.card.version
    if plan.champion is None and plan.spec.first_model != "allowed":
        sentence = "No model serves yet, and the spec does not say first_model: allowed."
        failed = _fail("first_model", "spec", sentence, plan.spec.first_model, "allowed")
        return _Tried((failed,))
    try:
        staged = target.stage(given.folder, given.candidate, plan.champion)
    except ChampionChanged as error:
        planned, serving = name_of(error.planned), name_of(error.serving)
        failed = _fail("champion_changed", "target", f"{error}.", serving, planned)
        return _Tried((failed,))
    started = time.monotonic()
    try:
        endpoint = target.wait_ready(staged.version, ready_timeout_s)
    except DeadlineExceeded as error:
        failed = _fail("ready", "server", str(error), None, f"{ready_timeout_s:g} s")
        return _Tried((failed,))
    except CandidateGone as error:
        return _Tried((_fail("candidate_gone", "target", f"{error}.", None, version),))
    waited_s = time.monotonic() - started
    ready = Finding(
        code="ready",
        severity=Severity.INFO,
        subject="server",
        measured=waited_s,
        limit=ready_timeout_s,
        sentence=f"Version {version} loaded and was ready {waited_s:.1f} s after it was asked for.",
    )
    limit_ms = plan.spec.serving.canary.max_p99 / timedelta(milliseconds=1)
    trials = validate_server(endpoint, given.card, given.golden, limit_ms)
    return _Tried((ready, *trials), staged)


def _verdict(given: _Given, findings: tuple[Finding, ...]) -> Verdict:
    failures = [f for f in findings if f.severity is Severity.FAIL]
    reason = f"Version {given.card.version} passed {len(findings)} trials in its own server."
    if failures:
        # The first line says what happened, and the last one of a log why.
        lines = failures[0].sentence.splitlines()
        reason = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    numbers = {f.code: f.measured for f in findings if isinstance(f.measured, float)}
    return Verdict(
        step="deploy",
        decision=REFUSED if failures else STAGED,
        reason=reason,
        findings=worst_first(findings),
        as_of=given.plan.as_of,
        digests={**given.plan.digests, "plan": given.plan.digest, "model": given.digest},
        metrics=numbers,
    )


def _write(given: _Given, verdict: Verdict, address: str | None, outputs: DeployOutputs) -> None:
    verdict.write(outputs.deployment / VERDICT)
    outputs.report.parent.mkdir(parents=True, exist_ok=True)
    page = draw_report(verdict, given.plan, given.card, address)
    outputs.report.write_text(page, encoding="utf-8")


def _deployment(given: _Given, staged: Staged, address: str | None) -> Deployment:
    return Deployment(
        target=given.plan.spec.serving.target,
        model=given.card.name,
        version=staged.version,
        uri=staged.uri,
        digest=staged.digest,
        champion=given.plan.champion,
        address=address,
    )


def _fail(code: str, subject: str, sentence: str, measured: str | None, limit: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.FAIL,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=sentence,
    )
