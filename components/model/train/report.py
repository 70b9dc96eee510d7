"""The report of a training: what was trained on, and what such a model scores over time."""

from collections.abc import Sequence

from components.core.artifacts import BlockScore, ModelCard
from components.core.tasks import Task
from components.report.blocks import Block, Figure, Note, Section, Table
from components.report.charts import Bars, bar_chart
from components.report.page import build_page

_BLOCKS = (
    "Each block of the training window was scored by a model that was trained on the others. The "
    "blocks say after how many epochs more training no longer helps, and how much such a model "
    "varies from one time to another: monitoring learns its thresholds from that spread."
)
_HOLDOUTS = (
    "As measured on the exported model. The evaluate step decides whether they are good enough."
)


def render_report(card: ModelCard, scores: Sequence[BlockScore], epochs: int, task: Task) -> str:
    """The page as one HTML file; the scores are those of held-out blocks."""
    facts: list[tuple[str, object]] = [
        ("version", card.version),
        ("rows", card.rows),
        ("epochs", epochs),
        ("raw columns", len(card.columns)),
        *((f"digest of {name}", digest[:12]) for name, digest in sorted(card.digests.items())),
    ]
    splits = tuple(card.metrics)
    rows = [
        [metric.label, *(card.metrics[split].get(name) for split in splits)]
        for name, metric in task.metrics.items()
    ]
    table = Table(("metric", *splits), rows, "Metrics of the trained model", numeric=splits)
    blocks = [
        Section("Holdouts", _HOLDOUTS, [table]),
        Section("Held-out blocks", _BLOCKS, _block_scores(scores, task)),
    ]
    return build_page(f"{card.name}: training", as_of=card.as_of, facts=facts, blocks=blocks)


def _block_scores(blocks: Sequence[BlockScore], task: Task) -> list[Block]:
    if not blocks:
        return [Note("The window is too short to hold out blocks: no limits were learned.", "warn")]
    names = tuple(metric.label for metric in task.metrics.values())
    rows = [[b.block, b.rows, *(b.metrics.get(name) for name in task.metrics)] for b in blocks]
    table = Table(("block", "rows", *names), rows, "Scores on each block")
    figures = []
    for metric in (task.metrics[name] for name in task.headline):
        bars = [Bars(metric.label, [block.metrics.get(metric.name) for block in blocks])]
        figures.append(Figure(bar_chart([b.block for b in blocks], bars, title=metric.label)))
    return [*figures, table]
