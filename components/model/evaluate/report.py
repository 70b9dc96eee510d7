"""The evaluation as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.core.spec import Gates
from components.core.tasks import Comparison, ConfidenceInterval, Curve, Metric, Task
from components.model.evaluate.comparison import HoldoutCurves, SliceScore
from components.model.evaluate.gate import RequiredChange, change_limit, meets_change
from components.model.evaluate.selection import DEPLOY, Selection
from components.report.blocks import Banner, Block, Figure, Note, Row, Section
from components.report.charts.bars import ErrorBar as Mark
from components.report.charts.bars import interval_chart
from components.report.charts.line import Series, line_chart
from components.report.page import Page, render
from components.report.tables import Facts, Findings, Table
from components.report.text import Tone

_TITLES = {"roc": "ROC", "precision_recall": "Precision and recall"}


@dataclass(frozen=True)
class EvaluationReport:
    """Everything that the page shows.

    Attributes:
        name: The model's name.
        facts: What was compared, and how.
        choice: The decision.
        comparisons: Holdout to what was measured.
        drawings: Holdout to curves.
        slices: Challenger to its slices.
    """

    name: str
    facts: tuple[tuple[str, object], ...]
    choice: Selection
    comparisons: Mapping[str, Comparison]
    drawings: Mapping[str, HoldoutCurves]
    slices: Mapping[str, tuple[SliceScore, ...]]


def render_report(found: EvaluationReport, task: Task, gates: Gates) -> str:
    """The page as one HTML file."""
    choice = found.choice
    tone: Tone = "good" if choice.decision == DEPLOY else "bad"
    blocks: list[Block] = [Banner(choice.decision, choice.reason, tone), Facts(found.facts)]
    if any(comparison.differences for comparison in found.comparisons.values()):
        blocks.append(_against_the_champion(found, task, gates))
    blocks.append(Section("Metrics", _METRICS, [_metrics(h, c, task) for h, c in _each(found)]))
    blocks += [_curves(holdout, drawing) for holdout, drawing in found.drawings.items()]
    blocks += [_slices(name, scores, task) for name, scores in found.slices.items() if scores]
    blocks.append(Section("Findings", "", [Findings(choice.findings, "What was looked at")]))
    return render(Page(f"{found.name}: may the challenger serve?", "", blocks))


_METRICS = (
    "Each with its interval over blocks of time: rows of one block are not independent, so whole "
    "blocks are drawn again."
)
_CHANGES = (
    "Challenger minus champion on the same rows and the same draws of blocks. A mark is good or "
    "bad where the gates judge it; the dashed line is the limit that the bad end must not cross."
)


def _each(found: EvaluationReport) -> Sequence[tuple[str, Comparison]]:
    return tuple(found.comparisons.items())


def _against_the_champion(found: EvaluationReport, task: Task, gates: Gates) -> Section:
    names = tuple(found.slices)
    rows = [Row([_changes(name, h, c, task, gates) for h, c in _each(found)]) for name in names]
    return Section("Against the champion", _CHANGES, rows)


def _changes(name: str, holdout: str, comparison: Comparison, task: Task, gates: Gates) -> Block:
    title = f"{name}, {holdout}: {comparison.rows:,} rows, {comparison.blocks} blocks"
    changes, differences = getattr(gates, holdout), comparison.differences[name]
    marks = [
        _mark(metric, changes.get(key), interval)
        for key, metric in task.judged.items()
        if (interval := differences[key]) is not None
    ]
    if not marks:
        return Note(f"{title}: no interval can be given.", "warn")
    return Figure(interval_chart(marks, title=title, x_label=f"{name} minus champion"))


def _mark(metric: Metric, change: RequiredChange | None, interval: ConfidenceInterval) -> Mark:
    ends = (interval.estimate, interval.low, interval.high)
    if change is None:
        return Mark(metric.label, *ends)
    tone: Tone = "good" if meets_change(metric, change, interval) else "bad"
    return Mark(metric.label, *ends, tone, change_limit(metric, change))


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


def _curves(holdout: str, drawing: HoldoutCurves) -> Section:
    figures: list[Block] = [
        Figure(_line_chart(_TITLES.get(name, name), curves, diagonal=name == "roc"))
        for name, curves in drawing.curves.items()
    ]
    bins = [Series(n, b.mean, b.rate) for n, b in drawing.calibration.items() if b is not None]
    figures.append(
        Figure(
            line_chart(
                bins,
                title="Calibration",
                x_label="mean probability of a bin",
                y_label="observed rate",
                diagonal=True,
            ),
            "On the dashed line, what is said comes true as often as it is said.",
        )
    )
    return Section(f"Curves on the {holdout} holdout", "", [Row(figures)])


def _line_chart(title: str, curves: Mapping[str, Curve | None], *, diagonal: bool) -> str:
    known = {name: curve for name, curve in curves.items() if curve is not None}
    first = next(iter(known.values()), None)
    return line_chart(
        [Series(name, curve.x, curve.y) for name, curve in known.items()],
        title=title,
        x_label=first.x_label if first else "",
        y_label=first.y_label if first else "",
        x_range=(0, 1),
        y_range=(0, 1),
        diagonal=diagonal,
    )


def _slices(name: str, scores: Sequence[SliceScore], task: Task) -> Section:
    metrics = tuple(dict.fromkeys(metric for score in scores for metric in score.metrics))
    rows = [
        [f"{s.by} = {s.value}", s.holdout, s.rows, *(s.metrics.get(metric) for metric in metrics)]
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
    reached = all(task.metrics[m].reaches(value, score.floors[m]) for m, value in metrics)
    return "good" if reached else "bad"
