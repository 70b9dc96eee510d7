"""Checks what was observed: reads the artifacts and the audit, writes a verdict and a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from components.core import audit
from components.core.artifacts import BEFORE, COVERAGE, OBSERVED, VERDICT
from components.core.errors import InputError
from components.core.plan import Champion, Plan
from components.core.verdict import Finding, Severity, Verdict, finding
from components.data.monitor.checks import CheckResults, Observations, run_checks
from components.data.monitor.decision import ExplainedDecision, decide, retraining_block
from components.data.monitor.page import render_page, render_without_champion
from components.data.monitor.reference import ChampionReference, past_checks, read_reference
from components.data.monitor.thresholds import CALIBRATION
from components.data.tables.observations import Coverage, labelled_file

STEP = "monitor"


@dataclass(frozen=True)
class MonitorPaths:
    """The artifacts of plan and observe; the folder for ``verdict.json`` and the HTML file."""

    plan: Path
    observations: Path
    verdict: Path
    report: Path


def monitor(paths: MonitorPaths, run: str) -> Verdict:
    """Judges the champion, claims a retraining if one is needed, and writes verdict and report.

    A run that is restarted with the same id finds the retraining that it claimed and decides the
    same.

    Raises:
        InputError: The spec gives a threshold for a metric that its task does not judge.
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
    """Reads each table once, though the labelled window is often the one watched."""
    judged = labelled_file(plan.windows)
    names = dict.fromkeys((OBSERVED, BEFORE, judged))
    tables = {name: pq.read_table(folder / name, partitioning=None) for name in names}
    coverage = Coverage.read(folder / COVERAGE)
    return Observations(tables[OBSERVED], tables[BEFORE], tables[judged], coverage)


def _champion(plan: Plan) -> tuple[Champion, ChampionReference]:
    if plan.champion is None:
        raise InputError(plan.spec.serving.target, "nothing serves", "a deployed model")
    return plan.champion, read_reference(plan.champion)


def _without_champion(plan: Plan, seen: Observations, why: str) -> tuple[Verdict, str]:
    """Without a champion, or without its folder, nothing is healthy."""
    text = f"there is no champion that can be judged: {why}"
    found = (finding("champion", Severity.FAIL, "champion", None, None, text),)
    verdict = _verdict(plan, decide(found, (), None), found, _counts(seen))
    return verdict, render_without_champion(plan, verdict, seen.coverage)


def _with_champion(
    plan: Plan, champion: Champion, reference: ChampionReference, seen: Observations, run: str
) -> tuple[Verdict, str]:
    entries = audit.entries(plan.spec.serving.audit_uri, step=STEP)
    earlier = past_checks(entries, STEP, plan.spec.name, run, plan.as_of)
    previous = earlier[-1].as_of if earlier else None
    results = run_checks(plan, champion, reference, seen, previous)
    decided = decide_and_claim(plan, results.findings, run)
    verdict = _verdict(plan, decided, results.findings, _metrics(results, seen))
    return verdict, render_page(plan, verdict, decided, results, seen.coverage, earlier)


def decide_and_claim(plan: Plan, findings: tuple[Finding, ...], run: str) -> ExplainedDecision:
    """Decides, and claims the retraining that it decides on.

    If another run was faster, its claim is read and the decision is made anew: of two monitors at
    once one starts a retraining and the other finds the cool-down.
    """
    spec, uri = plan.spec.retraining, plan.spec.serving.audit_uri
    while True:
        history = audit.retrainings(uri)
        blocked = retraining_block(spec, history, run, plan.as_of)
        decided = decide(findings, spec.on, blocked)
        is_claimed = any(past.run == run for past in history)
        if decided.trigger is None or blocked is not None or is_claimed:
            return decided
        claim = audit.RetrainingClaim(run=run, as_of=plan.as_of, reason=decided.trigger)
        if audit.claim_retraining(uri, len(history), claim):
            return decided


def _verdict(
    plan: Plan,
    decided: ExplainedDecision,
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


def _metrics(results: CheckResults, seen: Observations) -> dict[str, float | None]:
    """What tables of many checks show; rows and labels are those that were judged."""
    measured = results.measured
    bounds = {f"{n}_limit": t.bound if t else None for n, t in measured.thresholds.items()}
    bounds["calibration_limit"] = bounds.pop(f"{CALIBRATION}_limit")
    return {
        **_counts(seen),
        "rows": measured.judged.table.num_rows,
        "labelled": measured.labelled,
        **{name: m.estimate for name, m in measured.performance.metrics.items()},
        **bounds,
    }
