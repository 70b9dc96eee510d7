"""The evaluation as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.core.plan import Plan
from components.core.spec.training import Change
from components.core.tasks import Comparison, ConfidenceInterval, Metric, Task
from components.model.evaluate.candidates import RECALIBRATED, Candidates
from components.model.evaluate.comparison import Challenger, Holdouts, SliceScore
from components.model.evaluate.gate import DEPLOY, Selection, change_limit, meets_change
from components.report.blocks import Banner, Block, Figure, Findings, Note, Row, Section, Table
from components.report.charts import ErrorBar, Series, interval_chart, line_chart
from components.report.page import build_page
from components.report.text import Tone

_CALIBRATION_BINS = 10
_TITLES = {"roc": "ROC", "precision_recall": "Precision and recall"}
_METRICS = (
    "Each with its interval over blocks of time: rows of one block are not independent, so whole "
    "blocks are resampled."
)
_CHANGES = (
    "Challenger minus champion on the same rows and the same resampled blocks. A mark is good or "
    "bad if the gates judge it; the dashed line is the limit that the conservative bound of the "
    "interval must not cross."
)


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, from what was asked to what was decided; mappings are by holdout."""

    plan: Plan
    task: Task
    holdouts: Holdouts
    candidates: Candidates
    comparisons: Mapping[str, Comparison]
    challengers: Sequence[Challenger]
    selection: Selection


def render_report(found: Evaluation) -> str:
    """The page as one HTML file."""
    selection, comparisons = found.selection, found.comparisons
    blocks: list[Block] = []
    if any(comparison.differences for comparison in comparisons.values()):
        rows = [Row([_change(found, c.name, h) for h in comparisons]) for c in found.challengers]
        blocks.append(Section("Against the champion", _CHANGES, rows))
    tables = [_metrics(h, c, found.task) for h, c in comparisons.items()]
    blocks.append(Section("Metrics", _METRICS, tables))
    blocks += [_curves(found, holdout) for holdout in found.holdouts]
    blocks += [_slices(c.name, c.slices, found.task) for c in found.challengers if c.slices]
    blocks.append(Section("Findings", "", [Findings(selection.findings, "What was checked")]))
    tone: Tone = "good" if selection.decision == DEPLOY else "bad"
    return build_page(
        f"{found.plan.spec.name}: may the challenger serve?",
        banner=Banner(selection.decision, selection.reason, tone),
        facts=_facts(found),
        blocks=blocks,
    )


def _facts(found: Evaluation) -> list[tuple[str, object]]:
    gates, models = found.plan.spec.gates, found.candidates.models
    facts: list[tuple[str, object]] = [(name, model.version) for name, model in models.items()]
    recalibrated = models.get(RECALIBRATED)
    if recalibrated and (fitted := recalibrated.scaling):
        scaling = f"scale {fitted.scale:.3f}, offset {fitted.offset:+.3f}"
        facts.append(("recalibration", f"{scaling}, fitted on {fitted.rows:,} rows"))
    intervals = f"{gates.confidence:.0%}, {gates.resamples:,} resamples of a {gates.block}"
    return [*facts, ("as of", found.plan.as_of), ("intervals", intervals)]


def _change(found: Evaluation, name: str, holdout: str) -> Block:
    comparison, changes = found.comparisons[holdout], getattr(found.plan.spec.gates, holdout)
    title = f"{name}, {holdout}: {comparison.rows:,} rows, {comparison.blocks} blocks"
    bars = [
        _error_bar(metric, changes.get(key), interval)
        for key, metric in found.task.gate_metrics.items()
        if (interval := comparison.differences[name][key]) is not None
    ]
    if not bars:
        return Note(f"{title}: no interval can be given.", "warn")
    return Figure(interval_chart(bars, title=title, x_label=f"{name} minus champion"))


def _error_bar(metric: Metric, change: Change | None, interval: ConfidenceInterval) -> ErrorBar:
    ends = (interval.estimate, interval.low, interval.high)
    if change is None:
        return ErrorBar(metric.label, *ends)
    tone: Tone = "good" if meets_change(metric, change, interval) else "bad"
    return ErrorBar(metric.label, *ends, tone, change_limit(metric, change))


def _metrics(holdout: str, comparison: Comparison, task: Task) -> Table:
    names = tuple(comparison.values)
    rows: list[list[str | None]] = [
        [metric.label, *(_measured(comparison, n, key) for n in names)]
        for key, metric in task.metrics.items()
    ]
    caption = f"{holdout}: {comparison.rows:,} rows in {comparison.blocks} blocks"
    return Table(("metric", *names), rows, caption, numeric=names)


def _measured(comparison: Comparison, name: str, metric: str) -> str | None:
    value, interval = comparison.values[name][metric], comparison.intervals[name][metric]
    if value is None:
        return None
    return f"{value:.4f} [{interval.low:.4f}, {interval.high:.4f}]" if interval else f"{value:.4f}"


def _curves(found: Evaluation, holdout: str) -> Section:
    label, task = found.holdouts[holdout].label, found.task
    predicted = {name: p[holdout] for name, p in found.candidates.probabilities.items()}
    figures: list[Block] = []
    for name, curve in task.curves.items():
        curves = {candidate: c for candidate, p in predicted.items() if (c := curve(label, p))}
        first = next(iter(curves.values()), None)
        chart = line_chart(
            [Series(candidate, c.x, c.y) for candidate, c in curves.items()],
            title=_TITLES.get(name, name),
            x_label=first.x_label if first else "",
            y_label=first.y_label if first else "",
            x_range=(0, 1),
            y_range=(0, 1),
            diagonal=name == "roc",
        )
        figures.append(Figure(chart))
    bins = {name: task.calibration(label, p, _CALIBRATION_BINS) for name, p in predicted.items()}
    chart = line_chart(
        [Series(name, b.mean, b.rate) for name, b in bins.items() if b],
        title="Calibration",
        x_label="mean probability of a bin",
        y_label="observed rate",
        diagonal=True,
    )
    figures.append(Figure(chart, "On the dashed line, predicted and observed rates are equal."))
    return Section(f"Curves on the {holdout} holdout", "", [Row(figures)])


def _slices(name: str, scores: Sequence[SliceScore], task: Task) -> Section:
    metrics = tuple(dict.fromkeys(metric for score in scores for metric in score.metrics))
    rows = [
        [f"{s.part.by} = {s.value}", s.holdout, s.rows, *map(s.metrics.get, metrics)]
        for s in scores
    ]
    labels = tuple(task.metrics[metric].label for metric in metrics)
    caption = f"Slices of the {name} model: a mark says whether it was judged, and how"
    tones = [_tone(score, task) for score in scores]
    table = Table(("slice", "holdout", "rows", *labels), rows, caption, tones=tones)
    return Section(f"Slices: {name}", "", [table])


def _tone(score: SliceScore, task: Task) -> Tone:
    if not score.is_judged:
        return "neutral"
    metrics = score.metrics.items()
    reached = all(task.metrics[m].reaches(value, score.part.floors[m]) for m, value in metrics)
    return "good" if reached else "bad"
