"""Prepared spans that are kept between runs, named by everything that they were made from."""

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
from components.core.spans import Span, parse_instant
from components.data.prepare.examples import PreparedSpan
from components.data.prepare.files import parquet_bytes

_META = b"ratoon"
_SAID_ONLY = {"uri", "origin", "licence"}  # of a source; its rows are the same whatever it says
_log = logging.getLogger(__name__)


class KeptSpan(Record):
    """What stands beside the examples of a kept span.

    Attributes:
        count: What it holds; refusals only of the primary table.
        future_rows: External source to joined rows that were not known yet.
        rows_read: Rows of the primary file.
    """

    count: SpanCount
    future_rows: Mapping[str, int]
    rows_read: int


def name_of(plan: Plan, span: Span, primary: str, external: Mapping[str, str]) -> str:
    """Names a prepared span by what it is made from: plan, code, file and joined rows.

    Args:
        plan: Only the parts of it that change a span's examples count.
        span: The span.
        primary: Digest of its primary rows.
        external: Source to the digest of the rows that the span can join.
    """
    data = plan.spec.data
    as_of = parse_instant(plan.as_of)
    # Once every label of the span is known, a later as_of makes no other examples.
    is_settled = as_of >= span.end + plan.spec.label.known_after
    made_of = {
        "primary": [data.primary.model_dump(mode="json", exclude=_SAID_ONLY), primary],
        "external": {n: [_joined_by(plan, n), rows] for n, rows in external.items()},
        "label": plan.spec.label.model_dump(mode="json", exclude={"threshold"}),
        "rules": [rule.refuse_value for rule in plan.spec.rules],
        "columns": [column.model_dump(mode="json") for column in plan.columns],
        "span": [data.span, span.name],
        "as_of": None if is_settled else plan.as_of,
        "code": [pa.__version__, _code()],
    }
    return digest_of(made_of)


def load(folder: str | None, name: str) -> tuple[PreparedSpan, int] | None:
    """A kept span and the rows of its primary file; None where there is none, or it is broken."""
    if folder is None or not storage.exists(uri := f"{folder}/{name}.parquet"):
        return None
    try:
        table = pq.read_table(pa.BufferReader(storage.read_bytes(uri)))
        kept = KeptSpan.model_validate_json((table.schema.metadata or {})[_META])
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        _log.warning("%s is not a kept span and is made again: %s", uri, error)
        return None
    examples = table.replace_schema_metadata(None)
    return PreparedSpan(examples, kept.count, kept.future_rows), kept.rows_read


def keep(folder: str | None, name: str, span: PreparedSpan, rows_read: int) -> None:
    """Keeps a span for the runs that follow; a file appears whole or not at all."""
    if folder is None:
        return
    kept = KeptSpan(count=span.count, future_rows=span.future_rows, rows_read=rows_read)
    marked = span.examples.replace_schema_metadata({_META: kept.model_dump_json().encode()})
    storage.write_bytes(f"{folder}/{name}.parquet", parquet_bytes(marked))


def _joined_by(plan: Plan, name: str) -> dict[str, object]:
    left_out = {*_SAID_ONLY, "fresh_within"}
    return plan.spec.data.external[name].model_dump(mode="json", exclude=left_out)


@cache
def _code() -> list[str]:
    """Digests of this step's modules: a span made by other code is made again."""
    return [digest_file(file) for file in sorted(Path(__file__).parent.glob("*.py"))]
