"""Prepared spans that are cached between runs, keyed by everything that they are made from."""

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import Record, SpanCount
from components.core.digest import digest_file, digest_of
from components.core.plan import Plan
from components.core.spans import Span
from components.data.prepare.examples import PreparedSpan
from components.data.tables.sources import parquet_bytes

_META = b"ratoon"
_DESCRIPTIVE = {"uri", "origin", "licence"}  # fields of a source that do not change its rows
_log = logging.getLogger(__name__)


class CachedSpan(Record):
    """The metadata of a cached span.

    Attributes:
        count: What the span holds; refused values only of the primary table.
        future_rows: External source to joined rows that were not known yet.
        rows_read: Rows of the primary file.
    """

    count: SpanCount
    future_rows: Mapping[str, int]
    rows_read: int


def cache_key(plan: Plan, span: Span, primary: str, external: Mapping[str, str]) -> str:
    """Digests what a prepared span is made from: plan, code, file and joined rows.

    Args:
        plan: Only its parts that change a span's examples count.
        span: The span.
        primary: Digest of its primary rows.
        external: Source to the digest of the rows that the span can join.
    """
    data = plan.spec.data
    # Once every label of the span is known, a later as_of gives the same examples.
    is_settled = plan.as_of >= span.end + plan.spec.label.known_after
    made_of = {
        "primary": [data.primary.model_dump(mode="json", exclude=_DESCRIPTIVE), primary],
        "external": {n: [_join_rule(plan, n), rows] for n, rows in external.items()},
        "label": plan.spec.label.model_dump(mode="json", exclude={"threshold"}),
        "rules": [rule.null_if for rule in plan.spec.rules],
        "columns": [column.model_dump(mode="json") for column in plan.columns],
        "span": [data.span, span.name],
        "as_of": None if is_settled else plan.as_of,
        "code": [pa.__version__, _code()],
    }
    return digest_of(made_of)


def load(folder: str | None, name: str) -> tuple[PreparedSpan, int] | None:
    """A cached span and the rows of its primary file; None if it is missing or broken."""
    if folder is None or not storage.exists(uri := f"{folder}/{name}.parquet"):
        return None
    try:
        table = pq.read_table(pa.BufferReader(storage.read_bytes(uri)))
        cached = CachedSpan.model_validate_json((table.schema.metadata or {})[_META])
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        _log.warning("%s is not a cached span and is prepared again: %s", uri, error)
        return None
    examples = table.replace_schema_metadata(None)
    return PreparedSpan(examples, cached.count, cached.future_rows), cached.rows_read


def store(folder: str | None, name: str, span: PreparedSpan, rows_read: int) -> None:
    """Stores a span for later runs; a file appears whole or not at all."""
    if folder is None:
        return
    cached = CachedSpan(count=span.count, future_rows=span.future_rows, rows_read=rows_read)
    marked = span.examples.replace_schema_metadata({_META: cached.model_dump_json().encode()})
    storage.write_bytes(f"{folder}/{name}.parquet", parquet_bytes(marked))


def _join_rule(plan: Plan, name: str) -> dict[str, object]:
    left_out = {*_DESCRIPTIVE, "max_staleness"}
    return plan.spec.data.external[name].model_dump(mode="json", exclude=left_out)


@cache
def _code() -> list[str]:
    """Digests of the modules that make a span: one made by other code is prepared again."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), *(here.parent / "tables").glob("*.py")]
    return [digest_file(file) for file in sorted(files)]
