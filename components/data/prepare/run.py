"""Prepares the examples of a plan: reads the sources, writes one file per span and split."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import (
    LINEAGE,
    Lineage,
    SourceRead,
    SpanCount,
    SplitName,
)
from components.core.digest import digest_folder
from components.core.plan import Plan
from components.data.prepare import cache
from components.data.prepare.examples import prepare_span, split_examples
from components.data.prepare.external_tables import ExternalTable, read_external
from components.data.tables.primary import SpanRows, rows_by_span
from components.data.tables.sources import parquet_bytes

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _WrittenSpan:
    """What stays in memory of a span once its files are written."""

    count: SpanCount
    future_rows: dict[str, int]
    newest: datetime | None
    splits: dict[SplitName, int]
    read: tuple[SourceRead, ...]
    is_reused: bool


def prepare(plan_folder: Path, examples: Path) -> Lineage:
    """Makes the examples of a plan, one span at a time.

    Args:
        plan_folder: The plan artifact.
        examples: The folder to fill: ``{split}/{span}.parquet`` and ``lineage.json``.

    Raises:
        InputError: A source cannot be read, or lacks a column that the plan needs.
    """
    plan = Plan.of(plan_folder)
    examples.mkdir(parents=True, exist_ok=True)
    external, read = read_external(plan)
    spans = [_write_span(plan, rows, external, examples) for rows in rows_by_span(plan)]
    reused = sum(span.is_reused for span in spans)
    _log.info("%d spans: %d prepared, %d reused", len(spans), len(spans) - reused, reused)
    future = {one.name: sum(s.future_rows[one.name] for s in spans) for one in external}
    lineage = Lineage(
        plan=plan.digest,
        sources=(*(entry for span in spans for entry in span.read), *read),
        spans=tuple(span.count for span in spans),
        external=tuple(one.state(plan.as_of, future[one.name]) for one in external),
        newest=max((span.newest for span in spans if span.newest), default=None),
        splits={name: sum(span.splits[name] for span in spans) for name in SplitName},
        digest=digest_folder(examples, [LINEAGE]),
    )
    lineage.write(examples / LINEAGE)
    return lineage


def _write_span(
    plan: Plan, primary: SpanRows, external: Sequence[ExternalTable], examples: Path
) -> _WrittenSpan:
    joinable = {one.name: one.rows_for(primary.span) for one in external}
    digests = {one.name: one.digest_for(joinable[one.name]) for one in external}
    key = cache.cache_key(plan, primary.span, primary.digest, digests)
    found = cache.load(plan.spec.data.prepared, key)
    if found is None:
        rows = primary.rows()
        span, rows_read = prepare_span(plan, primary.span, rows, joinable), rows.num_rows
        cache.store(plan.spec.data.prepared, key, span, rows_read)
    else:
        span, rows_read = found
    refused = Counter(span.count.refused)
    for one in external:
        refused.update(one.refused_in(primary.span, is_first=primary.span.name == plan.spans[0]))
    return _WrittenSpan(
        count=span.count.model_copy(update={"refused": dict(refused)}),
        future_rows=dict(span.future_rows),
        newest=pc.max(span.examples[plan.spec.data.primary.event_time]).as_py(),
        splits=_write_splits(plan, primary.span.name, span.examples, examples),
        read=(primary.read(rows_read),) if primary.read else (),
        is_reused=found is not None,
    )


def _write_splits(plan: Plan, span: str, rows: pa.Table, examples: Path) -> dict[SplitName, int]:
    spec = plan.spec
    splits = split_examples(rows, spec.data.primary.event_time, spec.label.name, plan.windows)
    for split, part in splits.items():
        if part.num_rows:
            file = examples / split / f"{span}.parquet"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(parquet_bytes(part))
    return {split: part.num_rows for split, part in splits.items()}
