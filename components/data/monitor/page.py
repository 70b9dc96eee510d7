"""The report of a check."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.tasks import Task, task_of
from components.core.verdict import Finding, Severity, Verdict
from components.data.monitor import charts
from components.data.monitor.checks import CheckResults, MeasuredPerformance, Movement
from components.data.monitor.decision import ExplainedDecision, MonitorDecision
from components.data.monitor.reference import PastCheck
from components.data.monitor.thresholds import CALIBRATION
from components.data.tables.observations import Coverage, WindowCoverage
from components.report.blocks import Banner, Block, Row, Section
from components.report.page import step_page
from components.report.tables import Facts, Findings, Table
from components.report.text import Tone

_TONES: dict[str, Tone] = {
    MonitorDecision.HEALTHY: "good",
    MonitorDecision.ALERT: "bad",
    MonitorDecision.RETRAIN: "warn",
    MonitorDecision.INSUFFICIENT: "warn",
}
_WORST = 3


def render_page(
    plan: Plan,
    verdict: Verdict,
    decided: ExplainedDecision,
    results: CheckResults,
    coverage: Coverage,
    earlier: Sequence[PastCheck],
) -> str:
    """The whole report: the decision first, then its reasons."""
    version = plan.champion.version if plan.champion else None
    now = PastCheck(plan.as_of, version, verdict.decision, verdict.metrics)
    performance = _performance(results.measured, [*earlier, now], task_of(plan.spec.task))
    whose = results.measured.judged.whose
    blocks = [performance, _findings(verdict.findings), _movement(results.moved)]
    return _page(plan, verdict, what_next(decided), blocks, _coverage(plan, coverage, whose))


def render_without_champion(plan: Plan, verdict: Verdict, coverage: Coverage) -> str:
    """The report without a champion that can be judged."""
    next_step = (
        "Nothing is judged before a model serves whose folder can be read. Train and deploy one, "
        "or restore its folder."
    )
    observed = _coverage(plan, coverage, "no rows were judged")
    return _page(plan, verdict, next_step, [_findings(verdict.findings)], observed)


def what_next(decided: ExplainedDecision) -> str:
    """What follows from the decision, for a person."""
    if decided.decision is MonitorDecision.RETRAIN:
        return (
            "A retraining is started now. The new model serves only if it proves better on the "
            "newest days and has not forgotten the reference weeks; otherwise the champion stays."
        )
    if decided.blocked:
        return f"A retraining is needed but does not start, for {decided.blocked}."
    if decided.decision is MonitorDecision.ALERT:
        return "A retraining would not help: a person has to look at the failed findings."
    if decided.decision is MonitorDecision.INSUFFICIENT:
        return "The champion goes on serving unjudged; the next check tries again."
    return "Nothing; the next check looks again."


def _page(
    plan: Plan, verdict: Verdict, next_step: str, blocks: Sequence[Block], observed: Section
) -> str:
    serves = f"champion {plan.champion.version}" if plan.champion else "nothing serves"
    banner = Banner(verdict.decision, verdict.reason, _TONES[verdict.decision])
    return step_page(
        f"Monitoring of {plan.spec.name}",
        banner=banner,
        about=serves,
        as_of=plan.as_of,
        blocks=[Section("What happens next", next_step), *blocks, observed],
    )


def _performance(measured: MeasuredPerformance, checks: Sequence[PastCheck], task: Task) -> Section:
    text = f"On {measured.labelled:,} labelled rows of {measured.window}".rstrip(",")
    text += f"; {measured.judged.whose}."
    curve, metrics = (
        charts.calibration_chart(measured.performance.bins),
        charts.metrics_chart(measured),
    )
    blocks: list[Block] = [Row([curve, metrics]), _metrics(measured)]
    if len(checks) > 1:
        blocks.append(charts.trend_chart(checks))
    return Section("Performance", text, [*blocks, _trend(checks, task)])


def _metrics(measured: MeasuredPerformance) -> Table:
    rows = []
    for name, one in measured.performance.metrics.items():
        threshold = measured.thresholds.get(name)
        found = (one.metric.label, one.estimate, one.low, one.high)
        origin = (threshold.bound, threshold.typical, threshold.origin) if threshold else None
        rows.append((*found, *(origin or (None, None, "not judged"))))
    columns = ("Metric", "Measured", "Low", "High", "Threshold", "Usual", "Threshold is")
    return Table(columns, rows, caption="Metrics of the labelled rows, and their thresholds")


def _trend(checks: Sequence[PastCheck], task: Task) -> Table:
    shown = ("labelled", CALIBRATION, "calibration_limit", *task.headline, task.base_rate)
    rows = [
        (_instant(c.as_of), *(c.metrics.get(n) for n in shown), c.decision, c.version)
        for c in checks
    ]
    names = tuple(name.replace("_", " ").replace("limit", "threshold") for name in shown)
    return Table(("Check", *names, "decision", "champion"), rows, caption="Check after check")


def _instant(instant: datetime) -> str:
    midnight = not (instant.hour or instant.minute)
    return f"{instant:%Y-%m-%d}" if midnight else f"{instant:%Y-%m-%d %H:%M}"


def _findings(findings: Sequence[Finding]) -> Section:
    failed = sum(f.severity is Severity.FAIL for f in findings)
    warned = sum(f.severity is Severity.WARN for f in findings)
    passed = len(findings) - failed - warned
    text = f"{failed} failed, {warned} worth a look, {passed} passed."
    return Section("Findings", text, [Findings(findings)])


def _movement(moved: Movement) -> Section:
    worst = [one for one in moved.skew if one.distance][:_WORST]
    text = (
        "Columns move with the seasons while a model stays right, so a distance beyond its "
        "threshold is a warning unless the spec says that it starts a retraining."
    )
    blocks: list[Block] = [Row([charts.predictions_chart(*moved.predictions)])]
    if worst:
        blocks.append(Row([charts.column_chart(one) for one in worst]))
    return Section("What moved", text, [*blocks, _columns(moved)])


def _columns(moved: Movement) -> Table:
    drift = {one.name: one for one in moved.drift}
    rows, tones = [], list[Tone | None]()
    for one in moved.skew:
        skewed, drifted = one.distance, drift.get(one.name)
        missing = (round(one.before.missing, 4), round(one.now.missing, 4))
        skew = (
            (skewed.value, one.threshold, skewed.where) if skewed else (None, one.threshold, None)
        )
        distance = drifted.distance.value if drifted and drifted.distance else None
        rows.append((one.name, *skew, distance, *missing))
        tones.append("warn" if one.is_beyond or (drifted and drifted.is_beyond) else None)
    return Table(
        ("Column", "Skew", "Threshold", "Most at", "Drift", "Missing, trained", "Missing, live"),
        rows,
        caption="Columns against training (skew) and against the window before (drift)",
        tones=tones,
        fold_after=30,
    )


def _coverage(plan: Plan, coverage: Coverage, whose: str) -> Section:
    watch, before, labelled = coverage.watch, coverage.before, coverage.labelled
    newest = format_instant(coverage.newest) if coverage.newest else None
    facts = Facts(
        [
            ("Window watched", _window(watch)),
            ("Rows", watch.rows),
            ("Window judged by labels", _window(labelled)),
            ("Labels due", labelled.due),
            ("Labels arrived", labelled.labelled),
            ("Judged", whose),
            ("Rows without key", watch.keyless),
            ("Repeated requests", watch.repeated),
            ("Newest request", newest),
            ("Longest silence, hours", watch.longest_silence_h),
            ("Hours without a request", watch.empty_hours),
            ("Rows of the window before", before.rows),
            ("Unreadable files", len(coverage.unreadable)),
        ]
    )
    windows = {"Rows watched": watch, "Rows before": before}
    windows |= {"Rows judged by labels": labelled} if plan.windows.is_late else {}
    counts = pd.DataFrame({n: pd.Series(w.versions, dtype="int64") for n, w in windows.items()})
    counts = counts.fillna(0).astype("int64").sort_index()
    versions = Table(("Version", *counts), list(counts.itertuples()), caption="Who predicted")
    sources = Table(
        ("Source", "Rows", "Bytes", "Digest"),
        [(read.uri, read.rows, read.bytes, read.digest[:12]) for read in coverage.sources],
        caption="What was read",
    )
    return Section("What was observed", "", [facts, versions, sources])


def _window(window: WindowCoverage) -> str:
    return f"{format_instant(window.start)} to {format_instant(window.end)}"
