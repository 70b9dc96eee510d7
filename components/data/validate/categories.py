"""Whether categories that nobody saw before flood a span, or the known ones changed places."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data.validate.numbers import unseen_shares
from components.data.validate.pieces import Pieces
from components.data.validate.shifts import EARLIER_SPANS, Shift

_UNSEEN_FLOOR = 0.05  # of a span's values; fewer new categories are no flood
_UNSEEN_FACTOR = 2.0  # times the largest share of new ones in an earlier span
_MIX_FLOOR = 0.3  # of a span's values in other categories than in the nearest earlier span
_MIX_FACTOR = 2.0
_MOST = 1_000  # categories counted apart; the rarer ones are counted as one


@dataclass(frozen=True)
class CategoryProfile:
    """Categories by span.

    Attributes:
        apart: How much of one span's values lies in other categories than another's, float64
            [spans, spans]; NaN where one of them has none.
        unseen: Share of each span's values in categories that no earlier span has, nor the
            schema, float64 [spans].
    """

    apart: npt.NDArray[np.float64]
    unseen: npt.NDArray[np.float64]


def profile_categories(
    column: pa.ChunkedArray, pieces: Pieces, domain: frozenset[str]
) -> CategoryProfile:
    """Counts the categories of each span.

    Args:
        column: Strings, in the order of the pieces' rows.
        pieces: How rows are cut; a piece counts for its newest span.
        domain: The categories that the schema lists: never unseen.
    """
    span = np.repeat(pieces.span, pieces.ends - pieces.starts)
    encoded = column.combine_chunks().dictionary_encode()
    present = encoded.is_valid().to_numpy(zero_copy_only=False)
    code = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    span, width = span[present], max(len(encoded.dictionary), 1)
    listed = pc.is_in(encoded.dictionary, pa.array(sorted(domain), type=pa.string()))
    seen = np.flatnonzero(listed.to_numpy(zero_copy_only=False))
    counts = _table(_fold(code, width), span, len(pieces.names))
    total = counts.sum(axis=1, keepdims=True)
    share = np.full(counts.shape, np.nan)
    np.divide(counts, total, out=share, where=total > 0)
    return CategoryProfile(_distances(share), unseen_shares(code, span, len(pieces.names), seen))


def flood_of(profile: CategoryProfile, span: int) -> Shift | None:
    """The share of a span's values in new categories; None with too few earlier spans."""
    before = profile.unseen[1:span]
    before = before[~np.isnan(before)]
    if span < EARLIER_SPANS or not len(before) or np.isnan(profile.unseen[span]):
        return None
    limit = max(_UNSEEN_FLOOR, _UNSEEN_FACTOR * before.max())
    measure = "the share of its values in categories that no earlier span has is"
    return Shift(measure, float(profile.unseen[span]), float(limit))


def mix_of(profile: CategoryProfile, span: int) -> Shift | None:
    """How much of a span lies in other categories than in the nearest earlier span."""
    known = np.flatnonzero(~np.isnan(profile.apart.diagonal()[: span + 1]))
    if len(known) <= EARLIER_SPANS or known[-1] != span:
        return None
    apart = profile.apart[np.ix_(known, known)]
    np.fill_diagonal(apart, np.inf)
    natural = apart[:-1, :-1].min(axis=1).max()
    limit = max(_MIX_FLOOR, _MIX_FACTOR * natural)
    measure = "the share of its values in other categories than in any earlier span is"
    return Shift(measure, float(apart[-1, :-1].min()), float(limit))


def _fold(code: np.ndarray, width: int) -> np.ndarray:
    """Codes by frequency, those beyond the most frequent as one."""
    rank = np.empty(width, np.int64)
    rank[np.argsort(-np.bincount(code, minlength=width), kind="stable")] = np.arange(width)
    folded: np.ndarray = np.minimum(rank, _MOST)[code]
    return folded


def _table(code: np.ndarray, span: np.ndarray, spans: int) -> npt.NDArray[np.float64]:
    width = int(code.max(initial=0)) + 1
    cells = np.bincount(span * width + code, minlength=spans * width)
    return cells.reshape(spans, width).astype(np.float64)


def _distances(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much of one span lies in other categories than another, float64 [spans, spans]."""
    return np.array([np.abs(share - one).sum(axis=1) / 2 for one in share])
