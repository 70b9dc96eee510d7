"""Examples in buckets of time, small enough to show a jump and large enough to be sure of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.spans import Span
from components.data.tables.columns import Bools, Floats, Ints, column_us, instant_us

MIN_EARLIER_SPANS = 2  # fewer teach nothing about how a column moves
_PER_SPAN = 4  # a jump shows at a weekly step of monthly data, a season does not
_MIN_ROWS = 200  # below, a median moves by chance; smaller buckets join their neighbours
_MISSING_FLOOR = 0.1  # of the rows: no smaller rise is judged
_PRESENT = 0.65  # of the minimum of earlier spans; half a column missing lies below


@dataclass(frozen=True)
class TimeBuckets:
    """Rows in order of time, cut.

    Attributes:
        ends: One past the last row of each bucket, int64 [buckets].
        span: The index in `names` of each bucket's newest row, int64 [buckets].
        names: The spans.
        table: The rows.
    """

    ends: Ints
    span: Ints
    names: tuple[str, ...]
    table: pa.Table

    @property
    def starts(self) -> Ints:
        """The first row of each bucket, int64 [buckets]."""
        return np.concatenate([[0], self.ends[:-1]])

    @property
    def row_span(self) -> Ints:
        """The span of each row, int64 [rows]; a bucket counts for its newest span."""
        return np.repeat(self.span, self.ends - self.starts)


@dataclass(frozen=True)
class SpanShift:
    """What was measured of a span, in words and as a number, and what the spans before allow."""

    measure: str
    measured: float
    limit: float

    @property
    def ratio(self) -> float:
        """The share of the limit that was used; above 1 the span has shifted."""
        if self.limit:
            return self.measured / self.limit
        return float("inf") if self.measured else 0.0


def cut_time_buckets(
    spans: Mapping[str, pa.Table],
    event_time: str,
    cut: Mapping[str, Span],
    min_rows: int = _MIN_ROWS,
) -> TimeBuckets:
    """Cuts each span into quarters of its time; too small ones join the next.

    Args:
        spans: Span to its rows by event time, oldest first; not empty.
        event_time: The column of event times.
        cut: Span to when it begins and ends.
        min_rows: Of a bucket; fewer rows join the next.
    """
    names = tuple(spans)
    counts = [_quarters(table[event_time], cut[name]) for name, table in spans.items()]
    ends = np.cumsum(np.concatenate(counts))
    span = np.repeat(np.arange(len(names)), _PER_SPAN)
    kept: list[int] = []
    for index, end in enumerate(ends):
        if end - (ends[kept[-1]] if kept else 0) >= min_rows:
            kept.append(index)
    if not kept or ends[kept[-1]] < ends[-1]:
        kept = [*kept[:-1], len(ends) - 1]
    newest = [int(np.searchsorted(ends, ends[index])) for index in kept]
    return TimeBuckets(ends[kept], span[newest], names, pa.concat_tables(spans.values()))


def missing_shares(missing: Bools, buckets: TimeBuckets) -> Floats:
    """The share of each span's rows that are `missing`, float64 [spans]; NaN without a bucket."""
    span, spans = buckets.row_span, len(buckets.names)
    rows = np.bincount(span, minlength=spans)
    return divide(np.bincount(span[missing], minlength=spans), rows)


def missing_rate(shares: Floats, span: int) -> SpanShift | None:
    """The share missing in a span against earlier spans; None if there are too few of them."""
    before = shares[:span][~np.isnan(shares[:span])]
    if len(before) < MIN_EARLIER_SPANS or np.isnan(shares[span]):
        return None
    high, low = before.max(), before.min()
    limit = min(high + max(_MISSING_FLOOR, high - low), 1 - _PRESENT * (1 - high))
    return SpanShift("the share of its rows without a value is", float(shares[span]), float(limit))


def divide(counts: npt.NDArray[np.number], totals: npt.NDArray[np.number]) -> Floats:
    """Shares of totals, float64; NaN where a total is 0."""
    shares = np.full(np.shape(counts), np.nan)
    np.divide(counts, totals, out=shares, where=np.asarray(totals) > 0)
    return shares


def _quarters(times: pa.ChunkedArray, span: Span) -> Ints:
    """How many rows, in order of time, lie in each quarter of a span, int64 [4]."""
    edges = np.linspace(instant_us(span.start), instant_us(span.end), _PER_SPAN + 1)[1:-1]
    return np.diff(np.searchsorted(column_us(times), edges), prepend=0, append=len(times))
