"""Everything that a check looks at, brought together from what was observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from components.core.plan import Champion, Plan
from components.core.spans import parse_instant
from components.core.tasks import task_of
from components.core.verdict import Finding, Severity, worst_first
from components.data.monitor import comparison, performance, quality, shift, signs
from components.data.monitor.champion import Reference
from components.data.monitor.comparison import Compared
from components.data.monitor.distributions import Column, columns_of
from components.data.monitor.limits import Limit, limits_of
from components.data.monitor.performance import Performance
from components.data.monitor.rows import (
    Judged,
    answers_of,
    is_finite,
    judged_rows,
    labelled_of,
    own_rows,
)
from components.data.monitor.shift import Answers, Shift
from components.data.monitor.signs import between
from components.data.observe.coverage import Coverage
from components.data.statistics import statistics_of
from components.data.validate.schema import as_declared


@dataclass(frozen=True)
class Observations:
    """What observe wrote.

    Attributes:
        watch: Rows of the window that is watched.
        before: Rows of the window before.
        labelled: Rows of the window whose labels are judged; often `watch` itself.
        coverage: What they cover.
    """

    watch: pa.Table
    before: pa.Table
    labelled: pa.Table
    coverage: Coverage


@dataclass(frozen=True)
class Measured:
    """How the labelled rows of the window did.

    Attributes:
        window: Which window, in words.
        judged: The rows.
        labelled: Those of them that count: with a label and a prediction that is a number.
        performance: Their metrics.
        limits: Metric to its limit; None where there is none.
    """

    window: str
    judged: Judged
    labelled: int
    performance: Performance
    limits: Mapping[str, Limit | None]


@dataclass(frozen=True)
class Moved:
    """How far columns and predictions moved.

    Attributes:
        skew: Columns against the training rows, the furthest first.
        drift: Columns against the window before, the furthest first.
        shift: Predictions against the window before; None: they cannot be compared.
        answers: The champion's predictions in the window before, and in the one watched.
    """

    skew: tuple[Compared, ...]
    drift: tuple[Compared, ...]
    shift: Shift | None
    answers: tuple[Answers, Answers]


@dataclass(frozen=True)
class Judgement:
    """What a check found, before anything is decided."""

    findings: tuple[Finding, ...]
    measured: Measured
    moved: Moved


def look(
    plan: Plan,
    champion: Champion,
    reference: Reference,
    seen: Observations,
    previous: datetime | None,
) -> Judgement:
    """Looks at everything.

    Args:
        plan: Spec and instant.
        champion: What serves.
        reference: What it is held against.
        seen: What was observed.
        previous: The instant of the check before this one; None: there was none.

    Raises:
        InputError: The spec gives a limit for a metric that the task does not judge.
    """
    measured, found = _performance(plan, champion, reference, seen)
    moved, changes = _movement(plan, champion, reference, seen)
    findings = (*found, *_signs(plan, champion, seen, measured, previous), *changes)
    return Judgement(worst_first(findings), measured, moved)


def _performance(
    plan: Plan, champion: Champion, reference: Reference, seen: Observations
) -> tuple[Measured, tuple[Finding, ...]]:
    spec, task = plan.spec, task_of(plan.spec.task)
    judged = judged_rows(seen.labelled, champion.version, spec.label.name, spec.monitoring.rows)
    labelled = labelled_of(judged.table, spec.label.name, spec.data.primary.event_time)
    bins = spec.monitoring.calibration.bins
    measured = performance.measure(task, labelled, spec.gates, bins)
    rate = measured.metrics[task.base_rate].estimate
    limits = limits_of(spec.monitoring, task, reference.limits.blocks, rate)
    rows = f"{labelled.rows:,} labelled rows {_since(plan, judged)}"
    found = performance.judge(measured, limits, rows) if labelled.rows else ()
    if labelled.rows < spec.monitoring.rows:
        found = tuple(_softened(f) if f.code != "limits" else f for f in found)
    return Measured(_window_in_words(plan), judged, labelled.rows, measured, limits), found


def _window_in_words(plan: Plan) -> str:
    """The window whose labels are judged."""
    if not plan.windows.is_late:
        return "the window"
    return f"the window {between(plan.windows.labelled)}, the newest whose labels are all due,"


def _since(plan: Plan, judged: Judged) -> str:
    """Of when the judged rows are; and whose, where labels come so late that it may surprise."""
    if not plan.windows.is_late:
        return f"since {plan.windows.watch.start:%Y-%m-%d}"
    others = "" if judged.is_champion else ", not all of them the champion's,"
    return f"of {between(plan.windows.labelled)}{others}"


def _signs(
    plan: Plan,
    champion: Champion,
    seen: Observations,
    measured: Measured,
    previous: datetime | None,
) -> tuple[Finding, ...]:
    spec, as_of, due = plan.spec.monitoring, parse_instant(plan.as_of), seen.coverage.labelled
    newest = parse_instant(seen.coverage.newest) if seen.coverage.newest else None
    made, whose = parse_instant(champion.as_of), measured.judged.whose
    if plan.windows.is_late and not measured.judged.is_champion and made >= parse_instant(due.end):
        whose += ": it was made after that window, when another served"
    broken = int((~is_finite(seen.watch)).sum())
    return (
        signs.enough(measured.labelled, spec.rows, due.rows, measured.window),
        signs.labels(due.labelled, due.due, spec.labelled, spec.rows),
        signs.silence(newest, as_of, spec.silence),
        signs.age(made, as_of, spec.oldest_model),
        signs.check(previous, as_of, spec.every),
        signs.versions(whose, due.versions, measured.window),
        *quality.unusable(seen.coverage, broken, spec.labelled),
    )


def _movement(
    plan: Plan, champion: Champion, reference: Reference, seen: Observations
) -> tuple[Moved, tuple[Finding, ...]]:
    """Columns and predictions; nothing is compared with a window that has no rows."""
    on = plan.spec.retraining.on if seen.watch.num_rows >= plan.spec.monitoring.rows else ()
    raw = [c.name for c in reference.card.columns]
    values = [c.name for c in reference.card.columns if c.kind != "timestamp"]
    trained = columns_of(reference.statistics)
    statistics = statistics_of(as_declared(_only(seen.watch, raw), reference.schema), "live")
    live = columns_of(statistics) if seen.watch.num_rows else {}
    before = _columns(seen.before, values)
    skew = comparison.compare(trained, live, values, comparison.limits_in(reference.schema, "skew"))
    drift = comparison.compare(
        before, live, values, comparison.limits_in(reference.schema, "drift")
    )
    moved, why_not = _shift(plan, champion, seen)
    findings = (
        *(quality.against_schema(statistics, reference.schema, raw) if live else ()),
        *quality.missing(trained, live, raw),
        *comparison.judge(skew, "skew", _severity("skew" in on)),
        *comparison.judge(drift, "drift", _severity("drift" in on)),
        shift.judge(moved[0], _severity("prediction_drift" in on), why_not),
    )
    return Moved(skew, drift, *moved), findings


def _shift(
    plan: Plan, champion: Champion, seen: Observations
) -> tuple[tuple[Shift | None, tuple[Answers, Answers]], str]:
    """The champion's own answers of both windows: another version says other things anyway."""
    spec = plan.spec
    before, now = (
        answers_of(own_rows(rows, champion.version), spec.data.primary.event_time)
        for rows in (seen.before, seen.watch)
    )
    rows = min(len(before.prediction), len(now.prediction))
    if rows < spec.monitoring.rows:
        why_not = f"the champion answered only {rows:,} rows in one of the two windows"
        return (None, (before, now)), f"{why_not}, so its predictions are not compared"
    task = task_of(spec.task)
    mean = task.metrics[task.mean_prediction]
    return (shift.measure(before, now, mean, spec.gates), (before, now)), ""


def _columns(rows: pa.Table, names: list[str]) -> Mapping[str, Column]:
    return columns_of(statistics_of(_only(rows, names), "before")) if rows.num_rows else {}


def _only(rows: pa.Table, names: list[str]) -> pa.Table:
    return rows.select([name for name in names if name in rows.column_names])


def _severity(counts: bool) -> Severity:
    return Severity.FAIL if counts else Severity.WARN


def _softened(finding: Finding) -> Finding:
    """Too few rows to fail by."""
    if finding.severity is not Severity.FAIL:
        return finding
    return finding.model_copy(update={"severity": Severity.WARN})
