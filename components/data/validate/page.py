"""The report of validation as one page."""

from collections.abc import Sequence

import pyarrow as pa

from components.core.artifacts import Lineage, ModelColumn, SplitName
from components.core.plan import Plan
from components.core.spec import FeatureKind
from components.core.verdict import Verdict
from components.data.validate.judgement import PASS
from components.data.validate.pictures import picture_of
from components.data.validate.rows import Examples, usable_columns
from components.report.blocks import Banner, Block, Figure, Row, Section
from components.report.charts.line import Series, line_chart
from components.report.page import Page, render
from components.report.tables import Facts, Findings, Table


def page_of(plan: Plan, lineage: Lineage, examples: Examples, verdict: Verdict) -> str:
    """The page as one HTML file.

    Args:
        plan: What was planned.
        lineage: What was prepared.
        examples: The examples.
        verdict: What was decided.
    """
    good = verdict.decision == PASS
    blocks: list[Block] = [
        Banner(verdict.decision, verdict.reason, "good" if good else "bad"),
        Facts(_facts(plan, lineage)),
        Findings(verdict.findings, "What was looked at"),
        Section("Spans", _SPANS, [*_rates(plan, lineage), _spans(lineage)]),
    ]
    if examples.rows:
        blocks.append(Section("Columns", _COLUMNS, _columns(plan, examples)))
    blocks.append(Section("Sources", "", [_sources(lineage)]))
    title = f"{plan.spec.name}: may these data be trained on?"
    return render(Page(title, f"as of {plan.as_of}", blocks))


_SPANS = (
    "What was prepared of each span, before rows without a label are left out. Due are the rows "
    "whose label must be known by now."
)
_COLUMNS = (
    "Training rows beside the newest days, which are a holdout. Bars are shares of the values "
    "that are there; values beyond the outer half percent count with the outermost bars."
)


def _facts(plan: Plan, lineage: Lineage) -> list[tuple[str, object]]:
    rows = [(f"{split} rows", count) for split, count in lineage.splits.items()]
    return [("model", plan.spec.name), ("as of", plan.as_of), ("spans", len(plan.spans)), *rows]


def _rates(plan: Plan, lineage: Lineage) -> list[Block]:
    spans = [span for span in lineage.spans if span.labelled]
    rates = [span.positives / span.labelled for span in spans]
    line = Series(f"share {plan.spec.label.name}", [span.span for span in spans], rates)
    chart = line_chart([line], title="Positive labels by span", y_label="share", width=640)
    return [Figure(chart, "The label's rate in each span.")]


def _spans(lineage: Lineage) -> Table:
    sources = [state.name for state in lineage.external]
    columns = ["span", "rows", "due", "labelled", "positive", *(f"with {s}" for s in sources)]
    rows = []
    for span in lineage.spans:
        joined = [span.joined[s] / span.rows if span.rows else None for s in sources]
        rate = span.positives / span.labelled if span.labelled else None
        rows.append([span.span, span.rows, span.due, span.labelled, rate, *joined])
    return Table(columns, rows, "Prepared spans", fold_after=40)


def _columns(plan: Plan, examples: Examples) -> list[Block]:
    parts = [(str(s), examples.splits[s]) for s in _SHOWN if s in examples.splits]
    columns = usable_columns(plan.columns, examples)
    rows = [_summary(c, name, table) for c in columns for name, table in parts]
    figures = [_figure(c, parts) for c in columns if c.kind != FeatureKind.TIMESTAMP]
    names = ["column", "rows of", "missing", "median or commonest", "least", "most"]
    return [Row(figures), Table(names, rows, "Each column in numbers", fold_after=8)]


_SHOWN = (SplitName.TRAIN, SplitName.RECENT)


def _figure(column: ModelColumn, parts: Sequence[tuple[str, pa.Table]]) -> Figure:
    values = [(name, table[column.name]) for name, table in parts]
    return Figure(picture_of(column.name, column.kind, values))


def _summary(column: ModelColumn, part: str, table: pa.Table) -> list[object]:
    values = table[column.name].drop_null()
    missing = table[column.name].null_count / max(table.num_rows, 1)
    return [column.name, part, missing, *_described(column, values)]


def _described(column: ModelColumn, values: pa.ChunkedArray) -> list[object]:
    if not len(values):
        return [None, None, None]
    if column.kind == FeatureKind.NUMBER:
        ordered = values.sort()
        return [ordered[len(ordered) // 2].as_py(), ordered[0].as_py(), ordered[-1].as_py()]
    if column.kind == FeatureKind.CATEGORY:
        counts = sorted(
            values.value_counts().to_pylist(), key=lambda c: (-c["counts"], c["values"])
        )
        return [counts[0]["values"], f"{len(counts)} categories", None]
    ordered = values.sort()
    return [None, str(ordered[0].as_py()), str(ordered[-1].as_py())]


def _sources(lineage: Lineage) -> Table:
    rows = [
        [read.uri, read.rows, read.bytes, read.origin, read.licence, read.digest[:12]]
        for read in lineage.sources
    ]
    names = ["source", "rows", "bytes", "origin", "licence", "digest"]
    return Table(names, rows, "What was read", fold_after=20)
