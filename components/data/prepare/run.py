"""Prepares the examples of a plan: reads the sources, writes one file per span and split."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import (
    LINEAGE,
    Lineage,
    SourceRead,
    SourceState,
    SpanCount,
    SplitName,
)
from components.core.digest import digest_folder
from components.core.plan import Plan
from components.core.spans import format_instant
from components.data.prepare import kept
from components.data.prepare.examples import PreparedSpan, prepare_span
from components.data.prepare.externals import Outside, outside_source
from components.data.prepare.files import parquet_bytes
from components.data.prepare.primary import Piece, pieces
from components.data.prepare.splits import cut
from components.data.prepare.tables import fetch, parse, read_of
from components.data.prepare.wanted import wanted_of_external

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Made:
    """What is left of a span in memory once its files are written."""

    count: SpanCount
    future_rows: dict[str, int]
    newest: str | None
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
    outside, read = read_external(plan)
    made = [_make(plan, piece, outside, examples) for piece in pieces(plan)]
    reused = sum(one.is_reused for one in made)
    _log.info("%d spans: %d prepared, %d reused", len(made), len(made) - reused, reused)
    lineage = Lineage(
        plan=plan.digest,
        sources=(*(r for one in made for r in one.read), *read),
        spans=tuple(one.count for one in made),
        external=_states(plan, outside, made),
        newest=max((one.newest for one in made if one.newest), default=None),
        splits={name: sum(one.splits[name] for one in made) for name in SplitName},
        digest=digest_folder(examples, [LINEAGE]),
    )
    lineage.write(examples / LINEAGE)
    return lineage


def read_external(plan: Plan) -> tuple[tuple[Outside, ...], tuple[SourceRead, ...]]:
    """Reads every external source of a plan, ready to be joined, and what lineage says of it."""
    outside, read = [], []
    for name, source in sorted(plan.spec.data.external.items()):
        file = fetch(source.uri, source.format)
        table = parse(file, wanted_of_external(plan, name))
        outside.append(outside_source(plan, name, table))
        read.append(read_of(file, table.num_rows, source.origin, source.licence))
    return tuple(outside), tuple(read)


def _make(plan: Plan, piece: Piece, outside: Sequence[Outside], examples: Path) -> _Made:
    joinable = {one.name: one.rows_for(piece.span) for one in outside}
    digests = {one.name: one.digest_for(joinable[one.name]) for one in outside}
    name = kept.name_of(plan, piece.span, piece.digest, digests)
    found = kept.load(plan.spec.data.prepared, name)
    span, rows_read = found or _prepare(plan, piece, joinable, name)
    is_first = piece.span.name == plan.spans[0]
    refused = Counter(span.count.refused)
    for one in outside:
        refused.update(one.refused_in(piece.span, is_first))
    return _Made(
        count=span.count.model_copy(update={"refused": dict(refused)}),
        future_rows=dict(span.future_rows),
        newest=_newest(span.examples, plan.spec.data.primary.event_time),
        splits=_write(plan, piece.span.name, span.examples, examples),
        read=(piece.read(rows_read),) if piece.read else (),
        is_reused=found is not None,
    )


def _prepare(
    plan: Plan, piece: Piece, joinable: dict[str, pa.Table], name: str
) -> tuple[PreparedSpan, int]:
    rows = piece.rows()
    span = prepare_span(plan, piece.span, rows, joinable)
    kept.keep(plan.spec.data.prepared, name, span, rows.num_rows)
    return span, rows.num_rows


def _write(plan: Plan, span: str, rows: pa.Table, examples: Path) -> dict[SplitName, int]:
    spec = plan.spec
    parts = cut(rows, spec.data.primary.event_time, spec.label.name, plan.windows)
    for split, part in parts.items():
        if part.num_rows:
            file = examples / split / f"{span}.parquet"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(parquet_bytes(part))
    return {split: part.num_rows for split, part in parts.items()}


def _newest(rows: pa.Table, event_time: str) -> str | None:
    newest = pc.max(rows[event_time]).as_py()
    return format_instant(newest) if newest else None


def _states(
    plan: Plan, outside: Sequence[Outside], made: Sequence[_Made]
) -> tuple[SourceState, ...]:
    late = {one.name: sum(m.future_rows[one.name] for m in made) for one in outside}
    return tuple(one.state(plan.as_of, late[one.name]) for one in outside)
