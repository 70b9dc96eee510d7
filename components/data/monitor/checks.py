"""Runs all checks of monitoring on what was observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from components.core.plan import Champion, Plan
from components.core.spec import FeatureKind
from components.core.tasks import task_of
from components.core.verdict import Finding, Severity, worst_first
from components.data.monitor import drift, live_checks
from components.data.monitor.live_checks import format_window
from components.data.monitor.performance import (
    JudgedRows,
    Performance,
    TimedPredictions,
    check_metrics,
    is_finite,
    labelled_predictions,
    measure_performance,
    own_rows,
    select_judged_rows,
    timed_predictions,
)
from components.data.monitor.reference import ChampionReference
from components.data.monitor.significance import MIN_ROWS
from components.data.monitor.thresholds import Threshold, thresholds_of
from components.data.schema.schema import as_declared
from components.data.schema.statistics import statistics_of
from components.data.tables.observations import Coverage


@dataclass(frozen=True)
class Observations:
    """What observe wrote: rows of the windows (`labelled` is often `watch`), and their coverage."""

    watch: pa.Table
    before: pa.Table
    labelled: pa.Table
    coverage: Coverage


@dataclass(frozen=True)
class MeasuredPerformance:
    """The performance of a window, named in words.

    Of the judged rows, `labelled` have a label and a prediction that is a number.
    """

    window: str
    judged: JudgedRows
    labelled: int
    performance: Performance
    thresholds: Mapping[str, Threshold | None]


@dataclass(frozen=True)
class Movement:
    """How far columns (the furthest first) and the champion's predictions moved.

    Skew is against the training rows, the others against the window before. Predictions, of that
    window and the one watched, may be too few to be compared: then `why_not` says so.
    """

    skew: tuple[drift.ColumnComparison, ...]
    drifted: tuple[drift.ColumnComparison, ...]
    shift: drift.PredictionShift | None
    why_not: str
    predictions: tuple[TimedPredictions, TimedPredictions]


@dataclass(frozen=True)
class CheckResults:
    """What all checks found, before anything is decided."""

    findings: tuple[Finding, ...]
    measured: MeasuredPerformance
    moved: Movement


def run_checks(
    plan: Plan,
    champion: Champion,
    reference: ChampionReference,
    seen: Observations,
    previous: datetime | None,
) -> CheckResults:
    """Runs every check; `previous` is the instant of the last one, None if there was none.

    Raises as `thresholds_of` does.
    """
    measured, found = _performance(plan, champion, reference, seen)
    moved, changes = _movement(plan, champion, reference, seen)
    findings = (*found, *_liveness(plan, champion, seen, measured, previous), *changes)
    return CheckResults(worst_first(findings), measured, moved)


def _performance(
    plan: Plan, champion: Champion, reference: ChampionReference, seen: Observations
) -> tuple[MeasuredPerformance, tuple[Finding, ...]]:
    spec, task, watching = plan.spec, task_of(plan.spec.task), plan.spec.monitoring
    label, event_time = spec.label.name, spec.data.primary.event_time
    judged = select_judged_rows(seen.labelled, champion.version, label, watching.min_rows)
    labelled = labelled_predictions(judged.table, label, event_time)
    measured = measure_performance(task, labelled, spec.gates, watching.calibration.bins)
    rate = measured.metrics[task.base_rate].estimate
    thresholds = thresholds_of(watching, task, reference.limits.blocks, rate)
    count = len(labelled.label)
    rows = f"{count:,} labelled rows {_since(plan, judged)}"
    found = check_metrics(measured, thresholds, rows) if count else ()
    if count < watching.min_rows:
        found = tuple(_as_warning(f) if f.code != "limits" else f for f in found)
    window = "the window"
    if plan.windows.is_late:
        dates = format_window(plan.windows.labelled)
        window = f"the window {dates}, the newest whose labels are all due,"
    return MeasuredPerformance(window, judged, count, measured, thresholds), found


def _since(plan: Plan, judged: JudgedRows) -> str:
    """When the judged rows are from; and whose, if labels come so late that it may surprise."""
    if not plan.windows.is_late:
        return f"since {plan.windows.watch.start:%Y-%m-%d}"
    others = "" if judged.is_champion else ", not all of them the champion's,"
    return f"of {format_window(plan.windows.labelled)}{others}"


def _liveness(
    plan: Plan,
    champion: Champion,
    seen: Observations,
    measured: MeasuredPerformance,
    previous: datetime | None,
) -> tuple[Finding, ...]:
    spec, as_of, window = plan.spec.monitoring, plan.as_of, measured.window
    due = seen.coverage.labelled
    made, whose = champion.as_of, measured.judged.whose
    if plan.windows.is_late and not measured.judged.is_champion and made >= due.end:
        whose += ": it was made after that window, when another served"
    broken = int((~is_finite(seen.watch)).sum())
    return (
        live_checks.check_row_count(measured.labelled, spec.min_rows, due.rows, window),
        live_checks.check_labels(due.labelled, due.due, spec.min_labelled, spec.min_rows),
        live_checks.check_silence(seen.coverage.newest, as_of, spec.max_silence),
        live_checks.check_age(made, as_of, spec.max_model_age),
        live_checks.check_rhythm(previous, as_of, spec.every),
        live_checks.report_versions(whose, due.versions, window),
        *live_checks.check_usable(seen.coverage, broken, spec.min_labelled),
    )


def _movement(
    plan: Plan, champion: Champion, reference: ChampionReference, seen: Observations
) -> tuple[Movement, tuple[Finding, ...]]:
    """Compares columns and predictions; a window without rows is not compared."""
    enough = seen.watch.num_rows >= plan.spec.monitoring.min_rows
    decisive = plan.spec.retraining.on if enough else ()
    raw = [c.name for c in reference.card.columns]
    values = [c.name for c in reference.card.columns if c.kind != FeatureKind.TIMESTAMP]
    trained, schema = drift.distributions_of(reference.statistics), reference.schema
    statistics = statistics_of(as_declared(_select(seen.watch, raw), schema), "live")
    live = drift.distributions_of(statistics) if seen.watch.num_rows else {}
    earlier = statistics_of(_select(seen.before, values), "before")
    before = drift.distributions_of(earlier) if seen.before.num_rows else {}
    moved = Movement(
        drift.compare_columns(trained, live, values, drift.schema_thresholds(schema, "skew")),
        drift.compare_columns(before, live, values, drift.schema_thresholds(schema, "drift")),
        *_prediction_shift(plan, champion, seen),
    )
    of_skew, of_drift, of_shift = (
        Severity.FAIL if kind in decisive else Severity.WARN
        for kind in ("skew", "drift", "prediction_drift")
    )
    findings = (
        *(live_checks.check_schema(statistics, schema, raw) if live else ()),
        *live_checks.check_missing(trained, live, raw),
        *drift.check_column_drift(moved.skew, "skew", of_skew),
        *drift.check_column_drift(moved.drifted, "drift", of_drift),
        drift.check_prediction_drift(moved.shift, of_shift, moved.why_not),
    )
    return moved, findings


def _prediction_shift(
    plan: Plan, champion: Champion, seen: Observations
) -> tuple[drift.PredictionShift | None, str, tuple[TimedPredictions, TimedPredictions]]:
    """Compares the champion's own predictions: another version predicts differently anyway."""
    spec = plan.spec
    before, now = (
        timed_predictions(own_rows(rows, champion.version), spec.data.primary.event_time)
        for rows in (seen.before, seen.watch)
    )
    rows = min(len(before.prediction), len(now.prediction))
    if rows < max(spec.monitoring.min_rows, MIN_ROWS):
        why_not = f"the champion predicted only {rows:,} rows in one of the two windows, so its "
        return None, f"{why_not}predictions are not compared", (before, now)
    task = task_of(spec.task)
    mean = task.metrics[task.mean_prediction]
    return drift.measure_shift(before, now, mean, spec.gates), "", (before, now)


def _select(rows: pa.Table, names: list[str]) -> pa.Table:
    return rows.select([name for name in names if name in rows.column_names])


def _as_warning(found: Finding) -> Finding:
    """A warning in place of a failure: there are too few rows to fail by."""
    severity = Severity.WARN if found.severity is Severity.FAIL else found.severity
    return found.model_copy(update={"severity": severity})
