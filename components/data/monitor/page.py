"""The report of a check."""

from collections.abc import Sequence
from datetime import datetime

from components.core.plan import Plan
from components.core.spans import parse_instant
from components.core.tasks import Task, task_of
from components.core.verdict import Finding, Severity, Verdict
from components.data.monitor import pictures
from components.data.monitor.comparison import Compared
from components.data.monitor.decision import Decided, Decision
from components.data.monitor.judgement import Judgement, Measured, Moved
from components.data.monitor.limits import CALIBRATION
from components.data.monitor.trend import Check
from components.data.observe.coverage import Coverage
from components.report.blocks import Banner, Block, Row, Section
from components.report.page import Page
from components.report.tables import Facts, Findings, Table
from components.report.text import Tone

_TONES: dict[str, Tone] = {
    Decision.HEALTHY: "good",
    Decision.ALERT: "bad",
    Decision.RETRAIN: "warn",
    Decision.INSUFFICIENT: "warn",
}
_WORST = 3


def page(
    plan: Plan,
    verdict: Verdict,
    decided: Decided,
    judgement: Judgement,
    coverage: Coverage,
    earlier: Sequence[Check],
) -> Page:
    """The whole report: the decision first, then what it was made by.

    Args:
        plan: What was asked.
        verdict: The decision.
        decided: Why a retraining starts, or may not.
        judgement: What was found.
        coverage: What was observed.
        earlier: The checks before this one, oldest first.
    """
    now = Check(parse_instant(plan.as_of), _version(plan), verdict.decision, verdict.metrics)
    blocks = [
        *_head(verdict, what_next(decided, verdict)),
        _performance(judgement.measured, [*earlier, now], task_of(plan.spec.task)),
        _findings(verdict.findings),
        _movement(judgement.moved),
        _coverage(coverage, plan.windows.is_late, judgement.measured.judged.whose),
    ]
    return Page(_title(plan), _subtitle(plan), blocks)


def bare_page(plan: Plan, verdict: Verdict, coverage: Coverage) -> Page:
    """The report where nobody can be judged."""
    next_step = (
        "Nothing is judged before a model serves whose folder can be read. Train and deploy one, "
        "or put its folder back."
    )
    blocks = [
        *_head(verdict, next_step),
        _findings(verdict.findings),
        _coverage(coverage, plan.windows.is_late, "no rows were judged"),
    ]
    return Page(_title(plan), _subtitle(plan), blocks)


def what_next(decided: Decided, verdict: Verdict) -> str:
    """What follows from the decision, for a person."""
    if decided.decision is Decision.RETRAIN:
        return (
            "A retraining is started now. The new model serves only if it is proved better on the "
            "newest days and has not forgotten the reference weeks; else the champion stays."
        )
    if decided.blocked:
        return f"A retraining is called for and does not start, for {decided.blocked}."
    if decided.decision is Decision.ALERT:
        return "No retraining answers this: a person has to look at the failed findings."
    if decided.decision is Decision.INSUFFICIENT:
        return "The champion goes on serving unjudged; the next check tries again."
    return "Nothing; the next check looks again."


def _head(verdict: Verdict, next_step: str) -> tuple[Block, ...]:
    banner = Banner(verdict.decision, verdict.reason, _TONES[verdict.decision])
    return banner, Section("What happens next", next_step)


def _performance(measured: Measured, checks: Sequence[Check], task: Task) -> Section:
    judged = measured.judged
    text = f"On {measured.labelled:,} labelled rows of {measured.window}".rstrip(",")
    text += f"; {judged.whose}."
    charts = Row([pictures.calibration(measured.performance.bins), pictures.metrics(measured)])
    blocks: list[Block] = [charts, _metrics(measured)]
    if len(checks) > 1:
        blocks.append(pictures.trend(checks))
    return Section("Performance", text, [*blocks, _trend(checks, task)])


def _metrics(measured: Measured) -> Table:
    rows = []
    for name, one in measured.performance.metrics.items():
        limit = measured.limits.get(name)
        rows.append(
            (
                one.metric.label,
                one.estimate,
                one.low,
                one.high,
                limit.bound if limit else None,
                limit.typical if limit else None,
                limit.origin if limit else "not judged",
            )
        )
    columns = ("Metric", "Measured", "Low", "High", "Limit", "Usual", "Limit is")
    return Table(columns, rows, caption="Metrics of the labelled rows, and their limits")


def _trend(checks: Sequence[Check], task: Task) -> Table:
    shown = ("labelled", CALIBRATION, "calibration_limit", *task.headline, task.base_rate)
    rows = [
        (_instant(c.as_of), *(c.metrics.get(n) for n in shown), c.decision, c.version)
        for c in checks
    ]
    names = tuple(name.replace("_", " ") for name in shown)
    return Table(("Check", *names, "decision", "champion"), rows, caption="Check after check")


def _instant(instant: datetime) -> str:
    midnight = not (instant.hour or instant.minute)
    return f"{instant:%Y-%m-%d}" if midnight else f"{instant:%Y-%m-%d %H:%M}"


def _findings(findings: Sequence[Finding]) -> Section:
    failed = sum(f.severity is Severity.FAIL for f in findings)
    warned = sum(f.severity is Severity.WARN for f in findings)
    fine = len(findings) - failed - warned
    text = f"{failed} failed, {warned} worth a look, {fine} as they should be."
    return Section("Findings", text, [Findings(findings)])


def _movement(moved: Moved) -> Section:
    worst = [one for one in moved.skew if one.distance][:_WORST]
    text = (
        "Columns move with the seasons while a model stays right, so a distance beyond its limit "
        "is a warning unless the spec says that it starts a retraining."
    )
    blocks: list[Block] = [Row([pictures.predictions(*moved.answers)])]
    if worst:
        blocks.append(Row([pictures.column(one) for one in worst]))
    return Section("What moved", text, [*blocks, _columns(moved)])


def _columns(moved: Moved) -> Table:
    drift = {one.name: one for one in moved.drift}
    rows = [_column(one, drift.get(one.name)) for one in moved.skew]
    tones = [_tone(one, drift.get(one.name)) for one in moved.skew]
    return Table(
        ("Column", "Skew", "Limit", "Most at", "Drift", "Missing, trained", "Missing, live"),
        rows,
        caption="Columns against training (skew) and against the window before (drift)",
        tones=tones,
        fold_after=30,
    )


def _column(skew: Compared, drift: Compared | None) -> tuple[object, ...]:
    return (
        skew.name,
        skew.distance.value if skew.distance else None,
        skew.limit,
        skew.distance.where if skew.distance else None,
        drift.distance.value if drift and drift.distance else None,
        round(skew.before.missing, 4),
        round(skew.now.missing, 4),
    )


def _tone(skew: Compared, drift: Compared | None) -> Tone | None:
    return "warn" if skew.is_beyond or (drift is not None and drift.is_beyond) else None


def _coverage(coverage: Coverage, is_late: bool, whose: str) -> Section:
    watch, before, labelled = coverage.watch, coverage.before, coverage.labelled
    found = {
        "watched": watch,
        "before": before,
        **({"judged by labels": labelled} if is_late else {}),
    }
    facts = Facts(
        [
            ("Window watched", f"{watch.start} to {watch.end}"),
            ("Rows", watch.rows),
            ("Window judged by labels", f"{labelled.start} to {labelled.end}"),
            ("Labels due", labelled.due),
            ("Labels arrived", labelled.labelled),
            ("Judged", whose),
            ("Rows without key", watch.keyless),
            ("Asked again", watch.repeated),
            ("Newest request", coverage.newest),
            ("Longest silence, hours", watch.longest_silence_h),
            ("Hours without a request", watch.empty_hours),
            ("Rows of the window before", before.rows),
            ("Unreadable files", len(coverage.unreadable)),
        ]
    )
    versions = Table(
        ("Version", *(f"Rows {name}" for name in found)),
        [
            (version, *(window.versions.get(version, 0) for window in found.values()))
            for version in sorted({v for window in found.values() for v in window.versions})
        ],
        caption="Who answered",
    )
    sources = Table(
        ("Source", "Rows", "Bytes", "Digest"),
        [
            (source.uri, source.rows, source.bytes, source.digest[:12])
            for source in coverage.sources
        ],
        caption="What was read",
    )
    return Section("What was observed", "", [facts, versions, sources])


def _title(plan: Plan) -> str:
    return f"Monitoring of {plan.spec.name}"


def _subtitle(plan: Plan) -> str:
    serves = f"champion {plan.champion.version}" if plan.champion else "nothing serves"
    return f"as of {plan.as_of}, {serves}"


def _version(plan: Plan) -> str | None:
    return plan.champion.version if plan.champion else None
