"""Examples cut into pieces of time, small enough to see a jump and large enough to be sure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.spans import Span

_PARTS = 4  # of a span: a jump shows at a weekly step of monthly data, a season does not
_LEAST_ROWS = 200  # below, a median moves by chance; smaller pieces join their neighbours


@dataclass(frozen=True)
class Pieces:
    """Rows in order of time, cut.

    Attributes:
        ends: One past the last row of each piece, int64 [pieces].
        span: The index in `names` of each piece's newest row, int64 [pieces].
        names: The spans.
        table: The rows.
    """

    ends: npt.NDArray[np.int64]
    span: npt.NDArray[np.int64]
    names: tuple[str, ...]
    table: pa.Table

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The first row of each piece, int64 [pieces]."""
        return np.concatenate([[0], self.ends[:-1]])


def cut_pieces(
    spans: Mapping[str, pa.Table],
    event_time: str,
    cut: Mapping[str, Span],
    least_rows: int = _LEAST_ROWS,
) -> Pieces:
    """Cuts each span into quarters of its time; too small ones join the next.

    Args:
        spans: Span to its rows by event time, oldest first; not empty.
        event_time: The column of instants.
        cut: Span to when it begins and ends.
        least_rows: Fewer rows make no piece of their own.
    """
    names = tuple(spans)
    counts = [_quarters(table[event_time], cut[name]) for name, table in spans.items()]
    ends = np.cumsum(np.concatenate(counts))
    span = np.repeat(np.arange(len(names)), _PARTS)
    kept: list[int] = []
    for index, end in enumerate(ends):
        if end - (ends[kept[-1]] if kept else 0) >= least_rows:
            kept.append(index)
    if not kept or ends[kept[-1]] < ends[-1]:
        kept = [*kept[:-1], len(ends) - 1]
    newest = [int(np.searchsorted(ends, ends[index])) for index in kept]
    return Pieces(ends[kept], span[newest], names, pa.concat_tables(spans.values()))


def _quarters(times: pa.ChunkedArray, span: Span) -> npt.NDArray[np.int64]:
    """How many rows lie in each quarter of a span, int64 [4]."""
    instants = times.cast(pa.int64()).to_numpy()
    start, end = (int(t.timestamp() * 1_000_000) for t in (span.start, span.end))
    edges = np.linspace(start, end, _PARTS + 1)[1:-1]
    inner = np.searchsorted(instants, edges)
    return np.diff(np.concatenate([[0], inner, [len(instants)]]))
