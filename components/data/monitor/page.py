"""The report of a check."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.tasks import Bins, Task, task_of
from components.core.verdict import Finding, Severity, Verdict
from components.data.monitor.checks import CheckResults, MeasuredPerformance, Movement
from components.data.monitor.decision import ExplainedDecision, MonitorDecision
from components.data.monitor.drift import ColumnComparison, NumberDistribution, bin_name
from components.data.monitor.performance import MetricEstimate, TimedPredictions
from components.data.monitor.reference import PastCheck
from components.data.monitor.thresholds import CALIBRATION, Threshold
from components.data.tables.observations import Coverage
from components.report.blocks import Banner, Block, Facts, Figure, Findings, Row, Section, Table
from components.report.charts import Bars, ErrorBar, Series, bar_chart, interval_chart, line_chart
from components.report.page import build_page
from components.report.text import Tone

_TONES: dict[str, Tone] = {
    MonitorDecision.HEALTHY: "good",
    MonitorDecision.ALERT: "bad",
    MonitorDecision.RETRAIN: "warn",
    MonitorDecision.INSUFFICIENT: "warn",
}
_WORST = 3
_MAX_CATEGORIES = 10
_HISTOGRAM = np.linspace(0, 1, 11)


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
    next_step = "Nothing is judged before a model serves whose folder can be read. Train and "
    next_step += "deploy one, or restore its folder."
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


def calibration_chart(bins: Bins | None) -> Figure:
    """Observed rate over mean probability, of the labelled rows of the window."""
    svg = line_chart(
        [Series("live", bins.mean, bins.rate)] if bins else [],
        title="Calibration, live",
        x_label="mean probability",
        y_label="observed rate",
        x_range=(0, 1),
        y_range=(0, 1),
        diagonal=True,
    )
    return Figure(svg, "On the line, a prediction of 0.3 comes true three times in ten.")


def metrics_chart(measured: MeasuredPerformance) -> Figure:
    """Each metric with a learned threshold, on a scale from its usual value to the threshold."""
    rows = [
        _error_bar(measured.performance.metrics[name], threshold, threshold.typical)
        for name, threshold in measured.thresholds.items()
        if threshold and threshold.typical not in (None, threshold.bound)
    ]
    svg = interval_chart(rows, title="From usual (0) to the learned threshold (1)", limit=1.0)
    text = "A metric fails if it lies beyond the threshold and its whole interval beyond what is "
    return Figure(svg, text + "usual. Intervals resample blocks of time.")


def trend_chart(checks: Sequence[PastCheck]) -> Figure:
    """The calibration error of each check, and its threshold then."""
    names = [f"{check.as_of:%Y-%m-%d}" for check in checks]
    series = [
        Series(name, names, [c.metrics.get(key) for c in checks])
        for name, key in (("calibration error", CALIBRATION), ("threshold", "calibration_limit"))
    ]
    svg = line_chart(series, title="Calibration error by check")
    return Figure(svg, "Each model that serves has its own threshold.")


def predictions_chart(before: TimedPredictions, now: TimedPredictions) -> Figure:
    """The distribution of the champion's probabilities, now and in the window before."""
    groups = [
        Bars(name, (np.histogram(p, _HISTOGRAM)[0] / len(p)).tolist())
        for name, p in (("before", before.prediction), ("watched", now.prediction))
        if len(p)
    ]
    names = [f"{low:.1f}" for low in _HISTOGRAM[:-1]]
    svg = bar_chart(
        names, groups, title="Predictions", x_label="probability from", y_label="share of rows"
    )
    return Figure(svg, "The champion's predictions in the two windows.")


def column_chart(one: ColumnComparison) -> Figure:
    """One column in training and live."""
    shares = _shares(one)
    bars = [Bars(name, shares[name].tolist()) for name in shares]
    svg = bar_chart(list(shares.index), bars, title=one.name, y_label="share of values")
    distance = one.distance
    text = f"{distance.measure} {distance.value:.3f}, most at {distance.where}" if distance else ""
    return Figure(svg, text)


def _page(
    plan: Plan, verdict: Verdict, next_step: str, blocks: Sequence[Block], observed: Section
) -> str:
    return build_page(
        f"Monitoring of {plan.spec.name}",
        banner=Banner(verdict.decision, verdict.reason, _TONES[verdict.decision]),
        about=f"champion {plan.champion.version}" if plan.champion else "nothing serves",
        as_of=plan.as_of,
        blocks=[Section("What happens next", next_step), *blocks, observed],
    )


def _performance(measured: MeasuredPerformance, checks: Sequence[PastCheck], task: Task) -> Section:
    text = f"On {measured.labelled:,} labelled rows of {measured.window}".rstrip(",")
    text += f"; {measured.judged.whose}."
    charts = Row([calibration_chart(measured.performance.bins), metrics_chart(measured)])
    blocks: list[Block] = [charts, _metrics(measured)]
    if len(checks) > 1:
        blocks.append(trend_chart(checks))
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
    rows = []
    for check in checks:
        when = f"{check.as_of:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        measured = (check.metrics.get(name) for name in shown)
        rows.append((when, *measured, check.decision, check.version))
    names = tuple(name.replace("_", " ").replace("limit", "threshold") for name in shown)
    return Table(("Check", *names, "decision", "champion"), rows, caption="Check after check")


def _findings(findings: Sequence[Finding]) -> Section:
    failed, warned, passed = (
        sum(f.severity is severity for f in findings)
        for severity in (Severity.FAIL, Severity.WARN, Severity.INFO)
    )
    text = f"{failed} failed, {warned} worth a look, {passed} passed."
    return Section("Findings", text, [Findings(findings)])


def _movement(moved: Movement) -> Section:
    worst = [one for one in moved.skew if one.distance][:_WORST]
    text = "Columns move with the seasons while a model stays right, so a distance beyond its "
    text += "threshold is a warning unless the spec says that it starts a retraining."
    blocks: list[Block] = [Row([predictions_chart(*moved.predictions)])]
    if worst:
        blocks.append(Row([column_chart(one) for one in worst]))
    return Section("What moved", text, [*blocks, _columns(moved)])


def _columns(moved: Movement) -> Table:
    drift = {one.name: one for one in moved.drifted}
    rows, tones = [], list[Tone | None]()
    for one in moved.skew:
        drifted = drift.get(one.name)
        skew, where = (one.distance.value, one.distance.where) if one.distance else (None, None)
        distance = drifted.distance.value if drifted and drifted.distance else None
        missing = (round(one.before.missing, 4), round(one.now.missing, 4))
        rows.append((one.name, skew, one.threshold, where, distance, *missing))
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
    window_watched, window_judged = (
        f"{format_instant(window.start)} to {format_instant(window.end)}"
        for window in (watch, labelled)
    )
    facts = Facts(
        [
            ("Window watched", window_watched),
            ("Rows", watch.rows),
            ("Window judged by labels", window_judged),
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


def _error_bar(one: MetricEstimate, threshold: Threshold, usual: float) -> ErrorBar:
    scale = threshold.bound - usual
    found = (one.estimate, one.low, one.high)
    estimate, *ends = (None if v is None else round((v - usual) / scale, 2) for v in found)
    low, high = sorted(e for e in ends if e is not None) if None not in ends else (None, None)
    tone: Tone = "neutral"
    if one.estimate is not None:
        tone = "good" if one.metric.reaches(one.estimate, threshold.bound) else "warn"
        tone = "bad" if threshold.is_beyond(one.estimate, one.low, one.high) else tone
    return ErrorBar(one.metric.label, estimate, low, high, tone=tone)


def _shares(one: ColumnComparison) -> pd.DataFrame:
    """Shares in training and live (columns) by category or bin (index)."""
    trained, live = one.before.values, one.now.values
    if isinstance(trained, dict) and isinstance(live, dict):
        shares = {"training": pd.Series(trained), "live": pd.Series(live)}
        table = pd.DataFrame(shares).fillna(0.0).sort_index()
        common = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
        return table.loc[common[:_MAX_CATEGORIES]]
    if isinstance(trained, NumberDistribution) and isinstance(live, NumberDistribution):
        edges = trained.edges
        bins = {"training": trained.shares_between(edges), "live": live.shares_between(edges)}
        return pd.DataFrame(bins, index=[bin_name(edges, i) for i in range(len(edges) + 1)])
    return pd.DataFrame({"training": [], "live": []})
