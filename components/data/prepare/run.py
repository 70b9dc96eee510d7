"""Prepares the examples of a plan: reads the sources, writes one file per span and split.

Prepared spans are cached between runs, keyed by everything that they are made from.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import LINEAGE, Lineage, SourceRead, SpanCount, SplitName
from components.core.digest import digest_file, digest_folder, digest_of
from components.core.plan import Plan
from components.core.spans import Span
from components.data.prepare.examples import PreparedSpan, SpanFacts, prepare_span, split_examples
from components.data.prepare.external_tables import ExternalTable, read_external
from components.data.tables.primary import SpanRows, rows_by_span
from components.data.tables.sources import parquet_bytes

_META = b"ratoon"
_DESCRIPTIVE = {"uri", "origin", "licence"}  # fields of a source that do not change its rows
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _WrittenSpan:
    """What stays in memory of a span once its files are written."""

    count: SpanCount
    future_rows: Mapping[str, int]
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
    key = cache_key(plan, primary.span, primary.digest, digests)
    found = load_cached(plan.spec.data.prepared, key)
    span = found or prepare_span(plan, primary.span, primary.rows(), joinable)
    if found is None:
        store_cached(plan.spec.data.prepared, key, span)
    facts, refused = span.facts, Counter(span.facts.count.refused)
    for one in external:
        refused.update(one.refused_in(primary.span, is_first=primary.span.name == plan.spans[0]))
    return _WrittenSpan(
        count=facts.count.model_copy(update={"refused": dict(refused)}),
        future_rows=facts.future_rows,
        newest=pc.max(span.examples[plan.spec.data.primary.event_time]).as_py(),
        splits=_write_splits(plan, primary.span.name, span.examples, examples),
        read=(primary.read(facts.rows_read),) if primary.read else (),
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


def cache_key(plan: Plan, span: Span, primary: str, external: Mapping[str, str]) -> str:
    """Digests what a prepared span is made from: plan, code, primary and joined rows.

    Args:
        plan: Only its parts that change a span's examples count.
        span: The span.
        primary: Digest of its primary rows.
        external: Source to the digest of the rows that the span can join.
    """
    data, label = plan.spec.data, plan.spec.label
    left_out = {*_DESCRIPTIVE, "max_staleness"}
    joins = {
        name: [data.external[name].model_dump(mode="json", exclude=left_out), rows]
        for name, rows in external.items()
    }
    # Once every label of the span is known, a later as_of gives the same examples.
    is_settled = plan.as_of >= span.end + label.known_after
    made_of = {
        "primary": [data.primary.model_dump(mode="json", exclude=_DESCRIPTIVE), primary],
        "external": joins,
        "label": label.model_dump(mode="json", exclude={"threshold"}),
        "rules": [rule.null_if for rule in plan.spec.rules],
        "columns": [column.model_dump(mode="json") for column in plan.columns],
        "span": [data.span, span.name],
        "as_of": None if is_settled else plan.as_of,
        "code": [pa.__version__, _code()],
    }
    return digest_of(made_of)


def load_cached(folder: str | None, name: str) -> PreparedSpan | None:
    """A cached span; None if it is missing or broken."""
    if folder is None or not storage.exists(uri := f"{folder}/{name}.parquet"):
        return None
    try:
        table = pq.read_table(pa.BufferReader(storage.read_bytes(uri)))
        facts = SpanFacts.model_validate_json((table.schema.metadata or {})[_META])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        _log.warning("%s is not a cached span and is prepared again: %s", uri, error)
        return None
    return PreparedSpan(table.replace_schema_metadata(None), facts)


def store_cached(folder: str | None, name: str, span: PreparedSpan) -> None:
    """Stores a span for later runs; a file appears whole or not at all."""
    if folder is not None:
        facts = {_META: span.facts.model_dump_json().encode()}
        content = parquet_bytes(span.examples.replace_schema_metadata(facts))
        storage.write_bytes(f"{folder}/{name}.parquet", content)


@cache
def _code() -> list[str]:
    """Digests of the modules that make a span: one made by other code is prepared again."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), *(here.parent / "tables").glob("*.py")]
    return [digest_file(file) for file in sorted(files)]
