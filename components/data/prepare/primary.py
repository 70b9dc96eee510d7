"""The primary table, span by span: from a file for each span, or cut from one file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceRead
from components.core.plan import Plan
from components.core.spans import Span
from components.core.spec.data import PLACEHOLDERS
from components.data.prepare.files import digest_rows
from components.data.prepare.instants import microseconds, of_instant
from components.data.prepare.tables import fetch, parse, read_of
from components.data.prepare.wanted import wanted_of_primary


@dataclass(frozen=True)
class Piece:
    """The primary rows of one span.

    Attributes:
        span: The span.
        digest: Names the rows.
        rows: Reads them.
        read: What lineage says, given how many rows `rows` had; None: another piece says it.
    """

    span: Span
    digest: str
    rows: Callable[[], pa.Table]
    read: Callable[[int], SourceRead] | None


def pieces(plan: Plan) -> Iterator[Piece]:
    """The rows of each span of a plan, oldest first; one span at a time is in memory.

    Raises:
        InputError: A file is missing, cannot be read, or lacks a column.
    """
    if plan.spec.data.primary.placeholder is None:
        return _of_one_file(plan)
    return _of_files(plan)


def uri_of(template: str, span: Span) -> str:
    """The file of a span: every placeholder filled with the hour, day or month it starts in."""
    for mark, kind in PLACEHOLDERS.items():
        template = template.replace(mark, Span.holding(kind, span.start).name)
    return template


def _of_files(plan: Plan) -> Iterator[Piece]:
    primary = plan.spec.data.primary
    wanted = wanted_of_primary(plan)
    for span in plan.cut:
        file = fetch(uri_of(primary.uri, span), primary.format)
        read = partial(read_of, file, origin=primary.origin, licence=primary.licence)
        yield Piece(span, file.digest, partial(parse, file, wanted), read)


def _of_one_file(plan: Plan) -> Iterator[Piece]:
    primary = plan.spec.data.primary
    file = fetch(primary.uri, primary.format)
    table = parse(file, wanted_of_primary(plan))
    whole = read_of(file, table.num_rows, primary.origin, primary.licence)
    timeless = table.filter(pc.is_null(table[primary.event_time]))
    table = table.filter(pc.is_valid(table[primary.event_time])).sort_by(primary.event_time)
    times = microseconds(table[primary.event_time])
    for index, span in enumerate(plan.cut):
        first, end = np.searchsorted(times, [of_instant(span.start), of_instant(span.end)])
        rows = table.slice(first, end - first)
        # A row without a time is counted once, with the first span.
        rows = pa.concat_tables([rows, timeless]) if index == 0 else rows
        read = partial(_said_before, whole) if index == 0 else None
        yield Piece(span, digest_rows(rows), partial(_same, rows), read)


def _same(rows: pa.Table) -> pa.Table:
    return rows


def _said_before(whole: SourceRead, _: int) -> SourceRead:
    return whole
