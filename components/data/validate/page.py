"""The report of validation as one page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from components.core.artifacts import Lineage, ModelColumn, SplitName
from components.core.plan import Plan
from components.core.spec import FeatureKind
from components.core.verdict import Verdict
from components.data.validate.examples import LabelledExamples, usable_columns
from components.report.blocks import Banner, Block, Figure, Row, Section, Table
from components.report.charts import Bars, Series, bar_chart, line_chart
from components.report.page import build_page

_SPANS = (
    "What was prepared of each span, before rows without a label are left out. Due are the rows "
    "whose label must be known by now."
)
_COLUMNS = (
    "Training rows beside the newest days, which are a holdout. Bars are shares of the values "
    "that are present; values beyond the outer half percent count with the outermost bars."
)
_SHOWN = (SplitName.TRAIN, SplitName.RECENT)
_BINS = 12
_BARS = 10


def render_page(plan: Plan, lineage: Lineage, examples: LabelledExamples, verdict: Verdict) -> str:
    """Renders the page as one HTML file."""
    splits = [(f"{split} rows", count) for split, count in lineage.splits.items()]
    run = [("model", plan.spec.name), ("as of", plan.as_of), ("spans", len(plan.spans))]
    blocks: list[Block] = [Section("Spans", _SPANS, [_label_rates(plan, lineage), _spans(lineage)])]
    if examples.rows:
        blocks.append(Section("Columns", _COLUMNS, _columns(plan, examples)))
    return build_page(
        f"{plan.spec.name}: may these data be trained on?",
        banner=Banner(verdict.decision, verdict.reason, "bad" if verdict.failures else "good"),
        as_of=plan.as_of,
        facts=[*run, *splits],
        findings=verdict.findings,
        blocks=[*blocks, Section("Sources", "", [_sources(lineage)])],
    )


def column_chart(name: str, kind: str, parts: Sequence[tuple[str, pa.ChunkedArray]]) -> str:
    """Draws a column's distribution in several parts of the data, side by side, as SVG."""
    series = [values.drop_null().to_pandas() for _, values in parts]
    shares = _category_shares(series) if kind == FeatureKind.CATEGORY else _bin_shares(series)
    groups = [Bars(part, shares[index].tolist()) for index, (part, _) in enumerate(parts)]
    classes = [str(one) for one in shares.index]
    return bar_chart(classes, groups, title=name, y_label="share of values", width=420, height=260)


def _label_rates(plan: Plan, lineage: Lineage) -> Figure:
    spans = [span for span in lineage.spans if span.labelled]
    rates = [span.positives / span.labelled for span in spans]
    line = Series(f"share {plan.spec.label.name}", [span.span for span in spans], rates)
    chart = line_chart([line], title="Positive labels by span", y_label="share", width=640)
    return Figure(chart, "The label's rate in each span.")


def _spans(lineage: Lineage) -> Table:
    sources = [state.name for state in lineage.external]
    columns = ["span", "rows", "due", "labelled", "positive", *(f"with {s}" for s in sources)]
    rows = []
    for span in lineage.spans:
        joined = [span.joined[s] / span.rows if span.rows else None for s in sources]
        rate = span.positives / span.labelled if span.labelled else None
        rows.append([span.span, span.rows, span.due, span.labelled, rate, *joined])
    return Table(columns, rows, "Prepared spans", fold_after=40)


def _columns(plan: Plan, examples: LabelledExamples) -> list[Block]:
    parts = [(str(s), examples.splits[s]) for s in _SHOWN if s in examples.splits]
    columns = usable_columns(plan.columns, examples)
    figures = [
        Figure(column_chart(c.name, c.kind, [(name, table[c.name]) for name, table in parts]))
        for c in columns
        if c.kind != FeatureKind.TIMESTAMP
    ]
    rows = [[c.name, name, *_describe(c, t[c.name])] for c in columns for name, t in parts]
    names = ["column", "rows of", "missing", "median or most common", "minimum", "maximum"]
    return [Row(figures), Table(names, rows, "Each column in numbers", fold_after=8)]


def _describe(column: ModelColumn, values: pa.ChunkedArray) -> list[object]:
    missing = values.null_count / max(len(values), 1)
    present: pd.Series = values.drop_null().to_pandas()
    if present.empty:
        return [missing, None, None, None]
    if column.kind == FeatureKind.NUMBER:
        median = present.quantile(0.5, interpolation="higher")
        return [missing, float(median), float(present.min()), float(present.max())]
    if column.kind == FeatureKind.CATEGORY:
        return [missing, present.mode()[0], f"{present.nunique()} categories", None]
    return [missing, None, str(present.min()), str(present.max())]


def _sources(lineage: Lineage) -> Table:
    rows = [
        [read.uri, read.rows, read.bytes, read.origin, read.licence, read.digest[:12]]
        for read in lineage.sources
    ]
    names = ["source", "rows", "bytes", "origin", "licence", "digest"]
    return Table(names, rows, "What was read", fold_after=20)


def _bin_shares(series: Sequence[pd.Series]) -> pd.DataFrame:
    """Shares by bin (index: its lower edge) and part (columns)."""
    values = [one.to_numpy(np.float64) for one in series]
    pooled = np.concatenate(values)
    if not len(pooled):
        return pd.DataFrame(0.0, index=["none"], columns=range(len(values)))
    low, high = np.quantile(pooled, [0.005, 0.995])
    edges = np.linspace(low, high, _BINS + 1) if low < high else np.array([low, low])
    # Values beyond the outer half percents count with the outermost bins.
    counts = [np.histogram(np.clip(v, low, high), edges)[0] for v in values]
    shares = {part: count / max(count.sum(), 1) for part, count in enumerate(counts)}
    return pd.DataFrame(shares, index=[f"{edge:,.4g}" for edge in edges[:-1]])


def _category_shares(series: Sequence[pd.Series]) -> pd.DataFrame:
    """Shares by category (index, the most common first) and part (columns)."""
    counts = {part: one.value_counts(normalize=True) for part, one in enumerate(series)}
    shares = pd.DataFrame(counts).fillna(0.0).sort_index()
    return shares.sort_values(0, ascending=False, kind="stable").head(_BARS)
