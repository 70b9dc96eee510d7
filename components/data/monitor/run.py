"""Judges what was observed: reads three artifacts and the audit, writes a verdict and a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from components.core import audit
from components.core.artifacts import BEFORE, COVERAGE, OBSERVED, VERDICT
from components.core.errors import InputError
from components.core.plan import Champion, Plan
from components.core.spans import parse_instant
from components.core.verdict import Finding, Severity, Verdict
from components.data.monitor.champion import Reference, read_reference
from components.data.monitor.decision import Decided, block, decide
from components.data.monitor.judgement import Judgement, Observations, look
from components.data.monitor.limits import CALIBRATION
from components.data.monitor.page import bare_page, page
from components.data.monitor.trend import Check, earlier_checks
from components.data.observe.coverage import Coverage
from components.data.observe.window import labelled_file
from components.report.page import render

STEP = "monitor"


@dataclass(frozen=True)
class Paths:
    """Where a check reads and writes.

    Attributes:
        plan: The plan artifact.
        observations: What observe wrote.
        verdict: The folder for ``verdict.json``.
        report: The HTML file.
    """

    plan: Path
    observations: Path
    verdict: Path
    report: Path


def monitor(paths: Paths, run: str) -> Verdict:
    """Judges the champion, claims a retraining where one is called for, and writes it all down.

    Args:
        paths: Where to read and write.
        run: The id of this run. A run that is started again with the same id finds the
            retraining that it claimed and decides the same.

    Raises:
        InputError: The spec gives a limit for a metric that its task does not judge.
    """
    plan = Plan.of(paths.plan)
    seen = _observations(plan, paths.observations)
    try:
        champion, reference = _champion(plan)
    except (InputError, OSError) as error:
        verdict, html = _without_champion(plan, seen, str(error))
    else:
        verdict, html = _with_champion(plan, champion, reference, seen, run)
    verdict.write(paths.verdict / VERDICT)
    paths.report.parent.mkdir(parents=True, exist_ok=True)
    paths.report.write_text(html, encoding="utf-8")
    version = plan.champion.version if plan.champion else None
    audit.append(plan.spec.serving.audit_uri, audit.entry_of(verdict, run, plan.spec.name, version))
    return verdict


def _observations(plan: Plan, folder: Path) -> Observations:
    """Each table once, though the window whose labels are judged is often the one watched."""
    judged = labelled_file(plan.windows)
    names = dict.fromkeys((OBSERVED, BEFORE, judged))
    tables = {name: pq.read_table(folder / name, partitioning=None) for name in names}
    coverage = Coverage.read(folder / COVERAGE)
    return Observations(tables[OBSERVED], tables[BEFORE], tables[judged], coverage)


def _champion(plan: Plan) -> tuple[Champion, Reference]:
    if plan.champion is None:
        raise InputError(plan.spec.serving.target, "nothing serves", "a deployed model")
    return plan.champion, read_reference(plan.champion)


def _without_champion(plan: Plan, seen: Observations, why: str) -> tuple[Verdict, str]:
    """Nobody to judge, or nothing to judge by: never healthy."""
    text = f"there is no champion that can be judged: {why}"
    finding = Finding(
        code="champion",
        severity=Severity.FAIL,
        subject="champion",
        measured=None,
        limit=None,
        sentence=text,
    )
    verdict = _verdict(plan, decide([finding], (), None), (finding,), _counts(seen))
    return verdict, render(bare_page(plan, verdict, seen.coverage))


def _with_champion(
    plan: Plan, champion: Champion, reference: Reference, seen: Observations, run: str
) -> tuple[Verdict, str]:
    earlier = _earlier(plan, run)
    previous = earlier[-1].as_of if earlier else None
    judgement = look(plan, champion, reference, seen, previous)
    decided = settle(plan, judgement.findings, run)
    verdict = _verdict(plan, decided, judgement.findings, _numbers(judgement, seen))
    return verdict, render(page(plan, verdict, decided, judgement, seen.coverage, earlier))


def settle(plan: Plan, findings: tuple[Finding, ...], run: str) -> Decided:
    """Decides, and claims the retraining that it decides on.

    Where another run was faster its claim is read, and what it means for this one is decided
    anew: of two monitors at once one starts a retraining and the other finds the cool-down.

    Args:
        plan: The spec's cool-down and budget, the instant, the audit.
        findings: What was found.
        run: The id of this run.
    """
    spec, uri = plan.spec.retraining, plan.spec.serving.audit_uri
    while True:
        history = audit.retrainings(uri)
        blocked = block(spec, history, run, parse_instant(plan.as_of))
        decided = decide(findings, spec.on, blocked)
        if decided.trigger is None or blocked is not None:
            return decided
        if any(past.run == run for past in history):
            return decided
        claim = audit.RetrainingClaim(run=run, as_of=plan.as_of, reason=decided.trigger)
        if audit.claim_retraining(uri, len(history), claim):
            return decided


def _earlier(plan: Plan, run: str) -> tuple[Check, ...]:
    entries = audit.entries(plan.spec.serving.audit_uri, step=STEP)
    return earlier_checks(entries, STEP, plan.spec.name, run, parse_instant(plan.as_of))


def _verdict(
    plan: Plan,
    decided: Decided,
    findings: tuple[Finding, ...],
    metrics: Mapping[str, float | None],
) -> Verdict:
    champion = {"champion": plan.champion.digest} if plan.champion else {}
    return Verdict(
        step=STEP,
        decision=decided.decision,
        reason=decided.reason,
        findings=findings,
        as_of=plan.as_of,
        digests={**plan.digests, "plan": plan.digest, **champion},
        metrics=metrics,
    )


def _counts(seen: Observations) -> dict[str, float | None]:
    window = seen.coverage.labelled
    return {"rows": window.rows, "due": window.due, "labelled": window.labelled}


def _numbers(judgement: Judgement, seen: Observations) -> dict[str, float | None]:
    """What tables of many checks are made of; rows and labels are those that were judged."""
    measured = judgement.measured
    limits = {f"{n}_limit": x.bound if x else None for n, x in measured.limits.items()}
    limits["calibration_limit"] = limits.pop(f"{CALIBRATION}_limit")
    return {
        **_counts(seen),
        "rows": measured.judged.table.num_rows,
        "labelled": measured.labelled,
        **{name: m.estimate for name, m in measured.performance.metrics.items()},
        **limits,
    }
